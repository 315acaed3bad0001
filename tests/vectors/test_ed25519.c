/* Ed25519 verification against Wycheproof files; every "valid" verifies, every "invalid" does not.
 */
#include "tests/vectors/vectors.h"

static void judge_case(struct vectors *v, const json_t *group, const json_t *test, const char *name)
{
    const json_t *key_object = json_object_get(group, "publicKey");
    const char *result = vectors_text(test, "result");
    struct tris_sign_pub key;
    size_t msg_len = 0, sig_len = 0;
    uint8_t *msg = vectors_bytes(test, "msg", &msg_len);
    uint8_t *sig = vectors_bytes(test, "sig", &sig_len);
    if (key_object == NULL) {
        key_object = json_object_get(group, "key"); /* older files */
    }
    if (msg == NULL || sig == NULL || result == NULL ||
        !vectors_exact(key_object, "pk", key.b, sizeof key.b)) {
        vectors_result(v, name, false, "the case is malformed");
    } else {
        bool good = sig_len == sizeof(struct tris_sig) &&
                    crypto_sign_verify_detached(sig, msg, msg_len, key.b) == 0;
        vectors_result(v, name, good == (strcmp(result, "valid") == 0),
                       good ? "a bad signature verified" : "a good signature was refused");
    }
    free(msg);
    free(sig);
}

static bool judge(struct vectors *v, const json_t *document)
{
    return vectors_wycheproof(v, document, judge_case);
}

int main(int argc, char **argv)
{
    return vectors_main(argc, argv, judge);
}
