/* The audit's fourth part: drafts, and the table of aliases between where an entry stood and where
 * it stands. What they say of each other must agree, and of the own logs. */
#include "storage/check.h"
#include "storage/draft.h"

struct draft_check {
    struct audit *a;
    uint64_t present; /* present: written drafts that were not taken back again */
};

static bool alias_is(const struct draft_check *c, enum alias_way way, struct record_ref place,
                     uint64_t no)
{
    struct key key;
    struct span value;
    key_alias(&key, way, place);
    if (view_get(c->a->v, DB_ALIAS, key_span(&key), &value) != TRIS_OK) {
        return false;
    }
    struct rbuf r = rbuf_of(value);
    const uint64_t found = rbuf_u64(&r);
    /* of several drafts of one place the last one counts */
    return rbuf_finish(&r) == TRIS_OK && (way == ALIAS_FORMER ? found >= no : found == no);
}

/* The drafts of one cut follow each other without a gap: places are computed from that. */
static bool cut_begins(const struct draft_check *c, const struct draft_row *row, uint64_t no)
{
    struct draft_row first;
    const uint64_t before = row->at.seq - row->cut;
    return row->cut <= row->at.seq && before < no &&
           draft_row_get(c->a->v, no - before, &first) == TRIS_OK &&
           first.at.log_no == row->at.log_no && first.at.seq == row->cut && first.cut == row->cut;
}

static bool same(struct record_ref a, struct record_ref b)
{
    return a.log_no == b.log_no && a.seq == b.seq;
}

/* What is still to be written is what the header that was in the log is the commitment of. */
static bool payload_fits(const struct draft_row *row, const struct entry_header *header)
{
    struct tris_salt salt;
    struct tris_hash commit;
    if (row->salt.len == 0) {
        return row->state != DRAFT_WAITING;
    }
    memcpy(salt.b, row->salt.ptr, sizeof salt.b);
    entry_commit(row->payload, &salt, &commit);
    return (row->state == DRAFT_WAITING || row->state == DRAFT_DECISION) &&
           tris_hash_eq(&commit, &header->commit);
}

/* It stood in an own log of its topic, and stands nowhere as long as it waits. */
static bool places_fit(const struct draft_check *c, const struct draft_row *row)
{
    struct log_row log;
    return view_log_row(c->a->v, row->at.log_no, &log) == TRIS_OK && log.log.own &&
           log.log.ref.topic == row->topic &&
           (row->state == DRAFT_WRITTEN || row->state == DRAFT_DROPPED ||
            same(row->now, (struct record_ref){0, 0}));
}

static void check_draft(struct draft_check *c, struct span key, struct span value)
{
    struct draft_row row;
    struct draft_row later;
    struct entry_header header;
    uint64_t no = 0;
    bool own = false;
    bool good = key_read_draft(key, &no) && row_draft_decode(value, &row) == TRIS_OK &&
                entry_header_decode(row.header, &header) == TRIS_OK &&
                payload_fits(&row, &header) && alias_is(c, ALIAS_FORMER, row.at, no) &&
                cut_begins(c, &row, no) && places_fit(c, &row);
    if (good && row.state == DRAFT_WRITTEN && row.later == 0) {
        good = draft_place_is_own(c->a->v, row.topic, row.now, &own) == TRIS_OK && own &&
               alias_is(c, ALIAS_PRESENT, row.now, no);
        c->present++;
    } else if (good && row.later != 0) {
        good = row.later > no && draft_row_get(c->a->v, row.later, &later) == TRIS_OK &&
               same(later.at, row.now);
    }
    if (!good) {
        check_problem(c->a, "draft %llu is damaged or has lost its way", (unsigned long long)no);
    }
}

static void check_alias(struct draft_check *c, struct span key, struct span value)
{
    enum alias_way way;
    struct record_ref place = {0, 0};
    struct draft_row row;
    struct rbuf r = rbuf_of(value);
    const uint64_t no = rbuf_u64(&r);
    bool good = key_read_alias(key, &way, &place) && rbuf_finish(&r) == TRIS_OK &&
                draft_row_get(c->a->v, no, &row) == TRIS_OK;
    if (good) {
        good = way == ALIAS_FORMER
                   ? same(row.at, place)
                   : row.state == DRAFT_WRITTEN && row.later == 0 && same(row.now, place);
        c->present -= way == ALIAS_PRESENT && good ? 1 : 0;
    }
    if (!good) {
        check_problem(c->a, "the alias of former entry %llu leads to no draft of it",
                      (unsigned long long)place.seq);
    }
}

static enum tris_err each_row(struct draft_check *c, enum db_table table,
                              void (*row)(struct draft_check *, struct span, struct span))
{
    MDB_cursor *cursor = NULL;
    struct span key = {NULL, 0};
    struct span value;
    enum tris_err err = view_cursor(c->a->v, table, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    err = cursor_get(cursor, MDB_FIRST, &key, &value);
    while (err == TRIS_OK) {
        row(c, key, value);
        err = check_goes_on(c->a);
        if (err == TRIS_OK) {
            err = cursor_get(cursor, MDB_NEXT, &key, &value);
        }
    }
    mdb_cursor_close(cursor);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

enum tris_err check_drafts(struct audit *a)
{
    struct draft_check c = {.a = a};
    enum tris_err err = each_row(&c, DB_DRAFT, check_draft);
    if (err == TRIS_OK) {
        err = each_row(&c, DB_ALIAS, check_alias);
    }
    if (err == TRIS_OK && c.present != 0) {
        check_problem(a, "%llu written drafts are not found from their entries",
                      (unsigned long long)c.present);
    }
    return err;
}
