/* Holes: entries that came in erased form although nobody erased them. Their payloads are asked for
 * when the end of a log is reached, one request at a time, and given to a peer that asks. What
 * comes is compared with the commitments behind the SEGMENT event, like everything that is
 * received. */
#include "proto/session_int.h"

#include <stdlib.h>

/* ---- asking ---------------------------------------------------------------------------------- */

bool hole_ask_begin(struct session *s, uint32_t log_no, uint64_t until)
{
    struct hole_ask *ask = &s->holes.ask;
    size_t count = 0;
    if (!budget_left(&s->holes.asked, s->now_ms, SESSION_HOLE_ASKED_PER_MINUTE)) {
        return false;
    }
    enum tris_err err =
        s->config.io->holes(s->config.io_ctx, log_no, until, ask->runs, MSG_RUNS_MAX, &count);
    tris_assert(count <= MSG_RUNS_MAX);
    if (err != TRIS_OK || count == 0) {
        return false; /* not readable now, or filled already: the next comparison looks again */
    }
    (void)budget_take(&s->holes.asked, s->now_ms, SESSION_HOLE_ASKED_PER_MINUTE);
    ask->open = true;
    ask->log_no = log_no;
    ask->count = (uint32_t)count;
    ask->run = 0;
    ask->at = ask->runs[0].first;
    ask->wanted = ask->got = 0;
    for (uint32_t i = 0; i < ask->count; i++) {
        ask->wanted += ask->runs[i].count;
    }
    return true;
}

void hole_ask_put(struct session *s, struct wbuf *w)
{
    const struct hole_ask *ask = &s->holes.ask;
    uint8_t rows[MSG_GET_HOLES_BYTES_MAX];
    struct wbuf list = wbuf_of(rows, sizeof rows);
    for (uint32_t i = 0; i < ask->count; i++) {
        msg_row_put(&list, MSG_ROW_run, &ask->runs[i]);
    }
    tris_assert(list.err == TRIS_OK);
    struct msg m = {.type = MSG_GET_HOLES};
    m.get_holes.log = tris_short_of(frontier_item(s->config.frontier, ask->log_no)->id.b);
    m.get_holes.runs = (struct msg_list){true, ask->count, wbuf_span(&list)};
    msg_encode(w, &m);
}

void hole_ask_end(struct session *s)
{
    s->holes.ask.open = false;
}

bool hole_ask_is_open(const struct session *s)
{
    return s->holes.ask.open;
}

bool hole_is_far(const struct frontier_item *item, uint64_t size)
{
    return item->whole < item->held && size - item->whole >= SESSION_HOLE_BEHIND_MAX;
}

bool hole_ask_was_met(const struct session *s)
{
    return s->holes.ask.got == s->holes.ask.wanted;
}

/* Was the payload of `seq` asked for, and none from there on given yet? */
static bool ask_takes(struct hole_ask *ask, uint64_t seq)
{
    if (seq < ask->at) {
        return false;
    }
    while (ask->run < ask->count && seq - ask->runs[ask->run].first >= ask->runs[ask->run].count) {
        ask->run++;
        if (ask->run < ask->count && seq < ask->runs[ask->run].first) {
            return false;
        }
    }
    if (ask->run == ask->count) {
        return false;
    }
    ask->at = seq + 1;
    ask->got++;
    return true;
}

static bool rows_are_asked(struct hole_ask *ask, const struct msg_list *list)
{
    struct rbuf r = rbuf_of(list->rows);
    for (uint32_t i = 0; i < list->count; i++) {
        struct msg_hole row;
        msg_row_get(&r, MSG_ROW_hole, &row);
        tris_assert(r.err == TRIS_OK); /* checked when the list was decoded */
        if (!ask_takes(ask, row.seq)) {
            return false;
        }
    }
    return true;
}

void hole_on_holes(struct session *s, const struct msg *m)
{
    struct hole_ask *ask = &s->holes.ask;
    const struct msg_list *list = &m->holes.items;
    struct fetch *fetch = ask->open ? pull_fetch(s, ask->log_no) : NULL;
    if (fetch == NULL || fetch->kind != WANT_HOLES || !fetch->requested || fetch->ended ||
        frontier_find(s->config.frontier, &m->holes.log) != ask->log_no) {
        session_fail(s, TRIS_ERR_UNEXPECTED);
        return;
    }
    if (list->count == 0 && m->holes.more != 0) {
        session_fail(s, TRIS_ERR_BAD_VALUE); /* would be free of charge */
        return;
    }
    if (list->rows.len > s->pull.credit_left) {
        session_fail(s, TRIS_ERR_CREDIT);
        return;
    }
    if (!rows_are_asked(ask, list)) {
        session_fail(s, TRIS_ERR_UNEXPECTED);
        return;
    }
    s->pull.credit_left -= list->rows.len;
    pull_progress(s, fetch, list->rows.len);
    if (list->count > 0 && !segment_emit_filling(s, ask->log_no, list)) {
        return;
    }
    if (m->holes.more == 0) {
        fetch->ended = true;
        s->stats.round_trips++;
        pull_step(s);
    }
}

