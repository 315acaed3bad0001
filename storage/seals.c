/* The seal table of a log: storing and thinning, the seal that covers an entry, and reading runs of
 * entries that end at a seal. */
#include "proto/assert.h"
#include "storage/log.h"

static enum tris_err seal_at(const struct store_view *v, MDB_cursor *cursor, MDB_cursor_op op,
                             const struct log_row *log, uint64_t size, struct seal_row *out)
{
    (void)v;
    struct key wanted;
    key_log_seq(&wanted, log->log.no, size);
    struct span key = key_span(&wanted);
    struct span value;
    uint32_t no;
    uint64_t at;
    enum tris_err err = cursor_get(cursor, op, &key, &value);
    if (err != TRIS_OK) {
        return err;
    }
    if (!key_read_log_seq(key, &no, &at)) {
        return TRIS_ERR_CORRUPT;
    }
    if (no != log->log.no) {
        return TRIS_ERR_NOT_FOUND;
    }
    return row_seal_decode(value, &log->log.id, at, out);
}

/* May the seal between `low` and `high` go? Then the two are neighbours. */
static bool may_merge(const struct seal_row *low, const struct seal_row *between,
                      const struct seal_row *high)
{
    return high->seal.size - low->seal.size <= TRIS_SEAL_SPACING_MAX &&
           between->bytes <= TRIS_SEAL_BYTES && high->bytes <= TRIS_SEAL_BYTES - between->bytes;
}

void log_put_seal_row(struct store_txn *t, uint32_t no, const struct seal_row *row)
{
    struct key key;
    uint8_t bytes[ROW_SEAL_BYTES];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    row_seal_encode(&w, row);
    tris_assert(w.err == TRIS_OK);
    key_log_seq(&key, no, row->seal.size);
    txn_put(t, DB_SEAL, key_span(&key), wbuf_span(&w));
}

static void thin(struct store_txn *t, const struct log_row *log)
{
    enum { NEWEST, SECOND, THIRD, FOURTH, LOOKED };
    struct seal_row row[LOOKED];
    memset(row, 0, sizeof row);
    MDB_cursor *cursor = NULL;
    enum tris_err err = view_cursor(&t->view, DB_SEAL, &cursor);
    int found = 0;
    while (err == TRIS_OK && found < LOOKED) {
        err = seal_at(&t->view, cursor, found == 0 ? MDB_SET_RANGE : MDB_PREV, log,
                      log->log.seal.size, &row[found]);
        found += err == TRIS_OK;
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        txn_fail(t, err);
        return;
    }
    /* without a fourth, its place is taken by the start of the log: size 0 */
    if (found > THIRD && may_merge(&row[FOURTH], &row[THIRD], &row[SECOND])) {
        struct key key;
        key_log_seq(&key, log->log.no, row[THIRD].seal.size);
        txn_del(t, DB_SEAL, key_span(&key));
        row[SECOND].bytes += row[THIRD].bytes;
        log_put_seal_row(t, log->log.no, &row[SECOND]);
    }
}

void log_put_seal(struct store_txn *t, struct head *head, uint64_t behind)
{
    struct log_row *row = &head->row;
    struct key key;
    struct span value;
    struct seal_row seal = {row->log.seal, row->open_bytes - behind};
    key_log_seq(&key, row->log.no, row->log.seal.size);
    if (txn_get(t, DB_SEAL, key_span(&key), &value)) { /* sealed anew: over the same entries */
        struct seal_row old;
        enum tris_err err = row_seal_decode(value, &row->log.id, row->log.seal.size, &old);
        if (err != TRIS_OK) {
            txn_fail(t, err);
            return;
        }
        seal.bytes = old.bytes;
    }
    log_put_seal_row(t, row->log.no, &seal);
    row->open_bytes = behind;
    head->dirty = true;
    if (txn_ok(t)) {
        thin(t, row);
    }
}

enum tris_err store_seal_covering(struct store_view *v, uint32_t no, uint64_t seq, struct seal *out)
{
    struct log_row log;
    struct seal_row row;
    MDB_cursor *cursor = NULL;
    enum tris_err err = view_log_row(v, no, &log);
    if (err == TRIS_OK && seq >= log.log.held) {
        err = TRIS_ERR_NOT_FOUND;
    }
    if (err == TRIS_OK) {
        err = view_cursor(v, DB_SEAL, &cursor);
    }
    if (err == TRIS_OK) {
        err = seal_at(v, cursor, MDB_SET_RANGE, &log, seq + 1, &row);
        mdb_cursor_close(cursor);
    }
    if (err == TRIS_OK) {
        *out = row.seal;
    }
    return err;
}

/* ---- reading a segment ---- */

struct segment_reader {
    MDB_cursor *cursor; /* over entries */
    uint32_t no;
    uint64_t next; /* seq of the next entry */
    bool started;
};

static enum tris_err next_entry(struct segment_reader *r, struct span *wire)
{
    struct key wanted;
    key_log_seq(&wanted, r->no, r->next);
    struct span key = key_span(&wanted);
    enum tris_err err = cursor_get(r->cursor, r->started ? MDB_NEXT : MDB_SET_RANGE, &key, wire);
    r->started = true;
    if (err == TRIS_OK && !span_eq(key, key_span(&wanted))) {
        err = TRIS_ERR_NOT_FOUND;
    }
    r->next++;
    return err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err; /* a sealed entry is always there */
}

