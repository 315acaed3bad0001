/* Keeping the search index: follows the feed with a cursor of its own, so that a batch of entries
 * does not pay for eight words a record. */
#include <stdlib.h>

#include "proto/text.h"
#include "storage/epoch.h"
#include "storage/search.h"
#include "storage/txn.h"

enum { CHANGES_MAX = 65536 };

static const char meta_word[] = "word"; /* arrival number of the last item that was indexed */

/* ---- cutting ---- */

bool search_word_next(struct span text, size_t *at, struct span *word)
{
    while (*at < text.len && text.ptr[*at] == ' ') {
        (*at)++;
    }
    size_t start = *at;
    while (*at < text.len && text.ptr[*at] != ' ') {
        (*at)++;
    }
    *word = span_of(text.ptr + start, *at - start);
    return word->len > 0;
}

struct span search_word_cut(struct span word)
{
    size_t len = word.len;
    if (len > KEY_WORD_BYTES_MAX) {
        len = KEY_WORD_BYTES_MAX;
        while (len > 0 && (word.ptr[len] & 0xC0) == 0x80) {
            len--;
        }
    }
    return span_of(word.ptr, len);
}

static void fold_more(struct span text, struct wbuf *out)
{
    if (text.len == 0) {
        return;
    }
    if (out->len > 0 && out->len < out->cap) {
        wbuf_u8(out, ' ');
    }
    text_fold(text, out);
}

enum tris_err search_text(const struct fields_plan *plan, struct span payload,
                          struct record *scratch, struct wbuf *out)
{
    enum tris_err err = record_decode(plan->kind, payload, scratch, NULL);
    if (err != TRIS_OK) {
        return TRIS_ERR_CORRUPT;
    }
    for (size_t i = 0; i < plan->kind->field_count; i++) {
        const struct field *field = &plan->kind->fields[i];
        const struct value *value = &scratch->value[i];
        if (!value->present || !fields_searchable(field)) {
            continue;
        }
        if (field->type != FIELD_TEXTS) {
            fold_more(value->text, out);
            continue;
        }
        for (uint32_t k = 0; k < value->count; k++) {
            fold_more(value->texts[k], out);
        }
    }
    return TRIS_OK;
}

/* ---- following the feed ---- */

/* One bit to set or clear. Of several changes of one bit the last one counts. */
struct word_change {
    struct key key;
    uint32_t order;
    bool add;
    uint8_t bit;
};

struct follower {
    struct store_txn *t;
    struct word_change *change;
    uint32_t count;
    uint8_t *text; /* SEARCH_TEXT_BYTES_MAX */
};

static enum tris_err follower_init(struct follower *f, struct store_txn *t)
{
    *f = (struct follower){.t = t};
    f->change = malloc(CHANGES_MAX * sizeof *f->change);
    f->text = malloc(SEARCH_TEXT_BYTES_MAX);
    return f->change != NULL && f->text != NULL ? TRIS_OK : TRIS_ERR_NO_MEMORY;
}

static void follower_fini(struct follower *f)
{
    free(f->change);
    free(f->text);
}

static int change_cmp(const void *left, const void *right)
{
    const struct word_change *a = left;
    const struct word_change *b = right;
    const int order = key_cmp(&a->key, &b->key);
    return order != 0 ? order : a->order < b->order ? -1 : 1;
}

/* Applies changes of one row, oldest first. */
static void row_write(struct store_txn *t, const struct word_change *change, uint32_t count)
{
    struct span key = key_span(&change->key);
    struct span value;
    uint64_t bits = 0;
    bool there = txn_get(t, DB_WORD, key, &value);
    if (there && row_word_decode(value, &bits) != TRIS_OK) {
        txn_fail(t, TRIS_ERR_CORRUPT);
        return;
    }
    const uint64_t before = bits;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t bit = UINT64_C(1) << change[i].bit;
        bits = change[i].add ? bits | bit : bits & ~bit;
    }
    if (bits == before) {
        return;
    }
    if (bits == 0) {
        txn_del(t, DB_WORD, key);
        return;
    }
    uint8_t bytes[8];
    row_word_encode(bytes, bits);
    txn_put(t, DB_WORD, key, span_of(bytes, sizeof bytes));
}

/* In key order: rows that are neighbours in the table are written one after the other. */
static void changes_write(struct follower *f)
{
    if (f->count > 1) {
        qsort(f->change, f->count, sizeof *f->change, change_cmp);
    }
    uint32_t start = 0;
    while (start < f->count && txn_ok(f->t)) {
        struct span key = key_span(&f->change[start].key);
        uint32_t end = start + 1;
        while (end < f->count && span_eq(key, key_span(&f->change[end].key))) {
            end++;
        }
        row_write(f->t, &f->change[start], end - start);
        start = end;
    }
    f->count = 0;
}

/* The words of the put at `put`, which is of record `ref`, come or go. */
static enum tris_err change_words(struct follower *f, const struct fields_plan *plan,
                                  struct record_ref ref, struct record_ref put, bool add)
{
    struct wbuf w = wbuf_of(f->text, SEARCH_TEXT_BYTES_MAX);
    struct entry entry;
    enum tris_err err = store_entry_get(&f->t->view, put.log_no, put.seq, &entry);
    if (err == TRIS_OK) {
        err = search_text(plan, entry.payload, view_record(&f->t->view), &w);
    }
    if (err != TRIS_OK) {
        return err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err;
    }
    size_t at = 0;
    struct span word;
    for (uint32_t n = 0; n < SEARCH_WORDS_MAX && search_word_next(wbuf_span(&w), &at, &word); n++) {
        if (f->count == CHANGES_MAX) {
            changes_write(f);
        }
        struct word_change *change = &f->change[f->count];
        key_word(&change->key, search_word_cut(word), ref.log_no, ref.seq >> WORD_BLOCK_BITS);
        change->bit = (uint8_t)(ref.seq & ((1U << WORD_BLOCK_BITS) - 1));
        change->order = f->count++;
        change->add = add;
    }
    return TRIS_OK;
}

