/* Shared by the vector programs: reading JSON files, hex members, counting, exit codes.
 *
 * Header only, because each program is linked alone. A program gives one function that judges one
 * document; vectors_main does the rest: 0 all passed, 1 a case failed or none was run, 2 a file is
 * not readable; the last line is "N passed, N failed, N skipped". */
#ifndef TRIS_TESTS_VECTORS_VECTORS_H
#define TRIS_TESTS_VECTORS_VECTORS_H

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/types.h"

struct vectors {
    const char *file; /* the one being read */
    unsigned passed, failed, skipped;
};

/* Judges one JSON document; false if its form is none that the program knows. */
typedef bool (*vectors_judge)(struct vectors *v, const json_t *document);

static inline void vectors_result(struct vectors *v, const char *name, bool ok, const char *why)
{
    if (ok) {
        v->passed++;
        return;
    }
    v->failed++;
    printf("FAIL %s: %s: %s\n", v->file, name, why);
}

static inline const char *vectors_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Bytes of a hex text ('-' and blanks between bytes allowed); malloc'ed, the caller frees;
 * NULL if it is no hex text. At least one byte is allocated. */
static inline uint8_t *vectors_unhex(const char *text, size_t *len)
{
    uint8_t *out = text == NULL ? NULL : malloc(strlen(text) / 2 + 1);
    if (out == NULL) {
        return NULL;
    }
    if (sodium_hex2bin(out, strlen(text) / 2 + 1, text, strlen(text), "- ", len, NULL) != 0) {
        free(out);
        return NULL;
    }
    return out;
}

/* The member `key` as bytes; an absent one is empty. NULL if it is there but no hex text. */
static inline uint8_t *vectors_bytes(const json_t *object, const char *key, size_t *len)
{
    const json_t *member = json_object_get(object, key);
    *len = 0;
    return member == NULL ? malloc(1) : vectors_unhex(json_string_value(member), len);
}

/* The member `key` as exactly `len` bytes; false if absent or of another length. */
static inline bool vectors_exact(const json_t *object, const char *key, uint8_t *out, size_t len)
{
    size_t got = 0;
    uint8_t *bytes = vectors_bytes(object, key, &got);
    bool ok = bytes != NULL && got == len;
    if (ok) {
        memcpy(out, bytes, len);
    }
    free(bytes);
    return ok;
}

static inline int vectors_main(int argc, char **argv, vectors_judge judge)
{
    struct vectors v = {NULL, 0, 0, 0};
    bool readable = true;
    if (sodium_init() < 0) {
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        json_error_t error;
        json_t *document = json_load_file(argv[i], JSON_ALLOW_NUL, &error);
        v.file = argv[i];
        if (document == NULL) {
            fprintf(stderr, "%s:%d: %s\n", argv[i], error.line, error.text);
            readable = false;
        } else if (!judge(&v, document)) {
            fprintf(stderr, "%s: not in a form that this program knows\n", argv[i]);
            readable = false;
        }
        json_decref(document);
    }
    printf("%u passed, %u failed, %u skipped\n", v.passed, v.failed, v.skipped);
    if (!readable) {
        return 2;
    }
    return v.failed > 0 || v.passed == 0 ? 1 : 0;
}

/* Wycheproof's form: {"testGroups": [{..., "tests": [{"tcId", "result", ...}]}]}. Calls `one` for
 * each case with its group. */
typedef void (*vectors_case)(struct vectors *v, const json_t *group, const json_t *test,
                             const char *name);

static inline bool vectors_wycheproof(struct vectors *v, const json_t *document, vectors_case one)
{
    const json_t *groups = json_object_get(document, "testGroups");
    if (!json_is_array(groups)) {
        return false;
    }
    for (size_t g = 0; g < json_array_size(groups); g++) {
        const json_t *group = json_array_get(groups, g);
        const json_t *tests = json_object_get(group, "tests");
        for (size_t t = 0; t < json_array_size(tests); t++) {
            const json_t *test = json_array_get(tests, t);
            char name[32];
            (void)snprintf(name, sizeof name, "tcId %lld",
                           (long long)json_integer_value(json_object_get(test, "tcId")));
            one(v, group, test, name);
        }
    }
    return true;
}

#endif
