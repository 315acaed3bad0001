/* What hostile houses do; see hostile.h. */
#include "tests/sim/hostile.h"

#include <stdlib.h>

#include "proto/assert.h"
#include "proto/msg.h"
#include "proto/session_int.h"
#include "tests/sim/member.h"
#include "tests/sim/net.h"
#include "tests/sim/operator.h"

enum {
    ACT_MS = 3 * SIM_HOUR_MS,
    GARBAGE_BYTES_MAX = 4096,
    FLOOD_FRAMES = 300,
    FLOOD_ENTRIES = 800,
    FAR_YEARS_MS_SHIFT = 42, /* about 139 years */
    ACT_OPENED = 1,          /* EVENT_HOSTILE, b */
};

static struct rng *chance(struct house *h)
{
    return &h->sim->rng[STREAM_HOSTILE];
}

/* An open session of this house; NULL: it has none. */
static struct end *any_end(struct house *h, uint32_t *no, uint32_t *k)
{
    uint32_t count = net_count(h->sim);
    uint32_t start = (uint32_t)rng_below(chance(h), count);
    for (uint32_t i = 0; i < count; i++) {
        *no = (start + i) % count;
        struct conn *c = net_conn(h->sim, *no);
        for (*k = 0; c != NULL && *k < 2; ++*k) {
            struct end *e = &c->end[*k];
            if (e->house == h->no && e->open && !e->over && e->session != NULL &&
                session_state(e->session) == SESSION_OPEN) {
                return e;
            }
        }
    }
    return NULL;
}

/* ---- bytes that the session would not send ---- */

static bool act_garbage(struct house *h)
{
    uint8_t bytes[GARBAGE_BYTES_MAX];
    uint32_t no, k;
    size_t len = rng_scale(chance(h), sizeof bytes);
    if (any_end(h, &no, &k) == NULL) {
        return false;
    }
    rng_bytes(chance(h), bytes, len);
    net_inject(h->sim, no, k, bytes, len);
    return true;
}

/* A frame of the session's own cipher around any plain text. */
static void inject_frame(struct house *h, uint32_t no, uint32_t k, struct span plain)
{
    uint8_t frame[FRAME_LENGTH_BYTES + TRIS_FRAME_BYTES_MAX];
    struct end *e = &net_conn(h->sim, no)->end[k];
    struct wbuf w = wbuf_of(frame, sizeof frame);
    wbuf_u16(&w, (uint16_t)(plain.len + TRIS_AEAD_TAG_BYTES));
    memcpy(frame + FRAME_LENGTH_BYTES, plain.ptr, plain.len);
    if (noise_encrypt(&e->session->transport.send, span_of(frame + FRAME_LENGTH_BYTES, plain.len),
                      frame + FRAME_LENGTH_BYTES) == TRIS_OK) {
        net_inject(h->sim, no, k, frame, FRAME_LENGTH_BYTES + plain.len + TRIS_AEAD_TAG_BYTES);
    }
}

static struct msg_list any_row(enum msg_row_type type, const void *row,
                               uint8_t bytes[MSG_SMALL_BYTES_MAX])
{
    struct wbuf w = wbuf_of(bytes, MSG_SMALL_BYTES_MAX);
    msg_row_put(&w, type, row);
    return (struct msg_list){true, 1, wbuf_span(&w)};
}

static void any_message(struct house *h, struct wbuf *w)
{
    struct rng *rng = chance(h);
    const struct frontier_item *item =
        frontier_item(h->frontier, (uint32_t)rng_below(rng, frontier_count(h->frontier)));
    struct tris_short log = {0};
    if (item != NULL) {
        log = tris_short_of(item->id.b);
    }
    uint64_t one = rng_scale(rng, UINT64_MAX / 2), two = rng_scale(rng, UINT64_MAX / 2);
    uint8_t row[MSG_SMALL_BYTES_MAX];
    struct msg m = {0};
    switch (rng_below(rng, 10)) {
    case 0:
        m.type = MSG_GET_RANGE;
        m.get_range.log = log;
        m.get_range.first = one;
        m.get_range.until = two;
        break;
    case 1:
        m.type = MSG_PING;
        m.ping.id = one;
        break;
    case 2:
        m.type = MSG_ROOT;
        rng_bytes(rng, m.root.root.b, sizeof m.root.root.b);
        break;
    case 3:
        m.type = MSG_SEAL;
        m.seal.log = log;
        m.seal.first = one;
        m.seal.count = 0;
        break;
    case 4:
        m.type = MSG_END;
        m.end.log = log;
        break;
    case 5:
        m.type = MSG_CREDIT;
        m.credit.bytes = one % UINT32_MAX;
        break;
    case 6:
        m.type = MSG_GET_DIGESTS;
        break;
    case 7:
        m.type = MSG_GET_HOLES;
        m.get_holes.log = log;
        m.get_holes.runs = any_row(MSG_ROW_run, &(struct msg_run){one, two % 1100 % 1025}, row);
        break;
    case 8:
        m.type = MSG_HOLES;
        m.holes.log = log;
        m.holes.more = two % 2;
        m.holes.items = any_row(MSG_ROW_hole, &(struct msg_hole){.seq = one}, row);
        break;
    default:
        m.type = MSG_GET_FORK;
        m.get_fork.log = log;
        break;
    }
    msg_encode(w, &m);
}

