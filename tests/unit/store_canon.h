/* The canonical state of a store: what is in it of some logs, as one hash in which nothing knows of
 * log numbers or arrival. */
#ifndef TRIS_TESTS_UNIT_STORE_CANON_H
#define TRIS_TESTS_UNIT_STORE_CANON_H

#include "tests/unit/store_script.h"

static inline void canon_add(crypto_generichash_state *h, const void *bytes, size_t len)
{
    (void)crypto_generichash_update(h, bytes, len);
}

static inline void canon_number(crypto_generichash_state *h, uint64_t number)
{
    canon_add(h, &number, sizeof number);
}

static inline bool canon_cube(void *ctx, const struct cube_row *row)
{
    crypto_generichash_state *h = ctx;
    canon_add(h, row->region, strlen(row->region));
    canon_number(h, (uint64_t)row->a << 32 | row->b);
    canon_number(h, (uint64_t)row->count);
    return true;
}

/* Log numbers mean nothing: the id does. */
static inline void canon_ref(crypto_generichash_state *h, struct store_view *v,
                             struct record_ref ref)
{
    struct store_log log;
    ok(store_log_get(v, ref.log_no, &log));
    canon_add(h, log.id.b, sizeof log.id.b);
    canon_number(h, ref.seq);
}

static inline void canon_record(crypto_generichash_state *h, struct store_view *v, uint32_t no,
                                uint64_t seq)
{
    struct store_record r;
    enum tris_err reason = TRIS_OK;
    struct record_ref named = {0, UINT64_MAX};
    canon_number(h, store_entry_effect(v, no, seq, &reason));
    canon_number(h, reason);
    enum tris_err err = store_record_get(v, (struct record_ref){no, seq}, &r);
    canon_number(h, err);
    if (err != TRIS_OK) {
        return;
    }
    canon_number(h, r.ended);
    canon_number(h, r.end_reason);
    canon_number(h, r.updated_ms);
    canon_ref(h, v, (struct record_ref){r.last_log, r.last_seq});
    canon_number(h, r.changes);
    canon_add(h, r.payload.ptr, r.payload.len);
    while (store_record_history(v, r.ref, &named) == TRIS_OK) {
        canon_ref(h, v, named);
    }
}

static inline void canon_log(crypto_generichash_state *h, struct store_view *v,
                             const struct script_log *l)
{
    struct store_log log;
    uint32_t no = 0;
    uint64_t count = 0;
    enum tris_err err = store_log_find(v, &l->w.id, &no);
    if (err == TRIS_OK) {
        err = store_log_get(v, no, &log);
    }
    canon_number(h, err == TRIS_OK && !log.outside);
    if (err != TRIS_OK || log.outside) {
        assert_true(err == TRIS_ERR_NOT_FOUND || (err == TRIS_OK && log.held == 0));
        return;
    }
    canon_number(h, log.held);
    canon_number(h, log.whole);
    canon_add(h, log.whole_root.b, sizeof log.whole_root.b);
    canon_number(h, log.forked);
    canon_number(h, log.ends);
    canon_number(h, log.end);
    canon_add(h, log.end_root.b, sizeof log.end_root.b);
    for (uint64_t seq = 0; seq < l->room; seq++) {
        canon_record(h, v, no, seq);
    }
    ok(store_count_kind(v, no, KIND_PARTNER, &count));
    canon_number(h, count);
}

/* The logs in question, in the order of `logs`; those that are not there count as those outside. */
static inline void canon_state(struct store_view *v, const struct script_log *const logs[],
                               size_t count, struct tris_hash *out)
{
    crypto_generichash_state h;
    uint64_t rows = 0;
    (void)crypto_generichash_init(&h, NULL, 0, sizeof out->b);
    canon_number(&h, store_count_inert(v)); /* settles what the transaction holds back */
    for (size_t i = 0; i < count; i++) {
        canon_log(&h, v, logs[i]);
    }
    for (int level = 0; level <= 5; level += level == 0 ? 2 : 3) {
        ok(store_cube_each(v, CUBE_SECTOR, level, "", canon_cube, &h));
        ok(store_cube_each(v, CUBE_TOPIC, level, "", canon_cube, &h));
    }
    static const enum db_table tables[] = {DB_ENTRY,  DB_RECORD, DB_INERT, DB_HOLE,
                                           DB_REGION, DB_COUNT,  DB_CUBE,  DB_TARGET};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        ok(view_rows(v, tables[i], &rows));
        canon_number(&h, rows);
    }
    (void)crypto_generichash_final(&h, out->b, sizeof out->b);
}

#endif
