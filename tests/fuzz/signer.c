/* Right signatures below changed texts; see signer.h. */
#include "tests/fuzz/signer.h"

#include "proto/hash.h"
#include "proto/plain.h"
#include "tests/fuzz/fuzz.h"

enum { HEX_ID = 64 };

static struct tris_sign_secret keys[SIGNERS];
static struct tris_house_id ids[SIGNERS];
static char hex_ids[SIGNERS][HEX_ID + 1];

void signers_init(void)
{
    for (size_t i = 0; i < SIGNERS; i++) {
        uint8_t seed[crypto_sign_SEEDBYTES] = {(uint8_t)(i + 1)};
        REQUIRE(crypto_sign_seed_keypair(ids[i].b, keys[i].b, seed) == 0);
        tris_hex(ids[i].b, sizeof ids[i].b, hex_ids[i]);
    }
}

const struct tris_sign_secret *signer_key(size_t i)
{
    return &keys[i];
}

void signer_id(size_t i, struct tris_house_id *out)
{
    *out = ids[i];
}

/* Where `word` begins, or the length of the text. */
static size_t find(struct span text, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.ptr + i, word, len) == 0) {
            return i;
        }
    }
    return text.len;
}

bool signer_line(struct span text, struct wbuf *w)
{
    struct span body = span_of(text.ptr, find(text, " sig="));
    struct tris_sig sig;
    size_t key = find(body, " key="); /* in lines of later epochs */
    size_t at = key < body.len ? key + 5 : find(body, " id=") + 4;
    if (at + HEX_ID > body.len || body.len > TRIS_HOUSE_LINE_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < SIGNERS; i++) {
        if (memcmp(body.ptr + at, hex_ids[i], HEX_ID) == 0) {
            sign_with_context("tris-house-v1", body, &keys[i], &sig);
            wbuf_span_put(w, body);
            plain_put(w, " sig=");
            plain_put_hex(w, sig.b, sizeof sig.b);
            return w->err == TRIS_OK;
        }
    }
    return false;
}

static void put_line(struct span line, struct wbuf *w)
{
    struct wbuf before = *w;
    if (span_begins(line, "member ")) {
        plain_put(w, "member ");
        if (!signer_line(span_of(line.ptr + 7, line.len - 7), w)) {
            *w = before; /* of nobody that we can sign for */
            wbuf_span_put(w, line);
        }
    } else {
        wbuf_span_put(w, line);
    }
    wbuf_u8(w, '\n');
}

bool signer_charter(struct span text, uint8_t which, struct wbuf *w)
{
    struct rbuf r = rbuf_of(span_of(text.ptr, find(text, "\nsign ")));
    while (rbuf_left(&r) > 0 && r.err == TRIS_OK) {
        put_line(plain_until(&r, '\n'), w);
        if (rbuf_left(&r) > 0) {
            (void)rbuf_u8(&r);
        }
    }
    struct tris_fed_id fed;
    charter_fed_id(wbuf_span(w), &fed);
    bool done[SIGNERS] = {false};
    for (size_t n = 0; n < SIGNERS; n++) { /* sorted by id */
        size_t next = SIGNERS;
        for (size_t i = 0; i < SIGNERS; i++) {
            if (!done[i] && (next == SIGNERS || tris_house_id_cmp(&ids[i], &ids[next]) < 0)) {
                next = i;
            }
        }
        done[next] = true;
        if ((which >> next & 1) == 0) {
            continue;
        }
        struct tris_sig sig;
        sign_with_context("tris-charter-v1", span_of(fed.b, sizeof fed.b), &keys[next], &sig);
        plain_put(w, "sign ");
        plain_put(w, hex_ids[next]);
        plain_put(w, " ");
        plain_put_hex(w, sig.b, sizeof sig.b);
        wbuf_u8(w, '\n');
    }
    return w->err == TRIS_OK;
}
