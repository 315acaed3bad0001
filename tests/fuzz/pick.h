/* What a fuzzer that plays a peer says: messages with fields that mostly mean something, out of few
 * bytes of input. */
#ifndef TRIS_TESTS_FUZZ_PICK_H
#define TRIS_TESTS_FUZZ_PICK_H

#include "proto/frontier.h"
#include "proto/msg.h"
#include "proto/seal.h"

enum { PICK_LOGS = 8, PICK_HOUSES = 3 };

struct picker {
    struct rbuf *in;
    struct frontier *frontier; /* of the side under test: its root is one that means something */
};

/* The id of log 0 to 7, repeated behind that: one byte repeated, so that a fuzzer hits it. */
struct tris_short pick_log(uint8_t log);
/* House 0 is the side under test, 1 the peer, 2 another one; repeated behind that. */
struct tris_house_id pick_house(uint32_t house);

/* Any message; lists are written to `rows` and point there. */
void pick_message(struct picker *r, struct msg *m, struct wbuf *rows);
/* The seal in a message gets the right signature: the owner of its log may be in league with the
 * peer. */
void pick_sign(struct picker *r, const struct tris_sign_secret *key, struct msg *m);
/* What a handshake message says, for either role; both name one house. */
void pick_payloads(struct picker *r, struct msg_hello *hello, struct msg_welcome *welcome,
                   struct wbuf *rows);

#endif
