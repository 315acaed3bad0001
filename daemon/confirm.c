/* Feeds the restore guard and carries out what it decides; see confirm.h. */
#include "daemon/confirm.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/conn.h"
#include "daemon/ctl_in.h"
#include "daemon/daemon.h"
#include "proto/assert.h"

static enum guard_log guard_log_of(const struct daemon *d, uint32_t log_no)
{
    return log_no == d->gov_no ? GUARD_GOV : GUARD_DATA;
}

static uint32_t log_no_of(const struct daemon *d, enum guard_log log)
{
    return log == GUARD_GOV ? d->gov_no : d->data_no;
}

static bool is_guarded(const struct daemon *d, uint32_t log_no)
{
    return log_no != LOG_NO_NONE && (log_no == d->gov_no || log_no == d->data_no);
}

static const char *proven_key(enum guard_log log)
{
    return log == GUARD_GOV ? CONFIRM_PROVEN "gov" : CONFIRM_PROVEN "data";
}

/* ---- what outlives the process ---- */

static void setting_done(struct daemon *d, void *ctx, enum tris_err err,
                         const struct writer_result *results, size_t count)
{
    (void)ctx;
    (void)results;
    (void)count;
    if (err != TRIS_OK) { /* it holds in this process; the next one has to find it out again */
        LOG(&d->log, LOG_WARN, "guard_not_noted", log_text("error", tris_err_name(err)));
    }
}

static void setting_put(struct daemon *d, const char *key, const char *value)
{
    struct writer_op op = {
        .type = WRITER_SETTING, .key = span_str(key), .payload = span_str(value)};
    struct writer_group group = {.ops = &op, .count = 1, .done = setting_done};
    enum tris_err err = writer_submit(d->writer, &group);
    if (err != TRIS_OK) {
        setting_done(d, NULL, err, NULL, 0);
    }
}

static enum guard_alarm alarm_of(struct span value)
{
    if (span_eq(value, span_str("fork"))) {
        return GUARD_FORK;
    }
    return value.len > 0 ? GUARD_CLONE : GUARD_QUIET;
}

static uint64_t number_of(struct span value)
{
    char text[24];
    span_copy(value, text, sizeof text);
    return strtoull(text, NULL, 10);
}

static enum guard_doubt doubt_of(enum tris_err mark)
{
    if (mark == TRIS_OK) {
        return GUARD_SURE;
    }
    if (mark == TRIS_ERR_MARK_AHEAD) {
        return GUARD_MARK_AHEAD;
    }
    return mark == TRIS_ERR_MARK_FOREIGN ? GUARD_MARK_FOREIGN : GUARD_MARK_MISSING;
}

static uint64_t others_of(const struct daemon *d)
{
    bool own = d->own_index != UINT32_MAX && member_is_active(&d->members.list[d->own_index]);
    return d->members.active - (own ? 1 : 0);
}

enum tris_err confirm_load(struct daemon *d, enum tris_err mark, const char *detail)
{
    struct confirm *f = &d->confirm;
    struct store_view *v;
    struct span value;
    enum tris_err err = daemon_view(d, &v);
    if (err != TRIS_OK) {
        return err;
    }
    struct guard_config config = {.others = others_of(d),
                                  .wait_ms = d->config.guard_wait_ms,
                                  .alone_ms = d->config.guard_alone_ms,
                                  .doubt = doubt_of(mark)};
    if (d->role == TRIS_ROLE_OBSERVER) { /* has nothing to seal */
        config.others = 0;
        config.doubt = GUARD_SURE;
    }
    (void)snprintf(f->detail, sizeof f->detail, "%s",
                   config.doubt == GUARD_SURE ? ""
                   : detail[0] != '\0'        ? detail
                                              : tris_err_text(mark));
    if (store_setting_get(v, CONFIRM_ACCEPTED, &value) == TRIS_OK) {
        config.accepted = span_eq(value, span_str(f->detail));
    }
    if (store_setting_get(v, CONFIRM_ALARM, &value) == TRIS_OK) {
        config.alarm = alarm_of(value);
    }
    for (int i = 0; i < GUARD_LOGS; i++) {
        if (store_setting_get(v, proven_key((enum guard_log)i), &value) == TRIS_OK) {
            config.proven[i] = number_of(value);
        }
    }
    store_view_end(v);
    guard_init(&f->guard, &config, uv_now(&d->loop));
    guard_rotates(&f->guard, d->epoch.waits);
    f->told = GUARD_READY;
    f->ready = guard_may_seal(&f->guard);
    atomic_store(&f->may_seal, f->ready);
    atomic_store(&f->mark_doubtful, config.doubt != GUARD_SURE);
    return TRIS_OK;
}

/* ---- what follows from a change ---- */

