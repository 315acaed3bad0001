/* What lets a house join: the charter, told to whoever may hold a session, and the own house lines
 * ("cards") of a candidate and of whom it dials, told to each other. */
#include "proto/session_int.h"

#include <stdlib.h>

/* ---- cards ---- */

/* The peer's own line: with the key that it has just proven to hold, or, of a member, with those
 * that it asks to be endorsed. Who has not heard of an admission yet tells the one where the other
 * is expected: *meant is false. */
static enum tris_err card_check(const struct session *s, struct span text, bool *meant)
{
    struct house_line line;
    enum tris_err err = house_line_parse(text, &line);
    if (err != TRIS_OK) {
        return err;
    }
    const bool proven = tris_dh_pub_eq(&line.transport, &s->peer_transport);
    *meant = s->level == SESSION_FULL ? line.epoch > 0 : proven;
    return (proven || line.epoch > 0) && tris_house_id_eq(&line.id, &s->peer) ? TRIS_OK
                                                                              : TRIS_ERR_WRONG_KEY;
}

void join_on_card(struct session *s, const struct msg *m)
{
    struct join *j = &s->join;
    if (j->card_in) {
        session_fail(s, TRIS_ERR_UNEXPECTED); /* a signature check each */
        return;
    }
    bool meant = false;
    enum tris_err err = card_check(s, m->card.line, &meant);
    if (err == TRIS_OK && !meant) {
        j->card_in = true;
        return;
    }
    char *text = err == TRIS_OK ? malloc(m->card.line.len + 1) : NULL;
    if (err == TRIS_OK && text == NULL) {
        err = TRIS_ERR_NO_MEMORY;
    }
    if (err != TRIS_OK) {
        session_fail(s, err);
        return;
    }
    memcpy(text, m->card.line.ptr, m->card.line.len);
    text[m->card.line.len] = '\0';
    j->card_in = true;
    j->card_due = j->card_due || (!s->config.initiator && s->level == SESSION_GOV);
    struct session_event event = {.type = SESSION_EV_CARD};
    event.card.text = text;
    session_event_put(s, &event);
}

static void card_put(struct session *s, struct wbuf *w)
{
    struct msg m = {.type = MSG_CARD};
    m.card.line = s->level == SESSION_FULL ? s->config.next_card : s->config.card;
    if (m.card.line.len > 0) {
        msg_encode(w, &m);
    }
    s->join.card_due = false;
}

/* ---- charter ---- */

void session_get_charter(struct session *s, uint64_t offset)
{
    tris_assert(offset <= TRIS_CHARTER_BYTES_MAX);
    s->join.charter_ask_due = true;
    s->join.charter_open = false;
    s->join.charter_ask = offset;
}

void join_on_charter(struct session *s, const struct msg *m)
{
    struct join *j = &s->join;
    const struct msg_charter *c = &m->charter;
    if (!j->charter_open || c->offset != j->charter_ask || c->offset > c->total ||
        c->text.len > c->total - c->offset || (c->text.len == 0 && c->offset < c->total)) {
        session_fail(s, j->charter_open ? TRIS_ERR_BAD_VALUE : TRIS_ERR_UNEXPECTED);
        return;
    }
    struct session_event event = {.type = SESSION_EV_CHARTER};
    event.charter.offset = c->offset;
    event.charter.total = c->total;
    event.charter.len = c->text.len;
    if (c->text.len > 0) {
        event.charter.bytes = malloc(c->text.len);
        if (event.charter.bytes == NULL) {
            session_fail(s, TRIS_ERR_NO_MEMORY);
            return;
        }
        memcpy(event.charter.bytes, c->text.ptr, c->text.len);
    }
    j->charter_open = false;
    s->stats.round_trips++;
    session_event_put(s, &event);
}

void join_on_get_charter(struct session *s, const struct msg *m)
{
    struct join *j = &s->join;
    if (!budget_take(&j->asks, s->now_ms, SESSION_CHARTERS_PER_MINUTE)) {
        session_fail(s, TRIS_ERR_FLOOD);
        return;
    }
    j->charter_due = true; /* a newer question takes the place of one that waits */
    j->charter_offset = m->get_charter.offset;
}

static void charter_put(struct session *s, struct wbuf *w)
{
    struct join *j = &s->join;
    struct span text = span_of(NULL, 0);
    if (s->config.io->charter == NULL ||
        s->config.io->charter(s->config.io_ctx, &text) != TRIS_OK) {
        text.len = 0;
    }
    tris_assert(text.len <= TRIS_CHARTER_BYTES_MAX);
    uint64_t offset = j->charter_offset < text.len ? j->charter_offset : text.len;
    size_t left = text.len - (size_t)offset;
    struct msg m = {.type = MSG_CHARTER};
    m.charter.offset = offset;
    m.charter.total = text.len;
    m.charter.text = span_of(text.len > 0 ? text.ptr + offset : NULL,
                             left < MSG_CHARTER_TEXT_BYTES ? left : MSG_CHARTER_TEXT_BYTES);
    msg_encode(w, &m);
    j->charter_due = false;
}

/* ---- frames out ---- */

bool join_has_control(const struct session *s)
{
    const struct join *j = &s->join;
    return j->card_due || j->charter_ask_due || j->charter_due;
}

void join_put_control(struct session *s, struct wbuf *w)
{
    struct join *j = &s->join;
    if (j->card_due && session_room(w) >= MSG_CARD_BYTES_MAX) {
        card_put(s, w);
    }
    if (j->charter_ask_due && session_room(w) >= MSG_SMALL_BYTES_MAX) {
        struct msg m = {.type = MSG_GET_CHARTER};
        m.get_charter.offset = j->charter_ask;
        msg_encode(w, &m);
        j->charter_ask_due = false;
        j->charter_open = true;
    }
    if (j->charter_due && session_room(w) >= MSG_CHARTER_BYTES_MAX) {
        charter_put(s, w);
    }
}
