/* Shared by the files of the evaluation only: statements sorted by what they state and by whom, and
 * the logs in which they stand. See member.h. */
#ifndef TRIS_PROTO_MEMBER_INT_H
#define TRIS_PROTO_MEMBER_INT_H

#include "proto/member.h"

#define MEMBER_NO_LOG UINT32_MAX
#define MEMBER_NO_ITEM UINT32_MAX

/* One statement about one target; a line of the charter is an endorsement by nobody. */
struct member_item {
    const struct member_statement *by; /* NULL: the charter */
    const struct opening *opening;     /* what an endorsement states; NULL in a revocation */
    uint32_t target;                   /* index into opening or revocation */
    uint32_t log;                      /* where it stands: index into log, or MEMBER_NO_LOG */
    uint32_t next;                     /* endorsement of the same log, or MEMBER_NO_ITEM */
    uint32_t group;                    /* endorsements of one opening by one house */
};

/* What is stated in identical bytes, and where in the items it is stated. */
struct member_target {
    uint32_t item_first, item_count; /* by house, epoch, key and position of who states it */
    uint32_t houses, founders;       /* distinct ones that count in the present stratum */
};

struct member_work_opening {
    const struct opening *what;
    struct tris_hash id;
    struct member_target target;
    uint32_t log; /* index into log; observers: MEMBER_NO_LOG */
    bool by_charter, founder;
    bool in; /* the present stratum's set */
    bool ever;
    bool revoked;
    struct log_cut data_cut, gov_cut; /* of complete revocations; UINT64_MAX: none */
};

struct member_work_revocation {
    const struct revocation *what;
    struct tris_hash id;
    struct member_target target;
    bool complete;
};

/* A gov log that openings name: house, epoch and key. */
struct member_work_log {
    const struct opening *what;
    uint32_t opening;    /* one of them */
    uint32_t item_first; /* the first of its endorsements, or MEMBER_NO_ITEM */
    bool founder;
    bool live; /* of an opening in the present stratum's set */
    bool ever;
};

struct member_work {
    const struct charter *charter;
    struct opening *line; /* of the charter's members */
    struct member_item *endorse, *revoke;
    uint32_t endorse_count, revoke_count;
    struct member_work_opening *opening; /* by house, epoch, id */
    uint32_t opening_count;
    struct member_work_revocation *revocation; /* likewise */
    uint32_t revocation_count;
    struct member_work_log *log; /* by house, epoch, key */
    uint32_t log_count;
    uint8_t *group_seen; /* by group */
    uint32_t group_count;
    uint32_t *stack; /* openings whose logs are to be looked at */
};

/* Sorts and groups. TRIS_ERR_NO_MEMORY; member_work_fini in any case. */
TRIS_MUST_CHECK enum tris_err member_work_init(const struct charter *charter,
                                               const struct member_statement *statements,
                                               uint32_t count, struct member_work *out);
void member_work_fini(struct member_work *w);
/* Strata 1 to 3: fills ever, the cuts, then in, live, houses and founders of stratum 3. */
void member_work_strata(struct member_work *w);

/* Whether a statement stands in a log that belongs, now or earlier. */
static inline bool member_item_ever(const struct member_work *w, const struct member_item *item)
{
    return item->log != MEMBER_NO_LOG && w->log[item->log].ever;
}

/* Whether an endorsement in a log of `ever` stands before the cut of that log's epoch. */
bool member_before_cut(const struct member_work *w, const struct member_item *item);
/* By house, then epoch. */
int member_epoch_cmp(const struct tris_house_id *a, uint32_t a_epoch, const struct tris_house_id *b,
                     uint32_t b_epoch);

#endif
