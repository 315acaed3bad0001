/* Keys that wait for their endorsements; see epoch.h. */
#include "daemon/epoch.h"

#include <string.h>

#include "daemon/daemon.h"
#include "daemon/datadir.h"

bool epoch_load(struct daemon *d)
{
    struct epoch next = {0}, *now = &d->epoch;
    enum tris_err err = datadir_next_line(d->config.data, &next.line, next.text, sizeof next.text);
    if (err == TRIS_OK) {
        next.waits = tris_house_id_eq(&next.line.id, &d->own) &&
                     next.line.epoch > d->own_line.epoch && next.line.role == d->role;
        err = next.waits ? TRIS_OK : TRIS_ERR_INVALID;
    }
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        LOG(&d->log, LOG_WARN, "next_key_ignored", log_text("reason", tris_err_text(err)),
            log_text("next", "tris key rotate --cancel, then tris key rotate"));
    }
    bool changed = next.waits != now->waits ||
                   (next.waits && !tris_sign_pub_eq(&next.line.key, &now->line.key));
    if (!next.waits) {
        next.text[0] = '\0';
    }
    *now = next;
    if (changed && next.waits) {
        LOG(&d->log, LOG_INFO, "next_key_waits", log_number("epoch", next.line.epoch),
            log_text("next", "the other houses: tris member endorse"));
    }
    return changed;
}

/* Whether the opening of the next epoch is the house's current one. */
static bool is_current(const struct daemon *d)
{
    const struct store_members *now = d->members.now;
    uint32_t at = now != NULL ? member_find(&now->set, &d->own) : UINT32_MAX;
    if (at == UINT32_MAX || now->set.house[at].current == UINT32_MAX) {
        return false;
    }
    const struct opening *o = &now->set.opening[now->set.house[at].current].opening;
    return o->epoch == d->epoch.line.epoch && tris_sign_pub_eq(&o->key, &d->epoch.line.key);
}

void epoch_look(struct daemon *d)
{
    struct refusal why;
    if (!d->epoch.waits || atomic_load(&d->stopping) || !is_current(d)) {
        return;
    }
    if (datadir_take_next(d->config.data, &why) != TRIS_OK) {
        LOG(&d->log, LOG_ERROR, "next_key_not_taken", log_text("reason", why.what),
            log_text("next", why.next));
        return;
    }
    LOG(&d->log, LOG_INFO, "next_key_taken", log_number("epoch", d->epoch.line.epoch),
        log_text("next", "the daemon begins anew with it"));
    d->again = true;
    daemon_stop(d, 0);
}