static void on_timer(uv_timer_t *timer);

static void schedule(struct daemon *d)
{
    struct confirm *f = &d->confirm;
    uint64_t at = guard_deadline(&f->guard), now = uv_now(&d->loop);
    if (at == UINT64_MAX) {
        uv_timer_stop(&f->timer);
    } else {
        uv_timer_start(&f->timer, on_timer, at > now ? at - now : 1, 0);
    }
}

static void open_tails(struct daemon *d)
{
    struct confirm *f = &d->confirm;
    bool any = false;
    for (int i = 0; i < GUARD_LOGS; i++) {
        uint64_t until = guard_want_tail(&f->guard, (enum guard_log)i);
        uint32_t log_no = log_no_of(d, (enum guard_log)i);
        struct frontier_item *item = frontier_item_mut(d->frontier, log_no);
        any = any || until > 0;
        if (item != NULL && item->tail != until) {
            item->tail = until;
            atomic_store(&f->tail_open, true); /* before entries can come */
            overlay_own_tail(d->overlay, log_no);
        }
    }
    atomic_store(&f->tail_open, any);
}

static void tell(struct daemon *d, enum guard_why why)
{
    struct confirm *f = &d->confirm;
    bool bad = why == GUARD_WHY_CLONE || why == GUARD_WHY_FORK || why == GUARD_WHY_ACCEPT;
    if (why == f->told) {
        return;
    }
    if (why == GUARD_WHY_CLONE || why == GUARD_WHY_FORK) {
        setting_put(d, CONFIRM_ALARM, why == GUARD_WHY_FORK ? "fork" : "clone");
    }
    f->told = why;
    LOG(&d->log, bad ? LOG_ERROR : LOG_INFO, "guard", log_text("state", confirm_name(why)),
        log_text("reason", confirm_text(d)), log_text("next", confirm_next(d)));
}

/* ---- drafts: what the tail has pushed aside is written again ---- */

static void drafts_from(struct daemon *d, uint64_t after);

static void drafts_done(struct daemon *d, void *ctx, enum tris_err err,
                        const struct writer_result *results, size_t count)
{
    (void)ctx;
    if (err == TRIS_OK && count == 1 && results[0].change == WRITER_REJECTED) {
        err = results[0].err;
    }
    if (err != TRIS_OK) {
        d->confirm.drafts_due = true; /* at the next change, or the next start */
        LOG(&d->log, LOG_WARN, "drafts_not_written", log_text("error", tris_err_name(err)));
    } else if (count == 1 && results[0].change == WRITER_CHANGED) {
        drafts_from(d, results[0].seq);
    } else if (count == 1 && results[0].seq > 0) {
        LOG(&d->log, LOG_WARN, "drafts_written", log_number("last", results[0].seq),
            log_text("next", "tris draft list"));
    }
}

static void drafts_from(struct daemon *d, uint64_t after)
{
    struct writer_op op = {.type = WRITER_DRAFTS, .base_seq = after};
    struct writer_group group = {.ops = &op, .count = 1, .done = drafts_done};
    enum tris_err err = writer_submit(d->writer, &group);
    if (err != TRIS_OK) {
        drafts_done(d, NULL, err, NULL, 0);
    }
}

/* Ready: from now on own entries are sealed, and the mark speaks of this store again. */
static void set_ready(struct daemon *d, bool ready)
{
    struct confirm *f = &d->confirm;
    if (f->ready == ready) {
        return;
    }
    f->ready = ready;
    if (ready) {
        atomic_store(&f->mark_doubtful, false);
        if (f->detail[0] != '\0') { /* the mark is written anew: what was decided is over */
            f->detail[0] = '\0';
            setting_put(d, CONFIRM_ACCEPTED, "");
        }
    }
    atomic_store(&f->may_seal, ready);
    if (ready) {
        writer_confirmed(d->writer);
    }
}

static void update(struct daemon *d)
{
    struct confirm *f = &d->confirm;
    if (!f->open || atomic_load(&d->stopping)) {
        return;
    }
    open_tails(d);
    if (atomic_load(&f->tail_open)) {
        f->drafts_due = true;
    } else if (f->drafts_due) {
        f->drafts_due = false;
        drafts_from(d, 0);
    }
    enum guard_why why = guard_why(&f->guard);
    set_ready(d, why == GUARD_READY);
    tell(d, why);
    schedule(d);
}

static void on_timer(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    guard_tick(&d->confirm.guard, uv_now(&d->loop));
    update(d);
}

static bool drafts_wait(struct daemon *d)
{
    struct store_view *v;
    struct store_draft draft;
    uint64_t no = 0;
    bool any = false;
    if (daemon_view(d, &v) != TRIS_OK) {
        return false;
    }
    while (!any && store_draft_next(v, &no, &draft) == TRIS_OK) {
        any = draft.state == DRAFT_WAITING;
    }
    store_view_end(v);
    return any;
}

