/* The audit's third part: the tables that follow arrival. The feed must name every entry once, in
 * the order of its log; the word index must hold the words of every record's present state and
 * nothing else. */
#include <stdlib.h>

#include "storage/check.h"
#include "storage/search.h"

/* ---- feed ---- */

/* The row that leads from an entry to its arrival. */
static bool finds_back(const struct audit *a, const struct feed_row *run, uint64_t last)
{
    struct key key;
    struct span value;
    key_log_seq(&key, run->log_no, run->first_seq);
    if (view_get(a->v, DB_ARRIVAL, key_span(&key), &value) != TRIS_OK) {
        return false;
    }
    struct rbuf r = rbuf_of(value);
    return rbuf_u64(&r) == last && rbuf_finish(&r) == TRIS_OK;
}

static enum tris_err check_run(struct audit *a, uint64_t *next, uint32_t logs, uint64_t *before,
                               struct span key, struct span value)
{
    struct feed_row run;
    uint64_t last = 0;
    bool good = key_read_arrival(key, &last) && row_feed_decode(value, &run) == TRIS_OK &&
                run.count > 0 && run.count <= last - *before && run.log_no < logs &&
                run.first_seq == next[run.log_no] && finds_back(a, &run, last);
    if (good) {
        next[run.log_no] += run.count;
    } else {
        check_problem(a, "the feed's run up to arrival %llu does not continue its log",
                      (unsigned long long)last);
    }
    *before = last;
    return check_goes_on(a);
}

/* Every run was found back; there must be no more rows than runs. */
static enum tris_err check_arrival_rows(struct audit *a)
{
    uint64_t runs = 0;
    uint64_t rows = 0;
    enum tris_err err = view_rows(a->v, DB_FEED, &runs);
    if (err == TRIS_OK) {
        err = view_rows(a->v, DB_ARRIVAL, &rows);
    }
    if (err == TRIS_OK && runs != rows) {
        check_problem(a, "table arrival has %llu rows, the feed has %llu runs",
                      (unsigned long long)rows, (unsigned long long)runs);
    }
    return err;
}

