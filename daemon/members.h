/* Who belongs to the federation: the charter's members with their newest cards. Loop thread.
 *
 * Decides who may hold a session, where a house is reached, and which logs exist. */
#ifndef TRIS_DAEMON_MEMBERS_H
#define TRIS_DAEMON_MEMBERS_H

#include "proto/charter.h"
#include "storage/store.h"

struct member {
    const struct house_line *charter_line; /* into the charter */
    struct house_line *card;               /* newer than the charter's line, owned; or NULL */
    struct tris_dh_pub former;             /* transport key before `card`; accepted as well */
    uint32_t gov_no, data_no;              /* compact log numbers; UINT32_MAX for observers */
    uint64_t arrived_ms; /* when its newest seal came (our wall time); 0 = never */
    bool slug_shared;    /* another member has the same slug */
    bool has_logs;       /* no observer */
    uint16_t district;   /* of its newest line: place in the table, or MEMBER_DISTRICT_NONE */
};

enum { MEMBER_DISTRICT_NONE = UINT16_MAX };

struct members {
    const struct charter *charter; /* outlives this */
    struct member *list;           /* sorted by house id */
    uint32_t count;
};

TRIS_MUST_CHECK enum tris_err members_init(struct members *m, const struct charter *charter);
void members_fini(struct members *m);

/* Reads log numbers and the newest card of every member from the store. */
TRIS_MUST_CHECK enum tris_err members_load(struct members *m, struct store_view *v);
/* Reads the newest card of one member again; *changed if address, key or name are others. */
TRIS_MUST_CHECK enum tris_err members_refresh(struct members *m, uint32_t index,
                                              struct store_view *v, bool *changed);

/* Index into list, or UINT32_MAX. */
uint32_t members_find(const struct members *m, const struct tris_house_id *house);
/* By slug, or a unique prefix of slug or hex id: TRIS_ERR_NOT_FOUND, TRIS_ERR_AMBIGUOUS. */
TRIS_MUST_CHECK enum tris_err members_resolve(const struct members *m, struct span text,
                                              uint32_t *index);
/* The newest line of a member. Valid until members_refresh. */
const struct house_line *members_line(const struct members *m, uint32_t index);
/* See session_io.member. */
TRIS_MUST_CHECK enum tris_err members_admit(const struct members *m,
                                            const struct tris_house_id *house,
                                            const struct tris_dh_pub *transport,
                                            enum tris_role *role);
static inline bool member_has_logs(const struct member *m)
{
    return m->has_logs;
}

#endif
