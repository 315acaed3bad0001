/* Drafts that are settled do not stay for ever: whole cuts go, the oldest first. */
#include "storage/draft.h"

/* A cut's drafts have numbers in a row; together they go, or not at all: places are computed from
 * how far apart they are. */
struct cut_rows {
    uint64_t first, end;
    bool settled; /* all of them */
};

static enum tris_err read_oldest(struct store_txn *t, struct cut_rows *out)
{
    struct draft_row row;
    struct key key;
    struct span found, value;
    MDB_cursor *cursor = txn_cursor(t, DB_DRAFT);
    if (cursor == NULL) {
        return t->err;
    }
    key_draft(&key, 1);
    found = key_span(&key);
    enum tris_err err = cursor_get(cursor, MDB_SET_RANGE, &found, &value);
    if (err == TRIS_OK && !key_read_draft(found, &out->first)) {
        err = TRIS_ERR_CORRUPT;
    }
    out->end = out->first;
    out->settled = true;
    while (err == TRIS_OK) {
        err = row_draft_decode(value, &row);
        if (err == TRIS_OK && row.at.seq == row.cut && out->end > out->first) {
            return TRIS_OK; /* the next cut's first one */
        }
        if (err == TRIS_OK) {
            out->settled =
                out->settled && (row.state == DRAFT_WRITTEN || row.state == DRAFT_DROPPED);
            out->end++;
            err = cursor_get(cursor, MDB_NEXT, &found, &value);
        }
    }
    return err == TRIS_ERR_NOT_FOUND && out->end > out->first ? TRIS_OK : err;
}

/* The alias goes, unless it leads to a newer draft by now. */
static void drop_alias(struct store_txn *t, enum alias_way way, struct record_ref place,
                       uint64_t no)
{
    struct key key;
    struct span value;
    key_alias(&key, way, place);
    if (view_get(&t->view, DB_ALIAS, key_span(&key), &value) == TRIS_OK) {
        struct rbuf r = rbuf_of(value);
        if (rbuf_u64(&r) == no) {
            txn_del(t, DB_ALIAS, key_span(&key));
        }
    }
}

static void drop_rows(struct store_txn *t, const struct cut_rows *cut)
{
    for (uint64_t no = cut->first; no < cut->end && txn_ok(t); no++) {
        struct draft_row row;
        struct key key;
        enum tris_err err = draft_row_get(&t->view, no, &row);
        if (err != TRIS_OK) {
            txn_fail(t, TRIS_ERR_CORRUPT);
            return;
        }
        const struct draft_row was = {.at = row.at, .state = row.state, .now = row.now};
        key_draft(&key, no);
        txn_del(t, DB_DRAFT, key_span(&key)); /* what `row` points to is gone */
        drop_alias(t, ALIAS_FORMER, was.at, no);
        if (was.state == DRAFT_WRITTEN) {
            drop_alias(t, ALIAS_PRESENT, was.now, no);
        }
    }
}

void draft_trim(struct store_txn *t)
{
    uint64_t rows = 0;
    while (txn_ok(t)) {
        struct cut_rows cut = {0};
        enum tris_err err = view_rows(&t->view, DB_DRAFT, &rows);
        if (err == TRIS_OK && rows <= STORE_DRAFTS_MAX) {
            return;
        }
        if (err == TRIS_OK) {
            err = read_oldest(t, &cut);
        }
        if (err != TRIS_OK) {
            txn_fail(t, err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err);
            return;
        }
        if (!cut.settled) {
            return; /* first a person decides */
        }
        drop_rows(t, &cut);
    }
}