void confirm_open(struct daemon *d)
{
    int rc = uv_timer_init(&d->loop, &d->confirm.timer);
    tris_assert(rc == 0);
    d->confirm.timer.data = d;
    d->confirm.open = true;
    d->confirm.drafts_due = drafts_wait(d); /* a former process may have ended in between */
    for (int i = 0; i < GUARD_LOGS; i++) {
        const struct frontier_item *item =
            frontier_item(d->frontier, log_no_of(d, (enum guard_log)i));
        if (item != NULL) {
            guard_advanced(&d->confirm.guard, (enum guard_log)i, item->whole, false);
            if (frontier_item_ends(item)) { /* what was proven behind it is void */
                guard_ends(&d->confirm.guard, (enum guard_log)i, item->end);
            }
        }
    }
    if (d->confirm.ready && atomic_load(&d->confirm.mark_doubtful)) { /* accepted, and alone */
        atomic_store(&d->confirm.mark_doubtful, false);
        writer_confirmed(d->writer);
    }
    update(d);
}

void confirm_close(struct daemon *d)
{
    if (d->confirm.open) {
        d->confirm.open = false;
        uv_close((uv_handle_t *)&d->confirm.timer, NULL);
    }
}

/* ---- what sessions tell ---- */

/* False: the store could not be read now. */
static bool relation_of(struct daemon *d, uint32_t log_no, uint64_t size,
                        const struct tris_short *root, enum guard_relation *out)
{
    const struct frontier_item *item = frontier_item(d->frontier, log_no);
    struct store_view *v;
    struct tris_hash ours;
    if (size > item->whole || size == 0) {
        *out = size > 0 ? GUARD_LARGER : GUARD_SAME;
        return true;
    }
    if (size == item->whole) {
        ours = item->root;
    } else {
        enum tris_err err = daemon_view(d, &v);
        if (err == TRIS_OK) {
            err = store_root_at(v, log_no, size, &ours);
            store_view_end(v);
        }
        if (err != TRIS_OK) {
            return false;
        }
    }
    struct tris_short cut = tris_short_of(ours.b);
    *out = tris_short_eq(&cut, root) ? GUARD_SAME : GUARD_OTHER;
    return true;
}

/* Of an own log that has ended nothing behind the end counts any more. */
static bool is_behind_end(const struct daemon *d, uint32_t log_no, uint64_t size)
{
    const struct frontier_item *item = frontier_item(d->frontier, log_no);
    return item != NULL && frontier_item_ends(item) && size > item->end;
}

void confirm_claim(struct daemon *d, struct conn *c, uint32_t log_no, uint64_t size,
                   const struct tris_short *root)
{
    struct confirm *f = &d->confirm;
    if (!f->open || !is_guarded(d, log_no) || conn_peer(c) == UINT32_MAX ||
        is_behind_end(d, log_no, size)) {
        return;
    }
    enum guard_relation relation;
    if (!relation_of(d, log_no, size, root, &relation)) {
        relation = GUARD_OTHER; /* not known to agree: it is asked for its seal */
    }
    if (guard_claim(&f->guard, conn_guard(c), guard_log_of(d, log_no), relation,
                    uv_now(&d->loop))) {
        session_own_probe(conn_session(c), log_no, size);
    }
    update(d);
}

void confirm_told(struct daemon *d, struct conn *c)
{
    if (d->confirm.open && conn_peer(c) != UINT32_MAX) {
        guard_told(&d->confirm.guard, conn_guard(c), uv_now(&d->loop));
        update(d);
    }
}

void confirm_equal(struct daemon *d, struct conn *c)
{
    if (d->confirm.open && conn_peer(c) != UINT32_MAX) {
        guard_equal(&d->confirm.guard, conn_guard(c), uv_now(&d->loop));
        update(d);
    }
}

