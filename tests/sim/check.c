/* Safety after every step; see check.h. The closing comparison is check_end.c. */
#include "tests/sim/check.h"

#include <stdlib.h>

#include "proto/assert.h"

enum { ROWS_FIRST = 1 << 14, SIZE_BITS = 40 };

/* What an owner let leave its house: the root at a size. */
struct sealed {
    uint64_t key; /* log << SIZE_BITS | size; 0 = free */
    struct tris_hash root;
};

struct check {
    struct sealed *rows;
    size_t count, cap;
    uint64_t *registered; /* by log: greatest size that has left */
    uint64_t *seen;       /* by place and log: greatest size that was in its frontier */
    uint32_t logs;
    struct check_clones *clones;
};

struct check *check_new(struct sim *sim)
{
    struct check *c = calloc(1, sizeof *c);
    tris_assert(c != NULL);
    c->logs = sim->houses * 2 * HOUSE_EPOCHS;
    c->clones = check_clones_new(c->logs);
    c->cap = ROWS_FIRST;
    c->rows = calloc(c->cap, sizeof *c->rows);
    c->registered = calloc(c->logs, sizeof *c->registered);
    c->seen = calloc((size_t)c->logs * sim->places, sizeof *c->seen);
    tris_assert(c->rows != NULL && c->registered != NULL && c->seen != NULL);
    return c;
}

void check_free(struct check *c)
{
    if (c != NULL) {
        free(c->rows);
        free(c->registered);
        free(c->seen);
        check_clones_free(c->clones);
    }
    free(c);
}

/* ---- what has been sealed ---- */

static struct sealed *slot_of(struct sealed *rows, size_t cap, uint64_t key)
{
    size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (cap - 1);
    while (rows[at].key != 0 && rows[at].key != key) {
        at = (at + 1) & (cap - 1);
    }
    return &rows[at];
}

static void grow(struct check *c)
{
    struct sealed *rows = calloc(2 * c->cap, sizeof *rows);
    tris_assert(rows != NULL);
    for (size_t i = 0; i < c->cap; i++) {
        if (c->rows[i].key != 0) {
            *slot_of(rows, 2 * c->cap, c->rows[i].key) = c->rows[i];
        }
    }
    free(c->rows);
    c->rows = rows;
    c->cap *= 2;
}

static void seal_leaves(struct house *h, uint32_t log, uint64_t size, const struct tris_hash *root)
{
    struct check *c = h->sim->check;
    uint64_t key = (uint64_t)log << SIZE_BITS | size;
    struct sealed *row = slot_of(c->rows, c->cap, key);
    if (row->key == key) {
        if (!tris_hash_eq(&row->root, root)) {
            sim_fail(h->sim, "I6: house %u seals two things at position %llu of log %u", h->no,
                     (unsigned long long)size, log);
        }
        return;
    }
    *row = (struct sealed){key, *root};
    if (++c->count > c->cap / 2) {
        grow(c);
    }
}

static void own_head(struct house *h, struct store_view *v, const struct store_log *log,
                     uint32_t number)
{
    struct check *c = h->sim->check;
    uint64_t at = c->registered[number];
    if (!log->has_seal) {
        return;
    }
    if (log->seal.size < at && h->recovering) {
        uint64_t key = (uint64_t)number << SIZE_BITS | log->seal.size;
        const struct sealed *row = slot_of(c->rows, c->cap, key);
        if (row->key != key || !tris_hash_eq(&row->root, &log->seal.root)) {
            sim_fail(h->sim, "I6: house %u seals log %u again at %llu, below the %llu that left it",
                     h->no, number, (unsigned long long)log->seal.size, (unsigned long long)at);
        }
        return;
    }
    if (log->seal.size < at) {
        sim_fail(h->sim, "I6: house %u comes back with %llu entries of log %u, %llu had left it",
                 h->no, (unsigned long long)log->seal.size, number, (unsigned long long)at);
    }
    while (at < log->seal.size) {
        struct seal seal;
        if (store_seal_covering(v, log->no, at, &seal) != TRIS_OK) {
            sim_fail(h->sim, "house %u: no seal covers entry %llu of its log %u", h->no,
                     (unsigned long long)at, number);
        }
        seal_leaves(h, number, seal.size, &seal.root);
        at = seal.size;
    }
    seal_leaves(h, number, log->seal.size, &log->seal.root);
    c->registered[number] = log->seal.size;
}

