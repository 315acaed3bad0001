/* Logs: finding and making them, appending verified segments and own entries. */
#include "storage/log.h"

#include "proto/assert.h"
#include "storage/end.h"
#include "storage/epoch.h"

/* ---- finding and making ---- */

enum tris_err store_log_count(struct store_view *v, uint32_t *count)
{
    struct key last;
    enum tris_err err = view_last_key(v, DB_LOG, &last);
    *count = 0;
    if (err == TRIS_OK) {
        struct rbuf r = rbuf_of(key_span(&last));
        *count = rbuf_u32(&r) + 1;
        err = rbuf_finish(&r) == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

enum tris_err store_log_find(struct store_view *v, const struct tris_log_id *id, uint32_t *no)
{
    struct key key;
    struct span value;
    key_log_id(&key, id);
    enum tris_err err = view_get(v, DB_LOG_ID, key_span(&key), &value);
    if (err != TRIS_OK) {
        return err;
    }
    struct rbuf r = rbuf_of(value);
    *no = rbuf_u32(&r);
    return rbuf_finish(&r) == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
}

/* Is it one that this process writes? */
static bool is_current(const struct store *s, const struct tris_log_ref *ref)
{
    if (!tris_house_id_eq(&ref->house, &s->own) || ref->topic == TRIS_TOPIC_LOCAL) {
        return ref->topic == TRIS_TOPIC_LOCAL;
    }
    return ref->epoch == s->own_epoch && tris_sign_pub_eq(&ref->seal_key, &s->own_key);
}

enum tris_err log_row_open(const struct store *s, uint32_t no, struct span bytes,
                           struct log_row *out)
{
    enum tris_err err = row_log_decode(bytes, out);
    out->log.no = no;
    out->log.current = out->log.own && is_current(s, &out->log.ref);
    return err;
}

enum tris_err view_log_row(struct store_view *v, uint32_t no, struct log_row *out)
{
    if (v->txn != NULL) {
        const struct head *head = txn_head_peek(v->txn, no);
        if (head != NULL) {
            *out = head->row;
            return TRIS_OK;
        }
    }
    struct key key;
    struct span value;
    key_log(&key, no);
    enum tris_err err = view_get(v, DB_LOG, key_span(&key), &value);
    if (err != TRIS_OK) {
        return err;
    }
    return log_row_open(v->s, no, value, out);
}

enum tris_err store_log_get(struct store_view *v, uint32_t no, struct store_log *out)
{
    struct log_row row;
    enum tris_err err = view_log_row(v, no, &row);
    if (err == TRIS_OK) {
        *out = row.log;
        err = epoch_waits(v, out, &out->waits);
    }
    return err;
}

enum tris_err store_own_log(struct store_view *v, enum tris_topic topic, uint32_t *no)
{
    struct tris_log_ref ref = tris_log_ref_first(&v->s->own, topic);
    struct tris_log_id id;
    if (topic != TRIS_TOPIC_LOCAL) {
        ref.epoch = v->s->own_epoch;
        ref.seal_key = v->s->own_key;
    }
    log_id_derive(&v->s->fed, &ref, &id);
    return store_log_find(v, &id, no);
}

static void log_create(struct store_txn *t, const struct tris_log_ref *ref,
                       const struct tris_log_id *id, uint32_t no)
{
    struct log_row row;
    memset(&row, 0, sizeof row);
    row.log.no = no;
    row.log.ref = *ref;
    row.log.id = *id;
    row.log.own = tris_house_id_eq(&ref->house, &t->s->own);
    row.log.current = row.log.own && is_current(t->s, ref);
    row.first_hole = SEQ_NONE;
    tree_init(&row.log.tree);

    struct key key;
    uint8_t bytes[4];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    wbuf_u32(&w, no);
    key_log_id(&key, id);
    txn_put(t, DB_LOG_ID, key_span(&key), wbuf_span(&w));
    key_house_log(&key, ref, no);
    txn_put(t, DB_HOUSE, key_span(&key), span_of(NULL, 0));
    struct head *head = txn_ok(t) ? txn_head_add(t, &row) : NULL;
    if (head != NULL) {
        txn_head_write(t, head);
    }
}

enum tris_err store_log_ensure(struct store_txn *t, const struct tris_log_ref *ref, uint32_t *no)
{
    if (!txn_ok(t)) {
        return t->err;
    }
    struct tris_log_id id;
    log_id_derive(&t->s->fed, ref, &id);
    enum tris_err err = store_log_find(&t->view, &id, no);
    if (err != TRIS_ERR_NOT_FOUND) {
        if (err != TRIS_OK) {
            txn_fail(t, err);
        }
        return err;
    }
    err = store_log_count(&t->view, no);
    if (err != TRIS_OK) {
        txn_fail(t, err); /* number 0 in its place would be another log's */
        return err;
    }
    log_create(t, ref, &id, *no);
    return t->err;
}

/* ---- appending ---- */

static void put_nodes(struct store_txn *t, uint32_t no, const struct tree_node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct key key;
        key_tree(&key, no, nodes[i].level, nodes[i].index);
        txn_put(t, DB_TREE, key_span(&key), span_of(nodes[i].hash.b, sizeof nodes[i].hash.b));
    }
}

static void put_entry(struct store_txn *t, struct head *head, uint64_t seq,
                      const struct entry *entry)
{
    struct key key;
    key_log_seq(&key, head->row.log.no, seq);
    if (t->s->replay_of == NULL) {
        txn_append(t, DB_ENTRY, &key, entry->wire);
    }
    if (!entry->whole) {
        txn_append(t, DB_HOLE, &key, span_of(NULL, 0));
    }
    head->row.bytes += entry->wire.len;
    head->row.open_bytes += entry->wire.len;
    head->dirty = true;
}

void log_fold_entry(struct store_txn *t, struct head *head, uint64_t seq, const struct entry *entry,
                    const struct entry_header *header)
{
    struct fold fold;
    fold_judge(t, head, seq, entry, header, &fold);
    fold_apply(t, head, seq, header, &fold);
    txn_feed(t, head->row.log.no, seq);
}

void log_fold_stored(struct store_txn *t, struct head *head, uint64_t seq)
{
    struct entry entry;
    struct entry_header header;
    enum tris_err err = store_entry_get(&t->view, head->row.log.no, seq, &entry);
    if (err == TRIS_OK) { /* what lies in the map moves when something is written */
        memcpy(t->wire, entry.wire.ptr, entry.wire.len);
        struct rbuf r = rbuf_of(span_of(t->wire, entry.wire.len));
        err = entry_wire_next(&r, &entry);
    }
    if (err == TRIS_OK) {
        err = entry_peek_header(&entry, &header);
    }
    if (err != TRIS_OK || !entry.whole) {
        txn_fail(t, TRIS_ERR_CORRUPT);
        return;
    }
    log_fold_entry(t, head, seq, &entry, &header);
}

void log_append_entry(struct store_txn *t, struct head *head, const struct entry *entry,
                      const struct entry_header *header, const struct tris_hash *leaf)
{
    struct store_log *log = &head->row.log;
    const uint64_t seq = log->held;
    struct tree_node nodes[TREE_LEVELS_MAX];
    if (!entry->whole && head->row.first_hole == SEQ_NONE) {
        head->row.first_hole = seq;
        tree_root(&log->tree, &head->row.hole_root);
    }
    size_t count = tree_append(&log->tree, leaf, TREE_STORED_LEVEL, nodes);
    put_nodes(t, log->no, nodes, count);
    put_entry(t, head, seq, entry);
    log->held = log->tree.size;
    if (head->row.first_hole == SEQ_NONE) {
        log_fold_entry(t, head, seq, entry, header);
    }
}

/* Remembers the root before the first entry without payload; needs the leaves up to it. */
static void note_hole(struct store_txn *t, struct head *head,
                      const struct verified_segment *segment, uint32_t index)
{
    struct tree tree = head->row.log.tree;
    struct rbuf run = rbuf_of(segment->wire);
    enum tris_err err = TRIS_OK;
    for (uint32_t i = 0; i < index && err == TRIS_OK; i++) {
        uint8_t bytes[TRIS_HEADER_BYTES_MAX];
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        struct entry entry;
        struct entry_header header;
        struct tris_hash leaf;
        err = entry_wire_next(&run, &entry);
        if (err == TRIS_OK) {
            err = entry_open(&entry, &segment->log, segment->first + i, &w, &header, &leaf);
        }
        if (err == TRIS_OK) {
            (void)tree_append(&tree, &leaf, TREE_LEVELS_MAX, NULL);
        }
    }
    if (err != TRIS_OK) {
        txn_fail(t, err);
        return;
    }
    head->row.first_hole = segment->first + index;
    tree_root(&tree, &head->row.hole_root);
}

static void append_entries(struct store_txn *t, struct head *head,
                           const struct verified_segment *segment)
{
    struct rbuf run = rbuf_of(segment->wire);
    for (uint32_t i = 0; i < segment->count && txn_ok(t); i++) {
        struct entry entry;
        struct entry_header header;
        enum tris_err err = entry_wire_next(&run, &entry);
        if (err == TRIS_OK) {
            err = entry_peek_header(&entry, &header);
        }
        if (err != TRIS_OK) {
            txn_fail(t, err);
            return;
        }
        if (!entry.whole && head->row.first_hole == SEQ_NONE) {
            note_hole(t, head, segment, i);
        }
        const uint64_t seq = segment->first + i;
        put_entry(t, head, seq, &entry);
        if (head->row.first_hole == SEQ_NONE) { /* else views know nothing behind the hole */
            log_fold_entry(t, head, seq, &entry, &header);
        }
    }
}

enum tris_err store_append_segment(struct store_txn *t, uint32_t no,
                                   const struct verified_segment *segment, uint64_t now_ms)
{
    struct head *head = txn_head(t, no);
    if (head == NULL) {
        return t->err;
    }
    struct store_log *log = &head->row.log;
    if (!tris_log_id_eq(&log->id, &segment->log) || log->ref.topic == TRIS_TOPIC_LOCAL) {
        return TRIS_ERR_UNKNOWN_LOG;
    }
    if (segment->first != log->held) {
        return TRIS_ERR_NOT_NEXT;
    }
    if (!end_allows(log, segment)) {
        return TRIS_ERR_FORK;
    }
    if (segment->count > 0 && head->row.first_hole != SEQ_NONE &&
        segment->after.size - head->row.first_hole > HOLE_BEHIND_MAX) {
        return TRIS_ERR_NOT_READY;
    }
    bool waits = false;
    enum tris_err err = epoch_waits(&t->view, log, &waits);
    if (err != TRIS_OK || waits) {
        return err != TRIS_OK ? err : TRIS_ERR_NOT_READY;
    }
    tris_assert(segment->after.size == log->held + segment->count);
    tris_assert(segment->seal.size == segment->after.size);
    if (segment->count == 0 && (!log->has_seal || seal_cmp(&segment->seal, &log->seal) <= 0)) {
        return TRIS_OK; /* sealed anew, but not newer than what is here */
    }
    if (segment->count > 0) {
        epoch_unfold(t, log);
    }
    append_entries(t, head, segment);
    put_nodes(t, no, segment->nodes, segment->nodes_count);
    log->tree = segment->after;
    log->held = segment->after.size;
    if (segment->count > 0) {
        epoch_refold(t, log);
    }
    if (segment->cut) { /* what it ends with is no seal */
        t->members_stale = t->members_stale || log->ref.topic == TRIS_TOPIC_GOV;
        row_log_settle(&head->row);
        return t->err;
    }
    log->has_seal = true;
    log->seal = segment->seal;
    head->row.arrived_ms = now_ms;
    row_log_settle(&head->row);
    log_put_seal(t, head, 0);
    return t->err;
}

/* Which entry of this log named this record last; for the header that is about to be written. */
static enum tris_err fill_prev(struct store_txn *t, const struct store_log *log,
                               struct entry_header *header)
{
    header->has_prev = false;
    header->prev = 0;
    if (!header->has_record) {
        return TRIS_OK;
    }
    struct record_ref ref;
    struct record_row row;
    enum tris_err err = epoch_record(&t->view, log, log->held, header, &ref);
    if (err == TRIS_OK) {
        err = view_record_row(&t->view, ref, &row);
    }
    if (err == TRIS_OK && row.named.log_no == log->no) {
        header->has_prev = true;
        header->prev = row.named.seq;
    }
    return err;
}

enum tris_err store_append_own(struct store_txn *t, uint32_t no, struct entry_header *header,
                               const struct tris_salt *salt, struct span payload, uint64_t now_ms,
                               uint64_t *seq)
{
    (void)now_ms; /* the feed is numbered, not timed; "heard" speaks of seals */
    struct head *head = txn_head(t, no);
    if (head == NULL) {
        return t->err;
    }
    struct store_log *log = &head->row.log;
    if (!log->current) {
        return TRIS_ERR_NOT_OWNER;
    }
    if (log->ends != STORE_END_NONE) {
        return TRIS_ERR_FORK;
    }
    if (head->row.first_hole != SEQ_NONE) {
        return TRIS_ERR_INCOMPLETE; /* what its records are is not known yet */
    }
    bool waits = false;
    if (payload.len > TRIS_PAYLOAD_BYTES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    enum tris_err err = epoch_waits(&t->view, log, &waits);
    if (err == TRIS_OK) {
        err = waits ? TRIS_ERR_INCOMPLETE : fill_prev(t, log, header);
    }
    if (err != TRIS_OK) {
        return err;
    }
    const struct entry entry_of_payload = {.whole = true, .payload = payload};
    struct fold fold;
    fold_judge(t, head, log->held, &entry_of_payload, header, &fold);
    if (!txn_ok(t) || fold.reason != TRIS_OK) {
        return txn_ok(t) ? fold.reason : t->err; /* own entries without effect are not written */
    }
    entry_commit(payload, salt, &header->commit);
    uint8_t bytes[TRIS_HEADER_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    entry_header_encode(&w, header);
    struct wbuf wire = wbuf_of(t->wire, TRIS_ENTRY_WIRE_BYTES_MAX);
    entry_wire_encode(&wire, header, salt, payload);
    tris_assert(w.err == TRIS_OK && wire.err == TRIS_OK);
    struct tris_hash leaf;
    entry_leaf(&log->id, log->held, wbuf_span(&w), &leaf);
    const struct entry entry = {.whole = true, .payload = payload, .wire = wbuf_span(&wire)};
    *seq = log->held;
    log_append_entry(t, head, &entry, header, &leaf);
    return t->err;
}
