/* Messages between two daemons: structs, encoder, decoder and printer, all out of msg.def.
 *
 * A message is a canonical msgpack array [number, fields...]; one frame carries one or more, back
 * to back. Unknown numbers and unknown trailing fields are skipped, so that versions can differ.
 * Spans and lists of a decoded message point into the frame. Layouts: FORMAT.md "Messages". */
#ifndef TRIS_PROTO_MSG_H
#define TRIS_PROTO_MSG_H

#include "proto/buf.h"
#include "proto/limits.h"

enum {
    /* gov and data log of the newest epochs of one house; fits into handshake message 2 */
    MSG_CLAIMS_MAX = 8,
    MSG_BYE_TEXT_BYTES_MAX = 120,
    MSG_DIGESTS_BYTES = TRIS_FRONTIER_BUCKETS * 16,
    MSG_BUCKET_SET_BYTES = TRIS_FRONTIER_BUCKETS / 8,
    /* largest encodings, for planning frames: number, fields and headers */
    MSG_SMALL_BYTES_MAX = 512,
    MSG_DIGESTS_BYTES_MAX = MSG_DIGESTS_BYTES + 64,
    MSG_ITEM_BYTES_MAX = 64,
    MSG_FRONTIER_BYTES_MAX = TRIS_CONTAINER_ITEMS_MAX * MSG_ITEM_BYTES_MAX + 64,
    /* holes that are asked for at once, in ranges: such that a request is small */
    MSG_RUNS_MAX = 32,
    MSG_GET_HOLES_BYTES_MAX = MSG_RUNS_MAX * 13 + 64,
    MSG_HOLES_OVERHEAD_MAX = 40,                      /* a HOLES without its rows */
    MSG_HOLE_BYTES_MAX = TRIS_PAYLOAD_BYTES_MAX + 40, /* a row of it */
    MSG_ENTRIES_OVERHEAD_MAX = 40,                    /* an ENTRIES without its wire bytes */
    MSG_SEAL_BYTES_MAX = 160,
    /* a descent in the tree takes eight levels a round trip */
    MSG_NODES_MAX = 256,
    MSG_NODES_HASHES_BYTES = MSG_NODES_MAX * 32,
    MSG_CONSISTENCY_HASHES_BYTES = 127 * 32, /* a proof has no more hashes than that */
    MSG_FORK_PROOF_BYTES = 4096,
    MSG_CHARTER_TEXT_BYTES = 32 * 1024, /* 256 trips for the largest charter */
    MSG_NODES_BYTES_MAX = MSG_NODES_HASHES_BYTES + 64,
    MSG_CONSISTENCY_BYTES_MAX = MSG_CONSISTENCY_HASHES_BYTES + 256,
    MSG_FORK_PROOF_BYTES_MAX = MSG_FORK_PROOF_BYTES + 64,
    MSG_CHARTER_BYTES_MAX = MSG_CHARTER_TEXT_BYTES + 64,
    MSG_NEWS_BYTES_MAX = 28, /* a row of ANNOUNCE */
    MSG_ANNOUNCE_BYTES_MAX = TRIS_CONTAINER_ITEMS_MAX * MSG_NEWS_BYTES_MAX + 64,
    MSG_REFERS_MAX = 8, /* one of them will have room */
    MSG_CARD_BYTES_MAX = TRIS_HOUSE_LINE_BYTES_MAX + 16,
};

/* Rows of a list, encoded; read with msg_row_get until count is reached. */
struct msg_list {
    bool present; /* false: nil (kinds MAYBE_ only) */
    uint32_t count;
    struct span rows;
};

struct msg_maybe {
    bool has;
    struct tris_short value;
};

#define MSG_CTYPE_UINT uint64_t
#define MSG_CTYPE_SHORT struct tris_short
#define MSG_CTYPE_HASH struct tris_hash
#define MSG_CTYPE_HOUSE struct tris_house_id
#define MSG_CTYPE_SIG struct tris_sig
#define MSG_CTYPE_MAYBE struct msg_maybe
#define MSG_CTYPE_TEXT struct span
#define MSG_CTYPE_BIN struct span
#define MSG_CTYPE_ITEMS struct msg_list
#define MSG_CTYPE_CLAIMS struct msg_list
#define MSG_CTYPE_RUNS struct msg_list
#define MSG_CTYPE_HOLES struct msg_list
#define MSG_CTYPE_NEWS struct msg_list
#define MSG_CTYPE_REFERS struct msg_list
#define MSG_CTYPE_MAYBE_CLAIMS struct msg_list

/* struct msg_<name> for each row and message */
#define MSG_ROW(name) struct msg_##name {
#define MSG_ROW_END(name)                                                                          \
    }                                                                                              \
    ;
#define MSG(number, NAME, name) struct msg_##name {
#define MSG_END(NAME, name)                                                                        \
    }                                                                                              \
    ;
#define MSG_FIELD(owner, kind, field, limit) MSG_CTYPE_##kind field;
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"

/* MSG_PING = 1, ...; MSG_UNKNOWN for numbers that this version does not read */
enum msg_type {
    MSG_UNKNOWN = 0,
#define MSG_ROW(name)
#define MSG_ROW_END(name)
#define MSG(number, NAME, name) MSG_##NAME = number,
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit)
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"
};

struct msg {
    enum msg_type type;
    uint64_t number; /* as read; for MSG_UNKNOWN */
    union {
#define MSG_ROW(name)
#define MSG_ROW_END(name)
#define MSG(number, NAME, name) struct msg_##name name;
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit)
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"
    };
};

enum msg_row_type {
#define MSG_ROW(name) MSG_ROW_##name,
#define MSG_ROW_END(name)
#define MSG(number, NAME, name)
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit)
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"
    MSG_ROW_COUNT
};

/* Appends one message. The fields must be within the limits of the table (asserted by kind). */
void msg_encode(struct wbuf *w, const struct msg *m);

/* Reads the next message of a frame; errors are sticky in `r` and returned. */
TRIS_MUST_CHECK enum tris_err msg_decode(struct rbuf *r, struct msg *out);

/* One row; `row` is the struct msg_<name> of that type. */
void msg_row_put(struct wbuf *w, enum msg_row_type type, const void *row);
/* The rest of `r` may hold further rows; errors are sticky in `r`. */
void msg_row_get(struct rbuf *r, enum msg_row_type type, void *row);

/* "root root=0123..." into `out`, cut to `cap` bytes, always terminated. For logs and tests. */
void msg_print(const struct msg *m, char *out, size_t cap);

/* The reason code of BYE for an error (0, plain goodbye, for those that mean nothing to a peer) and
 * back (unknown codes: TRIS_ERR_GOODBYE). */
uint32_t msg_bye_code(enum tris_err err);
enum tris_err msg_bye_err(uint64_t code);

/* The table, for tests and tools: name of a message or reserved number, NULL if not in use. */
const char *msg_name(uint64_t number);

#endif
