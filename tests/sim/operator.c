/* What people do; see operator.h. */
#include "tests/sim/operator.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/assert.h"
#include "proto/charter.h"
#include "proto/pack.h"
#include "proto/record.h"
#include "tests/sim/check.h"
#include "tests/sim/member.h"

enum {
    KNOWN_MAX = 4096, /* records that the people of a house still think of */
    GROUP_MAX = 256,
    IMPORT_ROWS_MAX = 1500,
    PAYLOAD_BYTES = 8192,
    DESCRIPTION_CHARS = 500,
    CARD_BYTES = TRIS_HOUSE_LINE_BYTES_MAX + 16,
};

struct known {
    uint64_t seq[KNOWN_MAX]; /* house_record */
    size_t count;
};

/* A write that was acknowledged, by the number in its name. */
struct owed {
    uint64_t name, seq;
    enum tris_topic topic;
    bool left; /* it had left the house, at `seq`, when data was lost */
};

struct staff {
    struct rng rng;
    struct known data, local;
    uint64_t next_name;
    struct owed *owed; /* writes that were acknowledged */
    size_t owed_count, owed_cap;
    struct record record;
    uint8_t scratch[PAYLOAD_BYTES];
};

struct staff *operator_new(struct house *h)
{
    struct staff *o = calloc(1, sizeof *o);
    tris_assert(o != NULL);
    o->rng = rng_of(h->sim->options.seed, 1000 + h->no);
    return o;
}

void operator_free(struct staff *o)
{
    if (o != NULL) {
        free(o->owed);
    }
    free(o);
}

/* ---- what is written ---- */

static void set(struct staff *o, struct wbuf *scratch, uint32_t number, const char *text)
{
    const struct field *field = schema_field(o->record.kind, number);
    enum tris_err err = record_set_text(&o->record, field, span_str(text), scratch, NULL);
    tris_assert(field != NULL && err == TRIS_OK);
}

static void make_partner(struct house *h, struct op *op)
{
    static const char *const sectors[] = {"W", "S", "Z"};
    static const char *const forms[] = {"ev", "ggmbh", "gmbh"};
    static const char *const topics[] = {"diversity", "other", "diversity|other"};
    static const char *const regions[] = {"05315", "14713", "09162", "11000", "02000"};
    static const char *const states[] = {"active", "active", "inactive"};
    struct staff *o = h->staff;
    char name[64];
    uint8_t payload[PAYLOAD_BYTES];
    struct wbuf scratch = wbuf_of(o->scratch, sizeof o->scratch);
    struct wbuf w = wbuf_of(payload, sizeof payload);
    op->name = o->next_name++;
    (void)snprintf(name, sizeof name, "Verein %u-%llu", h->no, (unsigned long long)op->name);
    record_init(&o->record, schema_kind(KIND_PARTNER));
    set(o, &scratch, PARTNER_NAME, name);
    set(o, &scratch, PARTNER_SECTOR, sectors[rng_below(&o->rng, 3)]);
    set(o, &scratch, PARTNER_LEGAL_FORM, forms[rng_below(&o->rng, 3)]);
    set(o, &scratch, PARTNER_TOPICS, topics[rng_below(&o->rng, 3)]);
    set(o, &scratch, PARTNER_REGION, regions[rng_below(&o->rng, 5)]);
    set(o, &scratch, PARTNER_STATUS, states[rng_below(&o->rng, 3)]);
    if (h->sim->profile.long_texts) {
        char text[DESCRIPTION_CHARS + 1];
        memset(text, 'x', sizeof text);
        text[rng_between(&o->rng, 1, DESCRIPTION_CHARS)] = '\0';
        set(o, &scratch, PARTNER_DESCRIPTION, text);
    }
    enum tris_err err = record_encode(&o->record, &w);
    tris_assert(err == TRIS_OK);
    op->payload = malloc(w.len);
    tris_assert(op->payload != NULL);
    memcpy(op->payload, payload, w.len);
    op->len = w.len;
}

static uint64_t any(struct staff *o, const struct known *k)
{
    return k->seq[rng_below(&o->rng, k->count)];
}

static void forget(struct known *k, uint64_t seq)
{
    for (size_t i = 0; i < k->count; i++) {
        if (k->seq[i] == seq) {
            k->seq[i] = k->seq[--k->count];
            return;
        }
    }
}

static void remember(struct staff *o, struct known *k, uint64_t seq)
{
    if (k->count < KNOWN_MAX) {
        k->seq[k->count++] = seq;
    } else {
        k->seq[rng_below(&o->rng, KNOWN_MAX)] = seq;
    }
}

/* One act of ordinary work. */
static void make_op(struct house *h, struct op *op)
{
    struct staff *o = h->staff;
    uint64_t what = rng_below(&o->rng, 100);
    op->topic = rng_chance(&o->rng, 150) ? TRIS_TOPIC_LOCAL : TRIS_TOPIC_DATA;
    struct known *k = op->topic == TRIS_TOPIC_DATA ? &o->data : &o->local;
    op->type = OP_PUT;
    if (what < 30 && k->count > 0) {
        op->has_record = true;
        op->record = any(o, k);
    } else if (what < 38 && k->count > 0) {
        op->type = OP_END;
        op->record = any(o, k);
        forget(k, op->record);
        return;
    } else if (what < 42 && o->local.count > 0) {
        op->type = OP_PUBLISH;
        op->topic = TRIS_TOPIC_DATA;
        op->record = any(o, &o->local);
        forget(&o->local, op->record);
    }
    make_partner(h, op);
}

