/* Seals; see seal.h and FORMAT.md section "Seal". Verifying runs of entries is in segment.c. */
#include "proto/seal.h"

#include "proto/assert.h"
#include "proto/hash.h"
#include "proto/pack.h"

enum {
    MS_PER_DAY = 86400000,
    SEAL_BODY_ITEMS = 6,
    SEAL_BODY_BYTES_MAX = 1 + 1 + 1 + 34 + 9 + 34 + 9
};

static const char seal_context[] = "tris-seal-v1";

void seal_body_encode(struct wbuf *w, const struct seal *seal)
{
    pack_write_array(w, SEAL_BODY_ITEMS);
    pack_write_uint(w, SEAL_VERSION);
    pack_write_uint(w, SEAL_ALGORITHM_ED25519);
    pack_write_bin(w, seal->log.b, sizeof seal->log.b);
    pack_write_uint(w, seal->size);
    pack_write_bin(w, seal->root.b, sizeof seal->root.b);
    pack_write_uint(w, seal->time_ms);
}

static struct span body_of(const struct seal *seal, uint8_t bytes[SEAL_BODY_BYTES_MAX])
{
    struct wbuf w = wbuf_of(bytes, SEAL_BODY_BYTES_MAX);
    seal_body_encode(&w, seal);
    tris_assert(w.err == TRIS_OK);
    return wbuf_span(&w);
}

void seal_make(struct seal *seal, const struct tris_sign_secret *key)
{
    uint8_t bytes[SEAL_BODY_BYTES_MAX];
    tris_assert(seal->size > 0);
    sign_with_context(seal_context, body_of(seal, bytes), key, &seal->sig);
}

enum tris_err seal_verify(const struct seal *seal, const struct tris_sign_pub *key)
{
    uint8_t bytes[SEAL_BODY_BYTES_MAX];
    if (seal->size == 0) {
        return TRIS_ERR_BAD_VALUE;
    }
    bool good = verify_with_context(seal_context, body_of(seal, bytes), key, &seal->sig);
    return good ? TRIS_OK : TRIS_ERR_BAD_SIGNATURE;
}

static int u64_cmp(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int seal_cmp(const struct seal *a, const struct seal *b)
{
    int cmp = u64_cmp(a->size, b->size);
    if (cmp == 0) {
        cmp = u64_cmp(a->time_ms, b->time_ms);
    }
    if (cmp != 0) {
        return cmp;
    }
    uint8_t bytes_a[SEAL_BODY_BYTES_MAX], bytes_b[SEAL_BODY_BYTES_MAX];
    struct span body_a = body_of(a, bytes_a);
    struct span body_b = body_of(b, bytes_b);
    tris_assert(body_a.len == body_b.len);
    return memcmp(body_b.ptr, body_a.ptr, body_a.len);
}

uint32_t seal_day(const struct seal *seal)
{
    uint64_t day = seal->time_ms / MS_PER_DAY;
    return day < UINT32_MAX ? (uint32_t)day : UINT32_MAX;
}

bool seal_is_cut(const struct seal *seal)
{
    static const struct tris_sig none;
    return memcmp(&seal->sig, &none, sizeof none) == 0;
}
