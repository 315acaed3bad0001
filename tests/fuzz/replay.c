/* Instead of libFuzzer: gives a target the files of a folder, one after the other. For compilers
 * and variants that have no libFuzzer (make coverage). */
#include <dirent.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_BYTES_MAX = 1024 * 1024, PATH_BYTES_MAX = 4096 };

/* False if it cannot be read. */
static bool give(const char *path)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t len = fread(bytes, 1, sizeof bytes, file);
    bool good = ferror(file) == 0 && feof(file) != 0;
    (void)fclose(file);
    uint8_t *copy = malloc(len + 1); /* its end is the end of an allocation, for sanitizers */
    REQUIRE(copy != NULL);
    memcpy(copy, bytes, len);
    if (good) {
        fuzz_one(span_of(copy, len));
    }
    free(copy);
    return good;
}

int main(int argc, char **argv)
{
    char path[PATH_BYTES_MAX];
    unsigned count = 0, unread = 0;
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    if (dir == NULL || sodium_init() < 0) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    fuzz_setup();
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        int len = snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        bool good = len > 0 && (size_t)len < sizeof path && give(path);
        count += good ? 1 : 0;
        unread += good ? 0 : 1;
    }
    (void)closedir(dir);
    printf("%u inputs, %u not readable\n", count, unread);
    return count > 0 && unread == 0 ? 0 : 1;
}