/* Membership says where the log ends: what was behind it is gone. */
static bool is_ended(const struct house *h, const struct store_log *log)
{
    return h->sim->plans != NULL && log->ends != STORE_END_NONE;
}

void check_head(struct house *h, struct store_view *v, const struct store_log *log)
{
    struct check *c = h->sim->check;
    uint32_t number = h->log_of[log->no];
    uint64_t *seen = &c->seen[(size_t)h->no * c->logs + number];
    uint64_t size = log->has_seal ? log->seal.size : 0;
    const uint32_t owner = house_log_owner(h->sim, number);
    bool trusted = !h->hostile && !h->sim->house[owner].hostile;
    if (!trusted) { /* forks and lies: what honest houses make of it is compared at the end */
        return;
    }
    if (is_ended(h, log)) {
        *seen = size;
        return;
    }
    struct history *history = check_history(c->clones, number);
    if (history != NULL) {
        check_clone_head(history, h, v, log);
    } else if (owner == h->no) {
        own_head(h, v, log, number);
    } else if (size > 0) {
        uint64_t key = (uint64_t)number << SIZE_BITS | size;
        const struct sealed *row = slot_of(c->rows, c->cap, key);
        if (row->key != key || !tris_hash_eq(&row->root, &log->seal.root)) {
            sim_fail(h->sim,
                     "I3: house %u holds %llu entries of log %u that its owner did not seal so",
                     h->no, (unsigned long long)size, number);
        }
    }
    if (size < *seen && !h->recovering && !check_is_cut(history, log)) {
        sim_fail(h->sim, "house %u held %llu entries of log %u, now %llu", h->no,
                 (unsigned long long)*seen, number, (unsigned long long)size);
    }
    *seen = size;
    sim_note(h->sim, (uint64_t)number << SIZE_BITS | size);
    sim_note_bytes(h->sim, log->has_seal ? log->seal.root.b : NULL, log->has_seal ? 32 : 0);
}

void check_started(struct house *h)
{
    struct store_view *v;
    if (h->recovering || h->hostile || h->no != h->who) {
        return; /* what a clone acknowledges ends with it */
    }
    if (store_view_begin(h->store, &v) != TRIS_OK) {
        sim_fail(h->sim, "house %u: a store that opened cannot be read", h->no);
    }
    for (int i = 0; i < HOUSE_TOPICS; i++) {
        const struct acked *acked = &h->acked[i];
        struct store_log log;
        struct tris_hash root;
        if (acked->size == 0) {
            continue;
        }
        if (i != TRIS_TOPIC_LOCAL && store_log_get(v, h->own_no[i], &log) == TRIS_OK &&
            (is_ended(h, &log) || check_is_cut(check_history(h->sim->check->clones,
                                                             house_own_log(h, (enum tris_topic)i)),
                                               &log))) {
            continue; /* what is behind the end became drafts: operator_check looks for them */
        }
        if (store_log_get(v, h->own_no[i], &log) != TRIS_OK || log.held < acked->size) {
            sim_fail(h->sim,
                     "I1: house %u: %llu entries of topic %d were acknowledged, %llu are there",
                     h->no, (unsigned long long)acked->size, i, (unsigned long long)log.held);
        }
        if (store_root_at(v, h->own_no[i], acked->size, &root) != TRIS_OK ||
            !tris_hash_eq(&root, &acked->root)) {
            sim_fail(h->sim,
                     "I1: house %u: the first %llu entries of topic %d are not those acknowledged",
                     h->no, (unsigned long long)acked->size, i);
        }
    }
    store_view_end(v);
}

