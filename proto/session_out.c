/* Frames out: what waits to be said is put together when the owner has room for it, several
 * messages a frame, and encrypted in place in the owner's buffer. */
#include "proto/session_int.h"

enum { FILL_BYTES_MIN = 128 * 1024 };

_Static_assert(FILL_BYTES_MIN >= TRIS_FRAME_BYTES_MAX + FRAME_LENGTH_BYTES + 2048,
               "message 2 and one full frame fit at once");

size_t session_room(const struct wbuf *w)
{
    return w->cap - w->len;
}

static void bye_put(struct session *s, struct wbuf *w)
{
    gossip_put_refer(s, w);
    struct msg m = {.type = MSG_BYE};
    m.bye.code = msg_bye_code(s->bye);
    m.bye.text = span_str(tris_err_text(s->bye));
    tris_assert(m.bye.text.len <= MSG_BYE_TEXT_BYTES_MAX);
    msg_encode(w, &m);
}

static void claim_put(struct session *s, struct wbuf *w)
{
    uint8_t rows[MSG_SMALL_BYTES_MAX];
    struct msg m = {.type = MSG_CLAIM};
    if (!s->stats.equal) { /* equal roots have said it */
        (void)claims_encode(s, rows, sizeof rows, &m.claim_own.claims);
    }
    msg_encode(w, &m);
    s->claim_due = false;
}

static void pings_put(struct session *s, struct wbuf *w)
{
    struct msg m = {.type = MSG_PONG};
    for (uint32_t i = 0; i < s->pongs_count; i++) {
        m.pong.id = s->pongs[i];
        msg_encode(w, &m);
    }
    s->pongs_count = 0;
    if (s->ping_due) {
        m = (struct msg){.type = MSG_PING};
        m.ping.id = s->ping_id;
        msg_encode(w, &m);
        s->ping_due = false;
    }
}

static void twins_put(struct session *s, struct wbuf *w)
{
    struct msg m = {.type = MSG_TWIN};
    for (uint32_t i = 0; i < s->twins_count; i++) {
        m.twin = (struct msg_twin){s->twins[i].about, s->twins[i].nonce, s->twins[i].sig};
        msg_encode(w, &m);
    }
    s->twins_count = 0;
}

static void root_put(struct session *s, struct wbuf *w)
{
    struct msg m = {.type = MSG_ROOT};
    m.root.root = session_own_root(s);
    msg_encode(w, &m);
    s->root_sent = m.root.root;
    s->root_sent_ms = s->now_ms;
    s->root_send = false;
    s->root_due = false;
}

static bool control_has(const struct session *s)
{
    return s->claim_due || s->root_send || s->ping_due || s->pongs_count > 0 ||
           s->twins_count > 0 || credit_due(s) || pull_has_control(s) || own_has_control(s) ||
           answer_has_control(s) || fork_serve_has_control(s) || fork_has_control(s) ||
           join_has_control(s) || gossip_has_control(s);
}

/* The small ones together take less than 1 KiB of an empty frame. */
static void control_put(struct session *s, struct wbuf *w)
{
    if (s->claim_due) {
        claim_put(s, w);
    }
    pings_put(s, w);
    twins_put(s, w);
    if (credit_due(s)) {
        credit_put(s, w);
    }
    if (s->root_send) {
        root_put(s, w);
    }
    join_put_control(s, w);
    fork_serve_put_control(s, w); /* proofs before what rests on them */
    fork_put_control(s, w);
    own_put_control(s, w);
    gossip_put_control(s, w);
    pull_put_control(s, w);
    answer_put_control(s, w);
}

/* Segments and payloads of holes take turns: neither keeps the other waiting. */
static void data_put(struct session *s, struct wbuf *w)
{
    s->holes.turn = !s->holes.turn;
    if (s->holes.turn) {
        hole_put_data(s, w);
    }
    serve_put_data(s, w);
    if (!s->holes.turn) {
        hole_put_data(s, w);
    }
}

/* Builds and encrypts one frame in place; 0 if there is nothing to say. */
static size_t frame_build(struct session *s, uint8_t *out)
{
    struct wbuf w = wbuf_of(out + FRAME_LENGTH_BYTES, FRAME_PLAIN_BYTES_MAX);
    if (s->state == SESSION_CLOSING) {
        bye_put(s, &w);
    } else {
        control_put(s, &w);
        data_put(s, &w);
    }
    tris_assert(w.err == TRIS_OK);
    if (w.len == 0) {
        return 0;
    }
    enum tris_err err = noise_encrypt(&s->transport.send, wbuf_span(&w), w.ptr);
    if (err != TRIS_OK) {
        session_end(s, err, false);
        return 0;
    }
    struct wbuf length = wbuf_of(out, FRAME_LENGTH_BYTES);
    wbuf_u16(&length, (uint16_t)(w.len + TRIS_AEAD_TAG_BYTES));
    s->stats.frames_out++;
    return FRAME_LENGTH_BYTES + w.len + TRIS_AEAD_TAG_BYTES;
}

bool session_has_output(const struct session *s)
{
    switch (s->state) {
    case SESSION_HANDSHAKE:
        return s->hello_len > 0;
    case SESSION_OPEN:
        return s->hello_len > 0 || control_has(s) || serve_has_data(s) || hole_has_data(s);
    case SESSION_CLOSING:
        return true;
    case SESSION_CLOSED:
        break;
    }
    return false;
}

size_t session_fill(struct session *s, uint8_t *out, size_t cap, uint64_t now_ms)
{
    tris_assert(cap >= FILL_BYTES_MIN);
    s->now_ms = now_ms;
    size_t len = s->hello_len;
    memcpy(out, s->hello, len);
    s->hello_len = 0;
    while ((s->state == SESSION_OPEN || s->state == SESSION_CLOSING) &&
           cap - len >= FRAME_LENGTH_BYTES + TRIS_FRAME_BYTES_MAX) {
        bool last = s->state == SESSION_CLOSING;
        size_t bytes = frame_build(s, out + len);
        len += bytes;
        if (last) {
            session_end(s, s->bye, false);
        } else if (bytes == 0) {
            break;
        }
    }
    s->stats.bytes_out += len;
    return len;
}
