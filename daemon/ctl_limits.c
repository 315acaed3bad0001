/* Control method peer.limits: what one peer is allowed, shown and changed; and what is shown of
 * limits and ended connections. */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "daemon/ctl_handlers.h"
#include "daemon/ctl_peer.h"

void out_limits(struct out *o, uint32_t index)
{
    const struct limits *l = &overlay_peer(o->d->overlay, index)->limits;
    char hours[LIMITS_TEXT_BYTES];
    out_map(o, "limits");
    out_uint(o, "rate", l->rate);
    out_text(o, "hours", limits_hours_text(l, hours));
    out_bool(o, "paused", l->paused);
    out_end(o);
}

void out_ends(struct out *o, uint32_t index)
{
    const struct peer *peer = overlay_peer(o->d->overlay, index);
    const struct peer_end *end;
    const char *address;
    out_list(o, "addresses");
    for (uint32_t i = 0; (address = overlay_address(o->d->overlay, index, i, &end))[0] != '\0';
         i++) {
        out_map(o, NULL);
        out_text(o, "address", address);
        if (end->err != TRIS_OK) {
            out_text(o, "error", tris_err_text(end->err));
            out_text(o, "detail", end->status < 0 ? uv_strerror(end->status) : "");
            out_uint(o, "at_ms", end->wall_ms);
        }
        out_end(o);
    }
    out_end(o);
    if (peer->refused) {
        out_map(o, "refused");
        out_uint(o, "code", peer->bye_code);
        out_text(o, "text", peer->bye_text);
        out_end(o);
    }
}

struct limits_change {
    uint64_t token;
    uint32_t index;
    struct limits limits;
    char text[LIMITS_TEXT_BYTES];
};

static void reply(struct daemon *d, uint64_t token, uint32_t index)
{
    char call[OUT_ID_BYTES];
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    house_call(&d->members, index, call);
    out_hex(o, "house", members_line(&d->members, index)->id.b, sizeof(struct tris_house_id));
    out_text(o, "slug", call);
    out_limits(o, index);
    out_reply(o);
}

static void limits_stored(struct daemon *d, void *ctx, enum tris_err err,
                          const struct writer_result *results, size_t count)
{
    struct limits_change *c = ctx;
    if (err == TRIS_OK && count == 1 && results[0].change == WRITER_REJECTED) {
        err = results[0].err;
    }
    if (err != TRIS_OK) {
        ctl_reply_error(d, c->token, err, NULL, "The limits are as before.", "tris status", NULL);
    } else {
        overlay_set_limits(d->overlay, c->index, &c->limits);
        reply(d, c->token, c->index);
    }
    free(c);
}

static void limits_store(struct daemon *d, uint64_t token, uint32_t index,
                         const struct limits *limits)
{
    char hex[65], key[80];
    struct limits_change *c = calloc(1, sizeof *c);
    if (c == NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL, NULL, NULL);
        return;
    }
    *c = (struct limits_change){.token = token, .index = index, .limits = *limits};
    tris_hex(members_line(&d->members, index)->id.b, 32, hex);
    (void)snprintf(key, sizeof key, "limit/%s", hex);
    struct writer_op op = {.type = WRITER_SETTING,
                           .key = span_str(key),
                           .payload = span_str(limits_print(limits, c->text))};
    struct writer_group group = {.ops = &op, .count = 1, .done = limits_stored, .ctx = c};
    enum tris_err err = writer_submit(d->writer, &group);
    if (err != TRIS_OK) {
        limits_stored(d, c, err, NULL, 0);
    }
}

void ctl_peer_limits(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", "rate", "hours", "paused", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    const uint64_t rate = ctl_in_uint(&in, "rate", 0, LIMITS_RATE_MAX);
    const struct span hours = ctl_in_text(&in, "hours", LIMITS_TEXT_BYTES);
    const bool paused = ctl_in_bool(&in, "paused");
    struct limits limits = {0};
    uint32_t index = 0;
    if (!limits_rate_valid(rate)) {
        ctl_in_refuse(&in, TRIS_ERR_INVALID, "rate",
                      "at least 8192 bytes a second, or 0 for no limit");
    }
    if (ctl_in_has(&in, "hours") && limits_hours_parse(hours, &limits) != TRIS_OK) {
        ctl_in_refuse(&in, TRIS_ERR_INVALID, "hours",
                      "hours are two of 0 to 24, such as 20-6; 0-24 is always");
    }
    if (!ctl_in_peer(d, token, &in, &index)) {
        return;
    }
    struct limits now = overlay_peer(d->overlay, index)->limits;
    now.rate = ctl_in_has(&in, "rate") ? rate : now.rate;
    now.from = ctl_in_has(&in, "hours") ? limits.from : now.from;
    now.to = ctl_in_has(&in, "hours") ? limits.to : now.to;
    now.paused = ctl_in_has(&in, "paused") ? paused : now.paused;
    if (ctl_in_has(&in, "rate") || ctl_in_has(&in, "hours") || ctl_in_has(&in, "paused")) {
        limits_store(d, token, index, &now);
    } else {
        reply(d, token, index);
    }
}
