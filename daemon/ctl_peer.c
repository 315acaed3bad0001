/* Control methods peer.*: whom this node talks to. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/ctl_peer.h"

enum { PING_MS = 5000, PING_MS_MAX = 60000 };

/* Monotonic milliseconds in the future as wall time. */
static uint64_t wall_of(uint64_t mono_ms)
{
    uint64_t now = clock_mono_ms();
    return mono_ms == 0 ? 0 : clock_wall_ms() + (mono_ms > now ? mono_ms - now : 0);
}

static void put_peer(struct out *o, uint32_t index)
{
    struct daemon *d = o->d;
    const struct house_line *line = members_line(&d->members, index);
    const struct peer *peer = overlay_peer(d->overlay, index);
    const struct session_stats *stats = overlay_session_stats(d->overlay, index);
    const struct session_stats none = {0};
    const struct session_stats *s = stats != NULL ? stats : &none;
    char call[OUT_ID_BYTES];

    house_call(&d->members, index, call);
    out_hex(o, "house", line->id.b, sizeof line->id.b);
    out_text(o, "slug", call);
    out_text(o, "role", tris_role_name(line->role));
    out_text(o, "address",
             peer->configured       ? peer->address
             : line->addr_count > 0 ? line->addr[0]
                                    : "");
    out_bool(o, "configured", peer->configured);
    out_text(o, "state", peer_state_name(peer->state));
    out_bool(o, "inbound", peer->inbound && peer->state == PEER_OPEN);
    out_bool(o, "equal", s->equal);
    out_uint(o, "rtt_ms", s->rtt_ms);
    out_uint(o, "bytes_in", peer->bytes_in + s->bytes_in);
    out_uint(o, "bytes_out", peer->bytes_out + s->bytes_out);
    out_uint(o, "entries_in", peer->entries_in + s->entries_in);
    out_uint(o, "entries_out", peer->entries_out + s->entries_out);
    out_uint(o, "last_heard_ms", peer->heard_wall_ms);
    out_text(o, "last_error", peer->last_error != TRIS_OK ? tris_err_text(peer->last_error) : "");
    out_uint(o, "next_dial_ms", peer->state == PEER_WAITING ? wall_of(peer->penalty.dial_ms) : 0);
    const struct overlay_difference differ = overlay_differ(d->overlay, index);
    out_uint(o, "behind", differ.behind);
    out_uint(o, "ahead", differ.ahead);
    out_limits(o, index);
    const enum tris_err limited = overlay_limit(d->overlay, index);
    out_text(o, "limited", limited != TRIS_OK ? tris_err_name(limited) : "");
    if (stats != NULL) {
        /* whoever was dialled has not said it: of another one no handshake ends */
        out_uint(o, "version", s->peer_version != 0 ? s->peer_version : SESSION_MAJOR_VERSION);
        out_uint(o, "features", s->peer_features);
    }
}

/* Peers that are configured, connected, reached before, or reachable. */
static bool is_listed(struct daemon *d, uint32_t index)
{
    const struct peer *peer = overlay_peer(d->overlay, index);
    return peer != NULL && !peer->self && index != d->own_index &&
           (peer->configured || peer->state != PEER_IDLE || peer->heard_wall_ms != 0 ||
            members_line(&d->members, index)->addr_count > 0);
}

void ctl_peer_list(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"after", "limit", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint64_t index = ctl_in_uint(&in, "after", 0, UINT32_MAX);
    uint64_t limit = ctl_in_uint(&in, "limit", OUT_PAGE_ITEMS_MAX, OUT_PAGE_ITEMS_MAX);
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    out_list(o, "items");
    for (; index < d->members.count && limit > 0; index++) {
        if (is_listed(d, (uint32_t)index)) {
            out_map(o, NULL);
            put_peer(o, (uint32_t)index);
            out_end(o);
            limit--;
        }
    }
    out_end(o);
    if (index < d->members.count) {
        out_uint(o, "after", index);
    }
    out_reply(o);
}

bool ctl_in_peer(struct daemon *d, uint64_t token, struct ctl_in *in, uint32_t *index)
{
    if (!in_house(d, token, in, "house", index)) {
        return false;
    }
    if (*index == d->own_index) {
        ctl_reply_error(d, token, TRIS_ERR_SELF, "this house is no peer of itself",
                        "Nothing was changed.", "tris peer list", "house");
        return false;
    }
    return true;
}

void ctl_peer_show(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint32_t index = 0;
    if (!ctl_in_peer(d, token, &in, &index)) {
        return;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    const struct member *m = &d->members.list[index];
    const struct {
        const char *topic;
        uint32_t log_no;
    } logs[] = {{"gov", m->gov_no}, {"data", m->data_no}};
    put_peer(o, index);
    out_ends(o, index);
    out_list(o, "frontier");
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        const struct frontier_item *item =
            logs[i].log_no != LOG_NO_NONE ? frontier_item(d->frontier, logs[i].log_no) : NULL;
        if (item != NULL) {
            out_map(o, NULL);
            out_text(o, "topic", logs[i].topic);
            out_uint(o, "held", item->held);
            out_uint(o, "whole", item->whole);
            out_hash(o, "root", &item->root);
            out_end(o);
        }
    }
    out_end(o);
    out_reply(o);
}

/* ---- add and remove: stored by the writer, then dialled ---- */

struct peer_change {
    uint64_t token;
    uint32_t index;
    bool changed;
    char address[TRIS_ADDRESS_BYTES_MAX];
};