/* ---- giving ---------------------------------------------------------------------------------- */

/* Ascending, apart, not too many together. */
static bool runs_read(struct hole_serve *serve, const struct msg_list *list)
{
    struct rbuf r = rbuf_of(list->rows);
    uint64_t next = 0;
    uint64_t entries = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct msg_run *run = &serve->runs[i];
        msg_row_get(&r, MSG_ROW_run, run);
        tris_assert(r.err == TRIS_OK); /* checked when the list was decoded */
        entries += run->count;
        if (run->count == 0 || run->first < next || run->first > UINT64_MAX - run->count ||
            entries > TRIS_SEAL_SPACING_MAX) {
            return false;
        }
        next = run->first + run->count;
    }
    serve->count = list->count;
    return list->count > 0;
}

void hole_on_get_holes(struct session *s, const struct msg *m)
{
    struct hole_serve *serve = &s->holes.serve;
    if (serve->open || !budget_take(&s->holes.asks, s->now_ms, SESSION_HOLE_ASKS_PER_MINUTE)) {
        session_fail(s, TRIS_ERR_FLOOD);
        return;
    }
    if (!runs_read(serve, &m->get_holes.runs)) {
        session_fail(s, TRIS_ERR_BAD_VALUE);
        return;
    }
    serve->open = true;
    serve->log = m->get_holes.log;
    serve->log_no = frontier_find(s->config.frontier, &serve->log);
    serve->run = 0;
    serve->at = serve->runs[0].first;
}

static void serve_next(struct hole_serve *serve)
{
    const struct msg_run *run = &serve->runs[serve->run];
    serve->at++;
    if (serve->at == run->first + run->count) {
        serve->run++;
        serve->at = serve->run < serve->count ? serve->runs[serve->run].first : 0;
    }
}

/* Rows until the list is full. What is not here is left out: somebody else may have it. */
static uint32_t rows_put(struct session *s, struct wbuf *rows)
{
    struct hole_serve *serve = &s->holes.serve;
    const struct frontier_item *item = frontier_item(s->config.frontier, serve->log_no);
    uint32_t count = 0;
    while (serve->run < serve->count && count < TRIS_CONTAINER_ITEMS_MAX) {
        enum tris_err err = TRIS_ERR_NOT_FOUND;
        if (item != NULL && serve->at < item->held) { /* own unsealed ones are nobody's business */
            err = s->config.io->hole(s->config.io_ctx, serve->log_no, serve->at, rows);
        }
        if (err == TRIS_ERR_NO_SPACE) {
            break;
        }
        count += err == TRIS_OK;
        serve_next(serve);
    }
    return count;
}

bool hole_has_data(const struct session *s)
{
    return s->holes.serve.open && s->serve.credit >= MSG_HOLE_BYTES_MAX;
}

void hole_put_data(struct session *s, struct wbuf *w)
{
    struct hole_serve *serve = &s->holes.serve;
    uint8_t bytes[FRAME_PLAIN_BYTES_MAX];
    size_t room = session_room(w);
    if (!hole_has_data(s) || room < MSG_HOLES_OVERHEAD_MAX + MSG_HOLE_BYTES_MAX) {
        return;
    }
    room -= MSG_HOLES_OVERHEAD_MAX;
    struct wbuf rows = wbuf_of(bytes, room < s->serve.credit ? room : (size_t)s->serve.credit);
    struct msg m = {.type = MSG_HOLES};
    m.holes.log = serve->log;
    m.holes.items.present = true;
    m.holes.items.count = rows_put(s, &rows);
    tris_assert(rows.err == TRIS_OK);
    m.holes.items.rows = wbuf_span(&rows);
    m.holes.more = serve->run < serve->count ? 1 : 0;
    serve->open = m.holes.more != 0;
    s->serve.credit -= rows.len;
    s->stats.holes_out += m.holes.items.count;
    msg_encode(w, &m);
}
