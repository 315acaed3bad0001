/* Statements of gov logs about other houses: endorse and revoke, as payloads of entries.
 *
 * opening = canonical map {1: house bin32, 2: epoch uint, 3: seal key bin32, 4: role uint, 5:
 * region str, 6: [size uint, root bin32] of the former epoch's data log (epoch > 0 of a role that
 *           has logs; else absent)}
 * endorse = {fields 1 to 6 of the opening, 7: card str, the candidate's own signed house line}
 * revoke  = {1: house bin32, 2: epoch uint, 3: [size, root] cut of its gov log, 4: [size, root] cut
 *           of its data log, 5: successor bin32 (may be absent)}
 * What several houses state in identical bytes counts; the card is not part of that. Numbers from
 * 128 up are extensions and belong to no identity; others make the entry inert. FORMAT.md
 * "Membership". */
#ifndef TRIS_PROTO_STATEMENT_H
#define TRIS_PROTO_STATEMENT_H

#include "proto/charter.h"

/* The largest size that a cut may name; far beyond any log, and exact in every language. */
#define LOG_CUT_SIZE_MAX (UINT64_C(1) << 53)

/* A log's first `size` entries, whose root is `root` (32 zero bytes for none). */
struct log_cut {
    uint64_t size;
    struct tris_hash root;
};

/* One incarnation of a house or observer: which key seals its logs. */
struct opening {
    struct tris_house_id house;
    uint32_t epoch;
    struct tris_sign_pub key; /* epoch 0: the house id's bytes */
    enum tris_role role;
    char region[8];
    bool has_closes; /* epoch > 0 with logs: the former epoch's data log ends here */
    struct log_cut closes;
};

struct revocation {
    struct tris_house_id house;
    uint32_t epoch;
    struct log_cut gov, data;
    bool has_successor;
    struct tris_house_id successor;
};

struct statement {
    bool revoke;
    union {
        struct opening opening;       /* !revoke */
        struct revocation revocation; /* revoke */
    };
    struct span card; /* endorse: house line, into the payload; its signature is good and it is of
                       * this house, epoch, key, role and region */
};

/* Strict: canonical, fields of the verb and extensions only; a bad card is an error too. `verb` is
 * VERB_ENDORSE or VERB_REVOKE, else TRIS_ERR_BAD_VALUE. `check_card`: false does not look into the
 * card, for entries that were accepted before. */
TRIS_MUST_CHECK enum tris_err statement_decode(uint32_t verb, struct span payload, bool check_card,
                                               struct statement *out);
/* Appends the payload; what statement_decode accepts without extensions comes back byte for byte.
 */
void statement_encode(struct wbuf *w, const struct statement *s);
/* What makes two openings, or two revocations, identical: BLAKE2b-256 of the canonical map without
 * card and extensions, "tris-open-v1" and "tris-revoke-v1". */
void opening_id(const struct opening *o, struct tris_hash *out);
void revocation_id(const struct revocation *r, struct tris_hash *out);
/* The log of an opening. */
void opening_log_ref(const struct opening *o, enum tris_topic topic, struct tris_log_ref *out);
/* The opening that a charter line stands for: epoch 0. */
void opening_of_line(const struct house_line *line, struct opening *out);

#endif
