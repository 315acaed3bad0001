/* Local records follow what was written again; see draft_refs.h. */
#include "daemon/draft_refs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/ctl_in.h"
#include "daemon/daemon.h"
#include "proto/record.h"

struct place { /* of a record in the own data log of an epoch */
    uint32_t epoch;
    uint64_t seq;
};

struct move {
    struct place was;
    uint64_t draft;
    struct place now;
};

struct follow {
    struct batch *b;
    struct move *moves; /* by `was`, then by draft */
    size_t count, cap;
    struct record record;
    uint8_t payload[TRIS_PAYLOAD_BYTES_MAX], out[TRIS_PAYLOAD_BYTES_MAX];
};

static bool has_references(const struct kind *kind)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        if (kind->fields[i].type == FIELD_REF) {
            return true;
        }
    }
    return false;
}

static int place_cmp(const struct place *a, const struct place *b)
{
    if (a->epoch != b->epoch) {
        return a->epoch < b->epoch ? -1 : 1;
    }
    return a->seq < b->seq ? -1 : a->seq > b->seq ? 1 : 0;
}

static int moves_cmp(const void *left, const void *right)
{
    const struct move *a = left, *b = right;
    int order = place_cmp(&a->was, &b->was);
    if (order != 0) {
        return order;
    }
    return a->draft < b->draft ? -1 : a->draft > b->draft ? 1 : 0;
}

/* Of several drafts of one place the last one is what a record names. NULL: it was not moved. */
static const struct move *move_find(const struct follow *f, const struct place *was)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (place_cmp(&f->moves[middle].was, was) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && place_cmp(&f->moves[low - 1].was, was) == 0 ? &f->moves[low - 1] : NULL;
}

/* True if a reference was moved. */
static bool move_references(struct follow *f)
{
    const struct kind *kind = f->record.kind;
    const struct tris_house_id *own = &f->b->d->own;
    bool any = false;
    for (size_t i = 0; i < kind->field_count; i++) {
        struct value *value = &f->record.value[i];
        if (kind->fields[i].type != FIELD_REF || !value->present ||
            memcmp(value->text.ptr, own->b, sizeof own->b) != 0) {
            continue;
        }
        const struct place was = {value->count, value->number};
        const struct move *move = move_find(f, &was);
        if (move != NULL) {
            value->count = move->now.epoch;
            value->number = move->now.seq;
            any = true;
        }
    }
    return any;
}

static void follow_one(struct follow *f, const struct kind *kind, const struct store_record *found)
{
    memcpy(f->payload, found->payload.ptr, found->payload.len);
    struct span payload = span_of(f->payload, found->payload.len);
    if (record_decode(kind, payload, &f->record, NULL) != TRIS_OK || !move_references(f)) {
        return;
    }
    struct wbuf w = wbuf_of(f->out, sizeof f->out);
    struct record_ref ref = found->ref;
    uint64_t seq;
    if (record_encode(&f->record, &w) == TRIS_OK &&
        batch_append(f->b, TRIS_TOPIC_LOCAL, VERB_PUT, kind->number, &ref, wbuf_span(&w), &seq) !=
            TRIS_OK) {
        return; /* it names what it named */
    }
}

static void follow_kind(struct follow *f, const struct kind *kind)
{
    const struct record_filter filter = {
        .kind = kind->number, .local = true, .by_house = true, .house = f->b->d->own};
    struct record_ref cursor = {UINT32_MAX, 0};
    struct store_record found;
    enum tris_err err = TRIS_OK;
    while ((err == TRIS_OK || err == TRIS_ERR_NOT_READY) && store_txn_err(f->b->txn) == TRIS_OK) {
        err = store_record_next(store_txn_view(f->b->txn), &filter, &cursor, &found);
        if (err == TRIS_OK && found.payload.len <= sizeof f->payload) {
            follow_one(f, kind, &found);
        }
    }
}

static bool place_of(struct store_view *v, struct record_ref ref, struct place *out)
{
    struct store_log log;
    bool found = store_log_get(v, ref.log_no, &log) == TRIS_OK;
    *out = (struct place){found ? log.ref.epoch : 0, ref.seq};
    return found;
}

static enum tris_err moves_add(struct follow *f, const struct store_draft *draft)
{
    struct store_view *v = store_txn_view(f->b->txn);
    struct record_ref now;
    struct move move = {.draft = draft->no};
    const struct record_ref former = {draft->log_no, draft->seq};
    if (draft->state != DRAFT_WRITTEN || draft->topic != TRIS_TOPIC_DATA ||
        draft->header.has_record || store_alias_get(v, former, &now, NULL) != TRIS_OK ||
        !place_of(v, former, &move.was) || !place_of(v, now, &move.now)) {
        return TRIS_OK;
    }
    if (f->count == f->cap) {
        size_t cap = f->cap > 0 ? f->cap * 2 : 64;
        struct move *grown = realloc(f->moves, cap * sizeof *grown);
        if (grown == NULL) {
            return TRIS_ERR_NO_MEMORY;
        }
        f->moves = grown;
        f->cap = cap;
    }
    f->moves[f->count++] = move;
    return TRIS_OK;
}

/* The drafts behind *no; *no = the last one. */
static enum tris_err moves_collect(struct follow *f, uint64_t *no)
{
    struct store_draft draft;
    enum tris_err err = TRIS_OK;
    while (err == TRIS_OK) {
        err = store_draft_next(store_txn_view(f->b->txn), no, &draft);
        if (err == TRIS_OK) {
            err = moves_add(f, &draft);
        }
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

static uint64_t followed(struct batch *b)
{
    char text[24];
    struct span value;
    if (store_setting_get(store_txn_view(b->txn), DRAFT_FOLLOWED, &value) != TRIS_OK) {
        return 0;
    }
    span_copy(value, text, sizeof text);
    return strtoull(text, NULL, 10);
}

enum tris_err draft_refs_follow(struct batch *b)
{
    const uint64_t from = followed(b);
    uint64_t no = from;
    struct follow *f = malloc(sizeof *f);
    if (f == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    f->b = b;
    f->moves = NULL;
    f->count = f->cap = 0;
    enum tris_err err = moves_collect(f, &no);
    if (err == TRIS_OK && f->count > 0) {
        qsort(f->moves, f->count, sizeof *f->moves, moves_cmp);
        for (size_t i = 0; i < schema_kind_count(); i++) {
            if (has_references(schema_kind_at(i))) {
                follow_kind(f, schema_kind_at(i));
            }
        }
        err = store_txn_err(b->txn);
    }
    if (err == TRIS_OK && no > from) {
        char text[24];
        (void)snprintf(text, sizeof text, "%" PRIu64, no);
        err = store_setting_put(b->txn, DRAFT_FOLLOWED, span_str(text));
    }
    free(f->moves);
    free(f);
    return err;
}