static void make_card(struct house *h, struct op *op)
{
    struct house_line line = {.role = TRIS_ROLE_HOUSE};
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    uint8_t bytes[CARD_BYTES];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    h->cards++;
    (void)snprintf(line.region, sizeof line.region, "05315");
    (void)snprintf(line.slug, sizeof line.slug, "haus-%u", h->who);
    (void)snprintf(line.name, sizeof line.name, "Haus %u", h->who);
    (void)snprintf(line.addr[0], sizeof line.addr[0], "haus-%u.example:%u", h->who,
                   8000 + h->cards % 1000);
    line.addr_count = 1;
    line.transport = h->transport.pub;
    line.time_ms = SIM_EPOCH_MS + h->sim->now_ms;
    line.id = h->id;
    line.epoch = h->epoch;
    tris_assert(house_line_make(&line, &h->key, text, sizeof text) == TRIS_OK);
    pack_write_map(&w, 1);
    pack_write_uint(&w, 1);
    pack_write_str(&w, span_str(text));
    tris_assert(w.err == TRIS_OK);
    op->type = OP_CARD;
    op->topic = TRIS_TOPIC_GOV;
    op->payload = malloc(w.len);
    tris_assert(op->payload != NULL);
    memcpy(op->payload, bytes, w.len);
    op->len = w.len;
}

size_t operator_first(struct house *h, struct op **ops)
{
    *ops = calloc(1, sizeof **ops);
    tris_assert(*ops != NULL);
    make_card(h, *ops);
    return 1;
}

/* ---- when ---- */

static void submit(struct house *h, size_t count, bool import)
{
    while (count > 0) {
        size_t part = count < GROUP_MAX ? count : GROUP_MAX;
        struct op *ops = calloc(part, sizeof *ops);
        tris_assert(ops != NULL);
        for (size_t i = 0; i < part; i++) {
            if (import) {
                ops[i].topic = TRIS_TOPIC_DATA;
                make_partner(h, &ops[i]);
            } else {
                make_op(h, &ops[i]);
            }
        }
        house_submit(h, ops, part);
        count -= part;
    }
}

static void burst(struct house *h)
{
    struct staff *o = h->staff;
    const struct profile *p = &h->sim->profile;
    submit(h, 1 + rng_below(&o->rng, 2 * (uint64_t)p->burst - 1), false);
    if (rng_chance(&o->rng, 20)) {
        struct op *card = calloc(1, sizeof *card);
        tris_assert(card != NULL);
        make_card(h, card);
        house_submit(h, card, 1);
    }
    if (rng_below(&o->rng, 20ULL * p->days * p->houses) == 0) { /* now and then in a run */
        submit(h, rng_between(&o->rng, 300, IMPORT_ROWS_MAX), true);
    }
}

void operator_flood(struct house *h, size_t count)
{
    submit(h, count, true);
}

void operator_work(struct house *h, size_t count)
{
    submit(h, count, false);
}

void operator_recall(struct house *h)
{
    struct staff *o = h->staff;
    struct store_view *v;
    struct entry entry;
    struct entry_header header;
    if (store_view_begin(h->store, &v) != TRIS_OK) {
        sim_fail(h->sim, "house %u: its store cannot be read", h->no);
    }
    o->data.count = 0;
    for (uint64_t seq = 0; store_entry_get(v, h->own_no[TRIS_TOPIC_DATA], seq, &entry) == TRIS_OK;
         seq++) {
        if (entry_peek_header(&entry, &header) == TRIS_OK && !header.has_record) {
            remember(o, &o->data, house_record(h->epoch, seq));
        }
    }
    store_view_end(v);
}

static void plan(struct house *h)
{
    const struct profile *p = &h->sim->profile;
    uint64_t mean = (uint64_t)SIM_DAY_MS * p->burst / p->changes;
    sim_after(h->sim, rng_wait(&h->staff->rng, mean), EVENT_OPERATOR, h->no, 0, 0);
}

/* The number in the name that a payload begins with ("Verein HOUSE-NUMBER"); false: it has none. */
static bool name_of(const struct house *h, struct span payload, uint64_t *name)
{
    char text[64] = "", start[32];
    size_t at = 0;
    int len = snprintf(start, sizeof start, "Verein %u-", h->no);
    while (at + (size_t)len < payload.len && memcmp(payload.ptr + at, start, (size_t)len) != 0) {
        at++;
    }
    if (at + (size_t)len >= payload.len) {
        return false;
    }
    at += (size_t)len;
    size_t rest = payload.len - at < sizeof text - 1 ? payload.len - at : sizeof text - 1;
    memcpy(text, payload.ptr + at, rest);
    char *end = NULL;
    *name = strtoull(text, &end, 10);
    return end != text;
}

