/* Shared by the programs of our own golden vectors: JSON members, counting, checking and writing.
 *
 * Header only, because each program is linked alone. Numbers of 64 bits are decimal texts, bytes
 * are hex; keys come from fixed seeds. */
#ifndef TRIS_TESTS_VECTORS_GOLDEN_H
#define TRIS_TESTS_VECTORS_GOLDEN_H

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/assert.h"
#include "proto/plain.h"

/* What the check of one file works with. */
struct check {
    const char *file;
    unsigned failed, passed;
};

#define EXPECT(check, condition)                                                                   \
    ((condition) ? (void)(check)->passed++ : expect_failed((check), #condition, __LINE__))

static inline void expect_failed(struct check *check, const char *condition, int line)
{
    check->failed++;
    printf("FAIL %s: %s (line %d)\n", check->file, condition, line);
}

static inline json_t *hex_json(const void *bytes, size_t len)
{
    char *text = malloc(2 * len + 1);
    tris_assert(text != NULL);
    tris_hex(bytes, len, text);
    json_t *out = json_string(text);
    free(text);
    return out;
}

static inline json_t *number_json(uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return json_string(text);
}

/* Bytes of a hex member, in `bytes`; a missing member gives no bytes, which no check accepts. */
static inline struct span hex_get(const json_t *object, const char *key, uint8_t *bytes, size_t max)
{
    const char *text = json_string_value(json_object_get(object, key));
    size_t len = text == NULL ? 0 : strlen(text) / 2;
    if (text == NULL || len > max || !tris_unhex(span_str(text), bytes, len)) {
        return span_of(NULL, 0);
    }
    return span_of(bytes, len);
}

/* Exactly `len` bytes; zeros if they are not there. */
static inline void hex_get_exact(const json_t *object, const char *key, uint8_t *out, size_t len)
{
    memset(out, 0, len);
    const char *text = json_string_value(json_object_get(object, key));
    if (text != NULL) {
        (void)tris_unhex(span_str(text), out, len);
    }
}

static inline uint64_t number_get(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    uint64_t value = 0;
    if (text != NULL) {
        (void)plain_decimal(span_str(text), UINT64_MAX, &value);
    }
    return value;
}

static inline bool hex_is(const json_t *object, const char *key, struct span bytes)
{
    json_t *want = hex_json(bytes.ptr, bytes.len);
    bool same = json_equal(want, json_object_get(object, key)) != 0;
    json_decref(want);
    return same;
}

static inline void set(json_t *object, const char *key, json_t *value)
{
    int rc = json_object_set_new(object, key, value);
    tris_assert(rc == 0);
}

static inline void append(json_t *array, json_t *value)
{
    int rc = json_array_append_new(array, value);
    tris_assert(rc == 0);
}

static inline void key_from(uint8_t first, struct tris_sign_secret *secret,
                            struct tris_sign_pub *pub)
{
    uint8_t seed[crypto_sign_SEEDBYTES] = {first};
    (void)crypto_sign_seed_keypair(pub->b, secret->b, seed);
}

struct golden_file {
    const char *name;
    json_t *(*make)(void);
    void (*check)(struct check *check, const json_t *file);
};

static inline bool golden_write(const struct golden_file *golden, const char *dir)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", dir, golden->name);
    json_t *made = golden->make();
    bool good = json_dump_file(made, path, JSON_INDENT(1) | JSON_PRESERVE_ORDER) == 0;
    json_decref(made);
    printf("%s %s\n", good ? "written" : "CANNOT WRITE", path);
    return good;
}

static inline void golden_check(const struct golden_file *golden, const char *dir,
                                struct check *check)
{
    char path[4096];
    json_error_t error;
    check->file = golden->name;
    (void)snprintf(path, sizeof path, "%s/%s", dir, golden->name);
    json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (file == NULL) {
        check->failed++;
        printf("FAIL %s: %s\n", path, error.text);
        return;
    }
    golden->check(check, file);
    json_t *made = golden->make();
    EXPECT(check, json_equal(file, made)); /* no case is missing */
    json_decref(made);
    json_decref(file);
}

/* [DIR]: checks the files in DIR (tests/vectors); --write DIR: writes them. The last line of a
 * check is as vectors.h has it. */
static inline int golden_main(int argc, char **argv, const struct golden_file *files, size_t count)
{
    struct check check = {NULL, 0, 0};
    bool write = argc == 3 && strcmp(argv[1], "--write") == 0;
    if (sodium_init() < 0 || (argc > 2 && !write)) {
        fprintf(stderr, "usage: [DIR] | --write DIR\n");
        return 2;
    }
    for (size_t i = 0; i < count; i++) {
        if (!write) {
            golden_check(&files[i], argc == 2 ? argv[1] : "tests/vectors", &check);
        } else if (!golden_write(&files[i], argv[2])) {
            return 2;
        }
    }
    if (write) {
        return 0;
    }
    printf("%u passed, %u failed, 0 skipped\n", check.passed, check.failed);
    return check.failed > 0 || check.passed == 0 ? 1 : 0;
}

#endif
