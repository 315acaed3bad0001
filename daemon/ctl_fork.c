/* Control methods log.forks and log.fork: logs that were signed in two histories, and the proofs.
 */
#include <stdlib.h>

#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/writer_fork.h"

enum { FORKS_PAGE = 200 };

/* The house's short name, or its id if the charter does not know it. */
static void put_house(struct out *o, const struct store_log *log)
{
    char call[OUT_ID_BYTES];
    uint32_t index = members_find(&o->d->members, &log->ref.house);
    if (index != UINT32_MAX) {
        house_call(&o->d->members, index, call);
        out_text(o, "house", call);
    } else {
        out_hex(o, "house", log->ref.house.b, sizeof log->ref.house.b);
    }
}

static void put_found(struct out *o, struct store_view *v, uint32_t log_no)
{
    char key[FORK_FOUND_KEY_BYTES], text[24];
    struct span value;
    fork_found_key(key, log_no);
    if (store_setting_get(v, key, &value) == TRIS_OK) {
        span_copy(value, text, sizeof text);
        out_uint(o, "found_ms", strtoull(text, NULL, 10));
    }
}

static void put_seals(struct out *o, struct span bytes)
{
    struct fork_proof proof;
    out_list(o, "seals");
    if (fork_proof_decode(bytes, &proof) == TRIS_OK) {
        for (size_t i = 0; i < 2; i++) {
            out_map(o, NULL);
            out_uint(o, "size", proof.sides[i].seal.size);
            out_uint(o, "time_ms", proof.sides[i].seal.time_ms);
            out_end(o);
        }
    }
    out_end(o);
}

static void put_fork(struct out *o, struct store_view *v, const struct store_fork *fork,
                     const struct store_log *log)
{
    put_house(o, log);
    out_text(o, "topic", out_topic_name(log->ref.topic));
    out_uint(o, "epoch", log->ref.epoch);
    out_bool(o, "own", log->own);
    out_uint(o, "end", fork->end);
    out_uint(o, "held", log->held);
    put_seals(o, fork->proof);
    put_found(o, v, fork->log_no);
}

void ctl_log_forks(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"after", "limit", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    const bool more = ctl_in_has(&in, "after");
    uint64_t after = ctl_in_uint(&in, "after", 0, UINT32_MAX);
    uint64_t limit = ctl_in_uint(&in, "limit", FORKS_PAGE, FORKS_PAGE);
    uint32_t log_no = more ? (uint32_t)after : UINT32_MAX;
    struct store_view *v = NULL;
    struct store_fork fork;
    struct store_log log;
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    uint64_t count = 0;
    out_list(o, "items");
    while (count < limit && store_fork_next(v, &log_no, &fork) == TRIS_OK) {
        if (store_log_get(v, log_no, &log) == TRIS_OK) {
            out_map(o, NULL);
            put_fork(o, v, &fork, &log);
            out_end(o);
        }
        count++;
    }
    out_end(o);
    if (count == limit && limit > 0) {
        out_uint(o, "after", log_no);
    }
    store_view_end(v);
    out_reply(o);
}

void ctl_log_fork(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", "topic", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span topic = ctl_in_text(&in, "topic", 16);
    struct store_view *v = NULL;
    struct store_fork fork;
    struct store_log log;
    uint32_t index = 0, log_no = LOG_NO_NONE;
    if (!in_house(d, token, &in, "house", &index)) {
        return;
    }
    enum tris_err err = ctl_log_of(d, index, topic, &log_no);
    struct out *o = err == TRIS_OK ? out_new_view(d, token, &v) : out_new(d, token);
    if (o == NULL) {
        return;
    }
    if (err == TRIS_OK) {
        err = store_fork_get(v, log_no, &fork);
    }
    if (err == TRIS_OK) {
        err = store_log_get(v, log_no, &log);
    }
    if (err == TRIS_OK) {
        put_fork(o, v, &fork, &log);
        out_bin(o, "proof", fork.proof);
    }
    if (v != NULL) {
        store_view_end(v);
    }
    if (err != TRIS_OK) {
        out_reply_error(o, err, err == TRIS_ERR_NOT_FOUND ? "no fork of this log is known" : NULL,
                        "tris log forks");
        return;
    }
    out_reply(o);
}