/* ---- whom is blamed ---- */

void check_verdict(struct house *h, const struct work *w)
{
    uint32_t log = h->log_of[w->segment.log_no];
    const struct house *owner =
        log != SIM_NONE ? &h->sim->house[house_log_owner(h->sim, log)] : NULL;
    bool forks = owner != NULL &&
                 (owner->forks || owner->accused || check_parted(h->sim, log) != CHECK_ONE_HISTORY);
    bool bad = w->from_hostile || h->hostile || forks;
    if (!bad && tris_err_class(w->err) == TRIS_CLASS_PEER && w->err != TRIS_ERR_NOT_NEXT) {
        sim_fail(h->sim, "house %u refuses an honest segment (log %u from %llu, %u entries): %s",
                 h->no, w->segment.log_no, (unsigned long long)w->segment.first, w->segment.count,
                 tris_err_name(w->err));
    }
}

void check_claim(struct house *h, uint32_t log_no, uint64_t size, enum guard_relation relation)
{
    if (relation != GUARD_SAME && !h->accused && !h->recovering && !h->hostile &&
        !house_doubled(h)) {
        sim_fail(h->sim, "house %u: a peer claims %llu entries of its log %u: %s", h->no,
                 (unsigned long long)size, h->log_of[log_no],
                 relation == GUARD_LARGER ? "more than it holds" : "with another root");
    }
}

void check_alarm(struct house *h, enum guard_why why)
{
    bool cloned = house_doubled(h) && (why == GUARD_WHY_CLONE || check_has_parted(h));
    if (h->hostile || cloned) {
        return;
    }
    sim_fail(h->sim, "house %u: the guard's alarm, and there is no %s", h->no,
             why == GUARD_WHY_FORK ? "fork" : "clone");
}

void check_may_seal(struct house *h, bool sealed)
{
    if (sealed && !h->hostile && h->guard.alarm != GUARD_QUIET) {
        sim_fail(h->sim, "house %u seals under an alarm of its guard", h->no);
    }
}

/* What of this log has left its house. */
static uint64_t left_of(const struct check *c, uint32_t log)
{
    const struct history *history = check_history(c->clones, log);
    return history != NULL ? check_left(history).size : c->registered[log];
}

void check_forget(struct house *h)
{
    struct check *c = h->sim->check;
    h->acked[TRIS_TOPIC_LOCAL] = (struct acked){0};
    for (int topic = 0; topic < TRIS_TOPIC_LOCAL; topic++) {
        uint32_t number = house_log(h->no, (enum tris_topic)topic);
        uint64_t left = left_of(c, number);
        const struct history *history = check_history(c->clones, number);
        const struct sealed *row = slot_of(c->rows, c->cap, (uint64_t)number << SIZE_BITS | left);
        h->acked[topic] = history != NULL ? check_left(history) : (struct acked){left, row->root};
    }
}

bool check_all_hold(struct sim *sim, const struct house *h, const struct house *other)
{
    for (int topic = 0; topic < TRIS_TOPIC_LOCAL; topic++) {
        uint32_t number = house_log(h->no, (enum tris_topic)topic);
        if (sim->check->seen[(size_t)other->no * sim->check->logs + number] !=
            left_of(sim->check, number)) {
            return false;
        }
    }
    return other->up;
}

void check_fork(struct house *h, uint32_t log, uint64_t end)
{
    struct house *owner = &h->sim->house[house_log_owner(h->sim, log)];
    h->sim->census.forks++;
    if (!owner->forks && !owner->accused && check_parted(h->sim, log) != end) {
        sim_fail(h->sim, "house %u is proven a fork of log %u, whose owner signed none", h->no,
                 log);
    }
}

