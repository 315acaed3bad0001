/* The handshake of a session.
 *
 * Until the peer's static key is known to belong to its house not one byte is answered. Message 1
 * can be replayed by whoever recorded it: it only says who calls and carries hints, and the session
 * is not open for the responder before a first frame has decrypted. */
#include "proto/session_int.h"

#include <sodium.h>

#include "proto/pack.h"

enum {
    PROLOGUE_BYTES = 1 + 32,
    HELLO_PAYLOAD_BYTES_MAX = NOISE_HANDSHAKE_BYTES_MAX,
    /* first message with an invitation: eight gates over it cost less than 5 us; ours has 178 */
    INVITED_MESSAGE_BYTES_MAX = 256,
};

static void prologue_make(const struct session *s, uint8_t out[PROLOGUE_BYTES])
{
    out[0] = SESSION_MAJOR_VERSION;
    memcpy(out + 1, s->config.fed.b, sizeof s->config.fed.b);
}

/* `psk`: of the invitation, NULL between houses that know each other. */
static enum tris_err handshake_begin(struct session *s, const uint8_t *psk)
{
    struct noise_keypair ephemeral;
    struct tris_dh_secret secret;
    s->config.io->random(s->config.io_ctx, secret.b, sizeof secret.b);
    noise_keypair_from_secret(&secret, &ephemeral);
    uint8_t prologue[PROLOGUE_BYTES];
    prologue_make(s, prologue);
    enum tris_err err =
        noise_init(&s->handshake, psk != NULL ? NOISE_IKPSK1 : NOISE_IK, s->config.initiator,
                   span_of(prologue, sizeof prologue), &s->config.own_transport, &ephemeral,
                   s->config.initiator ? &s->config.peer_transport : NULL, psk);
    sodium_memzero(&secret, sizeof secret);
    sodium_memzero(&ephemeral, sizeof ephemeral);
    return err;
}

/* Asks the owner; `transport` is not proven yet while the session begins. */
static enum tris_err admit(struct session *s, const struct tris_house_id *house,
                           const struct tris_dh_pub *transport)
{
    struct session_admit answer = {.invited = s->invite != 0, .level = SESSION_FULL};
    enum tris_err err = s->config.io->member(s->config.io_ctx, house, transport, &answer);
    s->peer_role = answer.role;
    s->level = answer.level;
    return err;
}

enum tris_err hello_start(struct session *s)
{
    const uint8_t pattern = s->config.invited ? NOISE_IKPSK1 : NOISE_IK;
    const uint8_t *secret = s->config.invited ? s->config.psk : s->config.peer_transport.b;
    enum tris_err err = handshake_begin(s, s->config.invited ? s->config.psk : NULL);
    if (err != TRIS_OK) {
        return err;
    }
    /* for the root below; whether the peer may have a session is asked when it has answered */
    (void)!admit(s, &s->config.peer_id, &s->config.peer_transport);
    struct msg_hello hello = {
        .version = SESSION_MAJOR_VERSION,
        .house = s->config.own_id,
        .nonce = s->config.instance_nonce,
        .root = session_own_root(s),
    };
    if (s->config.has_common_root && !tris_short_eq(&s->config.common_root, &hello.root)) {
        hello.common = (struct msg_maybe){true, s->config.common_root};
    }
    s->common = (struct msg_maybe){s->config.has_common_root, s->config.common_root};
    uint8_t payload[HELLO_PAYLOAD_BYTES_MAX];
    struct wbuf p = wbuf_of(payload, sizeof payload);
    msg_row_put(&p, MSG_ROW_hello, &hello);
    tris_assert(p.err == TRIS_OK);

