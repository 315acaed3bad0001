/* Proof that another process lives with this house's key; see twin.h. */
#include "proto/twin.h"

#include "proto/assert.h"
#include "proto/hash.h"
#include "proto/pack.h"

enum { TWIN_BODY_BYTES_MAX = 1 + 34 + 9 + 9 };

static const char twin_context[] = "tris-twin-v1";

static struct span body_of(const struct tris_fed_id *fed, const struct twin *twin,
                           uint8_t bytes[TWIN_BODY_BYTES_MAX])
{
    struct wbuf w = wbuf_of(bytes, TWIN_BODY_BYTES_MAX);
    pack_write_array(&w, 3);
    pack_write_bin(&w, fed->b, sizeof fed->b);
    pack_write_uint(&w, twin->about);
    pack_write_uint(&w, twin->nonce);
    tris_assert(w.err == TRIS_OK);
    return wbuf_span(&w);
}

void twin_sign(const struct tris_fed_id *fed, const struct tris_sign_secret *key, uint64_t about,
               uint64_t nonce, struct twin *out)
{
    uint8_t bytes[TWIN_BODY_BYTES_MAX];
    *out = (struct twin){.about = about, .nonce = nonce};
    sign_with_context(twin_context, body_of(fed, out, bytes), key, &out->sig);
}

enum tris_err twin_verify(const struct tris_fed_id *fed, const struct tris_sign_pub *key,
                          uint64_t own_nonce, const struct twin *twin)
{
    uint8_t bytes[TWIN_BODY_BYTES_MAX];
    if (twin->about != own_nonce) {
        return TRIS_ERR_BAD_VALUE;
    }
    if (twin->nonce == own_nonce) {
        return TRIS_ERR_SELF;
    }
    bool good = verify_with_context(twin_context, body_of(fed, twin, bytes), key, &twin->sig);
    return good ? TRIS_OK : TRIS_ERR_BAD_SIGNATURE;
}

bool twin_due(uint64_t *asked_ms, uint64_t now_ms, uint64_t older, uint64_t newer)
{
    bool again = *asked_ms != 0 && now_ms - *asked_ms < TWIN_AGAIN_MS;
    if (again || older == newer) {
        return false;
    }
    *asked_ms = now_ms;
    return true;
}

enum twin_act twin_judge(const struct tris_fed_id *fed, const struct tris_sign_secret *own_key,
                         uint64_t own_nonce, const struct twin *twin, struct twin *answer)
{
    struct tris_sign_pub key;
    memcpy(key.b, own_key->b + sizeof own_key->b - sizeof key.b,
           sizeof key.b); /* its public half */
    if (twin->about != own_nonce && twin->nonce == 0) {
        twin_sign(fed, own_key, twin->about, own_nonce, answer);
        return TWIN_ANSWER;
    }
    if (twin->about != own_nonce) {
        return TWIN_PASS_ON;
    }
    return twin_verify(fed, &key, own_nonce, twin) == TRIS_OK ? TWIN_PROVEN : TWIN_NOTHING;
}