void check_doubled(struct house *h, struct house *clone)
{
    struct check *c = h->sim->check;
    for (int topic = 0; topic < TRIS_TOPIC_LOCAL; topic++) {
        struct store_view *v;
        struct store_log log;
        if (store_view_begin(h->store, &v) != TRIS_OK ||
            store_log_get(v, h->own_no[topic], &log) != TRIS_OK) {
            sim_fail(h->sim, "house %u: its store cannot be read", h->no);
        }
        struct history *history =
            check_history_new(c->clones, house_log(h->no, (enum tris_topic)topic));
        check_clone_head(history, h, v, &log);
        store_view_end(v);
        h->acked[topic] = (struct acked){log.has_seal ? log.seal.size : 0, log.seal.root};
        if (clone == NULL) {
            check_second_life(history);
        }
    }
    if (clone != NULL) {
        memset(&c->seen[(size_t)clone->no * c->logs], 0, c->logs * sizeof *c->seen);
    }
    h->doubled = true;
}

struct history *check_log_history(const struct sim *sim, uint32_t log)
{
    return check_history(sim->check->clones, log);
}

uint64_t check_parted(const struct sim *sim, uint32_t log)
{
    return check_parted_at(check_log_history(sim, log));
}

bool check_has_parted(const struct house *h)
{
    return check_parted(h->sim, house_log(h->who, TRIS_TOPIC_GOV)) != CHECK_ONE_HISTORY ||
           check_parted(h->sim, house_log(h->who, TRIS_TOPIC_DATA)) != CHECK_ONE_HISTORY;
}

void check_confirmed(struct house *h)
{
    if (h->hostile) {
        return;
    }
    for (int topic = 0; topic < TRIS_TOPIC_LOCAL; topic++) {
        const struct frontier_item *item = frontier_item(h->frontier, h->own_no[topic]);
        uint32_t log = house_own_log(h, (enum tris_topic)topic);
        const struct history *history = check_history(h->sim->check->clones, log);
        uint64_t left = history != NULL ? check_left_here(history, h) : left_of(h->sim->check, log);
        if (check_is_second(history)) { /* the rest is lost, or it comes back and is sealed again */
            h->acked[topic] = (struct acked){item->held, item->root};
        }
        const bool ended = h->sim->plans != NULL && frontier_item_ends(item);
        if (item->held < left && !ended) {
            sim_fail(h->sim,
                     "I6: house %u is content with %llu entries of topic %d, %llu had left it",
                     h->no, (unsigned long long)item->held, topic, (unsigned long long)left);
        }
    }
    h->recovering = false;
}

void check_end_reason(struct house *h, const struct conn *c, uint32_t end, enum tris_err reason,
                      bool by_peer)
{
    static const enum tris_err innocent[] = {TRIS_ERR_CLOSED, TRIS_ERR_TIMEOUT, TRIS_ERR_DUPLICATE,
                                             TRIS_ERR_GOODBYE, TRIS_ERR_STOPPING};
    /* what bits turned over on the way lead to; three times in a row, and the peer waits outside */
    static const enum tris_err flipped[] = {TRIS_ERR_DECRYPT,   TRIS_ERR_BAD_FRAME, TRIS_ERR_GATE,
                                            TRIS_ERR_HANDSHAKE, TRIS_ERR_TOO_LARGE, TRIS_ERR_BUSY};
    bool good = h->hostile || c->end[end].peer_hostile;
    for (size_t i = 0; i < sizeof innocent / sizeof innocent[0]; i++) {
        good = good || reason == innocent[i];
    }
    for (size_t i = 0; i < sizeof flipped / sizeof flipped[0]; i++) {
        good = good || (reason == flipped[i] && h->sim->profile.every_ms[FAULT_FLIP] != 0);
    }
    if (!good) {
        sim_fail(h->sim, "house %u ends its session with house %u: %s%s", h->no,
                 c->end[1 - end].house, tris_err_name(reason), by_peer ? " (the peer says)" : "");
    }
}