    size_t head = 1 + NOISE_GATE_BYTES + FRAME_LENGTH_BYTES;
    struct wbuf message = wbuf_of(s->hello + head, sizeof s->hello - head);
    err = noise_write(&s->handshake, wbuf_span(&p), &message);
    if (err != TRIS_OK) {
        return err;
    }
    tris_assert(message.err == TRIS_OK);
    uint8_t gate[NOISE_GATE_BYTES];
    noise_gate(pattern, wbuf_span(&message), secret, gate);
    struct wbuf prefix = wbuf_of(s->hello, head);
    wbuf_u8(&prefix, pattern);
    wbuf_bytes(&prefix, gate, sizeof gate);
    wbuf_u16(&prefix, (uint16_t)message.len);
    tris_assert(prefix.err == TRIS_OK && prefix.len == head);
    s->hello_len = head + message.len;
    return TRIS_OK;
}

/* The payload of a handshake message: one canonical array and nothing behind it. */
static enum tris_err payload_read(struct span payload, enum msg_row_type type, void *row)
{
    struct rbuf r = rbuf_of(payload);
    r.err = pack_check(payload, PACK_CANONICAL);
    msg_row_get(&r, type, row);
    return rbuf_finish(&r);
}

/* The peer's static key is proven now: may this house come in, and is it its key? */
static enum tris_err peer_admit(struct session *s, const struct tris_house_id *house,
                                uint64_t nonce)
{
    s->peer = *house;
    s->peer_nonce = nonce;
    s->peer_transport = s->handshake.rs;
    if (tris_house_id_eq(house, &s->config.own_id)) {
        return TRIS_ERR_SELF;
    }
    return admit(s, house, &s->peer_transport);
}

static enum tris_err first_read(struct session *s, const uint8_t *psk, struct span frame,
                                struct msg_hello *hello)
{
    enum tris_err err = handshake_begin(s, psk);
    if (err != TRIS_OK) {
        return err;
    }
    uint8_t payload[HELLO_PAYLOAD_BYTES_MAX];
    struct wbuf p = wbuf_of(payload, sizeof payload);
    err = noise_read(&s->handshake, frame, &p);
    if (err != TRIS_OK) {
        return err == TRIS_ERR_DECRYPT ? TRIS_ERR_HANDSHAKE : err;
    }
    err = payload_read(wbuf_span(&p), MSG_ROW_hello, hello);
    if (err != TRIS_OK) {
        return err;
    }
    return peer_admit(s, &hello->house, hello->nonce);
}

static enum tris_err second_write(struct session *s, bool equal)
{
    uint8_t rows[MSG_SMALL_BYTES_MAX];
    struct msg_welcome welcome = {
        .house = s->config.own_id,
        .nonce = s->config.instance_nonce,
        .root = session_own_root(s),
    };
    if (!equal) {
        (void)claims_encode(s, rows, sizeof rows, &welcome.claims);
    }
    uint8_t payload[HELLO_PAYLOAD_BYTES_MAX];
    struct wbuf p = wbuf_of(payload, sizeof payload);
    msg_row_put(&p, MSG_ROW_welcome, &welcome);
    tris_assert(p.err == TRIS_OK);
    struct wbuf message =
        wbuf_of(s->hello + FRAME_LENGTH_BYTES, sizeof s->hello - FRAME_LENGTH_BYTES);
    enum tris_err err = noise_write(&s->handshake, wbuf_span(&p), &message);
    if (err != TRIS_OK) {
        return err;
    }
    tris_assert(message.err == TRIS_OK);
    struct wbuf prefix = wbuf_of(s->hello, FRAME_LENGTH_BYTES);
    wbuf_u16(&prefix, (uint16_t)message.len);
    s->hello_len = FRAME_LENGTH_BYTES + message.len;
    return TRIS_OK;
}

