/* Who may hold a session with this house, and of which level; what a joiner is told. */
#include "daemon/conn_int.h"
#include "daemon/daemon.h"

bool conn_answered(const struct conn *c)
{
    return c->write_buf != NULL;
}

bool conn_guest(const struct conn *c)
{
    return c->guest;
}

void conn_set_guest(struct conn *c)
{
    c->guest = true;
}

/* Members and those who were; then whoever has asked here, with the line that it has shown, also a
 * house whose new key waits for endorsements. */
enum tris_err conn_member(void *ctx, const struct tris_house_id *house,
                          const struct tris_dh_pub *transport, struct session_admit *admit)
{
    const struct conn *c = ctx;
    enum tris_err err = members_admit(&c->d->members, house, transport, admit);
    if (err != TRIS_OK) {
        const struct candidate_house *candidate = candidates_find(c->d, house);
        admit->level = SESSION_GOV;
        if (admit->invited) { /* its line comes as a card, with this key */
            return TRIS_OK;
        }
        if (candidate != NULL && tris_dh_pub_eq(&candidate->line.transport, transport)) {
            admit->role = candidate->line.role;
            err = TRIS_OK;
        }
    }
    if (!daemon_is_member(c->d)) {
        admit->level = SESSION_GOV;
    }
    return err;
}

const struct session_invite *conn_invites(void *ctx, uint32_t *count)
{
    struct conn *c = ctx;
    return invites_gate(c->d, count);
}

enum tris_err conn_charter(void *ctx, struct span *text)
{
    struct conn *c = ctx;
    return invites_charter(c->d, text);
}