static void peer_changed(struct daemon *d, void *ctx, enum tris_err err,
                         const struct writer_result *results, size_t count)
{
    struct peer_change *c = ctx;
    struct out *o = NULL;
    if (err == TRIS_OK && count == 1 && results[0].change == WRITER_REJECTED) {
        err = results[0].err;
    }
    if (err != TRIS_OK) {
        ctl_reply_error(d, c->token, err, NULL, "The list of peers is as before.", "tris status",
                        NULL);
        goto out;
    }
    overlay_configure(d->overlay, c->index, c->address);
    o = out_new(d, c->token);
    if (o == NULL) {
        goto out;
    }
    out_hex(o, "house", members_line(&d->members, c->index)->id.b, sizeof(struct tris_house_id));
    out_text(o, "slug", members_line(&d->members, c->index)->slug);
    out_bool(o, c->address[0] != '\0' ? "added" : "removed", c->changed);
    out_reply(o);
out:
    free(c);
}

static void peer_store(struct daemon *d, uint64_t token, uint32_t index, struct span address)
{
    char hex[65], key[80];
    struct peer_change *c = calloc(1, sizeof *c);
    if (c == NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL, NULL, NULL);
        return;
    }
    const struct peer *peer = overlay_peer(d->overlay, index);
    c->token = token;
    c->index = index;
    span_copy(address, c->address, sizeof c->address);
    c->changed = address.len > 0 ? !peer->configured || strcmp(peer->address, c->address) != 0
                                 : peer->configured;
    tris_hex(members_line(&d->members, index)->id.b, 32, hex);
    (void)snprintf(key, sizeof key, OVERLAY_ADDRESS_PREFIX "%s", hex);
    struct writer_op op = {.type = WRITER_SETTING, .key = span_str(key), .payload = address};
    struct writer_group group = {.ops = &op, .count = 1, .done = peer_changed, .ctx = c};
    enum tris_err err = writer_submit(d->writer, &group);
    if (err != TRIS_OK) {
        peer_changed(d, c, err, NULL, 0);
    }
}

void ctl_peer_add(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"address", "house", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span address = ctl_in_need_text(&in, "address", TRIS_ADDRESS_BYTES_MAX - 1);
    char text[TRIS_ADDRESS_BYTES_MAX], host[TRIS_ADDRESS_BYTES_MAX];
    uint16_t port = 0;
    uint32_t index = 0;
    span_copy(address, text, sizeof text);
    if (address.len > 0 && (strlen(text) != address.len ||
                            !config_address_split(text, host, sizeof host, &port) || port == 0)) {
        ctl_in_refuse(&in, TRIS_ERR_INVALID, "address", "an address is HOST:PORT or [IPV6]:PORT");
    }
    if (ctl_in_peer(d, token, &in, &index)) {
        peer_store(d, token, index, address);
    }
}

void ctl_peer_remove(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint32_t index = 0;
    if (ctl_in_peer(d, token, &in, &index)) {
        peer_store(d, token, index, span_of(NULL, 0));
    }
}

void ctl_reply_no_session(struct daemon *d, uint64_t token, uint32_t index)
{
    const struct peer *peer = overlay_peer(d->overlay, index);
    const bool known = peer->last_error != TRIS_OK;
    char message[192], next[OUT_ID_BYTES + 16], call[OUT_ID_BYTES];
    house_call(&d->members, index, call);
    (void)snprintf(message, sizeof message, "no open session with %s%s%s", call,
                   known ? "; last error: " : "", known ? tris_err_text(peer->last_error) : "");
    (void)snprintf(next, sizeof next, "tris why %s", call);
    ctl_reply_error(d, token, peer->refused ? peer->last_error : TRIS_ERR_TIMEOUT, message,
                    "Nothing was changed.", next, "house");
}

struct ping_wait {
    uint64_t token;
    uint32_t index;
};

static void ping_done(struct daemon *d, void *ctx, enum tris_err err, uint64_t rtt_ms)
{
    struct ping_wait *p = ctx;
    struct out *o = NULL;
    if (err != TRIS_OK) {
        ctl_reply_error(d, p->token, err, "the peer did not answer", "Nothing was changed.",
                        "tris peer show HOUSE", "house");
        goto out;
    }
    o = out_new(d, p->token);
    if (o == NULL) {
        goto out;
    }
    const struct peer *peer = overlay_peer(d->overlay, p->index);
    out_hex(o, "house", members_line(&d->members, p->index)->id.b, sizeof(struct tris_house_id));
    out_text(o, "slug", members_line(&d->members, p->index)->slug);
    out_uint(o, "rtt_ms", rtt_ms);
    out_bool(o, "inbound", peer->inbound);
    out_text(o, "dialled_by", peer->inbound ? "them" : "us");
    out_reply(o);
out:
    free(p);
}

void ctl_peer_ping(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", "timeout_ms", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint64_t timeout_ms = ctl_in_uint(&in, "timeout_ms", PING_MS, PING_MS_MAX);
    uint32_t index = 0;
    if (!ctl_in_peer(d, token, &in, &index)) {
        return;
    }
    struct ping_wait *p = calloc(1, sizeof *p);
    if (p == NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL, NULL, NULL);
        return;
    }
    p->token = token;
    p->index = index;
    enum tris_err err = overlay_ping(d->overlay, index, timeout_ms, ping_done, p);
    if (err == TRIS_ERR_NOT_READY) {
        ctl_reply_no_session(d, token, index);
        free(p);
    } else if (err != TRIS_OK) {
        ctl_reply_error(d, token, err, NULL, "Nothing was changed.", "tris peer list", "house");
        free(p);
    }
}
