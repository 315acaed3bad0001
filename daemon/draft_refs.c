/* Local records follow what was written again; see draft_refs.h. */
#include "daemon/draft_refs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/ctl_in.h"
#include "daemon/daemon.h"
#include "proto/record.h"

struct move {
    uint64_t was, draft, now; /* seq of a record of the own data log */
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

static int moves_cmp(const void *left, const void *right)
{
    const struct move *a = left, *b = right;
    if (a->was != b->was) {
        return a->was < b->was ? -1 : 1;
    }
    return a->draft < b->draft ? -1 : a->draft > b->draft ? 1 : 0;
}

/* Of several drafts of one place the last one is what a record names. NULL: it was not moved. */
static const struct move *move_find(const struct follow *f, uint64_t was)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->moves[middle].was <= was) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && f->moves[low - 1].was == was ? &f->moves[low - 1] : NULL;
}

/* True if a reference was moved. */
static bool move_references(struct follow *f)
{
    const struct kind *kind = f->record.kind;
    const struct tris_house_id *own = &f->b->d->own;
    bool any = false;
    for (size_t i = 0; i < kind->field_count; i++) {
        struct value *value = &f->record.value[i];
        if (kind->fields[i].type != FIELD_REF || !value->present || value->count != 0 ||
            memcmp(value->text.ptr, own->b, sizeof own->b) != 0) {
            continue;
        }
        const struct move *move = move_find(f, value->number);
        if (move != NULL) {
            value->number = move->now;
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

static enum tris_err moves_add(struct follow *f, const struct store_draft *draft)
{
    struct record_ref now;
    const struct record_ref former = {draft->log_no, draft->seq};
    if (draft->state != DRAFT_WRITTEN || draft->topic != TRIS_TOPIC_DATA ||
        draft->header.has_record ||
        store_alias_get(store_txn_view(f->b->txn), former, &now, NULL) != TRIS_OK) {
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
    f->moves[f->count++] = (struct move){draft->seq, draft->no, now.seq};
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