static bool act_messages(struct house *h)
{
    uint8_t plain[FRAME_PLAIN_BYTES_MAX];
    uint32_t no, k;
    if (any_end(h, &no, &k) == NULL) {
        return false;
    }
    uint64_t how = rng_below(chance(h), 4);
    uint32_t frames = how == 0 ? FLOOD_FRAMES : 1;
    for (uint32_t i = 0; i < frames; i++) {
        struct wbuf w = wbuf_of(plain, sizeof plain);
        if (how <= 1) {
            any_message(h, &w);
        } else {
            w.len = how == 2 ? rng_scale(chance(h), 200) : sizeof plain;
            rng_bytes(chance(h), plain, w.len);
        }
        const struct conn *c = net_conn(h->sim, no);
        if (c == NULL || c->end[k].over || c->end[k].session == NULL) {
            return true;
        }
        inject_frame(h, no, k, wbuf_span(&w));
    }
    return true;
}

static bool act_replay(struct house *h)
{
    uint32_t to = (uint32_t)rng_below(chance(h), h->sim->houses);
    return to != h->no && net_replay(h->sim, h->no, to);
}

/* ---- lies ---- */

/* More, less or something else than it holds of a log. What it fetches for its own lie ends that.
 */
static bool act_lie(struct house *h)
{
    struct rng *rng = chance(h);
    uint32_t no = (uint32_t)rng_below(rng, frontier_count(h->frontier));
    const struct frontier_item *now = frontier_item(h->frontier, no);
    if (now == NULL || now->own || frontier_item_ends(now)) {
        return false;
    }
    struct frontier_item item = *now;
    if (rng_below(rng, 2) == 0) {
        item.whole += rng_scale(rng, 1 << 20);
    } else {
        item.whole = rng_below(rng, item.whole + 1);
    }
    bool serves = item.whole < item.held && rng_below(rng, 2) == 0; /* more than it announces */
    item.held = serves ? item.held : item.whole;
    rng_bytes(rng, item.root.b, sizeof item.root.b);
    item.day += (uint32_t)rng_below(rng, 100000);
    return frontier_set(h->frontier, no, &item) == TRIS_OK;
}

static bool act_serve(bool *flag)
{
    *flag = !*flag;
    return true;
}

static bool act_withhold(struct house *h)
{
    h->hostility.withholds = (uint32_t)rng_below(chance(h), h->sim->houses * 2);
    return true;
}

static bool act_far_time(struct house *h)
{
    uint64_t shift = rng_between(chance(h), 30, FAR_YEARS_MS_SHIFT);
    h->clock.offset_ms += (int64_t)(UINT64_C(1) << shift);
    return true;
}

/* Signs two histories: an older copy is put back, and its guard does not count. */
static bool act_fork(struct house *h)
{
    if (!h->has_backup) {
        return house_back_up(h);
    }
    h->forks = true;
    house_put_back(h, PUT_BACK_DATA_ONLY);
    return true;
}

static bool act_flood(struct house *h)
{
    operator_flood(h, FLOOD_ENTRIES);
    return true;
}

static bool act(struct house *h, enum fault fault)
{
    switch ((int)fault) {
    case FAULT_GARBAGE:
        return act_garbage(h);
    case FAULT_MESSAGES:
        return act_messages(h);
    case FAULT_REPLAY:
        return act_replay(h);
    case FAULT_LIE:
        return act_lie(h);
    case FAULT_JUNK_SEALS:
        return act_serve(&h->hostility.junk_seals);
    case FAULT_BENT:
        return act_serve(&h->hostility.bent_entries);
    case FAULT_BARE:
        return act_serve(&h->hostility.bare_entries);
    case FAULT_WITHHOLD:
        return act_withhold(h);
    case FAULT_FAR_TIME:
        return act_far_time(h);
    case FAULT_FORK:
        return act_fork(h);
    case FAULT_VOUCH:
    case FAULT_OUST:
    case FAULT_BACKDATE:
        return member_act(h, fault);
    default:
        tris_assert(fault == FAULT_FLOOD);
        return act_flood(h);
    }
}

/* ---- when ---- */

static void plan(struct house *h)
{
    sim_after(h->sim, rng_wait(chance(h), ACT_MS), EVENT_HOSTILE, h->no, 0, 0);
}

static enum fault any_act(struct house *h)
{
    static const enum fault stated[] = {FAULT_VOUCH, FAULT_OUST, FAULT_BACKDATE, FAULT_FORK};
    if (h->sim->plans == NULL) {
        return (enum fault)rng_between(chance(h), FAULT_HOSTILE_FIRST, FAULT_HOSTILE_LAST);
    }
    /* the last one is not for all coalitions */
    return stated[rng_below(chance(h), h->sim->profile.every_ms[FAULT_FORK] != 0 ? 4 : 3)];
}

