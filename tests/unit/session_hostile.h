/* A peer that holds valid keys and breaks the rules, for the tests of a session. */
#ifndef TRIS_TESTS_SESSION_HOSTILE_H
#define TRIS_TESTS_SESSION_HOSTILE_H

#include "tests/unit/session_world.h"

/* A peer that speaks frames by hand: handshake by a real session, then its keys are continued. */
struct hostile {
    struct world *w;
    struct session *victim;
    struct end end;
    struct noise_transport transport;
    uint8_t out[OUT_BYTES];
};

static inline void hostile_handshake(struct hostile *h)
{
    struct node *own = &h->w->nodes[0];
    struct node *target = &h->w->nodes[1];
    uint8_t prologue[33] = {SESSION_MAJOR_VERSION};
    memcpy(prologue + 1, h->w->fed.b, 32);
    struct noise_keypair ephemeral;
    struct tris_dh_secret secret;
    fake_random(own, secret.b, sizeof secret.b);
    noise_keypair_from_secret(&secret, &ephemeral);
    struct noise_handshake hs;
    assert_int_equal(noise_init(&hs, NOISE_IK, true, span_of(prologue, sizeof prologue),
                                &own->transport, &ephemeral, &target->transport.pub, NULL),
                     TRIS_OK);
    uint8_t payload[200], message[512];
    struct wbuf p = wbuf_of(payload, sizeof payload);
    struct msg_hello hello = {.version = 1, .house = own->id, .nonce = 5};
    msg_row_put(&p, MSG_ROW_hello, &hello);
    struct wbuf m = wbuf_of(message, sizeof message);
    assert_int_equal(noise_write(&hs, wbuf_span(&p), &m), TRIS_OK);
    struct wbuf first = wbuf_of(h->out, sizeof h->out);
    uint8_t gate[NOISE_GATE_BYTES];
    noise_gate(NOISE_IK, wbuf_span(&m), target->transport.pub.b, gate);
    wbuf_u8(&first, NOISE_IK);
    wbuf_bytes(&first, gate, sizeof gate);
    wbuf_u16(&first, (uint16_t)m.len);
    wbuf_span_put(&first, wbuf_span(&m));
    session_recv(h->victim, wbuf_span(&first), h->w->now_ms);
    size_t len = session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms);
    assert_true(len > 2);
    size_t message_len = (size_t)h->out[0] << 8 | h->out[1];
    p = wbuf_of(payload, sizeof payload);
    assert_int_equal(noise_read(&hs, span_of(h->out + 2, message_len), &p), TRIS_OK);
    noise_split(&hs, &h->transport);
}

static inline void hostile_free(struct hostile *h)
{
    session_free(h->victim);
    world_free(h->w);
    free(h);
}

static inline void hostile_send_bytes(struct hostile *h, struct span plain)
{
    static uint8_t frame[2 + TRIS_FRAME_BYTES_MAX];
    assert_true(plain.len <= FRAME_PLAIN_BYTES_MAX);
    frame[0] = (uint8_t)((plain.len + 16) >> 8);
    frame[1] = (uint8_t)((plain.len + 16) & 0xff);
    assert_int_equal(noise_encrypt(&h->transport.send, plain, frame + 2), TRIS_OK);
    session_recv(h->victim, span_of(frame, 2 + plain.len + 16), h->w->now_ms);
    end_events(&h->end);
}

static inline void hostile_send(struct hostile *h, const struct msg *m)
{
    static uint8_t plain[FRAME_PLAIN_BYTES_MAX];
    struct wbuf w = wbuf_of(plain, sizeof plain);
    msg_encode(&w, m);
    assert_int_equal(w.err, TRIS_OK);
    hostile_send_bytes(h, wbuf_span(&w));
}

/* House 0 of the world calls house 1. */
static inline struct hostile *hostile_in(struct world *w)
{
    struct hostile *h = calloc(1, sizeof *h);
    h->w = w;
    struct session_config b = config_of(&w->nodes[1], &w->nodes[0], false);
    assert_int_equal(session_new(&b, w->now_ms, &h->victim), TRIS_OK);
    h->end = (struct end){.node = &w->nodes[1], .session = h->victim};
    hostile_handshake(h);
    end_events(&h->end);
    assert_false(h->end.opened);
    struct msg m = {.type = MSG_CLAIM};
    hostile_send(h, &m);
    assert_true(h->end.opened);
    return h;
}

static inline struct hostile *hostile_new(void)
{
    struct world *w = world_new(2, 2);
    node_write(&w->nodes[1], 2, 3, 100);
    return hostile_in(w);
}

static inline void assert_thrown_out(struct hostile *h, enum tris_err reason)
{
    assert_int_equal(session_state(h->victim), SESSION_CLOSING);
    assert_true(session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms) > 0); /* told why */
    end_events(&h->end);
    assert_true(h->end.closed);
    assert_int_equal(h->end.close.closed.reason, reason);
}

static inline void hostile_drain(struct hostile *h)
{
    while (session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms) > 0) {
    }
    end_events(&h->end);
}

#endif
