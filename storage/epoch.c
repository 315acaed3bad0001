/* Epochs of one house's data logs; see epoch.h. */
#include "storage/epoch.h"

#include "storage/feed.h"
#include "storage/log.h"
#include "storage/search.h"

/* ---- looking ---- */

/* Walks the data logs of a house by epoch; moves the cursor by `op`. TRIS_ERR_NOT_FOUND: no more.
 */
static enum tris_err next_log(MDB_cursor *cursor, MDB_cursor_op op, const struct key *bound,
                              const struct key *prefix, uint32_t *epoch, uint32_t *no)
{
    struct span key = key_span(bound);
    struct span value;
    enum tris_err err = op == MDB_LAST ? cursor_below(cursor, bound, &key, &value)
                                       : cursor_get(cursor, op, &key, &value);
    if (err != TRIS_OK) {
        return err;
    }
    if (!key_starts_with(key, prefix)) {
        return TRIS_ERR_NOT_FOUND;
    }
    return key_read_house_epoch(key, epoch, no) ? TRIS_OK : TRIS_ERR_CORRUPT;
}

/* The record of epoch `epoch`, in whichever log of that epoch it is. */
static enum tris_err find_in_epoch(const struct store_view *v, const struct tris_house_id *house,
                                   uint32_t epoch, uint64_t seq, struct record_ref *out)
{
    MDB_cursor *cursor = NULL;
    struct key prefix;
    struct key start;
    uint32_t found = 0;
    uint32_t no = 0;
    key_house_topic(&prefix, house, TRIS_TOPIC_DATA);
    key_house_log(&start,
                  &(struct tris_log_ref){.house = *house, .topic = TRIS_TOPIC_DATA, .epoch = epoch},
                  0);
    enum tris_err err = view_cursor(v, DB_HOUSE, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    err = next_log(cursor, MDB_SET_RANGE, &start, &prefix, &found, &no);
    while (err == TRIS_OK && found == epoch) {
        struct key key;
        struct span value;
        key_log_seq(&key, no, seq);
        err = view_get(v, DB_RECORD, key_span(&key), &value);
        if (err != TRIS_ERR_NOT_FOUND) {
            break;
        }
        err = next_log(cursor, MDB_NEXT, &start, &prefix, &found, &no);
    }
    mdb_cursor_close(cursor);
    *out = (struct record_ref){no, seq};
    return err == TRIS_OK && found != epoch ? TRIS_ERR_NOT_FOUND : err;
}

enum tris_err epoch_record(const struct store_view *v, const struct store_log *log, uint64_t seq,
                           const struct entry_header *header, struct record_ref *out)
{
    *out = (struct record_ref){log->no, header->record_seq};
    if (!header->has_record_epoch || header->record_epoch == log->ref.epoch) {
        return header->record_seq < seq ? TRIS_OK : TRIS_ERR_NOT_FOUND;
    }
    if (log->ref.topic != TRIS_TOPIC_DATA || header->record_epoch > log->ref.epoch) {
        return TRIS_ERR_NOT_FOUND;
    }
    return find_in_epoch(v, &log->ref.house, header->record_epoch, header->record_seq, out);
}

enum tris_err store_record_find(struct store_view *v, const struct tris_house_id *house,
                                uint32_t epoch, uint64_t seq, struct record_ref *out)
{
    return find_in_epoch(v, house, epoch, seq, out);
}

/* Nothing will come any more, and nothing is missing. */
static bool is_complete(const struct store_log *log)
{
    return log->outside ||
           (log->ends != STORE_END_NONE && log->whole == log->end && store_log_is_at_end(log));
}

enum tris_err epoch_waits(struct store_view *v, const struct store_log *log, bool *waits)
{
    MDB_cursor *cursor = NULL;
    struct key prefix;
    uint32_t epoch = 0;
    uint32_t no = 0;
    *waits = false;
    if (log->ref.topic != TRIS_TOPIC_DATA || log->ref.epoch == 0) {
        return TRIS_OK;
    }
    key_house_topic(&prefix, &log->ref.house, TRIS_TOPIC_DATA);
    enum tris_err err = view_cursor(v, DB_HOUSE, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    err = next_log(cursor, MDB_SET_RANGE, &prefix, &prefix, &epoch, &no);
    while (err == TRIS_OK && epoch < log->ref.epoch && !*waits) {
        struct log_row row;
        err = view_log_row(v, no, &row);
        *waits = err == TRIS_OK && !is_complete(&row.log);
        if (err == TRIS_OK) {
            err = next_log(cursor, MDB_NEXT, &prefix, &prefix, &epoch, &no);
        }
    }
    mdb_cursor_close(cursor);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

enum tris_err store_log_later(struct store_view *v, uint32_t no, uint32_t *later)
{
    MDB_cursor *cursor = NULL;
    struct key prefix;
    struct key start;
    struct log_row row;
    uint32_t epoch = 0;
    uint32_t found = 0;
    enum tris_err err = view_log_row(v, *later == UINT32_MAX ? no : *later, &row);
    if (err == TRIS_OK && row.log.ref.topic != TRIS_TOPIC_DATA) {
        err = TRIS_ERR_NOT_FOUND;
    }
    if (err == TRIS_OK) {
        err = view_cursor(v, DB_HOUSE, &cursor);
    }
    if (err != TRIS_OK) {
        return err;
    }
    const uint32_t after = row.log.ref.epoch;
    key_house_topic(&prefix, &row.log.ref.house, TRIS_TOPIC_DATA);
    key_house_log(&start, &row.log.ref, row.log.no + 1);
    err = next_log(cursor, MDB_SET_RANGE, &start, &prefix, &epoch, &found);
    while (err == TRIS_OK && *later == UINT32_MAX && epoch == after) { /* its own epoch's others */
        err = next_log(cursor, MDB_NEXT, &start, &prefix, &epoch, &found);
    }
    mdb_cursor_close(cursor);
    *later = err == TRIS_OK ? found : *later;
    return err;
}

/* ---- taking back and folding again ---- */

/* The own current log: its entries stay, what they did to the views goes. */
static void unfold_log(struct store_txn *t, const struct head *head)
{
    const struct store_log *log = &head->row.log;
    uint64_t followed = 0;
    uint64_t end = 0;
    txn_flush(t);
    enum tris_err err = txn_ok(t) ? word_followed(&t->view, &followed) : t->err;
    if (err != TRIS_OK) {
        txn_fail(t, err);
        return;
    }
    feed_cut(t, log->no, 0, followed, &end);
    feed_note_cut(t, log->no, 0);
    word_unfollow(t, log->no, 0, end);
    for (uint64_t seq = row_log_folded(&head->row); seq > 0 && txn_ok(t); seq--) {
        fold_undo(t, head, seq - 1);
    }
}

static void refold_log(struct store_txn *t, struct head *head)
{
    const uint64_t end = row_log_folded(&head->row);
    for (uint64_t seq = 0; seq < end && txn_ok(t); seq++) {
        log_fold_stored(t, head, seq);
    }
}

/* Calls `each` for the data logs of later epochs, from the last one back or the other way round. */
static void each_later(struct store_txn *t, const struct store_log *log, bool back,
                       void (*each)(struct store_txn *t, struct head *head))
{
    MDB_cursor *cursor = NULL;
    struct key prefix;
    struct key bound;
    uint32_t epoch = 0;
    uint32_t no = 0;
    if (log->ref.topic != TRIS_TOPIC_DATA || !txn_ok(t)) {
        return;
    }
    struct tris_log_ref ref = log->ref;
    ref.epoch = back ? UINT32_MAX : ref.epoch;
    key_house_topic(&prefix, &ref.house, TRIS_TOPIC_DATA);
    key_house_log(&bound, &ref, UINT32_MAX);
    enum tris_err err = view_cursor(&t->view, DB_HOUSE, &cursor);
    if (err != TRIS_OK) {
        txn_fail(t, err);
        return;
    }
    err = next_log(cursor, back ? MDB_LAST : MDB_SET_RANGE, &bound, &prefix, &epoch, &no);
    while (err == TRIS_OK && epoch > log->ref.epoch && txn_ok(t)) {
        struct head *head = txn_head(t, no);
        if (head != NULL && head->row.log.held > 0) {
            each(t, head);
        }
        err = next_log(cursor, back ? MDB_PREV : MDB_NEXT, &bound, &prefix, &epoch, &no);
    }
    mdb_cursor_close(cursor);
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        txn_fail(t, err);
    }
}

static void take_back(struct store_txn *t, struct head *head)
{
    if (head->row.log.current) {
        unfold_log(t, head);
    } else {
        cut_tail(t, head, 0, STORE_TAIL_DROP);
    }
}

void epoch_unfold(struct store_txn *t, const struct store_log *log)
{
    each_later(t, log, true, take_back);
}

static void fold_again(struct store_txn *t, struct head *head)
{
    if (head->row.log.current) {
        refold_log(t, head);
    }
}

void epoch_refold(struct store_txn *t, const struct store_log *log)
{
    each_later(t, log, false, fold_again);
}
