/* Searching: the rarest term gives candidates from the word index, the record's own text decides.
 */
#include "storage/search.h"

#include <stdlib.h>

#include "proto/text.h"

enum {
    TERMS_MAX = 16,
    QUERY_BYTES_MAX = 1024,
    CANDIDATES_MAX = 65536, /* above it a term is common: then records are walked in order */
};

struct search {
    struct store_view *v;
    struct span term[TERMS_MAX];
    size_t terms;
    struct record_ref after;
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

static size_t from_candidates(const struct search *q, size_t count, struct record_ref *out,
                              size_t max)
{
    size_t n = 0;
    qsort(q->candidate, count, sizeof *q->candidate, ref_order);
    for (size_t i = 0; i < count && n < max; i++) {
        if ((i == 0 || ref_cmp(&q->candidate[i - 1], &q->candidate[i]) != 0) &&
            record_matches(q, q->candidate[i])) {
            out[n++] = q->candidate[i];
        }
    }
    return n;
}

/* Every term is common: most records match, so walking them finds a page soon. */
static size_t from_records(const struct search *q, struct record_ref *out, size_t max)
{
    MDB_cursor *cursor = NULL;
    size_t n = 0;
    if (view_cursor(q->v, DB_RECORD, &cursor) != TRIS_OK) {
        return 0;
    }
    struct key start;
    struct span value;
    const bool fresh = q->after.log_no == UINT32_MAX;
    key_log_seq(&start, fresh ? 0 : q->after.log_no, fresh ? 0 : q->after.seq);
    struct span key = key_span(&start);
    enum tris_err err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    while (err == TRIS_OK && n < max) {
        struct record_ref ref;
        if (!key_tail_ref(key, &ref)) {
            break;
        }
        if (is_after(q, &ref) && record_matches(q, ref)) {
            out[n++] = ref;
        }
        err = cursor_get(cursor, MDB_NEXT, &key, &value);
    }
    mdb_cursor_close(cursor);
    return n;
}

static size_t run(struct search *q, struct record_ref *out, size_t max)
{
    size_t best = 0;
    size_t fewest = SIZE_MAX;
    for (size_t i = 0; i < q->terms; i++) {
        size_t count;
        if (scan_term(q, q->term[i], false, &count) != TRIS_OK) {
            return 0;
        }
        if (count < fewest) {
            fewest = count;
            best = i;
        }
    }
    if (fewest == CANDIDATES_MAX) {
        return from_records(q, out, max);
    }
    if (scan_term(q, q->term[best], true, &fewest) != TRIS_OK || fewest == 0) {
        return 0;
    }
    return from_candidates(q, fewest, out, max);
}

size_t store_word_search(struct store_view *v, struct span text, struct record_ref *cursor,
                         struct record_ref *out, size_t max)
{
    uint8_t folded[QUERY_BYTES_MAX];
    struct wbuf w = wbuf_of(folded, sizeof folded);
    struct search q = {.v = v, .after = *cursor};
    size_t at = 0;
    text_fold(text, &w);
    while (q.terms < TERMS_MAX && search_word_next(wbuf_span(&w), &at, &q.term[q.terms])) {
        q.terms++;
    }
    if (q.terms == 0 || max == 0) {
        return 0;
    }
    size_t n = 0;
    q.candidate = malloc(CANDIDATES_MAX * sizeof *q.candidate);
    q.text = malloc(SEARCH_TEXT_BYTES_MAX);
    if (q.candidate != NULL && q.text != NULL) {
        n = run(&q, out, max);
    }
    if (n > 0) {
        *cursor = out[n - 1];
    }
    free(q.candidate);
    free(q.text);
    return n;
}
