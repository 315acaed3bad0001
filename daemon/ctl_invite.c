/* Control methods invite.*: whom this house lets in, and who came. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"

enum { ADDRESSES_TEXT_MAX = INVITE_ADDRESSES_MAX * TRIS_ADDRESS_BYTES_MAX };

static const uint64_t expires_preset_ms = 7 * UINT64_C(86400000);
static const uint64_t expires_max_ms = 365 * UINT64_C(86400000);

/* What waits for the commit. */
struct invite_wait {
    uint64_t token;
    uint64_t id; /* of a cancelled one */
    struct invite invite;
};

static void wait_free(struct invite_wait *w)
{
    sodium_memzero(w, sizeof *w);
    free(w);
}

static void out_number(struct out *o, const char *key, uint64_t id)
{
    char number[INVITE_NUMBER_BYTES];
    invite_number(id, number);
    out_text(o, key, number);
}

/* ---- invite.create ---- */

static enum tris_err written(enum tris_err err, const struct writer_result *results, size_t count)
{
    bool rejected = err == TRIS_OK && count == 1 && results[0].change == WRITER_REJECTED;
    return rejected ? results[0].err : err;
}

static void created(struct daemon *d, void *ctx, enum tris_err err,
                    const struct writer_result *results, size_t count)
{
    struct invite_wait *w = ctx;
    char line[INVITE_TEXT_BYTES_MAX + 1];
    err = written(err, results, count);
    if (err == TRIS_OK) {
        err = invite_print(&w->invite, line, sizeof line);
    }
    struct out *o = err == TRIS_OK ? out_new(d, w->token) : NULL;
    if (o != NULL) {
        out_number(o, "invite", invite_id(w->invite.secret));
        out_text(o, "line", line);
        out_uint(o, "expires_ms", w->invite.expires_ms);
        out_list(o, "addresses");
        for (uint32_t i = 0; i < w->invite.addr_count; i++) {
            out_text(o, NULL, w->invite.addr[i]);
        }
        out_end(o);
        out_reply(o);
    } else if (err != TRIS_OK) {
        ctl_reply_error(d, w->token, err, NULL, "Nobody was invited.", "tris status", NULL);
    }
    sodium_memzero(line, sizeof line);
    wait_free(w);
}

/* "a:1,b:2" or, if there is none, the first addresses of the own line. */
static void in_addresses(struct daemon *d, struct ctl_in *in, struct invite *invite)
{
    struct span text = ctl_in_text(in, "address", ADDRESSES_TEXT_MAX);
    struct rbuf r = rbuf_of(text);
    for (uint32_t i = 0; text.len == 0 && i < d->own_line.addr_count && i < INVITE_ADDRESSES_MAX;
         i++) {
        memcpy(invite->addr[i], d->own_line.addr[i], sizeof invite->addr[i]);
        invite->addr_count++;
    }
    while (rbuf_left(&r) > 0) {
        const uint8_t *at = r.ptr + r.pos;
        const uint8_t *comma = memchr(at, ',', rbuf_left(&r));
        struct span one = rbuf_take(&r, comma != NULL ? (size_t)(comma - at) : rbuf_left(&r));
        (void)rbuf_take(&r, comma != NULL ? 1 : 0);
        if (invite->addr_count == INVITE_ADDRESSES_MAX || !house_address_ok(one) ||
            (comma != NULL && rbuf_left(&r) == 0)) {
            ctl_in_refuse(in, TRIS_ERR_INVALID, "address",
                          "at most 3 addresses, each HOST:PORT or [IPV6]:PORT");
            return;
        }
        span_copy(one, invite->addr[invite->addr_count++], sizeof invite->addr[0]);
    }
}

/* A house that is to come back, with keys of the epoch behind its last one. */
static void in_again(struct daemon *d, struct ctl_in *in, struct span name, struct invite *invite)
{
    uint32_t index;
    enum tris_err err = resolve_house(&d->members, name, &index);
    if (err != TRIS_OK || index == d->own_index ||
        d->members.list[index].state == MEMBER_CANDIDATE) {
        ctl_in_refuse(in, err != TRIS_OK ? err : TRIS_ERR_INVALID, "house",
                      "no other house that is or was a member has this name");
        return;
    }
    const struct member *m = &d->members.list[index];
    invite->again = m->id;
    invite->again_epoch = m->line->epoch + 1;
    for (uint32_t i = 0; i < m->epochs_count; i++) { /* one of them may not be current any more */
        if (m->epochs[i].epoch >= invite->again_epoch) {
            invite->again_epoch = m->epochs[i].epoch + 1;
        }
    }
}