enum tris_err check_feed(struct audit *a)
{
    uint32_t logs = 0;
    enum tris_err err = store_log_count(a->v, &logs);
    uint64_t *next = err == TRIS_OK ? calloc((size_t)logs + 1, sizeof *next) : NULL;
    MDB_cursor *cursor = NULL;
    uint64_t before = 0;
    struct span key = {NULL, 0};
    struct span value;
    if (err == TRIS_OK) {
        err = next != NULL ? view_cursor(a->v, DB_FEED, &cursor) : TRIS_ERR_NO_MEMORY;
    }
    if (err == TRIS_OK) {
        err = cursor_get(cursor, MDB_FIRST, &key, &value);
    }
    while (err == TRIS_OK) {
        err = check_run(a, next, logs, &before, key, value);
        if (err == TRIS_OK) {
            err = cursor_get(cursor, MDB_NEXT, &key, &value);
        }
    }
    err = err == TRIS_ERR_NOT_FOUND ? check_arrival_rows(a) : err;
    for (uint32_t no = 0; next != NULL && no < logs && err == TRIS_OK; no++) {
        struct log_row log;
        if (view_log_row(a->v, no, &log) == TRIS_OK && row_log_folded(&log) != next[no]) {
            check_problem(a, "the feed has %llu entries of log %u, its head counts %llu",
                          (unsigned long long)next[no], no,
                          (unsigned long long)row_log_folded(&log));
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    free(next);
    return err;
}

/* ---- words ---- */

struct word_check {
    struct audit *a;
    uint8_t *text;    /* SEARCH_TEXT_BYTES_MAX */
    struct key *keys; /* SEARCH_WORDS_MAX: rows of one record */
    uint64_t bits;    /* that the records ask for */
};

static int key_order(const void *left, const void *right)
{
    return key_cmp(left, right);
}

static enum tris_err words_of(struct word_check *c, const struct record_row *row,
                              struct record_ref ref, size_t *count)
{
    struct store_view *v = c->a->v;
    const struct fields_plan *plan = fields_find(&v->s->plans, row->kind);
    struct record *scratch = view_record(v);
    struct wbuf w = wbuf_of(c->text, SEARCH_TEXT_BYTES_MAX);
    struct entry entry;
    struct span word;
    size_t at = 0;
    *count = 0;
    if (scratch == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    if (plan == NULL || store_entry_get(v, row->put.log_no, row->put.seq, &entry) != TRIS_OK ||
        search_text(plan, entry.payload, scratch, &w) != TRIS_OK) {
        return TRIS_OK; /* the comparison of `record` has said it */
    }
    while (*count < SEARCH_WORDS_MAX && search_word_next(wbuf_span(&w), &at, &word)) {
        key_word(&c->keys[(*count)++], search_word_cut(word), ref.log_no,
                 ref.seq >> WORD_BLOCK_BITS);
    }
    qsort(c->keys, *count, sizeof *c->keys, key_order);
    return TRIS_OK;
}

static enum tris_err check_record_words(struct word_check *c, struct span key, struct span value)
{
    struct record_ref ref;
    struct record_row row;
    size_t count = 0;
    if (!key_tail_ref(key, &ref) || row_record_decode(value, ref.log_no, &row) != TRIS_OK ||
        row.ended) {
        return TRIS_OK;
    }
    enum tris_err err = words_of(c, &row, ref, &count);
    const uint64_t bit = UINT64_C(1) << (ref.seq & ((1U << WORD_BLOCK_BITS) - 1));
    for (size_t i = 0; i < count && err == TRIS_OK; i++) {
        struct span found;
        uint64_t bits = 0;
        if (i > 0 && key_cmp(&c->keys[i - 1], &c->keys[i]) == 0) {
            continue;
        }
        c->bits++;
        err = view_get(c->a->v, DB_WORD, key_span(&c->keys[i]), &found);
        if (err == TRIS_OK && row_word_decode(found, &bits) != TRIS_OK) {
            bits = 0;
        }
        err = err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
        if (err == TRIS_OK && (bits & bit) == 0) {
            check_problem(c->a, "a word of record %llu of log %u is not in the search index",
                          (unsigned long long)ref.seq, ref.log_no);
        }
    }
    return err == TRIS_OK ? check_goes_on(c->a) : err;
}

static enum tris_err count_bits(struct audit *a, uint64_t *bits)
{
    MDB_cursor *cursor = NULL;
    struct span key = {NULL, 0};
    struct span value;
    enum tris_err err = view_cursor(a->v, DB_WORD, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    err = cursor_get(cursor, MDB_FIRST, &key, &value);
    while (err == TRIS_OK) {
        uint64_t row = 0;
        if (row_word_decode(value, &row) == TRIS_OK) {
            for (; row != 0; row &= row - 1) {
                (*bits)++;
            }
        }
        err = check_goes_on(a);
        if (err == TRIS_OK) {
            err = cursor_get(cursor, MDB_NEXT, &key, &value);
        }
    }
    mdb_cursor_close(cursor);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

static enum tris_err check_all_words(struct word_check *c)
{
    MDB_cursor *cursor = NULL;
    struct span key = {NULL, 0};
    struct span value;
    uint64_t stored = 0;
    enum tris_err err = view_cursor(c->a->v, DB_RECORD, &cursor);
    if (err == TRIS_OK) {
        err = cursor_get(cursor, MDB_FIRST, &key, &value);
        while (err == TRIS_OK) {
            err = check_record_words(c, key, value);
            if (err == TRIS_OK) {
                err = cursor_get(cursor, MDB_NEXT, &key, &value);
            }
        }
        mdb_cursor_close(cursor);
    }
    if (err == TRIS_ERR_NOT_FOUND) {
        err = count_bits(c->a, &stored);
    }
    if (err == TRIS_OK && stored != c->bits) {
        check_problem(c->a, "the search index holds %llu words of records, %llu follow from them",
                      (unsigned long long)stored, (unsigned long long)c->bits);
    }
    return err;
}

enum tris_err check_words(struct audit *a)
{
    if (store_word_behind(a->v) > 0) {
        return TRIS_OK; /* it still follows: nothing can be said of it */
    }
    struct word_check c = {.a = a};
    c.text = malloc(SEARCH_TEXT_BYTES_MAX);
    c.keys = malloc(SEARCH_WORDS_MAX * sizeof *c.keys);
    enum tris_err err = c.text != NULL && c.keys != NULL ? check_all_words(&c) : TRIS_ERR_NO_MEMORY;
    free(c.text);
    free(c.keys);
    return err;
}