void hostile_begin(struct house *h)
{
    h->hostility.withholds = SIM_NONE;
    if (h->hostile) {
        plan(h);
    }
}

static bool is_owed(const struct sim *sim, enum fault fault)
{
    return sim->hurry && sim->profile.every_ms[fault] != 0 && sim->census.struck[fault] == 0;
}

void hostile_opened(struct house *h)
{
    if (h->hostile && (is_owed(h->sim, FAULT_GARBAGE) || is_owed(h->sim, FAULT_MESSAGES))) {
        sim_after(h->sim, 1, EVENT_HOSTILE, h->no, ACT_OPENED, 0);
    }
}

static void act_opened(struct house *h)
{
    static const enum fault acts[] = {FAULT_GARBAGE, FAULT_MESSAGES};
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        if (h->up && is_owed(h->sim, acts[i]) && act(h, acts[i])) {
            sim_trace(h->sim, "house %u: %s", h->no, fault_name(acts[i]));
            h->sim->census.struck[acts[i]]++;
        }
    }
}

void hostile_on_event(struct house *h, const struct event *event)
{
    if (h->sim->calm) {
        return;
    }
    if (event->b == ACT_OPENED) {
        act_opened(h);
        return;
    }
    enum fault fault = any_act(h);
    if (h->up && act(h, fault)) {
        sim_trace(h->sim, "house %u: %s", h->no, fault_name(fault));
        h->sim->census.struck[fault]++;
    }
    plan(h);
}

bool hostile_strike(struct sim *sim, enum fault fault)
{
    uint32_t hostile = sim->houses - sim->honest;
    struct house *h = &sim->house[sim->honest + rng_below(&sim->rng[STREAM_HOSTILE], hostile)];
    if (hostile == 0 || !h->up || !act(h, fault)) {
        return false;
    }
    sim->census.struck[fault]++;
    return true;
}

void hostile_end(struct house *h)
{
    h->hostility = (struct hostility){.withholds = SIM_NONE};
    clock_set_right(&h->clock);
    for (uint32_t no = 0; h->hostile && h->up && no < h->logs; no++) {
        if (house_publish(h, no) != TRIS_OK) {
            sim_fail(h->sim, "house %u: a head cannot be read", h->no);
        }
    }
}

/* Leaves out some payloads of a run; both forms verify. */
static void make_bare(struct rng *rng, size_t start, struct wbuf *out)
{
    const size_t len = out->len - start;
    uint8_t *copy = malloc(len);
    tris_assert(copy != NULL);
    memcpy(copy, out->ptr + start, len);
    struct rbuf run = rbuf_of(span_of(copy, len));
    out->len = start;
    while (out->err == TRIS_OK && rbuf_left(&run) > 0) {
        struct entry entry;
        enum tris_err err = entry_wire_next(&run, &entry);
        tris_assert(err == TRIS_OK);
        if (rng_below(rng, 2) == 0) {
            entry_wire_encode_erased(out, &entry);
        } else {
            wbuf_span_put(out, entry.wire);
        }
    }
    if (out->err != TRIS_OK) { /* a commitment is longer than a short payload */
        out->err = TRIS_OK;
        memcpy(out->ptr + start, copy, len);
        out->len = start + len;
    }
    free(copy);
}

enum tris_err hostile_bend(struct house *h, uint32_t log_no, size_t start, struct wbuf *out,
                           uint32_t count, struct seal *seal)
{
    struct rng *rng = chance(h);
    /* where its frontier lies, the store has nothing to give: it ends the range */
    bool nothing = count == 0 && frontier_item(h->frontier, log_no)->held != seal->size;
    if (h->log_of[log_no] == h->hostility.withholds || nothing) {
        out->len = start;
        return TRIS_ERR_NOT_FOUND;
    }
    if (h->hostility.junk_seals && rng_below(rng, 4) == 0) {
        uint64_t how = rng_below(rng, 3);
        uint8_t *byte = how == 0   ? &seal->root.b[rng_below(rng, 32)]
                        : how == 1 ? &seal->sig.b[rng_below(rng, 64)]
                                   : (uint8_t *)&seal->time_ms;
        *byte ^= (uint8_t)rng_between(rng, 1, 255);
    }
    if (h->hostility.bare_entries && count > 0) {
        make_bare(rng, start, out);
    }
    if (h->hostility.bent_entries && count > 0 && rng_below(rng, 4) == 0) {
        out->ptr[start + rng_below(rng, out->len - start)] ^= (uint8_t)rng_between(rng, 1, 255);
    }
    return TRIS_OK;
}

enum tris_err hostile_bend_hole(struct house *h, uint32_t log_no, size_t start, struct wbuf *rows)
{
    struct rng *rng = chance(h);
    if (h->log_of[log_no] == h->hostility.withholds) {
        rows->len = start;
        return TRIS_ERR_NOT_FOUND;
    }
    if (h->hostility.bent_entries && rng_below(rng, 4) == 0) { /* behind seq and salt */
        rows->ptr[rows->len - 1] ^= (uint8_t)rng_between(rng, 1, 255);
    }
    return TRIS_OK;
}
