/* Fork proofs in: those that the peer tells and those that it is asked for, the owner's verdict,
 * and when the requests about forks leave (what is asked below a proof is in session_probe.c). */
#include "proto/session_int.h"

#include <stdlib.h>

bool budget_left(const struct budget *budget, uint64_t now_ms, uint32_t limit)
{
    return now_ms - budget->since_ms >= SESSION_MINUTE_MS || budget->count < limit;
}

bool budget_take(struct budget *budget, uint64_t now_ms, uint32_t limit)
{
    if (now_ms - budget->since_ms >= SESSION_MINUTE_MS) {
        *budget = (struct budget){now_ms, 0};
    }
    if (budget->count >= limit) {
        return false;
    }
    budget->count++;
    return true;
}

/* Hands a proof to the owner; an empty one says that the log has to go back to `at`. False without
 * memory. */
bool fork_emit(struct session *s, uint32_t log_no, uint64_t at, struct span proof, bool here)
{
    uint8_t *bytes = NULL;
    if (proof.len > 0) {
        bytes = malloc(proof.len);
        if (bytes == NULL) {
            return false;
        }
        memcpy(bytes, proof.ptr, proof.len);
    }
    struct session_event event = {.type = SESSION_EV_FORK};
    event.fork = (struct session_fork){
        .log_no = log_no, .at = at, .bytes = bytes, .len = proof.len, .found_here = here};
    s->forks.waiting++;
    s->pull.learned = true;
    session_event_put(s, &event);
    return true;
}

/* ---- fork proofs in -------------------------------------------------------------------------- */

void fork_want(struct session *s, uint32_t log_no, bool said)
{
    struct forks *f = &s->forks;
    for (uint32_t i = 0; i < f->wants_count; i++) {
        if (f->wants[i].log_no == log_no) {
            f->wants[i].said = f->wants[i].said || said;
            return;
        }
    }
    for (uint32_t i = 0; i < f->open_count; i++) {
        if (f->open[i].want.log_no == log_no) {
            return;
        }
    }
    if (f->wants_count < SESSION_FORK_WANTS_MAX) { /* else the next comparison finds it */
        f->wants[f->wants_count++] = (struct fork_want){log_no, said};
    }
}

bool fork_end_open(const struct session *s, uint32_t log_no)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    return frontier_item_ends(item) && item->held < item->end;
}

/* Whether this log's proof was asked for, and because the peer had said that it has one; it is not
 * any more. */
static bool open_remove(struct session *s, uint32_t log_no, bool *said)
{
    struct forks *f = &s->forks;
    for (uint32_t i = 0; i < f->open_count; i++) {
        if (f->open[i].want.log_no == log_no) {
            *said = f->open[i].want.said;
            f->open[i] = f->open[--f->open_count];
            return true;
        }
    }
    return false;
}

static void heard_note(struct session *s, uint32_t log_no, uint64_t at)
{
    struct forks *f = &s->forks;
    uint32_t i = 0;
    while (i < f->heard_count && i < SESSION_FORK_HEARD_MAX && f->heard[i].log_no != log_no) {
        i++;
    }
    if (i == f->heard_count || i == SESSION_FORK_HEARD_MAX) {
        i = f->heard_count++ % SESSION_FORK_HEARD_MAX;
    }
    f->heard[i].log_no = log_no;
    f->heard[i].at = at;
}

static bool heard_has(const struct session *s, uint32_t log_no, uint64_t at)
{
    for (uint32_t i = 0; i < s->forks.heard_count && i < SESSION_FORK_HEARD_MAX; i++) {
        if (s->forks.heard[i].log_no == log_no && s->forks.heard[i].at == at) {
            return true;
        }
    }
    return false;
}

static void proof_read(struct session *s, const struct msg_fork_proof *m)
{
    struct forks *f = &s->forks;
    uint32_t log_no = session_find(s, &m->log);
    if (log_no == FRONTIER_NONE) {
        s->stats.unknown_logs++;
        return;
    }
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    bool said = false;
    const bool asked = open_remove(s, log_no, &said);
    s->stats.fork_proofs_in++;
    s->stats.round_trips += asked ? 1 : 0;
    if (m->proof.len == 0) {
        if (!asked || said) { /* it said that the log is forked */
            session_fail(s, asked ? TRIS_ERR_NO_PROOF : TRIS_ERR_UNEXPECTED);
        }
        return;
    }
    struct fork_proof proof;
    if (fork_proof_decode(m->proof, &proof) != TRIS_OK || !tris_log_id_eq(&proof.log, &item->id)) {
        session_fail(s, TRIS_ERR_BAD_PROOF);
        return;
    }
    if (f->probe != NULL && f->probe->log_no == log_no && proof.at < f->probe->size) {
        suspect_remove(s, log_no); /* it cannot answer any more */
    }
    heard_note(s, log_no, proof.at);
    const bool known =
        (item->flags & FRONTIER_FORKED) != 0 &&
        (proof.at > item->end ||
         (proof.at == item->end && tris_hash_cmp(&proof.root_at, &item->end_root) >= 0));
    const bool room = f->waiting < SESSION_FORK_OPEN_MAX &&
                      (asked || budget_take(&f->news, s->now_ms, SESSION_FORK_NEWS_PER_MINUTE));
    if (room && probe_proof_fits(s, log_no, m->proof, &proof) && !known &&
        !fork_emit(s, log_no, proof.at, m->proof, false)) {
        session_fail(s, TRIS_ERR_NO_MEMORY);
    }
    probe_next(s);
}

void fork_on_proof(struct session *s, const struct msg *m)
{
    proof_read(s, &m->fork_proof);
    pull_step(s);
}

