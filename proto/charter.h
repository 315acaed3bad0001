/* House lines and the charter: who founded the federation, signed text that never changes.
 *
 * house line = one line of text without its LF:
 *   tris-house-1 role=house region=05315 slug=koeln name=Haus%20K%C3%B6ln id=<64 hex>
 *   noise=<64 hex> addr=127.0.0.1:8747,[::1]:8747 time=<ms> sig=<128 hex>
 *   (fields in this order, single spaces; percent-encoding of bytes outside unreserved RFC 3986 and
 *   UTF-8; addr may be empty; behind id, in epochs above 0 and only there: epoch=<n> key=<64 hex>;
 *   sig by that key, in epoch 0 by id, over everything before " sig=", context "tris-house-v1")
 * charter = lines of text, each ended by one LF:
 *   tris-charter-1 | name <percent-encoded> | nonce <64 hex> | rules <n> | admit <n> | revoke <n> |
 *   member <house line> ... (sorted by id; founders, then observers) |
 *   sign <id 64 hex> <sig 128 hex> ... (sorted by id; context "tris-charter-v1" over the federation
 *   id's 32 bytes)
 * federation id = BLAKE2b-256 (personal "tris-charter-v1") of all lines before the first "sign".
 * Founders are the members with role house or coordination; every founder must sign. */
#ifndef TRIS_PROTO_CHARTER_H
#define TRIS_PROTO_CHARTER_H

#include <stddef.h>

#include "proto/buf.h"
#include "proto/limits.h"

struct house_line {
    enum tris_role role;
    char region[8];                         /* AGS of the district, "DE" for coordination */
    char slug[TRIS_SLUG_BYTES_MAX + 1];     /* [a-z0-9-] */
    char name[TRIS_NAME_CHARS_MAX * 4 + 1]; /* UTF-8 */
    struct tris_house_id id;
    uint32_t epoch;
    struct tris_sign_pub key; /* of sig and of the epoch's seals; epoch 0: the id's bytes */
    struct tris_dh_pub transport;
    uint64_t time_ms;
    struct tris_sig sig;
    uint32_t addr_count;
    /* host:port or [v6]:port; the last member, so that thousands of lines can be kept without room
     * for addresses that they do not have */
    char addr[TRIS_ADDRESSES_MAX][TRIS_ADDRESS_BYTES_MAX];
};

/* So much of the struct is in use: what a copy has to hold that is read only. */
static inline size_t house_line_size(const struct house_line *line)
{
    return offsetof(struct house_line, addr) + line->addr_count * sizeof line->addr[0];
}

/* host:port or [v6]:port. Shape only: whether it is reachable shows when it is dialled. */
bool house_address_ok(struct span addr);
/* "house", "observer", "coordination": as house lines say it. */
const char *tris_role_name(enum tris_role role);
/* Writes the signed line (no LF, NUL-terminated) to `out`; fills line->key and line->sig, and in
 * epoch 0 line->id; in a later epoch the caller says whose line it is.
 * TRIS_ERR_INVALID if a field breaks its rules, TRIS_ERR_BAD_KEY if the key's halves do not fit,
 * TRIS_ERR_NO_SPACE. */
TRIS_MUST_CHECK enum tris_err house_line_make(struct house_line *line,
                                              const struct tris_sign_secret *key, char *out,
                                              size_t out_size);
/* Strict parse and signature check. What it accepts, house_line_print gives back byte for byte. */
TRIS_MUST_CHECK enum tris_err house_line_parse(struct span text, struct house_line *out);
/* The signed text of a parsed line. */
TRIS_MUST_CHECK enum tris_err house_line_print(const struct house_line *line, char *out,
                                               size_t out_size);

/* Of several lines of one house: the later time counts, then the bytewise smaller text. True if
 * `text` with `time_ms` takes the place of the other one. */
bool house_line_newer(uint64_t time_ms, struct span text, uint64_t other_ms, struct span other);

/* The time of a line that house_line_parse has accepted, without checking it again. */
uint64_t house_line_time(struct span text);

struct charter_sig {
    struct tris_house_id id;
    struct tris_sig sig;
};

/* Owned heap object: members and signatures grow with the text, bounded by it. */
struct charter {
    char name[TRIS_NAME_CHARS_MAX * 4 + 1];
    uint8_t nonce[32];
    uint32_t rules, admit, revoke;
    struct house_line *member; /* of epoch 0; sorted: founders by id, then observers by id */
    uint32_t member_count, founder_count;
    struct charter_sig *sig; /* sorted by id, only founders' and only valid ones */
    uint32_t sig_count;
    struct tris_fed_id fed;
};

/* admit >= 1 and revoke >= 1; with several founders revoke > admit or revoke == founders - 1. */
bool charter_thresholds_ok(uint32_t admit, uint32_t revoke, uint32_t founders);

enum { CHARTER_RULES = 1 }; /* the rules of membership that this version evaluates */

/* Hash of the text's lines before the first "sign" line: whether a charter from elsewhere is the
 * expected one, before anything in it is parsed. */
void charter_fed_id(struct span text, struct tris_fed_id *out);

/* Parses (<= TRIS_CHARTER_BYTES_MAX) and checks every signature that is there; a bad one is an
 * error. On success the caller calls charter_fini. On failure *line_no is the 1-based line and
 * `out` is empty. TRIS_ERR_BAD_VERSION for rules other than CHARTER_RULES. */
TRIS_MUST_CHECK enum tris_err charter_parse(struct span text, struct charter *out,
                                            uint32_t *line_no);
/* Builds an unsigned charter from house lines; admit >= 1; revoke > admit or revoke == founders - 1
 * >= 1, or (1 founder) any. TRIS_ERR_INVALID, _EXISTS (the same id twice), _REQUIRED (no
 * founder).*/
TRIS_MUST_CHECK enum tris_err charter_new(const char *name, const uint8_t nonce[32],
                                          const struct house_line *lines, uint32_t lines_count,
                                          uint32_t admit, uint32_t revoke, struct charter *out);
/* Adds this founder's signature; TRIS_ERR_NOT_FOUND if the key is not a founder's, TRIS_ERR_BAD_KEY
 * if its halves do not fit. Idempotent. */
TRIS_MUST_CHECK enum tris_err charter_sign(struct charter *c, const struct tris_sign_secret *key);
/* Adds the signatures of another copy; TRIS_ERR_INVALID if the federation ids differ. */
TRIS_MUST_CHECK enum tris_err charter_merge(struct charter *c, const struct charter *other);
bool charter_complete(const struct charter *c); /* every founder signed */
const struct house_line *charter_find(const struct charter *c, const struct tris_house_id *id);
/* The text, malloc'ed and NUL-terminated, `*len` without the NUL; the caller frees. */
TRIS_MUST_CHECK enum tris_err charter_print(const struct charter *c, char **text, size_t *len);
void charter_fini(struct charter *c);

#endif
