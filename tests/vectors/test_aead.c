/* ChaCha20-Poly1305 (RFC 8439) against Wycheproof files, sealing and opening. */
#include "tests/vectors/vectors.h"

enum { KEY = crypto_aead_chacha20poly1305_ietf_KEYBYTES, TAG = 16, NONCE = 12 };

struct aead_case {
    uint8_t *key, *iv, *aad, *msg, *ct, *tag;
    size_t key_len, iv_len, aad_len, msg_len, ct_len, tag_len;
};

static bool aead_load(const json_t *test, struct aead_case *c)
{
    c->key = vectors_bytes(test, "key", &c->key_len);
    c->iv = vectors_bytes(test, "iv", &c->iv_len);
    c->aad = vectors_bytes(test, "aad", &c->aad_len);
    c->msg = vectors_bytes(test, "msg", &c->msg_len);
    c->ct = vectors_bytes(test, "ct", &c->ct_len);
    c->tag = vectors_bytes(test, "tag", &c->tag_len);
    return c->key != NULL && c->iv != NULL && c->aad != NULL && c->msg != NULL && c->ct != NULL &&
           c->tag != NULL;
}

static void aead_free(struct aead_case *c)
{
    free(c->key);
    free(c->iv);
    free(c->aad);
    free(c->msg);
    free(c->ct);
    free(c->tag);
}

/* Does ct || tag open to msg? */
static bool aead_opens(const struct aead_case *c)
{
    if (c->key_len != KEY || c->iv_len != NONCE || c->tag_len != TAG) {
        return false;
    }
    uint8_t *sealed = malloc(c->ct_len + TAG), *plain = malloc(c->ct_len + 1);
    bool ok = sealed != NULL && plain != NULL;
    if (ok) {
        memcpy(sealed, c->ct, c->ct_len);
        memcpy(sealed + c->ct_len, c->tag, TAG);
        ok = crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed, c->ct_len + TAG,
                                                       c->aad, c->aad_len, c->iv, c->key) == 0 &&
             c->ct_len == c->msg_len && memcmp(plain, c->msg, c->msg_len) == 0;
    }
    free(sealed);
    free(plain);
    return ok;
}

/* Does msg seal to ct || tag? */
static bool aead_seals(const struct aead_case *c)
{
    uint8_t *sealed = malloc(c->msg_len + TAG);
    bool ok = sealed != NULL;
    if (ok) {
        (void)crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, c->msg, c->msg_len, c->aad,
                                                        c->aad_len, NULL, c->iv, c->key);
        ok = c->ct_len == c->msg_len && memcmp(sealed, c->ct, c->ct_len) == 0 &&
             memcmp(sealed + c->ct_len, c->tag, TAG) == 0;
    }
    free(sealed);
    return ok;
}

static void judge_case(struct vectors *v, const json_t *group, const json_t *test, const char *name)
{
    struct aead_case c;
    const char *result = vectors_text(test, "result");
    (void)group;
    if (!aead_load(test, &c) || result == NULL) {
        vectors_result(v, name, false, "the case is malformed");
    } else if (strcmp(result, "valid") == 0) {
        vectors_result(v, name, aead_opens(&c) && aead_seals(&c), "other bytes");
    } else {
        vectors_result(v, name, !aead_opens(&c), "invalid bytes were opened");
    }
    aead_free(&c);
}

static bool judge(struct vectors *v, const json_t *document)
{
    const char *algorithm = vectors_text(document, "algorithm");
    if (algorithm != NULL && strcmp(algorithm, "CHACHA20-POLY1305") != 0) {
        v->skipped += (unsigned)json_integer_value(json_object_get(document, "numberOfTests"));
        return true;
    }
    return vectors_wycheproof(v, document, judge_case);
}

int main(int argc, char **argv)
{
    return vectors_main(argc, argv, judge);
}
