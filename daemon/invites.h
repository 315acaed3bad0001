/* Who may come in without being a member: open invitations, and the candidates that came by them.
 *
 * Both are kept in the store's settings and in memory; the writer stores, the loop thread decides:
 * an invitation is closed the moment that somebody has come by it, whether or not that is on the
 * disk yet. Settings: SCHEMA.md "setting". Loop thread only. */
#ifndef TRIS_DAEMON_INVITES_H
#define TRIS_DAEMON_INVITES_H

#include "daemon/writer.h"
#include "proto/invite.h"
#include "proto/penalty.h"

struct daemon;

enum {
    INVITES_OPEN_MAX = SESSION_INVITES_MAX,
    INVITES_KEPT_MAX = 64, /* used and expired ones, so that people see who came by which */
    CANDIDATES_MAX = 64,   /* the one that was heard of longest ago makes room */
};

struct invite_row {
    uint64_t id; /* invite_id of the secret */
    uint8_t secret[INVITE_SECRET_BYTES];
    uint64_t made_ms, expires_ms; /* wall clock */
    bool used;                    /* the secret is gone then */
    struct tris_house_id used_by;
};

struct candidate_house {
    struct house_line line;
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    uint64_t heard_ms;      /* wall clock: when its line came last */
    struct penalty penalty; /* whether its sessions are taken; since the start of the daemon */
};

struct invites {
    struct invite_row row[INVITES_KEPT_MAX]; /* oldest first */
    uint32_t count;
    struct session_invite open[INVITES_OPEN_MAX];      /* as of the last look */
    struct candidate_house *candidate[CANDIDATES_MAX]; /* owned */
    uint32_t candidates;
    char *charter; /* the text, once somebody has asked for it; owned */
    size_t charter_len;
};

/* Reads the settings; a row that does not parse is left alone and not used. */
TRIS_MUST_CHECK enum tris_err invites_load(struct daemon *d);
void invites_fini(struct invites *v);

/* The open ones, for the gate of a session. Valid until the next call. */
const struct session_invite *invites_gate(struct daemon *d, uint32_t *count);
/* Its number, as people see it. */
enum { INVITE_NUMBER_BYTES = 17 };
void invite_number(uint64_t id, char out[INVITE_NUMBER_BYTES]);
/* Whether the invitation can still be used. */
bool invite_is_open(const struct invite_row *row, uint64_t now_ms);
/* Makes one; it is open at once. The caller answers people in `done`, when it is stored; `*made` is
 * valid during this call only. TRIS_ERR_NOT_READY if as many as can be are open; errors of
 * writer_submit. */
TRIS_MUST_CHECK enum tris_err invites_make(struct daemon *d, uint64_t expires_ms,
                                           writer_done_fn *done, void *ctx,
                                           struct invite_row *made);
/* Closes it: `house` came by it. False if it is not open any more. */
bool invites_consume(struct daemon *d, uint64_t id, const struct tris_house_id *house);
/* By a unique prefix of its number in hex: TRIS_ERR_NOT_FOUND, _AMBIGUOUS, or of writer_submit. The
 * row is gone; `done` as in invites_make. */
TRIS_MUST_CHECK enum tris_err invites_cancel(struct daemon *d, struct span prefix,
                                             writer_done_fn *done, void *ctx, uint64_t *id);

/* Takes a checked house line of a house that is no member: new, or in the place of its former one
 * if it counts before that. TRIS_ERR_NO_MEMORY. */
TRIS_MUST_CHECK enum tris_err candidates_put(struct daemon *d, const char *text);
/* NULL if it is none that is known here. Valid until candidates_put or _remove. */
const struct candidate_house *candidates_find(const struct daemon *d,
                                              const struct tris_house_id *house);
/* Its penalty, to be changed; NULL and validity as above. */
struct penalty *candidates_penalty(struct daemon *d, const struct tris_house_id *house);
/* In order of their house ids, from 0; NULL at the end. */
const struct candidate_house *candidates_at(const struct daemon *d, uint32_t index);
/* It has become a member, or is not wanted. Nothing happens if it is unknown. */
void candidates_remove(struct daemon *d, const struct tris_house_id *house);

/* The charter as it is told to peers. TRIS_ERR_NO_MEMORY. */
TRIS_MUST_CHECK enum tris_err invites_charter(struct daemon *d, struct span *text);

#endif
