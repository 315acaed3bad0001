/* Configuration files: what is taken, printed as a file, is taken again and means the same. */
#include "daemon/config_int.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 256 * 1024;

void fuzz_setup(void)
{
    REQUIRE(clearenv() == 0 && setenv("HOME", "/nowhere", 1) == 0);
}

static enum tris_err load(struct span text, struct config *out, struct config_error *error)
{
    const struct config_args args = {.file = fuzz_file(text)};
    error->text[0] = '\0';
    enum tris_err err = config_load(&args, out, error);
    REQUIRE(memchr(error->text, 0, sizeof error->text) != NULL);
    REQUIRE((err == TRIS_OK) == (error->text[0] == '\0'));
    return err;
}

/* Every value that came from the file, section by section as its name says. */
static size_t print(const struct config *c, char *out, size_t size)
{
    size_t len = 0;
    for (int i = 0; i < CONFIG_KEY_COUNT; i++) {
        const char *name = config_key_name((enum config_key)i);
        const char *dot = strchr(name, '.');
        const struct config_value *v = &c->value[i];
        if (strncmp(v->origin, "/proc/", 6) != 0) {
            continue;
        }
        int n =
            snprintf(out + len, size - len, "[%.*s]\n%s=%s\n", dot == NULL ? 0 : (int)(dot - name),
                     name, dot == NULL ? name : dot + 1, v->text);
        REQUIRE(n > 0 && (size_t)n < size - len);
        len += (size_t)n;
    }
    return len;
}

void fuzz_one(struct span input)
{
    static struct config first, again;
    static struct config_error error;
    static char text[CONFIG_KEY_COUNT * (CONFIG_VALUE_BYTES + 64)];
    if (load(input, &first, &error) != TRIS_OK) {
        return;
    }
    REQUIRE(first.listen_count <= CONFIG_LISTEN_MAX && first.data != NULL && first.socket != NULL);
    size_t len = print(&first, text, sizeof text);
    for (size_t at = 0; at < len;) { /* names with values can be longer than what they came from */
        const char *end = memchr(text + at, '\n', len - at);
        if ((size_t)(end - text) - at > CONFIG_LINE_BYTES_MAX) {
            return;
        }
        at = (size_t)(end - text) + 1;
    }
    REQUIRE(load(span_of(text, len), &again, &error) == TRIS_OK);
    for (int i = 0; i < CONFIG_KEY_COUNT; i++) {
        REQUIRE(strcmp(first.value[i].text, again.value[i].text) == 0);
    }
    REQUIRE(first.listen_count == again.listen_count && first.heartbeat_ms == again.heartbeat_ms);
}
