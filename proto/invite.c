/* Invitation lines; see invite.h. Upper-case base32, because QR codes have a dense mode for it. */
#include "proto/invite.h"

#include <sodium.h>

#include "proto/assert.h"
#include "proto/charter.h"
#include "proto/hash.h"
#include "proto/plain.h"

static const char invite_any[] = "TRIS-INVITE-";
static const char invite_word[] = "TRIS-INVITE-1:";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* RFC 4648, section 6 */

_Static_assert(sizeof invite_word - 1 == INVITE_WORD_BYTES, "counted");

static void invite_check(struct span body, uint8_t out[INVITE_CHECK_BYTES])
{
    struct tris_hash hash;
    hash_parts("tris-invite-v1", NULL, &body, 1, &hash);
    memcpy(out, hash.b, INVITE_CHECK_BYTES);
}

/* ---- base32 without padding ---- */

static void base32_put(struct wbuf *w, struct span bytes)
{
    uint32_t bits = 0, have = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | bytes.ptr[i];
        for (have += 8; have >= 5; have -= 5) {
            wbuf_u8(w, (uint8_t)alphabet[bits >> (have - 5) & 31]);
        }
    }
    if (have > 0) {
        wbuf_u8(w, (uint8_t)alphabet[bits << (5 - have) & 31]);
    }
}

/* Only what base32_put writes: no blanks, no lower case, no bits left over. */
static bool base32_get(struct span text, struct wbuf *w)
{
    uint32_t bits = 0, have = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.ptr[i] != '\0' ? strchr(alphabet, text.ptr[i]) : NULL;
        if (at == NULL) {
            return false;
        }
        bits = bits << 5 | (uint32_t)(at - alphabet);
        have += 5;
        if (have >= 8) {
            have -= 8;
            wbuf_u8(w, (uint8_t)(bits >> have));
        }
    }
    return have < 5 && (bits & ((1u << have) - 1)) == 0 && w->err == TRIS_OK;
}

/* ---- fields ---- */

static bool invite_ok(const struct invite *v)
{
    bool good = v->addr_count >= 1 && v->addr_count <= INVITE_ADDRESSES_MAX &&
                (v->name[0] == '\0' || plain_name_ok(span_str(v->name)));
    for (uint32_t i = 0; good && i < v->addr_count; i++) {
        good = house_address_ok(span_str(v->addr[i]));
    }
    return good;
}

static void text_put(struct wbuf *w, const char *text)
{
    wbuf_u16(w, (uint16_t)strlen(text));
    plain_put(w, text);
}

static void text_get(struct rbuf *r, char *out, size_t out_size)
{
    struct span text = rbuf_take(r, rbuf_u16(r));
    if (text.len >= out_size || (text.len > 0 && memchr(text.ptr, 0, text.len) != NULL)) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
        return;
    }
    if (text.len > 0) {
        memcpy(out, text.ptr, text.len);
    }
    out[text.len] = '\0';
}

static void body_put(struct wbuf *w, const struct invite *v)
{
    wbuf_bytes(w, v->fed.b, sizeof v->fed.b);
    wbuf_bytes(w, v->house.b, sizeof v->house.b);
    wbuf_bytes(w, v->transport.b, sizeof v->transport.b);
    wbuf_bytes(w, v->secret, sizeof v->secret);
    wbuf_u64(w, v->expires_ms);
    wbuf_u8(w, (uint8_t)v->addr_count);
    for (uint32_t i = 0; i < v->addr_count; i++) {
        text_put(w, v->addr[i]);
    }
    text_put(w, v->name);
    if (v->again_epoch > 0) {
        wbuf_bytes(w, v->again.b, sizeof v->again.b);
        wbuf_u32(w, v->again_epoch);
    }
}

