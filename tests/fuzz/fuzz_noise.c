/* Handshake and transport messages: garbage is never taken, an honest message always, and one that
 * was changed anywhere never. */
#include "proto/noise.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 64 * 1024;

static struct noise_keypair keys[4]; /* static and ephemeral of initiator and responder */
static const uint8_t prologue[33] = {1, 7};
static const uint8_t psk[32] = {9};

void fuzz_setup(void)
{
    for (uint8_t i = 0; i < 4; i++) {
        const struct tris_dh_secret secret = {{(uint8_t)(i + 1), 77}};
        noise_keypair_from_secret(&secret, &keys[i]);
    }
}

static void start(struct noise_handshake *hs, enum noise_pattern pattern, bool initiator)
{
    REQUIRE(noise_init(hs, pattern, initiator, span_of(prologue, sizeof prologue),
                       &keys[initiator ? 0 : 2], &keys[initiator ? 1 : 3],
                       initiator && pattern != NOISE_XX ? &keys[2].pub : NULL,
                       pattern == NOISE_IKPSK1 ? psk : NULL) == TRIS_OK);
}

/* Where and how the message is changed; false: not at all. */
static bool damage(struct rbuf *in, struct wbuf *message)
{
    uint8_t how = fuzz_u8(in);
    uint16_t at = fuzz_u16(in);
    if (how % 4 == 0 || message->len == 0) {
        return false;
    }
    if (how % 4 == 1) {
        message->ptr[at % message->len] ^= (uint8_t)(1U << (how / 4 % 8));
    } else if (how % 4 == 2) {
        message->len = at % message->len;
    } else {
        wbuf_u8(message, (uint8_t)at);
    }
    return true;
}

/* One message from one side to the other; false if it was (rightly) not taken. */
static bool pass(struct noise_handshake *from, struct noise_handshake *to, struct rbuf *in)
{
    uint8_t bytes[NOISE_HANDSHAKE_BYTES_MAX + 1], plain[NOISE_HANDSHAKE_BYTES_MAX];
    struct wbuf message = wbuf_of(bytes, sizeof bytes), got = wbuf_of(plain, sizeof plain);
    struct span payload = fuzz_take(in, fuzz_u8(in));
    REQUIRE(noise_write(from, payload, &message) == TRIS_OK && message.err == TRIS_OK);
    bool changed = damage(in, &message);
    bool taken = noise_read(to, wbuf_span(&message), &got) == TRIS_OK;
    if (taken && !changed) {
        REQUIRE(span_eq(wbuf_span(&got), payload));
    }
    /* message 1 of XX is in clear: only the next one shows that it was changed */
    REQUIRE(changed || taken);
    if (from->pattern != NOISE_XX) {
        REQUIRE(!(changed && taken));
    }
    return taken && !changed;
}

static void transport(struct noise_transport *a, struct noise_transport *b, struct rbuf *in)
{
    uint8_t bytes[512], plain[512];
    while (rbuf_left(in) > 0) {
        struct span payload = fuzz_take(in, fuzz_u8(in));
        struct wbuf message = wbuf_of(bytes, sizeof bytes);
        message.len = payload.len + TRIS_AEAD_TAG_BYTES;
        REQUIRE(noise_encrypt(&a->send, payload, bytes) == TRIS_OK);
        bool changed = damage(in, &message);
        enum tris_err err = noise_decrypt(&b->recv, wbuf_span(&message), plain);
        REQUIRE((err == TRIS_OK) == !changed);
        if (err != TRIS_OK) {
            return;
        }
        REQUIRE(span_eq(span_of(plain, message.len - TRIS_AEAD_TAG_BYTES), payload));
    }
}

static void conversation(struct rbuf *in, enum noise_pattern pattern)
{
    struct noise_handshake a, b;
    struct noise_transport ta, tb;
    bool good = true;
    start(&a, pattern, true);
    start(&b, pattern, false);
    for (bool turn = false; good && !noise_done(&a); turn = !turn) {
        good = turn ? pass(&b, &a, in) : pass(&a, &b, in);
    }
    if (good) {
        REQUIRE(noise_done(&b));
        noise_split(&a, &ta);
        noise_split(&b, &tb);
        REQUIRE(memcmp(ta.handshake_hash, tb.handshake_hash, sizeof ta.handshake_hash) == 0);
        transport(&ta, &tb, in);
        noise_transport_fini(&ta);
        noise_transport_fini(&tb);
    }
    noise_handshake_fini(&a);
    noise_handshake_fini(&b);
}

/* Bytes of nobody: refused by either side in every pattern that authenticates at once. */
static void garbage(struct span bytes, enum noise_pattern pattern, bool to_initiator)
{
    struct noise_handshake hs;
    uint8_t first[NOISE_HANDSHAKE_BYTES_MAX], plain[2 * NOISE_HANDSHAKE_BYTES_MAX];
    struct wbuf w = wbuf_of(first, sizeof first), got = wbuf_of(plain, sizeof plain);
    start(&hs, pattern, to_initiator);
    if (to_initiator) {
        REQUIRE(noise_write(&hs, span_of(NULL, 0), &w) == TRIS_OK);
    }
    enum tris_err err = noise_read(&hs, bytes, &got);
    REQUIRE(err != TRIS_OK || pattern == NOISE_XX);
    noise_handshake_fini(&hs);
    uint8_t gate[NOISE_GATE_BYTES];
    noise_gate((uint8_t)pattern, bytes, psk, gate);
}

void fuzz_one(struct span input)
{
    struct rbuf in = rbuf_of(input);
    uint8_t first = fuzz_u8(&in);
    enum noise_pattern pattern = (enum noise_pattern)(NOISE_IK + first / 4 % 3);
    if ((first & 1) == 0) {
        garbage(fuzz_take(&in, NOISE_HANDSHAKE_BYTES_MAX), pattern, (first & 2) != 0);
    } else {
        conversation(&in, pattern);
    }
}
