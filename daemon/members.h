/* Who belongs to the federation, as this node knows it: the evaluation of the gov logs with each
 * house's newest line. Loop thread.
 *
 * Decides who may hold a session, where a house is reached, and which logs are whose. Besides
 * members it knows candidates, whom somebody has endorsed, and houses that were revoked: both may
 * fetch gov logs. A row is never moved or taken away while the process runs, so that its index may
 * be kept. */
#ifndef TRIS_DAEMON_MEMBERS_H
#define TRIS_DAEMON_MEMBERS_H

#include "proto/member.h"
#include "proto/session.h"
#include "storage/members.h"

/* One incarnation of a house whose logs exist here. */
struct member_epoch {
    uint32_t epoch;
    struct tris_sign_pub key;
    uint32_t gov_no, data_no; /* compact log numbers */
};

struct member {
    struct tris_house_id id;
    enum member_state state;
    enum tris_role role;
    /* newest valid line of its current (or last) epoch: the charter's, or owned and then only as
     * large as house_line_size says */
    const struct house_line *line;
    bool line_owned;
    uint32_t line_epoch;         /* whose key has signed it */
    struct tris_dh_pub former;   /* transport key before `line`; accepted as well */
    struct member_epoch *epochs; /* with logs, ascending; owned; may be NULL */
    uint32_t epochs_count;
    uint32_t gov_no, data_no; /* of the newest of them; UINT32_MAX if there is none */
    uint64_t arrived_ms;      /* when its newest seal came (our wall time); 0 = never */
    bool slug_shared;         /* another member has the same slug */
    bool has_logs;            /* no observer */
    bool disputed, brittle;   /* as in struct member_house */
    uint16_t district;        /* of its newest line: place in the table, or MEMBER_DISTRICT_NONE */
};

enum { MEMBER_DISTRICT_NONE = UINT16_MAX };

struct members {
    const struct charter *charter; /* outlives this */
    struct member *list;           /* in the order in which they became known */
    uint32_t *by_id;               /* indexes, by house id */
    uint32_t count, room;
    uint32_t active;           /* how many of them are members */
    struct store_members *now; /* the last evaluation, owned; NULL before the first */
};

void members_free(struct store_members *m); /* an evaluation on the heap; NULL is allowed */

/* The charter's members, by id, as long as nothing else is known. */
TRIS_MUST_CHECK enum tris_err members_init(struct members *m, const struct charter *charter);
void members_fini(struct members *m);

/* Takes over an evaluation, `now` and its memory in every case: adds rows, sets states and lines,
 * reads log numbers and cards of houses of which it says something new. `told` (may be NULL) is
 * called for each row that is new or whose state, line or epoch has changed. */
typedef void members_told_fn(void *ctx, uint32_t index, enum member_state before, bool is_new);
TRIS_MUST_CHECK enum tris_err members_update(struct members *m, struct store_members *now,
                                             struct store_view *v, members_told_fn *told,
                                             void *ctx);
/* Reads the newest card of one member again; *changed if address, key or name are others. */
TRIS_MUST_CHECK enum tris_err members_refresh(struct members *m, uint32_t index,
                                              struct store_view *v, bool *changed);

/* A row for the house that has invited this one, by the line that it has told; nothing happens if
 * it has one. It may be dialled, and is a candidate until gov logs say more. TRIS_ERR_NO_MEMORY. */
TRIS_MUST_CHECK enum tris_err members_note_inviter(struct members *m,
                                                   const struct house_line *line);

/* Index into list, or UINT32_MAX. */
uint32_t members_find(const struct members *m, const struct tris_house_id *house);
/* By slug, or a unique prefix of slug or hex id: TRIS_ERR_NOT_FOUND, TRIS_ERR_AMBIGUOUS. Of several
 * that fit, members come before candidates and revoked houses. */
TRIS_MUST_CHECK enum tris_err members_resolve(const struct members *m, struct span text,
                                              uint32_t *index);
/* The newest line of a member. Valid until members_refresh or members_update. */
const struct house_line *members_line(const struct members *m, uint32_t index);
/* The data log of one epoch of a member: UINT32_MAX if it is not here. */
uint32_t members_data_log(const struct members *m, uint32_t index, uint64_t epoch);
/* Records of a kind of a member, not ended, over all its epochs. */
uint64_t members_count_kind(const struct members *m, uint32_t index, struct store_view *v,
                            uint32_t kind);
/* See session_io.member: whether the house is known, `transport` is its key, and what it may
 * fetch. */
TRIS_MUST_CHECK enum tris_err members_admit(const struct members *m,
                                            const struct tris_house_id *house,
                                            const struct tris_dh_pub *transport,
                                            struct session_admit *admit);
static inline bool member_is_active(const struct member *m)
{
    return m->state == MEMBER_ACTIVE;
}
/* A member that has logs: a house that counts. */
static inline bool member_is_house(const struct member *m)
{
    return m->state == MEMBER_ACTIVE && m->has_logs;
}

#endif