/* Reasons against inviting anybody; answers. */
static bool may_invite(struct daemon *d, uint64_t token, const struct invite *invite)
{
    if (!daemon_is_member(d)) {
        ctl_reply_error(d, token, TRIS_ERR_NOT_READY,
                        "this house is no member yet: only members invite others",
                        "Nobody was invited.", "tris status", NULL);
    } else if (invite->addr_count == 0) {
        ctl_reply_error(d, token, TRIS_ERR_REQUIRED,
                        "this house has no address at which another one could reach it",
                        "Nobody was invited.", "tris peer invite --address HOST:PORT", "address");
    } else {
        return true;
    }
    return false;
}

void ctl_invite_create(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"address", "expires_ms", "house", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span house = ctl_in_text(&in, "house", 127);
    uint64_t expires_ms = ctl_in_uint(&in, "expires_ms", expires_preset_ms, expires_max_ms);
    struct invite_wait *w = calloc(1, sizeof *w);
    if (w == NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL, NULL, NULL);
        return;
    }
    w->token = token;
    in_addresses(d, &in, &w->invite);
    if (house.len > 0) {
        in_again(d, &in, house, &w->invite);
    }
    if (!ctl_in_ok(d, token, &in) || !may_invite(d, token, &w->invite)) {
        wait_free(w);
        return;
    }
    struct invite_row row;
    w->invite.fed = d->charter.fed;
    w->invite.house = d->own;
    w->invite.transport = d->transport.pub;
    w->invite.expires_ms = clock_wall_ms() + expires_ms;
    (void)snprintf(w->invite.name, sizeof w->invite.name, "%s", d->charter.name);
    enum tris_err err = invites_make(d, w->invite.expires_ms, created, w, &row);
    if (err == TRIS_OK) { /* `created` comes from the loop, later */
        memcpy(w->invite.secret, row.secret, sizeof row.secret);
        sodium_memzero(&row, sizeof row);
        return;
    }
    ctl_reply_error(
        d, token, err, err == TRIS_ERR_NOT_READY ? "8 invitations are open already" : NULL,
        "Nobody was invited.", "tris peer invite --list, then tris peer invite --cancel ID", NULL);
    wait_free(w);
}

/* ---- invite.list, invite.cancel ---- */

void ctl_invite_list(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    const uint64_t now = clock_wall_ms();
    struct out *o = ctl_in_ok(d, token, &in) ? out_new(d, token) : NULL;
    if (o == NULL) {
        return;
    }
    out_list(o, "items");
    for (uint32_t i = 0; i < d->invites.count; i++) {
        const struct invite_row *row = &d->invites.row[i];
        out_map(o, NULL);
        out_number(o, "invite", row->id);
        out_text(o, "state", row->used ? "used" : invite_is_open(row, now) ? "open" : "expired");
        out_uint(o, "made_ms", row->made_ms);
        out_uint(o, "expires_ms", row->expires_ms);
        if (row->used) {
            const struct candidate_house *c = candidates_find(d, &row->used_by);
            uint32_t index = members_find(&d->members, &row->used_by);
            out_hex(o, "used_by", row->used_by.b, sizeof row->used_by.b);
            out_text(o, "slug",
                     index != UINT32_MAX ? members_line(&d->members, index)->slug
                     : c != NULL         ? c->line.slug
                                         : "");
        }
        out_end(o);
    }
    out_end(o);
    out_reply(o);
}

static void cancelled(struct daemon *d, void *ctx, enum tris_err err,
                      const struct writer_result *results, size_t count)
{
    struct invite_wait *w = ctx;
    err = written(err, results, count);
    struct out *o = err == TRIS_OK ? out_new(d, w->token) : NULL;
    if (o != NULL) {
        out_number(o, "invite", w->id);
        out_reply(o);
    } else if (err != TRIS_OK) {
        ctl_reply_error(d, w->token, err, NULL,
                        "The invitation is closed until the daemon starts anew.",
                        "tris peer invite --list", NULL);
    }
    wait_free(w);
}

void ctl_invite_cancel(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"invite", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span prefix = ctl_in_need_text(&in, "invite", INVITE_NUMBER_BYTES - 1);
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct invite_wait *w = calloc(1, sizeof *w);
    enum tris_err err = TRIS_ERR_NO_MEMORY;
    if (w != NULL) {
        w->token = token;
        err = invites_cancel(d, prefix, cancelled, w, &w->id);
    }
    if (err != TRIS_OK) {
        ctl_reply_error(d, token, err,
                        err == TRIS_ERR_NOT_FOUND ? "there is no such invitation" : NULL,
                        "Nothing was changed.", "tris peer invite --list", "invite");
        free(w);
    }
}
