/* Local records follow what was written again; see draft_refs.h. */
#include "daemon/draft_refs.h"

#include <stdlib.h>

#include "daemon/daemon.h"
#include "proto/record.h"

struct follow {
    struct batch *b;
    const struct draft_move *moves;
    size_t count;
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
        size_t k = 0;
        while (k < f->count && f->moves[k].was != value->number) {
            k++;
        }
        if (k < f->count) {
            value->number = f->moves[k].now;
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

enum tris_err draft_refs_follow(struct batch *b, const struct draft_move *moves, size_t count)
{
    if (count == 0) {
        return TRIS_OK;
    }
    struct follow *f = malloc(sizeof *f);
    if (f == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    f->b = b;
    f->moves = moves;
    f->count = count;
    for (size_t i = 0; i < schema_kind_count(); i++) {
        if (has_references(schema_kind_at(i))) {
            follow_kind(f, schema_kind_at(i));
        }
    }
    free(f);
    return store_txn_err(b->txn);
}
