/* Mark files, as they are and with their checksum made right. What is accepted is what this version
 * writes: printed, it is the same line. The reader is not public, so its file is part of this one.
 */
#include "storage/mark.c"

#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 64 * 1024;

static char dir[] = "/dev/shm/fuzz-mark-XXXXXX";
static struct store store;
static char path[PATH_BYTES_MAX];

static void clean_up(void)
{
    (void)unlink(path);
    (void)rmdir(dir);
}

void fuzz_setup(void)
{
    REQUIRE(mkdtemp(dir) != NULL);
    store.dir = dir;
    (void)snprintf(path, sizeof path, "%s/mark", dir);
    REQUIRE(atexit(clean_up) == 0);
}

static void check(struct span text)
{
    struct mark_file file;
    char line[MARK_BYTES_MAX];
    memset(&file, 0, sizeof file);
    FILE *out = fopen(path, "we");
    REQUIRE(out != NULL && fwrite(text.ptr, 1, text.len, out) == text.len && fclose(out) == 0);
    enum tris_err err = mark_read(&store, &file);
    REQUIRE(err == TRIS_OK || err == TRIS_ERR_BAD_MARK || err == TRIS_ERR_MARK_MISSING);
    REQUIRE(err == TRIS_ERR_MARK_MISSING || file.made[0] == '\0');
    if (err != TRIS_OK || !plain_hex(span_str(file.fed), store.fed.b, sizeof store.fed.b) ||
        !plain_hex(span_str(file.own), store.own.b, sizeof store.own.b)) {
        return;
    }
    size_t len = mark_print(&store, &file.instance, &file.mark, line);
    REQUIRE(len < text.len && memcmp(line, text.ptr, len) == 0);
}

void fuzz_one(struct span input)
{
    static char text[2 * MARK_BYTES_MAX];
    char sum[65];
    if (input.len > MARK_BYTES_MAX) {
        input.len = MARK_BYTES_MAX;
    }
    check(input);
    const struct span body = span_of(input.ptr, strnlen((const char *)input.ptr, input.len));
    if (body.len > 0) {
        memcpy(text, body.ptr, body.len);
    }
    mark_sum(text, body.len, sum);
    int n = snprintf(text + body.len, sizeof text - body.len, " sum=%s\n", sum);
    check(span_of(text, body.len + (size_t)n));
}