/* Copies entries up to `end`; TRIS_ERR_NO_SPACE if they do not fit in `limit` bytes of `out`. */
static enum tris_err copy_entries(struct segment_reader *r, uint64_t end, size_t limit,
                                  struct wbuf *out)
{
    while (r->next < end) {
        struct span wire;
        enum tris_err err = next_entry(r, &wire);
        if (err != TRIS_OK) {
            return err;
        }
        if (wire.len > limit - out->len) {
            return TRIS_ERR_NO_SPACE;
        }
        wbuf_span_put(out, wire);
    }
    return out->err;
}

static enum tris_err copy_erased(struct segment_reader *r, uint64_t end, struct wbuf *out)
{
    while (r->next < end) {
        struct span wire;
        struct entry entry;
        enum tris_err err = next_entry(r, &wire);
        if (err != TRIS_OK) {
            return err;
        }
        struct rbuf run = rbuf_of(wire);
        err = entry_wire_next(&run, &entry);
        if (err != TRIS_OK) {
            return TRIS_ERR_CORRUPT;
        }
        entry_wire_encode_erased(out, &entry);
    }
    return out->err;
}

struct segment_sources {
    struct store_view *v;
    const struct log_row *log;
    MDB_cursor *seals, *entries;
    uint64_t first;
};

/* The largest run of whole entries that ends at a seal; the first run in erased form if it alone is
 * too large. */
static enum tris_err read_runs(const struct segment_sources *from, struct wbuf *out,
                               uint32_t *count, struct seal *seal)
{
    const size_t start = out->len;
    size_t room = out->cap - start;
    const size_t limit = start + (room < TRIS_SEGMENT_BYTES_MAX ? room : TRIS_SEGMENT_BYTES_MAX);
    struct segment_reader reader = {from->entries, from->log->log.no, from->first, false};
    struct seal_row row;
    enum tris_err err =
        seal_at(from->v, from->seals, MDB_SET_RANGE, from->log, from->first + 1, &row);
    if (err != TRIS_OK) {
        return err;
    }
    const struct seal_row first_seal = row;
    *count = 0;
    while (err == TRIS_OK && row.seal.size - from->first <= TRIS_SEAL_SPACING_MAX) {
        size_t before = out->len;
        err = copy_entries(&reader, row.seal.size, limit, out);
        if (err != TRIS_OK) {
            out->len = before;
            break;
        }
        *count = (uint32_t)(row.seal.size - from->first);
        *seal = row.seal;
        err = seal_at(from->v, from->seals, MDB_NEXT, from->log, 0, &row);
    }
    if (err != TRIS_OK && err != TRIS_ERR_NO_SPACE && err != TRIS_ERR_NOT_FOUND) {
        return err;
    }
    if (*count > 0) {
        return TRIS_OK;
    }
    if (first_seal.seal.size - from->first > TRIS_SEAL_SPACING_MAX) {
        return TRIS_ERR_CORRUPT;
    }
    reader.next = from->first;
    reader.started = false;
    *count = (uint32_t)(first_seal.seal.size - from->first);
    *seal = first_seal.seal;
    return copy_erased(&reader, first_seal.seal.size, out);
}

/* From the newest seal of a log that has an end, or behind it, to there, where there is no seal. */
static enum tris_err read_last_run(const struct segment_sources *from, struct wbuf *out,
                                   uint32_t *count, struct seal *seal)
{
    const struct store_log *log = &from->log->log;
    const size_t start = out->len;
    size_t room = out->cap - start;
    const size_t limit = start + (room < TRIS_SEGMENT_BYTES_MAX ? room : TRIS_SEGMENT_BYTES_MAX);
    struct segment_reader reader = {from->entries, log->no, from->first, false};
    if (log->end - from->first > TRIS_SEAL_SPACING_MAX) {
        return TRIS_ERR_CORRUPT; /* seals were never further apart */
    }
    enum tris_err err = copy_entries(&reader, log->end, limit, out);
    if (err == TRIS_ERR_NO_SPACE) {
        out->len = start;
        reader = (struct segment_reader){from->entries, log->no, from->first, false};
        err = copy_erased(&reader, log->end, out);
    }
    *count = (uint32_t)(log->end - from->first);
    *seal = (struct seal){.log = log->id, .size = log->end, .root = log->end_root};
    return err;
}

enum tris_err store_segment_read(struct store_view *v, uint32_t no, uint64_t first,
                                 struct wbuf *out, uint32_t *count, struct seal *seal)
{
    struct log_row log;
    struct segment_sources from = {.v = v, .log = &log, .first = first};
    enum tris_err err = view_log_row(v, no, &log);
    if (err != TRIS_OK) {
        return err;
    }
    const uint64_t sealed = log.log.has_seal ? log.log.seal.size : 0;
    const bool last_run = store_log_is_at_end(&log.log) && first >= sealed && first < log.log.end;
    if (log.log.ref.topic == TRIS_TOPIC_LOCAL || (!last_run && (sealed == 0 || first > sealed))) {
        return TRIS_ERR_NOT_FOUND;
    }
    if (!last_run && first == sealed) {
        *count = 0;
        *seal = log.log.seal;
        return TRIS_OK;
    }
    err = view_cursor(v, DB_SEAL, &from.seals);
    if (err == TRIS_OK) {
        err = view_cursor(v, DB_ENTRY, &from.entries);
    }
    if (err == TRIS_OK) {
        const size_t start = out->len;
        err =
            last_run ? read_last_run(&from, out, count, seal) : read_runs(&from, out, count, seal);
        if (err != TRIS_OK) {
            out->len = start;
            /* the log has a seal behind `first`: a missing row is damage */
            err = err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err;
        }
    }
    if (from.entries != NULL) {
        mdb_cursor_close(from.entries);
    }
    if (from.seals != NULL) {
        mdb_cursor_close(from.seals);
    }
    return err;
}
