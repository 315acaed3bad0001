/* A member of the federation as test tools need one: its keys and charter, one socket, the
 * handshake, messages out and in. Built on the product's own formats; it obeys no rule unless told
 * to. */
#ifndef TRIS_TESTS_E2E_PEER_H
#define TRIS_TESTS_E2E_PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/charter.h"
#include "proto/entry.h"
#include "proto/frame.h"
#include "proto/keyfile.h"
#include "proto/msg.h"
#include "proto/pack.h"
#include "proto/schema.h"
#include "proto/seal.h"
#include "proto/session.h"

enum {
    FILE_BYTES = 1 << 20,
    ANSWER_MS = 300, /* how long to wait for what a daemon may say by itself */
    HELLO_BYTES = 1024,
    PIECE_BYTES = 32 * 1024,
    LIE_ITEMS = 200,
    LIE_CHUNKS = 400,
};

struct peer {
    int fd;
    uint16_t port;
    unsigned seconds;
    struct charter charter;
    const struct house_line *victim;
    struct tris_sign_secret sign;
    struct noise_keypair transport;
    struct tris_house_id own;
    struct tris_log_id gov, data; /* own logs */
    struct noise_transport noise;
    uint8_t in[FRAME_LENGTH_BYTES + TRIS_FRAME_BYTES_MAX];
    size_t in_len;
    bool closed;
    bool goodbye;
    uint64_t code; /* of BYE */
    uint64_t frames;
};

static inline _Noreturn void die(const char *what)
{
    fprintf(stderr, "e2e_hostile: %s\n", what);
    exit(1);
}

static inline void check(enum tris_err err, const char *what)
{
    if (err != TRIS_OK) {
        fprintf(stderr, "%s: ", tris_err_name(err));
        die(what);
    }
}

static inline uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- keys and charter ---- */

static inline struct span file_read(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s%s", dir, name[0] != '\0' ? "/" : "", name);
    static uint8_t bytes[FILE_BYTES]; /* parsed before the next file is read */
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        die(path);
    }
    size_t len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return span_of(bytes, len);
}

static inline void peer_load(struct peer *p, const char *charter, const char *dir,
                             const char *victim)
{
    uint32_t line = 0;
    check(charter_parse(file_read(charter, ""), &p->charter, &line), "charter");
    check(keyfile_identity_parse(file_read(dir, "identity.key"), &p->sign), "identity key");
    check(keyfile_transport_parse(file_read(dir, "transport.key"), &p->transport), "transport key");
    memcpy(p->own.b, p->sign.b + 32, sizeof p->own.b);
    for (uint32_t i = 0; i < p->charter.member_count; i++) {
        if (strcmp(p->charter.member[i].slug, victim) == 0) {
            p->victim = &p->charter.member[i];
        }
    }
    if (p->victim == NULL) {
        die("no such house in the charter");
    }
    struct tris_log_ref ref = {.house = p->own, .topic = TRIS_TOPIC_GOV};
    memcpy(ref.seal_key.b, p->own.b, sizeof p->own.b);
    log_id_derive(&p->charter.fed, &ref, &p->gov);
    ref.topic = TRIS_TOPIC_DATA;
    log_id_derive(&p->charter.fed, &ref, &p->data);
}

/* ---- bytes ---- */

