/* X25519 against Wycheproof files: the shared secret, or the refusal of an all-zero one. */
#include "tests/vectors/vectors.h"

static void judge_case(struct vectors *v, const json_t *group, const json_t *test, const char *name)
{
    uint8_t shared[32], expected[32], key[32], pub[32];
    static const uint8_t zero[32];
    const char *result = vectors_text(test, "result");
    const char *curve = vectors_text(group, "curve");
    if (curve != NULL && strcmp(curve, "curve25519") != 0) {
        v->skipped++;
        return;
    }
    if (result == NULL || !vectors_exact(test, "private", key, sizeof key) ||
        !vectors_exact(test, "public", pub, sizeof pub) ||
        !vectors_exact(test, "shared", expected, sizeof expected)) {
        /* keys of another length or encoding cannot reach the function: their type is fixed */
        bool invalid = result != NULL && strcmp(result, "invalid") == 0;
        vectors_result(v, name, invalid, "the case is malformed");
        return;
    }
    bool done = crypto_scalarmult(shared, key, pub) == 0;
    if (memcmp(expected, zero, sizeof zero) == 0) {
        vectors_result(v, name, !done, "an all-zero shared secret was accepted");
    } else if (strcmp(result, "invalid") == 0) {
        vectors_result(v, name, !done || memcmp(shared, expected, sizeof shared) != 0,
                       "an invalid case gave the shared secret");
    } else {
        vectors_result(v, name, done && memcmp(shared, expected, sizeof shared) == 0,
                       "another shared secret");
    }
}

static bool judge(struct vectors *v, const json_t *document)
{
    return vectors_wycheproof(v, document, judge_case);
}

int main(int argc, char **argv)
{
    return vectors_main(argc, argv, judge);
}