/* What an entry does to the words of its record: those of the put `old` go, those of `now` come. */
struct word_step {
    const struct fields_plan *plan; /* NULL: nothing */
    struct record_ref ref;
    struct record_ref old, now; /* seq SEQ_NONE: there is none */
};

static enum tris_err word_step_of(struct follower *f, uint32_t no, uint64_t seq,
                                  struct word_step *out)
{
    struct store_view *v = &f->t->view;
    struct entry entry;
    struct entry_header header;
    enum tris_err reason;
    *out = (struct word_step){.old = {no, SEQ_NONE}, .now = {no, SEQ_NONE}};
    const struct head *head = txn_head(f->t, no);
    if (head == NULL) {
        return f->t->err;
    }
    enum tris_err err = store_entry_effect(v, no, seq, &reason);
    if (err != TRIS_OK || reason != TRIS_OK || head->row.log.ref.topic == TRIS_TOPIC_GOV) {
        return err;
    }
    err = store_entry_get(v, no, seq, &entry);
    if (err == TRIS_OK) {
        err = entry_peek_header(&entry, &header);
    }
    out->plan = err == TRIS_OK ? fields_find(&v->s->plans, header.kind) : NULL;
    if (out->plan == NULL) {
        return TRIS_ERR_CORRUPT;
    }
    out->ref = (struct record_ref){no, seq};
    out->now.seq = header.verb == VERB_PUT ? seq : SEQ_NONE;
    if (!header.has_record) {
        return TRIS_OK;
    }
    struct record_ref prev;
    err = epoch_record(v, &head->row.log, seq, &header, &out->ref);
    return err == TRIS_OK ? view_put_before(v, no, seq, &prev, &out->old) : TRIS_ERR_CORRUPT;
}

static enum tris_err follow_entry(struct follower *f, uint32_t no, uint64_t seq, bool back)
{
    struct word_step step;
    enum tris_err err = word_step_of(f, no, seq, &step);
    const struct record_ref go = back ? step.now : step.old;
    const struct record_ref come = back ? step.old : step.now;
    if (err == TRIS_OK && go.seq != SEQ_NONE) {
        err = change_words(f, step.plan, step.ref, go, false);
    }
    if (err == TRIS_OK && come.seq != SEQ_NONE) {
        err = change_words(f, step.plan, step.ref, come, true);
    }
    return err;
}

enum tris_err word_followed(const struct store_view *v, uint64_t *arrival)
{
    struct span value;
    enum tris_err err = view_get(v, DB_META, span_str(meta_word), &value);
    *arrival = 0;
    if (err != TRIS_OK) {
        return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
    }
    struct rbuf r = rbuf_of(value);
    *arrival = rbuf_u64(&r);
    return rbuf_finish(&r) == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
}

uint64_t store_word_behind(struct store_view *v)
{
    struct key last;
    uint64_t arrival = 0;
    if (view_settle(v) != TRIS_OK || view_last_key(v, DB_FEED, &last) != TRIS_OK ||
        !key_read_arrival(key_span(&last), &arrival)) {
        return 0;
    }
    uint64_t cursor = 0;
    enum tris_err err = word_followed(v, &cursor);
    return err == TRIS_OK && arrival > cursor ? arrival - cursor : 0;
}

enum tris_err store_word_follow(struct store_txn *t, uint32_t max, uint64_t *behind)
{
    if (!txn_ok(t)) {
        return t->err;
    }
    struct follower f;
    uint64_t at = 0;
    enum tris_err err = follower_init(&f, t);
    err = err == TRIS_OK ? word_followed(&t->view, &at) : err;
    const uint64_t before = at;
    for (uint32_t i = 0; i < max && err == TRIS_OK; i++) {
        struct feed_item item;
        err = store_feed_next(&t->view, at, &item);
        if (err == TRIS_OK) {
            err = follow_entry(&f, item.log_no, item.seq, false);
            at = item.arrival;
        }
    }
    if (err == TRIS_ERR_NOT_FOUND) {
        err = TRIS_OK;
    }
    if (err == TRIS_OK && at != before) {
        uint8_t bytes[8];
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        wbuf_u64(&w, at);
        changes_write(&f);
        txn_put(t, DB_META, span_str(meta_word), wbuf_span(&w));
    }
    if (err != TRIS_OK) {
        txn_fail(t, err);
    }
    follower_fini(&f);
    *behind = txn_ok(t) ? store_word_behind(&t->view) : 0;
    return t->err;
}

void word_unfollow(struct store_txn *t, uint32_t no, uint64_t size, uint64_t end)
{
    struct follower f;
    if (!txn_ok(t) || size == end) {
        return;
    }
    enum tris_err err = follower_init(&f, t);
    for (uint64_t seq = end; seq > size && err == TRIS_OK; seq--) {
        err = follow_entry(&f, no, seq - 1, true);
    }
    err = err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err; /* an entry that is counted is gone */
    if (err == TRIS_OK) {
        changes_write(&f);
    } else {
        txn_fail(t, err);
    }
    follower_fini(&f);
}