/* A seal of an own log from `peer`; session 0: out of a file. */
static void seal_shown(struct daemon *d, struct guard_peer *peer, uint64_t session, uint32_t log_no,
                       const struct seal *seal)
{
    struct confirm *f = &d->confirm;
    const struct frontier_item *item = frontier_item(d->frontier, log_no);
    if (!f->open || !is_guarded(d, log_no) || is_behind_end(d, log_no, seal->size)) {
        return;
    }
    if (seal_verify(seal, &item->ref.seal_key) != TRIS_OK) {
        LOG(&d->log, LOG_WARN, "claim_not_proven", log_number("log", log_no),
            log_number("session", session), log_number("size", seal->size));
        return;
    }
    enum guard_log log = guard_log_of(d, log_no);
    struct tris_short root = tris_short_of(seal->root.b);
    enum guard_relation relation;
    if (!relation_of(d, log_no, seal->size, &root, &relation)) {
        return; /* proves nothing as long as it cannot be compared: the peer just does not count */
    }
    uint64_t before = f->guard.proven[log];
    guard_proof(&f->guard, peer, log, seal->size, relation, uv_now(&d->loop));
    if (f->guard.proven[log] > before) {
        char text[24];
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)f->guard.proven[log]);
        setting_put(d, proven_key(log), text);
        LOG(&d->log, LOG_WARN, "own_log_behind", log_number("log", log_no),
            log_number("they_hold", seal->size), log_number("we_hold", item->held),
            log_text("next", "it is fetched back; what was written since is written again"));
    }
    update(d);
}

void confirm_seal(struct daemon *d, struct conn *c, uint32_t log_no, const struct seal *seal)
{
    if (conn_peer(c) != UINT32_MAX) {
        seal_shown(d, conn_guard(c), conn_session_no(c), log_no, seal);
    }
}

void confirm_file_seal(struct daemon *d, uint32_t log_no, const struct seal *seal)
{
    struct guard_peer nobody; /* has not told all that it holds: does not count as a house */
    guard_peer_init(&nobody, &d->own);
    seal_shown(d, &nobody, 0, log_no, seal);
}

void confirm_advanced(struct daemon *d, uint32_t log_no, uint64_t size, bool by_us)
{
    struct confirm *f = &d->confirm;
    char detail[CONFIRM_DETAIL_BYTES];
    if (!f->open || !is_guarded(d, log_no)) {
        return;
    }
    guard_advanced(&f->guard, guard_log_of(d, log_no), size, by_us);
    if (!by_us && f->guard.config.doubt == GUARD_MARK_AHEAD && !f->guard.mark_back &&
        store_mark_check(d->store, detail, sizeof detail) == TRIS_OK) {
        guard_mark_is_back(&f->guard);
        atomic_store(&f->mark_doubtful, false);
        f->detail[0] = '\0';
    }
    update(d);
}

void confirm_fork(struct daemon *d, uint32_t log_no)
{
    guard_fork(&d->confirm.guard);
    const struct frontier_item *item = frontier_item(d->frontier, log_no);
    if (is_guarded(d, log_no) && item != NULL) {
        guard_ends(&d->confirm.guard, guard_log_of(d, log_no), item->end);
    }
    update(d);
}

void confirm_ends(struct daemon *d, uint32_t log_no)
{
    const struct frontier_item *item = frontier_item(d->frontier, log_no);
    if (is_guarded(d, log_no) && item != NULL && frontier_item_ends(item)) {
        guard_ends(&d->confirm.guard, guard_log_of(d, log_no), item->end);
    }
    update(d);
}

void confirm_clone(struct daemon *d)
{
    guard_clone(&d->confirm.guard);
    update(d);
}

void confirm_members(struct daemon *d)
{
    if (d->role != TRIS_ROLE_OBSERVER) {
        guard_others(&d->confirm.guard, others_of(d));
        guard_rotates(&d->confirm.guard, d->epoch.waits);
        update(d);
    }
}

/* ---- a person's decisions ---- */

enum tris_err confirm_accept_loss(struct daemon *d)
{
    struct confirm *f = &d->confirm;
    if (!guard_doubtful(&f->guard)) {
        return TRIS_ERR_EXISTS;
    }
    setting_put(d, CONFIRM_ACCEPTED, f->detail);
    guard_accept_loss(&f->guard);
    LOG(&d->log, LOG_WARN, "loss_accepted", log_text("mark", f->detail));
    update(d);
    return TRIS_OK;
}

enum tris_err confirm_end_alarm(struct daemon *d)
{
    struct confirm *f = &d->confirm;
    if (f->guard.alarm == GUARD_QUIET) {
        return TRIS_ERR_EXISTS;
    }
    setting_put(d, CONFIRM_ALARM, "");
    LOG(&d->log, LOG_WARN, "alarm_ended", log_text("alarm", confirm_name(guard_why(&f->guard))));
    guard_end_alarm(&f->guard, uv_now(&d->loop));
    update(d);
    overlay_greet_again(d->overlay); /* everybody is to say anew what it holds */
    return TRIS_OK;
}

/* ---- looking ---- */

bool confirm_ready(const struct daemon *d)
{
    return d->confirm.ready;
}

bool confirm_is_open(const struct daemon *d, uint32_t log_no, uint64_t seq)
{
    const struct frontier_item *item = frontier_item(d->frontier, log_no);
    return !d->confirm.ready && item != NULL && item->own && seq >= item->held;
}
