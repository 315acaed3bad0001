/* Who belongs to the federation: a pure function of the charter and the gov logs.
 *
 * Four strata (FORMAT.md "Membership"), each a least fixpoint over the former: which openings were
 * ever complete; where revocations and closings cut logs; which openings are complete when only
 * endorsements before those cuts count; which epoch of a house is current. No clock, no order of
 * arrival, no configuration: the same statements give the same result everywhere.
 *
 * The input grows while logs arrive: the caller evaluates anew. Cost: about linear in statements.
 */
#ifndef TRIS_PROTO_MEMBER_H
#define TRIS_PROTO_MEMBER_H

#include "proto/statement.h"

/* One statement and where it stands. Only statements in gov logs of openings that are in `ever`
 * count; others may be given and are passed over. */
struct member_statement {
    struct tris_log_ref by; /* the gov log (house, epoch, seal key) that states it */
    uint64_t seq;           /* its position there: before a cut or behind it */
    uint64_t time_ms;       /* of its header: shown to people, decides nothing */
    struct statement what; /* card: borrowed, until the result is freed; may be empty in a revoke */
};

enum member_state {
    MEMBER_CANDIDATE, /* endorsed by some member, not by enough */
    MEMBER_ACTIVE,    /* has a current epoch */
    MEMBER_REVOKED,   /* was a member; no epoch of it is current */
};

/* One opening that a member of any time endorsed, or a charter line. */
struct member_opening {
    struct opening opening;
    struct tris_hash id;
    bool by_charter;
    bool ever;    /* stratum 1 */
    bool counts;  /* stratum 3 */
    bool revoked; /* a revocation of this epoch is complete */
    /* the endorsements, the first one of each log: indices into member_set.by, by house, epoch and
     * key of who states it */
    uint32_t by_first, by_count;
    uint32_t counted;          /* distinct houses of `ever` whose endorsement counts in stratum 3 */
    uint32_t counted_founders; /* those of them that the charter names as founders */
    struct span card; /* the newest among its endorsements by members of any time, or empty */
    /* where its logs end; UINT64_MAX: nowhere. A closing has precedence over what forks say. */
    bool closed; /* exactly one opening of the next epoch counts: the data log is its `closes` */
    struct log_cut data_end;
    struct log_cut gov_end; /* of complete revocations: endorsements behind it do not count; the gov
                             * log itself is not shortened */
};

struct member_revocation {
    struct revocation revocation;
    struct tris_hash id;
    uint32_t by_first, by_count; /* as above */
    uint32_t counted;
    bool complete;
};

struct member_by {
    uint32_t statement; /* index into the input */
    /* it is of another house; an endorsement: its log is of an opening that counts, and it lies
     * before the cut; a revocation: its log is of an opening in `ever` */
    bool counts;
};

/* One house or observer, over all its epochs. */
struct member_house {
    struct tris_house_id id;
    enum member_state state;
    /* of the current opening; else of the last that counts, or was in `ever`, or is stated at all
     */
    enum tris_role role;
    uint32_t opening_first, opening_count;       /* in member_set.opening: by epoch, by id */
    uint32_t revocation_first, revocation_count; /* in member_set.revocation: likewise */
    uint32_t current;                            /* index into member_set.opening, or UINT32_MAX */
    bool ever;     /* one of its openings is in stratum 1: its logs are in the frontier */
    bool disputed; /* two openings of one epoch count */
    /* it stands on `admit` endorsements, or on fewer because every founder endorses it: one that is
     * withdrawn by a fork or a cut may end it */
    bool brittle;
};

struct member_set {
    struct member_house *house; /* by id */
    uint32_t house_count;
    struct member_opening *opening;
    uint32_t opening_count;
    struct member_revocation *revocation;
    uint32_t revocation_count;
    struct member_by *by;
    uint32_t by_count;
};

enum {
    /* statements that one evaluation takes: 10,000 houses with 25 each; what is more is refused */
    MEMBER_STATEMENTS_MAX = 256 * 1024,
};

/* Evaluates. `statements` in any order; several identical ones of one house are one. Outlives the
 * call only through `card` spans. TRIS_ERR_NO_MEMORY, TRIS_ERR_TOO_LARGE. The caller ends `out`
 * with member_set_fini. */
TRIS_MUST_CHECK enum tris_err member_evaluate(const struct charter *charter,
                                              const struct member_statement *statements,
                                              uint32_t count, struct member_set *out);
void member_set_fini(struct member_set *set);

/* Index into house, or UINT32_MAX. */
uint32_t member_find(const struct member_set *set, const struct tris_house_id *house);
/* The opening whose logs have this house, epoch and key; UINT32_MAX. */
uint32_t member_opening_of_log(const struct member_set *set, const struct tris_log_ref *ref);
/* How many more distinct houses must endorse the opening at least; 0: it counts. */
uint32_t member_missing(const struct charter *charter, const struct member_opening *opening);

#endif