/* ---- the owner ------------------------------------------------------------------------------- */

void session_fork_done(struct session *s, uint32_t log_no, enum tris_err result)
{
    if (s->state != SESSION_OPEN) {
        return;
    }
    tris_assert(s->forks.waiting > 0);
    s->forks.waiting--;
    suspect_cleared(s, log_no);
    if (result == TRIS_ERR_FORK) {
        fork_want(s, log_no, false);
    } else if (result != TRIS_OK && tris_err_class(result) == TRIS_CLASS_PEER) {
        session_fail(s, TRIS_ERR_BAD_PROOF);
        return;
    }
    probe_next(s);
    pull_step(s);
}

void session_fork_known(struct session *s, uint32_t log_no)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    if (s->state != SESSION_OPEN || item == NULL) {
        return;
    }
    segment_void(s, log_no);
    suspect_cleared(s, log_no);
    if (!heard_has(s, log_no, item->end)) {
        fork_tell(s, log_no);
    }
    probe_next(s);
    pull_step(s);
}

/* ---- time and requests ----------------------------------------------------------------------- */

void fork_tick(struct session *s)
{
    struct forks *f = &s->forks;
    if (f->probe != NULL && f->probe->sent &&
        s->now_ms - f->probe->asked_ms >= SESSION_FORK_ANSWER_MS) {
        session_fail(s, TRIS_ERR_TIMEOUT);
        return;
    }
    for (uint32_t i = 0; i < f->suspects_count;) {
        struct suspect *suspect = &f->suspects[i];
        if (suspect->state == SUSPECT_LEFT && s->now_ms >= suspect->until_ms) {
            suspect_cleared(s, suspect->log_no);
        } else {
            i++;
        }
    }
    for (uint32_t i = 0; i < f->open_count;) {
        if (s->now_ms - f->open[i].asked_ms >= SESSION_FORK_ANSWER_MS) {
            f->open[i] = f->open[--f->open_count];
        } else {
            i++;
        }
    }
    probe_next(s);
}

/* The earlier one, of those that are still to come. */
static void earlier(const struct session *s, uint64_t *at, uint64_t other_ms)
{
    if (other_ms > s->now_ms && other_ms < *at) {
        *at = other_ms;
    }
}

uint64_t fork_deadline(const struct session *s)
{
    const struct forks *f = &s->forks;
    uint64_t at = UINT64_MAX;
    if (f->probe != NULL) {
        earlier(s, &at,
                f->probe->sent ? f->probe->asked_ms + SESSION_FORK_ANSWER_MS
                               : f->hashes_asked.since_ms + SESSION_MINUTE_MS);
    }
    for (uint32_t i = 0; i < f->suspects_count; i++) {
        if (f->suspects[i].state == SUSPECT_LEFT) {
            earlier(s, &at, f->suspects[i].until_ms);
        }
    }
    for (uint32_t i = 0; i < f->open_count; i++) {
        earlier(s, &at, f->open[i].asked_ms + SESSION_FORK_ANSWER_MS);
    }
    if (f->wants_count > 0) {
        earlier(s, &at, f->forks_asked.since_ms + SESSION_MINUTE_MS);
    }
    if (f->asks_count > 0) {
        earlier(s, &at, f->retry_ms);
    }
    return at;
}

static bool probe_due(const struct session *s)
{
    const struct forks *f = &s->forks;
    return f->probe != NULL && !f->probe->sent &&
           budget_left(&f->hashes_asked, s->now_ms, SESSION_HASH_ASKED_PER_MINUTE);
}

static bool want_due(const struct session *s)
{
    const struct forks *f = &s->forks;
    return f->wants_count > 0 && f->open_count < SESSION_FORK_OPEN_MAX &&
           budget_left(&f->forks_asked, s->now_ms, SESSION_FORK_ASKED_PER_MINUTE);
}

bool fork_has_control(const struct session *s)
{
    return probe_due(s) || want_due(s);
}

static void probe_put(struct session *s, struct wbuf *w)
{
    struct fork_probe *probe = s->forks.probe;
    const struct tris_short log =
        tris_short_of(frontier_item(s->config.frontier, probe->log_no)->id.b);
    struct msg m = {.type = MSG_GET_CONSISTENCY};
    if (probe->descending) {
        const uint32_t down = probe->at.level - probe_level(probe);
        m.type = MSG_GET_NODES;
        m.get_nodes.log = log;
        m.get_nodes.level = probe_level(probe);
        m.get_nodes.index = probe->at.index << down;
        m.get_nodes.count = UINT64_C(1) << down;
    } else {
        m.get_consistency.log = log;
        m.get_consistency.first = probe->size;
    }
    (void)budget_take(&s->forks.hashes_asked, s->now_ms, SESSION_HASH_ASKED_PER_MINUTE);
    probe->sent = true;
    probe->asked_ms = s->now_ms;
    msg_encode(w, &m);
}

void fork_put_control(struct session *s, struct wbuf *w)
{
    struct forks *f = &s->forks;
    if (probe_due(s) && session_room(w) >= MSG_SMALL_BYTES_MAX) {
        probe_put(s, w);
    }
    while (want_due(s) && session_room(w) >= MSG_SMALL_BYTES_MAX) {
        const struct fork_want want = f->wants[--f->wants_count];
        struct msg m = {.type = MSG_GET_FORK};
        m.get_fork.log = tris_short_of(frontier_item(s->config.frontier, want.log_no)->id.b);
        (void)budget_take(&f->forks_asked, s->now_ms, SESSION_FORK_ASKED_PER_MINUTE);
        f->open[f->open_count++] = (struct fork_open){want, s->now_ms};
        msg_encode(w, &m);
    }
}