/* Where the names stand that occur in the first `size` entries of an own log, counted from 1. */
static void mark_found(struct house *h, struct store_view *v, uint32_t no, uint64_t size,
                       uint64_t *found)
{
    struct entry entry;
    uint64_t name;
    for (uint64_t seq = 0; seq < size; seq++) {
        if (store_entry_get(v, no, seq, &entry) != TRIS_OK) {
            return;
        }
        if (name_of(h, entry.payload, &name)) {
            found[name] = seq + 1;
        }
    }
}

static uint64_t *found_new(struct house *h, struct store_view **v)
{
    uint64_t *found = calloc(h->staff->next_name + 1, sizeof *found);
    tris_assert(found != NULL);
    if (store_view_begin(h->store, v) != TRIS_OK) {
        sim_fail(h->sim, "house %u: its store cannot be read", h->no);
    }
    return found;
}

void operator_forget(struct house *h, uint64_t left)
{
    struct staff *o = h->staff;
    struct store_view *v;
    uint64_t *found = found_new(h, &v);
    size_t kept = 0;
    mark_found(h, v, h->own_no[TRIS_TOPIC_DATA], left, found);
    store_view_end(v);
    o->data.count = 0;
    o->local.count = 0;
    for (size_t i = 0; i < o->owed_count; i++) {
        if (found[o->owed[i].name]) { /* drafts may have moved it: the place does not tell */
            struct owed owed = o->owed[i];
            owed.seq = found[owed.name] - 1;
            owed.left = owed.topic == TRIS_TOPIC_DATA;
            o->owed[kept++] = owed;
        }
    }
    o->owed_count = kept;
    free(found);
}

/* It stood where the house, its data lost, has sealed something else: there the log ends. */
static bool is_excused(const struct house *h, const struct owed *owed)
{
    uint32_t log = house_log(h->no, TRIS_TOPIC_DATA);
    return owed->left && check_is_second(check_log_history(h->sim, log)) &&
           owed->seq >= check_parted(h->sim, log);
}

void operator_check(struct house *h)
{
    struct staff *o = h->staff;
    struct store_view *v;
    uint64_t *found = found_new(h, &v);
    struct store_draft draft;
    uint64_t name, no = 0;
    for (uint32_t epoch = 0; epoch <= h->epoch; epoch++) {
        const uint32_t data = house_own_no(h, epoch, TRIS_TOPIC_DATA);
        if (data != SIM_NONE) {
            mark_found(h, v, data, UINT64_MAX, found);
        }
    }
    mark_found(h, v, h->own_no[TRIS_TOPIC_LOCAL], UINT64_MAX, found);
    while (store_draft_next(v, &no, &draft) == TRIS_OK) {
        if (name_of(h, draft.payload, &name)) {
            found[name] = 1;
        }
    }
    store_view_end(v);
    for (size_t i = 0; i < o->owed_count; i++) {
        if (found[o->owed[i].name] == 0 && !is_excused(h, &o->owed[i])) {
            sim_fail(h->sim,
                     "I1: house %u: write %llu was acknowledged as entry %llu of topic %d, and "
                     "is neither there nor a draft",
                     h->no, (unsigned long long)o->owed[i].name, (unsigned long long)o->owed[i].seq,
                     (int)o->owed[i].topic);
        }
    }
    free(found);
}

static void owe(struct staff *o, const struct op *op)
{
    if (o->owed_count == o->owed_cap) {
        o->owed_cap = o->owed_cap == 0 ? 256 : 2 * o->owed_cap;
        o->owed = realloc(o->owed, o->owed_cap * sizeof *o->owed);
        tris_assert(o->owed != NULL);
    }
    o->owed[o->owed_count++] = (struct owed){op->name, op->seq, op->topic, false};
}

void operator_begin(struct house *h)
{
    plan(h);
}

void operator_on_event(struct house *h, const struct event *event)
{
    (void)event;
    if (h->sim->calm) {
        return;
    }
    if (h->up) {
        burst(h);
    }
    plan(h);
}

void operator_done(struct house *h, const struct op *ops, size_t count, enum tris_err err)
{
    struct staff *o = h->staff;
    for (size_t i = 0; i < count && err == TRIS_OK; i++) {
        const struct op *op = &ops[i];
        sim_note(h->sim, op->err);
        if (op->err != TRIS_OK) {
            continue; /* such as: ended by an earlier op of the same burst */
        }
        if (op->type == OP_STATE) {
            member_stated(h, op->plan);
        }
        if (op->type == OP_PUT || op->type == OP_PUBLISH) {
            owe(o, op);
        }
        if (op->type == OP_PUT && !op->has_record) {
            if (op->topic == TRIS_TOPIC_DATA) {
                remember(o, &o->data, house_record(h->epoch, op->seq));
            } else {
                remember(o, &o->local, op->seq);
            }
        } else if (op->type == OP_PUBLISH) {
            remember(o, &o->data, house_record(h->epoch, op->seq));
        }
    }
}
