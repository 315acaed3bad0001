/* One entry of a log: header, commitment, leaf, wire form, erased form.
 *
 * header = msgpack [version, verb, kind, time_ms, record, prev, commit, ...unknown]
 * What decides acceptance into a log is header, commitment and seal alone; payloads are opaque
 * here. Layouts and vectors: FORMAT.md sections "Entry" and "Wire form". */
#ifndef TRIS_PROTO_ENTRY_H
#define TRIS_PROTO_ENTRY_H

#include "proto/buf.h"
#include "proto/limits.h"

enum { ENTRY_VERSION = 1 };

/* Numbers are format. Those that this version does not act on are reserved, never reused. */
enum entry_verb {
    VERB_PUT = 1,     /* creates a record (record nil) or replaces its state */
    VERB_END = 2,     /* ends a record; payload {1: reason code, 2: published_as} */
    VERB_ERASE = 3,   /* reserved: erases the payloads of a record */
    VERB_PROPOSE = 4, /* reserved: agreement life cycle, 4 to 11 */
    VERB_SIGN = 5,
    VERB_DECLINE = 6,
    VERB_REVIEW = 7,
    VERB_FULFIL = 8,
    VERB_WITHDRAW = 9,
    VERB_MILESTONE = 10,
    VERB_NOTICE = 11,
    VERB_ENDORSE = 16, /* gov log: states that a house or observer belongs; see statement.h */
    VERB_REVOKE = 17,  /* gov log: states that a house does no longer belong; likewise */
    VERB_CARD = 18,    /* gov log: payload {1: house line text}; the newest counts */
};

struct entry_header {
    uint32_t version;
    uint32_t verb; /* any value: unknown ones are kept and forwarded */
    uint32_t kind;
    uint64_t time_ms;
    bool has_record; /* false: this entry creates its record */
    bool has_record_epoch;
    uint32_t record_epoch;
    uint64_t record_seq;
    bool has_prev;
    uint64_t prev;
    struct tris_hash commit;
};

/* An entry in place inside a run of wire forms; spans point into that run. */
struct entry {
    bool whole;              /* false: erased or withheld, payload and salt are absent */
    struct span header_wire; /* whole: header without the commitment's 34 bytes; else complete */
    struct span salt;        /* 16 bytes, or empty */
    struct span payload;     /* canonical or not; or empty */
    struct span wire;        /* the entire wire form */
};

/* log_id = BLAKE2b-256(federation 32, house 32, topic u8, epoch u32, seal key 32; "tris-log-v1") */
void log_id_derive(const struct tris_fed_id *fed, const struct tris_log_ref *ref,
                   struct tris_log_id *out);

/* Appends the canonical header, commitment included. */
void entry_header_encode(struct wbuf *w, const struct entry_header *header);

/* Strict; unknown trailing elements are allowed as long as the whole is canonical msgpack of at
 * most TRIS_HEADER_BYTES_MAX bytes. version other than 1 is TRIS_OK: kept, not interpreted. */
TRIS_MUST_CHECK enum tris_err entry_header_decode(struct span bytes, struct entry_header *out);

/* commit = BLAKE2b-256(payload; salt, "tris-commit-v1") */
void entry_commit(struct span payload, const struct tris_salt *salt, struct tris_hash *out);

/* leaf = BLAKE2b-256(log id 32, seq u64, header with commitment; "tris-leaf-v1") */
void entry_leaf(const struct tris_log_id *log, uint64_t seq, struct span header,
                struct tris_hash *out);

/* Appends the wire form of a whole entry. header->commit is ignored (recomputed by receivers).
 * form u8 = 0 | header length u8 | cut header | salt 16 | payload length u16 | payload
 * form u8 = 1 | header length u8 | complete header                      (erased or withheld) */
void entry_wire_encode(struct wbuf *w, const struct entry_header *header,
                       const struct tris_salt *salt, struct span payload);
/* Appends the erased form of a (whole or erased) entry. */
void entry_wire_encode_erased(struct wbuf *w, const struct entry *entry);

/* Appends the whole form of an erased entry whose payload has come. TRIS_ERR_BAD_COMMIT: it is not
 * the payload, or not the salt, that the header commits to; TRIS_ERR_TOO_LARGE. */
TRIS_MUST_CHECK enum tris_err entry_wire_fill(struct wbuf *w, const struct entry *erased,
                                              const struct tris_salt *salt, struct span payload);

/* Reads the next wire form from a run; does not decode header or payload. */
TRIS_MUST_CHECK enum tris_err entry_wire_next(struct rbuf *run, struct entry *out);

/* Rebuilds the complete header (for a whole entry: recomputes the commitment) into `w`, decodes it
 * strictly into `header`, and computes the leaf. `leaf` may be NULL. `w` needs
 * TRIS_HEADER_BYTES_MAX bytes and is overwritten from its current length. */
TRIS_MUST_CHECK enum tris_err entry_open(const struct entry *entry, const struct tris_log_id *log,
                                         uint64_t seq, struct wbuf *w, struct entry_header *header,
                                         struct tris_hash *leaf);

/* Header fields only, without hashing (commit is zero for a whole entry): for views. */
TRIS_MUST_CHECK enum tris_err entry_peek_header(const struct entry *entry,
                                                struct entry_header *out);

#endif