static inline void peer_connect(struct peer *p)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(p->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    p->closed = false;
    p->in_len = 0;
    if (p->fd < 0 || connect(p->fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        die("no connection");
    }
    struct timeval patience = {.tv_sec = 5};
    setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

static inline void bytes_send(struct peer *p, struct span bytes)
{
    while (!p->closed && bytes.len > 0) {
        ssize_t sent = send(p->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0) {
            p->closed = true;
            return;
        }
        bytes = span_of(bytes.ptr + sent, bytes.len - (size_t)sent);
    }
}

/* One read; false at the end of the connection or if nothing came in time. */
static inline bool bytes_read(struct peer *p, int wait_ms)
{
    struct pollfd poller = {.fd = p->fd, .events = POLLIN};
    if (p->closed || poll(&poller, 1, wait_ms) <= 0) {
        return false;
    }
    ssize_t len = recv(p->fd, p->in + p->in_len, sizeof p->in - p->in_len, 0);
    if (len <= 0) {
        p->closed = true;
        return false;
    }
    p->in_len += (size_t)len;
    return true;
}

/* The next frame without its length, or an empty span. */
static inline struct span frame_take(struct peer *p, int wait_ms, uint8_t out[TRIS_FRAME_BYTES_MAX])
{
    uint64_t end = now_ms() + (uint64_t)wait_ms;
    for (;;) {
        size_t len = p->in_len >= 2 ? (size_t)p->in[0] << 8 | p->in[1] : 0;
        if (p->in_len >= 2 && p->in_len >= 2 + len) {
            memcpy(out, p->in + 2, len);
            p->in_len -= 2 + len;
            memmove(p->in, p->in + 2 + len, p->in_len);
            return span_of(out, len);
        }
        uint64_t now = now_ms();
        if (now >= end || (!bytes_read(p, (int)(end - now)) && p->closed)) {
            return span_of(NULL, 0);
        }
    }
}

/* ---- handshake ---- */

struct hello {
    uint8_t first[HELLO_BYTES];
    size_t first_len;
    struct noise_handshake noise;
};

static inline void hello_make(const struct peer *p, const struct tris_fed_id *fed,
                              const struct tris_house_id *house, struct hello *h)
{
    uint8_t prologue[33] = {SESSION_MAJOR_VERSION};
    uint8_t payload[HELLO_BYTES], message[HELLO_BYTES], gate[NOISE_GATE_BYTES];
    struct tris_dh_secret secret;
    struct noise_keypair ephemeral;
    memcpy(prologue + 1, fed->b, sizeof fed->b);
    randombytes_buf(secret.b, sizeof secret.b);
    noise_keypair_from_secret(&secret, &ephemeral);
    check(noise_init(&h->noise, NOISE_IK, true, span_of(prologue, sizeof prologue), &p->transport,
                     &ephemeral, &p->victim->transport, NULL),
          "handshake");
    struct msg_hello hello = {.version = SESSION_MAJOR_VERSION, .house = *house, .nonce = 5};
    struct wbuf w = wbuf_of(payload, sizeof payload), m = wbuf_of(message, sizeof message);
    msg_row_put(&w, MSG_ROW_hello, &hello);
    check(noise_write(&h->noise, wbuf_span(&w), &m), "message 1");
    noise_gate(NOISE_IK, wbuf_span(&m), p->victim->transport.b, gate);
    struct wbuf first = wbuf_of(h->first, sizeof h->first);
    wbuf_u8(&first, NOISE_IK);
    wbuf_bytes(&first, gate, sizeof gate);
    wbuf_u16(&first, (uint16_t)m.len);
    wbuf_span_put(&first, wbuf_span(&m));
    check(first.err, "message 1");
    h->first_len = first.len;
}

static inline void messages_send(struct peer *p, struct span plain)
{
    static uint8_t frame[FRAME_LENGTH_BYTES + TRIS_FRAME_BYTES_MAX];
    size_t len = plain.len + TRIS_AEAD_TAG_BYTES;
    frame[0] = (uint8_t)(len >> 8);
    frame[1] = (uint8_t)(len & 0xff);
    check(noise_encrypt(&p->noise.send, plain, frame + FRAME_LENGTH_BYTES), "encrypt");
    bytes_send(p, span_of(frame, FRAME_LENGTH_BYTES + len));
}

static inline void message_send(struct peer *p, const struct msg *m)
{
    static uint8_t plain[FRAME_PLAIN_BYTES_MAX];
    struct wbuf w = wbuf_of(plain, sizeof plain);
    msg_encode(&w, m);
    check(w.err, "message");
    messages_send(p, wbuf_span(&w));
}

static inline void peer_open(struct peer *p)
{
    struct hello h;
    static uint8_t frame[TRIS_FRAME_BYTES_MAX];
    uint8_t payload[HELLO_BYTES];
    struct wbuf w = wbuf_of(payload, sizeof payload);
    peer_connect(p);
    hello_make(p, &p->charter.fed, &p->own, &h);
    bytes_send(p, span_of(h.first, h.first_len));
    struct span answer = frame_take(p, 5000, frame);
    if (answer.len == 0) {
        die("no answer to the handshake");
    }
    check(noise_read(&h.noise, answer, &w), "message 2");
    noise_split(&h.noise, &p->noise);
    message_send(p, &(struct msg){.type = MSG_CLAIM});
}

/* Reads whatever comes within the time and hands each message to `seen`. */
typedef void seen_fn(struct peer *p, const struct msg *m);

static inline void peer_listen(struct peer *p, uint64_t ms, seen_fn *seen)
{
    static uint8_t frame[TRIS_FRAME_BYTES_MAX], plain[TRIS_FRAME_BYTES_MAX];
    uint64_t end = now_ms() + ms;
    while (!p->goodbye && !(p->closed && p->in_len == 0) && now_ms() < end) {
        struct span bytes = frame_take(p, (int)(end - now_ms()), frame);
        if (bytes.len == 0) {
            continue;
        }
        check(noise_decrypt(&p->noise.recv, bytes, plain), "a frame of the daemon");
        p->frames++;
        struct rbuf r = rbuf_of(span_of(plain, bytes.len - TRIS_AEAD_TAG_BYTES));
        struct msg m;
        while (rbuf_left(&r) > 0 && msg_decode(&r, &m) == TRIS_OK) {
            p->goodbye = p->goodbye || m.type == MSG_BYE;
            p->code = m.type == MSG_BYE ? m.bye.code : p->code;
            if (seen != NULL) {
                seen(p, &m);
            }
        }
    }
}

static inline uint64_t patience(const struct peer *p)
{
    return (uint64_t)p->seconds * 1000;
}

#endif
