/* Shared test helpers; see testlib.h. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "tests/lib/testlib.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Noreturn void give_up(const char *what, const char *detail)
{
    fprintf(stderr, "testlib: %s: %s\n", what, detail);
    abort();
}

size_t test_unhex(const char *hex, uint8_t *out, size_t cap)
{
    size_t len = 0;
    char pair[2];
    size_t have = 0;
    for (const char *c = hex; *c != '\0'; c++) {
        if (*c == ' ' || *c == '\n') {
            continue;
        }
        pair[have++] = *c;
        if (have < 2) {
            continue;
        }
        have = 0;
        if (len == cap || !tris_unhex(span_of(pair, 2), out + len, 1)) {
            give_up("bad or too much hex", hex);
        }
        len++;
    }
    if (have != 0) {
        give_up("odd number of hex digits", hex);
    }
    return len;
}

void test_dir_make(char *out, size_t size)
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(out, size, "%s/tris-test-XXXXXX", base != NULL ? base : "/tmp");
    if (len < 0 || (size_t)len >= size || mkdtemp(out) == NULL) {
        give_up("cannot make a directory", out);
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void test_dir_remove(const char *path)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        give_up("cannot remove", path);
    }
}

uint64_t test_rng_next(struct test_rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

uint64_t test_rng_below(struct test_rng *rng, uint64_t bound)
{
    return test_rng_next(rng) % bound;
}

void test_rng_bytes(struct test_rng *rng, void *out, size_t len)
{
    uint8_t *bytes = out;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)test_rng_next(rng);
    }
}

char *test_file_read(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }
    size_t cap = 65536, used = 0;
    char *text = malloc(cap);
    while (text != NULL) {
        used += fread(text + used, 1, cap - 1 - used, f);
        if (used < cap - 1) {
            break;
        }
        cap *= 2;
        char *larger = realloc(text, cap);
        if (larger == NULL) {
            free(text);
        }
        text = larger;
    }
    fclose(f);
    if (text == NULL) {
        give_up("no memory for", path);
    }
    text[used] = '\0';
    *len = used;
    return text;
}