static enum tris_err body_get(struct span body, struct invite *v)
{
    struct rbuf r = rbuf_of(body);
    rbuf_copy(&r, v->fed.b, sizeof v->fed.b);
    rbuf_copy(&r, v->house.b, sizeof v->house.b);
    rbuf_copy(&r, v->transport.b, sizeof v->transport.b);
    rbuf_copy(&r, v->secret, sizeof v->secret);
    v->expires_ms = rbuf_u64(&r);
    v->addr_count = rbuf_u8(&r);
    if (v->addr_count > INVITE_ADDRESSES_MAX) {
        rbuf_fail(&r, TRIS_ERR_BAD_VALUE);
    }
    for (uint32_t i = 0; i < v->addr_count && r.err == TRIS_OK; i++) {
        text_get(&r, v->addr[i], sizeof v->addr[i]);
    }
    text_get(&r, v->name, sizeof v->name);
    if (rbuf_left(&r) > 0) {
        rbuf_copy(&r, v->again.b, sizeof v->again.b);
        v->again_epoch = rbuf_u32(&r);
        if (v->again_epoch == 0) {
            rbuf_fail(&r, TRIS_ERR_BAD_VALUE);
        }
    }
    return rbuf_finish(&r) == TRIS_OK && invite_ok(v) ? TRIS_OK : TRIS_ERR_NOT_CANONICAL;
}

/* ---- lines ---- */

enum tris_err invite_print(const struct invite *invite, char *out, size_t out_size)
{
    uint8_t body[INVITE_BODY_BYTES_MAX + INVITE_CHECK_BYTES], check[INVITE_CHECK_BYTES];
    struct wbuf b = wbuf_of(body, sizeof body), w = wbuf_of(out, out_size);
    if (!invite_ok(invite)) {
        return TRIS_ERR_INVALID;
    }
    body_put(&b, invite);
    invite_check(wbuf_span(&b), check);
    wbuf_bytes(&b, check, sizeof check);
    tris_assert(b.err == TRIS_OK);
    plain_put(&w, invite_word);
    base32_put(&w, wbuf_span(&b));
    wbuf_u8(&w, 0);
    sodium_memzero(body, sizeof body);
    return w.err;
}

enum tris_err invite_parse(struct span text, struct invite *out)
{
    uint8_t body[INVITE_BODY_BYTES_MAX + INVITE_CHECK_BYTES], check[INVITE_CHECK_BYTES];
    struct wbuf b = wbuf_of(body, sizeof body);
    memset(out, 0, sizeof *out);
    if (!span_begins(text, invite_word)) {
        return span_begins(text, invite_any) ? TRIS_ERR_BAD_VERSION : TRIS_ERR_BAD_VALUE;
    }
    text = span_of(text.ptr + INVITE_WORD_BYTES, text.len - INVITE_WORD_BYTES);
    if (!base32_get(text, &b) || b.len < sizeof check) {
        return TRIS_ERR_BAD_VALUE;
    }
    b.len -= sizeof check;
    invite_check(wbuf_span(&b), check);
    enum tris_err err = TRIS_ERR_BAD_VALUE;
    if (memcmp(check, body + b.len, sizeof check) == 0) {
        err = body_get(wbuf_span(&b), out);
    }
    sodium_memzero(body, sizeof body);
    if (err != TRIS_OK) {
        sodium_memzero(out, sizeof *out);
    }
    return err;
}

/* ---- what follows from the secret ---- */

void invite_psk(const uint8_t secret[INVITE_SECRET_BYTES], uint8_t psk[32])
{
    struct span part = span_of(secret, INVITE_SECRET_BYTES);
    struct tris_hash hash;
    hash_parts("tris-psk-v1", NULL, &part, 1, &hash);
    memcpy(psk, hash.b, sizeof hash.b);
    sodium_memzero(&hash, sizeof hash);
}

uint64_t invite_id(const uint8_t secret[INVITE_SECRET_BYTES])
{
    struct span part = span_of(secret, INVITE_SECRET_BYTES);
    struct tris_hash hash;
    hash_parts("tris-invid-v1", NULL, &part, 1, &hash);
    struct rbuf r = rbuf_of(span_of(hash.b, sizeof hash.b));
    uint64_t id = rbuf_u64(&r);
    return id != 0 ? id : 1;
}