/* The open invitation whose secret the gate was made with; NULL if it is of none. */
static const struct session_invite *invite_find(const struct session *s, const uint8_t *gate,
                                                struct span frame)
{
    const struct session_invite *found = NULL, *list = NULL;
    uint32_t count = 0;
    if (s->config.io->invites != NULL && frame.len <= INVITED_MESSAGE_BYTES_MAX) {
        list = s->config.io->invites(s->config.io_ctx, &count);
    }
    tris_assert(count <= SESSION_INVITES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t wanted[NOISE_GATE_BYTES];
        noise_gate_keyed(NOISE_IKPSK1, frame, list[i].gate_key, wanted);
        if (sodium_memcmp(gate, wanted, sizeof wanted) == 0) {
            found = &list[i];
        }
    }
    return found;
}

/* Before any Diffie-Hellman. *psk: NULL for pattern 1. */
static enum tris_err gate_check(struct session *s, struct span prefix, struct span frame,
                                const uint8_t **psk)
{
    *psk = NULL;
    if (prefix.ptr[0] == NOISE_IK) {
        uint8_t gate[NOISE_GATE_BYTES];
        noise_gate(NOISE_IK, frame, s->config.own_transport.pub.b, gate);
        return sodium_memcmp(prefix.ptr + 1, gate, sizeof gate) == 0 ? TRIS_OK : TRIS_ERR_GATE;
    }
    const struct session_invite *invite =
        prefix.ptr[0] == NOISE_IKPSK1 ? invite_find(s, prefix.ptr + 1, frame) : NULL;
    if (invite == NULL) {
        return TRIS_ERR_GATE;
    }
    tris_assert(invite->id != 0);
    s->invite = invite->id;
    *psk = invite->psk;
    return TRIS_OK;
}

void hello_read_first(struct session *s, struct span prefix, struct span frame)
{
    tris_assert(!s->config.initiator && prefix.len == 1 + NOISE_GATE_BYTES);
    struct msg_hello hello;
    const uint8_t *psk;
    enum tris_err err = gate_check(s, prefix, frame, &psk);
    if (err == TRIS_OK) {
        err = first_read(s, psk, frame, &hello);
    }
    if (err == TRIS_OK) {
        s->stats.peer_root = hello.root;
        s->stats.peer_version = hello.version;
        s->stats.peer_features = hello.features;
        s->common = hello.common;
        struct tris_short own = session_own_root(s);
        err = second_write(s, tris_short_eq(&own, &hello.root));
    }
    if (err != TRIS_OK) {
        session_end(s, err, false);
        return;
    }
    noise_split(&s->handshake, &s->transport);
    frame_reader_stage(&s->reader,
                       FRAME_TRANSPORT); /* open when a frame proves that it is no replay */
}

void hello_read_second(struct session *s, struct span frame)
{
    tris_assert(s->config.initiator);
    uint8_t payload[HELLO_PAYLOAD_BYTES_MAX];
    struct wbuf p = wbuf_of(payload, sizeof payload);
    enum tris_err err = noise_read(&s->handshake, frame, &p);
    struct msg_welcome welcome;
    if (err == TRIS_OK) {
        err = payload_read(wbuf_span(&p), MSG_ROW_welcome, &welcome);
    } else if (err == TRIS_ERR_DECRYPT) {
        err = TRIS_ERR_HANDSHAKE;
    }
    if (err != TRIS_OK) {
        session_end(s, err, false);
        return;
    }
    err = peer_admit(s, &welcome.house, welcome.nonce);
    if (err == TRIS_OK && !tris_house_id_eq(&welcome.house, &s->config.peer_id)) {
        err = TRIS_ERR_WRONG_KEY;
    }
    s->stats.peer_root = welcome.root;
    s->stats.peer_features = welcome.features;
    noise_split(&s->handshake, &s->transport);
    if (err != TRIS_OK) {
        session_fail(s, err); /* it has proven its key: it is told why */
        return;
    }
    frame_reader_stage(&s->reader, FRAME_TRANSPORT);
    s->claim_due = true; /* also with nothing to claim: the peer waits for a first frame */
    session_opened(s);
    if (s->state == SESSION_OPEN && welcome.claims.present) {
        claims_read(s, &welcome.claims);
    }
}
