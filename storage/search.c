/* Searching: the rarest term gives candidates from the word index, the record's own text decides.
 */
#include "storage/search.h"

#include <stdlib.h>

#include "proto/text.h"

enum {
    TERMS_MAX = 16,
    QUERY_BYTES_MAX = 1024,
    CANDIDATES_MAX = 65536, /* above it a term is common: then records are walked in order */
    EXAMINE_MAX = 4096,     /* records that one call reads: terms may be common and never meet */
};

struct search {
    struct store_view *v;
    struct span term[TERMS_MAX];
    size_t terms;
    struct record_ref after; /* the last record examined */
    uint32_t examined;
    struct record_ref *out; /* hits */
    size_t max, found;
    struct record_ref *candidate; /* CANDIDATES_MAX */
    uint8_t *text;                /* SEARCH_TEXT_BYTES_MAX */
};

static int ref_cmp(const struct record_ref *a, const struct record_ref *b)
{
    if (a->log_no != b->log_no) {
        return a->log_no < b->log_no ? -1 : 1;
    }
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static int ref_order(const void *left, const void *right)
{
    return ref_cmp(left, right);
}

static bool is_after(const struct search *q, const struct record_ref *ref)
{
    return q->after.log_no == UINT32_MAX || ref_cmp(ref, &q->after) > 0;
}

/* The records of one row that are behind the cursor. */
static enum tris_err take_row(const struct search *q, struct span key, struct span value, bool keep,
                              size_t *count)
{
    struct record_ref block;
    uint64_t bits;
    if (!key_tail_ref(key, &block) || row_word_decode(value, &bits) != TRIS_OK) {
        return TRIS_ERR_CORRUPT;
    }
    for (uint32_t i = 0; i < 1U << WORD_BLOCK_BITS && *count < CANDIDATES_MAX; i++) {
        struct record_ref ref = {block.log_no, block.seq << WORD_BLOCK_BITS | i};
        if ((bits >> i & 1) == 0 || !is_after(q, &ref)) {
            continue;
        }
        if (keep) {
            q->candidate[*count] = ref;
        }
        (*count)++;
    }
    return TRIS_OK;
}

/* Candidates of one term behind the cursor; with `keep` they are stored, at most CANDIDATES_MAX. */
static enum tris_err scan_term(const struct search *q, struct span term, bool keep, size_t *count)
{
    MDB_cursor *cursor = NULL;
    enum tris_err err = view_cursor(q->v, DB_WORD, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    struct key prefix;
    struct span value;
    *count = 0;
    key_word_prefix(&prefix, search_word_cut(term), false);
    struct span key = key_span(&prefix);
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    while (err == TRIS_OK && key_starts_with(key, &prefix) && *count < CANDIDATES_MAX) {
        err = take_row(q, key, value, keep, count);
        if (err == TRIS_OK) {
            err = cursor_get(cursor, MDB_NEXT, &key, &value);
        }
    }
    mdb_cursor_close(cursor);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

static bool has_prefix_word(struct span text, struct span term)
{
    size_t at = 0;
    struct span word;
    while (search_word_next(text, &at, &word)) {
        if (word.len >= term.len && memcmp(word.ptr, term.ptr, term.len) == 0) {
            return true;
        }
    }
    return false;
}

static bool record_matches(const struct search *q, struct record_ref ref)
{
    struct store_record found;
    struct record *scratch = view_record(q->v);
    if (scratch == NULL || store_record_get(q->v, ref, &found) != TRIS_OK || found.ended) {
        return false;
    }
    const struct fields_plan *plan = fields_find(&q->v->s->plans, found.kind);
    struct wbuf w = wbuf_of(q->text, SEARCH_TEXT_BYTES_MAX);
    if (plan == NULL || search_text(plan, found.payload, scratch, &w) != TRIS_OK) {
        return false;
    }
    for (size_t i = 0; i < q->terms; i++) {
        if (!has_prefix_word(wbuf_span(&w), q->term[i])) {
            return false;
        }
    }
    return true;
}

/* Looks at one more record; TRIS_ERR_NOT_READY if this call has looked at enough. */
static enum tris_err examine(struct search *q, struct record_ref ref)
{
    if (q->examined == EXAMINE_MAX) {
        return TRIS_ERR_NOT_READY;
    }
    q->examined++;
    q->after = ref;
    if (record_matches(q, ref)) {
        q->out[q->found++] = ref;
    }
    return TRIS_OK;
}

static enum tris_err from_candidates(struct search *q, size_t count)
{
    enum tris_err err = TRIS_OK;
    qsort(q->candidate, count, sizeof *q->candidate, ref_order);
    for (size_t i = 0; i < count && q->found < q->max && err == TRIS_OK; i++) {
        if (i == 0 || ref_cmp(&q->candidate[i - 1], &q->candidate[i]) != 0) {
            err = examine(q, q->candidate[i]);
        }
    }
    return err;
}

/* Every term is common: most records match, so walking them finds a page soon. */
static enum tris_err from_records(struct search *q)
{
    MDB_cursor *cursor = NULL;
    enum tris_err err = view_cursor(q->v, DB_RECORD, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    struct key start;
    struct span value;
    const bool fresh = q->after.log_no == UINT32_MAX;
    key_log_seq(&start, fresh ? 0 : q->after.log_no, fresh ? 0 : q->after.seq);
    struct span key = key_span(&start);
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    while (err == TRIS_OK && q->found < q->max) {
        struct record_ref ref;
        err = key_tail_ref(key, &ref) ? TRIS_OK : TRIS_ERR_CORRUPT;
        if (err == TRIS_OK && is_after(q, &ref)) {
            err = examine(q, ref);
        }
        if (err == TRIS_OK) {
            err = cursor_get(cursor, MDB_NEXT, &key, &value);
        }
    }
    mdb_cursor_close(cursor);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

static enum tris_err run(struct search *q)
{
    size_t best = 0;
    size_t fewest = SIZE_MAX;
    for (size_t i = 0; i < q->terms; i++) {
        size_t count;
        enum tris_err err = scan_term(q, q->term[i], false, &count);
        if (err != TRIS_OK) {
            return err;
        }
        if (count < fewest) {
            fewest = count;
            best = i;
        }
    }
    if (fewest == CANDIDATES_MAX) {
        return from_records(q);
    }
    enum tris_err err = scan_term(q, q->term[best], true, &fewest);
    return err == TRIS_OK ? from_candidates(q, fewest) : err;
}

enum tris_err store_word_search(struct store_view *v, struct span text, struct record_ref *cursor,
                                struct record_ref *out, size_t max, size_t *found)
{
    uint8_t folded[QUERY_BYTES_MAX];
    struct wbuf w = wbuf_of(folded, sizeof folded);
    struct search q = {.v = v, .after = *cursor, .out = out, .max = max};
    size_t at = 0;
    *found = 0;
    text_fold(text, &w);
    while (q.terms < TERMS_MAX && search_word_next(wbuf_span(&w), &at, &q.term[q.terms])) {
        q.terms++;
    }
    if (q.terms == 0 || max == 0) {
        return TRIS_OK;
    }
    q.candidate = malloc(CANDIDATES_MAX * sizeof *q.candidate);
    q.text = malloc(SEARCH_TEXT_BYTES_MAX);
    enum tris_err err = q.candidate != NULL && q.text != NULL ? run(&q) : TRIS_ERR_NO_MEMORY;
    *cursor = q.after;
    *found = q.found;
    free(q.candidate);
    free(q.text);
    return err;
}
