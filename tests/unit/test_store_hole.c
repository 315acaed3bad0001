/* Payloads that come later than their entries: in whatever order they come, whatever was judged,
 * cut or searched in between, the store ends as one that had everything at first. */
#include "tests/unit/store_draw.h"

#include "proto/msg.h"
#include "proto/pack.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SEEDS = 40 };
#else
enum { SEEDS = 200 };
#endif
enum { LOGS = 4, ENTRIES = 60, ROWS_BYTES = 256 * 1024 };

struct rows {
    uint8_t bytes[ROWS_BYTES];
    struct wbuf w;
    uint32_t count;
};

static void rows_begin(struct rows *rows)
{
    rows->w = wbuf_of(rows->bytes, sizeof rows->bytes);
    rows->count = 0;
}

static void rows_add(struct rows *rows, const struct script_log *l, uint64_t seq)
{
    const struct tris_salt salt = script_salt(seq);
    struct msg_hole row = {.seq = seq, .payload = l->payload[seq]};
    memcpy(row.salt.b, salt.b, sizeof row.salt.b);
    msg_row_put(&rows->w, MSG_ROW_hole, &row);
    ok(rows->w.err);
    rows->count++;
}

static uint32_t rows_fill(const struct rows *rows, struct store_txn *t, uint32_t no)
{
    uint32_t filled;
    ok(store_holes_fill(t, no, wbuf_span(&rows->w), rows->count, &filled));
    return filled;
}

/* ---- any order ---- */

struct world {
    struct fix a, b; /* the store that had all payloads at first, the one that gets them later */
    struct script_log log[LOGS];
    bool hole[LOGS][ENTRIES];
    struct test_rng rng;
    struct store_txn *t; /* of b */
    struct rows rows;
};

static uint32_t draw(struct world *w, uint32_t bound)
{
    return (uint32_t)test_rng_below(&w->rng, bound);
}

static void world_init(struct world *w, uint64_t seed)
{
    static const struct {
        uint8_t house;
        enum tris_topic topic;
        uint32_t epoch;
    } logs[LOGS] = {{1, TRIS_TOPIC_DATA, 0},
                    {2, TRIS_TOPIC_DATA, 0},
                    {2, TRIS_TOPIC_GOV, 0},
                    {3, TRIS_TOPIC_DATA, 1}};
    struct store_txn *t;
    memset(w->hole, 0, sizeof w->hole);
    fix_init(&w->a);
    fix_init(&w->b);
    script_no_sync(w->a.s);
    script_no_sync(w->b.s);
    w->rng.state = seed;
    ok(store_txn_begin(w->a.s, &t));
    ok(store_txn_begin(w->b.s, &w->t));
    for (uint32_t i = 0; i < LOGS; i++) {
        script_init(&w->log[i], &w->a, logs[i].house, logs[i].topic, logs[i].epoch, ENTRIES);
        script_draw(&w->log[i], &w->a, &w->rng, draw(w, ENTRIES), false);
        assert_int_equal(script_no(&w->log[i], t), i);
        assert_int_equal(script_no(&w->log[i], w->t), i);
        for (uint64_t seq = 0; seq < w->log[i].count; seq++) {
            script_form(&w->log[i], seq, true);
        }
        script_deliver(&w->log[i], t, w->log[i].count);
    }
    ok(store_commit(t));
    script_follow(w->a.s, UINT32_MAX);
}

static void world_fini(struct world *w)
{
    for (size_t i = 0; i < LOGS; i++) {
        script_fini(&w->log[i]);
    }
    fix_fini(&w->a);
    fix_fini(&w->b);
}

static void deliver_some(struct world *w, uint32_t no, uint64_t held)
{
    struct script_log *l = &w->log[no];
    const uint64_t left = l->count - held;
    const uint64_t end = held + (left < 9 ? left : 1 + draw(w, 9));
    for (uint64_t seq = held; seq < end; seq++) {
        w->hole[no][seq] = draw(w, 3) == 0;
        script_form(l, seq, !w->hole[no][seq]);
    }
    script_deliver(l, w->t, end);
}

static void fill_some(struct world *w, uint32_t no, uint64_t held, uint32_t one_of)
{
    uint32_t wanted = 0;
    rows_begin(&w->rows);
    for (uint64_t seq = 0; seq < held; seq++) {
        if (draw(w, one_of) == 0) { /* of a hole or not: another session was faster */
            rows_add(&w->rows, &w->log[no], seq);
            wanted += w->hole[no][seq];
            w->hole[no][seq] = false;
        }
    }
    assert_int_equal(rows_fill(&w->rows, w->t, no), wanted);
}

/* `whole` ends before the first hole, with the root there. */
static void check_whole(struct world *w, uint32_t no)
{
    struct store_log log;
    struct tris_hash root;
    uint64_t whole = 0;
    ok(store_log_get(store_txn_view(w->t), no, &log));
    const uint64_t sealed = log.has_seal ? log.seal.size : 0;
    while (whole < sealed && !w->hole[no][whole]) {
        whole++;
    }
    assert_int_equal(log.whole, whole);
    if (whole > 0) {
        tree_root(&w->log[no].tree[whole], &root);
        assert_memory_equal(root.b, log.whole_root.b, sizeof root.b);
    }
}

static void cut_some(struct world *w, uint32_t no, uint64_t held)
{
    const uint64_t size = draw(w, (uint32_t)held + 1);
    ok(store_log_cut(w->t, no, size, STORE_TAIL_DROP));
    memset(&w->hole[no][size], 0, (ENTRIES - size) * sizeof w->hole[no][0]);
}

static void pause(struct world *w)
{
    ok(store_commit(w->t));
    if (draw(w, 2) == 0) {
        script_follow(w->b.s, draw(w, 30));
    }
    if (draw(w, 8) == 0) {
        audit_clean(w->b.s);
    }
    if (draw(w, 8) == 0) {
        store_close(w->b.s);
        fix_open(&w->b);
        script_no_sync(w->b.s);
    }
    ok(store_txn_begin(w->b.s, &w->t));
}

static void run_seed(uint64_t seed)
{
    static struct world w;
    struct store_log log;
    world_init(&w, seed);
    for (uint32_t step = 0; step < 120; step++) {
        const uint32_t no = draw(&w, LOGS);
        ok(store_log_get(store_txn_view(w.t), no, &log));
        const uint32_t what = draw(&w, 16);
        if (what < 7) {
            deliver_some(&w, no, log.held);
        } else if (what < 12) {
            fill_some(&w, no, log.held, 1 + draw(&w, 6));
        } else if (what < 13) {
            cut_some(&w, no, log.held);
        } else {
            pause(&w);
        }
        check_whole(&w, no);
    }
    for (uint32_t no = 0; no < LOGS; no++) {
        do {
            ok(store_log_get(store_txn_view(w.t), no, &log));
            deliver_some(&w, no, log.held);
        } while (log.held < w.log[no].count);
        fill_some(&w, no, log.held, 1);
        check_whole(&w, no);
    }
    ok(store_commit(w.t));
    script_follow(w.b.s, UINT32_MAX);
    script_same(w.a.s, w.b.s);
    audit_clean(w.b.s);
    world_fini(&w);
}

static void test_payloads_that_come_later_make_no_difference(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_seed(seed);
    }
}

/* ---- a log of one's own ---- */

/* Entry 0 creates a record, 1 and 2 change it, 3 creates another one; those in `holes` (bits) are
 * delivered without payload. */
static uint32_t record_init_holes(struct fix *f, struct script_log *l, uint32_t holes)
{
    struct store_txn *t;
    fix_init(f);
    script_no_sync(f->s);
    script_init(l, f, 2, TRIS_TOPIC_DATA, 0, 8);
    struct entry_header h = header_create(KIND_PARTNER);
    (void)script_add(l, &h, fix_partner(f, "Erst", "Z", "05315", "P-1"), false);
    h = header_change(VERB_PUT, KIND_PARTNER, 0, 0);
    (void)script_add(l, &h, fix_partner(f, "Zweit", "W", "05315", "P-1"), false);
    h = header_change(VERB_PUT, KIND_PARTNER, 0, 1);
    (void)script_add(l, &h, fix_partner(f, "Dritt", "S", "14713", "P-1"), false);
    h = header_create(KIND_PARTNER);
    (void)script_add(l, &h, fix_partner(f, "Anders", "S", "14713", "P-2"), false);
    for (uint64_t seq = 0; seq < 4; seq++) {
        script_form(l, seq, (holes >> seq & 1) == 0);
    }
    ok(store_txn_begin(f->s, &t));
    const uint32_t no = script_no(l, t);
    script_deliver(l, t, 4);
    ok(store_commit(t));
    return no;
}

static uint32_t fill(struct fix *f, const struct script_log *l, uint32_t no, uint64_t seq)
{
    static struct rows rows;
    struct store_txn *t;
    rows_begin(&rows);
    rows_add(&rows, l, seq);
    ok(store_txn_begin(f->s, &t));
    const uint32_t filled = rows_fill(&rows, t, no);
    ok(store_commit(t));
    return filled;
}

/* Arrivals behind `after`: seqs, and whether they have an effect. */
static uint32_t arrivals(struct fix *f, uint64_t after, uint64_t seq[8], bool effect[8],
                         uint64_t *last)
{
    struct store_view *v;
    struct feed_item item = {.arrival = after};
    enum tris_err reason;
    uint32_t count = 0;
    ok(store_view_begin(f->s, &v));
    while (store_feed_next(v, item.arrival, &item) == TRIS_OK) {
        assert_true(count < 8);
        ok(store_entry_effect(v, item.log_no, item.seq, &reason));
        effect[count] = reason == TRIS_OK;
        seq[count++] = item.seq;
    }
    store_view_end(v);
    *last = item.arrival;
    return count;
}

/* Nothing behind a hole is known to views, and watchers are told of it when it is. */
static void test_watchers_are_told_what_waited(void **state)
{
    (void)state;
    struct fix f;
    static struct script_log l;
    uint64_t seq[8], last;
    bool effect[8];
    const uint32_t no = record_init_holes(&f, &l, 1 | 4);
    assert_int_equal(arrivals(&f, 0, seq, effect, &last), 0);
    assert_int_equal(fill(&f, &l, no, 0), 1);
    audit_clean(f.s);
    assert_int_equal(arrivals(&f, last, seq, effect, &last), 2);
    assert_true(seq[0] == 0 && effect[0] && seq[1] == 1 && effect[1]);
    assert_int_equal(fill(&f, &l, no, 2), 1);
    assert_int_equal(arrivals(&f, last, seq, effect, &last), 2);
    assert_true(seq[0] == 2 && effect[0] && seq[1] == 3 && effect[1]);
    assert_int_equal(fill(&f, &l, no, 2), 0); /* it is there already */
    assert_int_equal(arrivals(&f, last, seq, effect, &last), 0);
    audit_clean(f.s);
    script_fini(&l);
    fix_fini(&f);
}

static void same_log(const struct store_log *a, const struct store_log *b)
{
    assert_int_equal(a->whole, b->whole);
    assert_memory_equal(a->whole_root.b, b->whole_root.b, sizeof a->whole_root.b);
}

/* Of a message with one wrong payload nothing is taken. */
static void test_a_wrong_payload_changes_nothing(void **state)
{
    (void)state;
    struct fix f;
    static struct script_log l;
    static struct rows rows;
    struct store_txn *t;
    struct store_log before, after;
    uint32_t filled;
    const uint32_t no = record_init_holes(&f, &l, 1 | 2 | 4);
    ok(store_txn_begin(f.s, &t));
    ok(store_log_get(store_txn_view(t), no, &before));
    for (uint32_t fault = 0; fault < 4; fault++) {
        rows_begin(&rows);
        rows_add(&rows, &l, 0);
        struct msg_hole row = {.seq = 1, .payload = l.payload[fault == 0 ? 2 : 1]};
        const struct tris_salt salt = script_salt(1);
        memcpy(row.salt.b, salt.b, sizeof row.salt.b);
        row.salt.b[7] ^= fault == 1 ? 1 : 0;
        row.payload.len -= fault == 2 ? 1 : 0;
        row.seq = fault == 3 ? 2 : 1; /* another entry's */
        msg_row_put(&rows.w, MSG_ROW_hole, &row);
        ok(rows.w.err);
        assert_int_equal(store_holes_fill(t, no, wbuf_span(&rows.w), 2, &filled),
                         TRIS_ERR_BAD_COMMIT);
        assert_int_equal(filled, 0);
        ok(store_txn_err(t));
        ok(store_log_get(store_txn_view(t), no, &after));
        same_log(&before, &after);
    }
    rows_begin(&rows);
    rows_add(&rows, &l, 0);
    assert_int_not_equal(store_holes_fill(t, no, wbuf_span(&rows.w), 2, &filled), TRIS_OK);
    ok(store_commit(t));
    audit_clean(f.s);
    script_fini(&l);
    fix_fini(&f);
}

/* What is asked for and given. */
static void test_holes_are_listed_and_rows_given(void **state)
{
    (void)state;
    struct fix f;
    static struct script_log l;
    struct store_view *v;
    struct msg_run runs[4];
    struct msg_hole row;
    uint8_t bytes[1024];
    size_t count;
    const uint32_t no = record_init_holes(&f, &l, 1 | 2 | 8);
    ok(store_view_begin(f.s, &v));
    ok(store_holes(v, no, 4, runs, 4, &count));
    assert_int_equal(count, 2);
    assert_true(runs[0].first == 0 && runs[0].count == 2 && runs[1].first == 3);
    ok(store_holes(v, no, 3, runs, 4, &count));
    assert_int_equal(count, 1);
    ok(store_holes(v, no, 4, runs, 1, &count));
    assert_int_equal(count, 1);
    ok(store_holes(v, no, 0, runs, 4, &count));
    assert_int_equal(count, 0);
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    assert_int_equal(store_hole_row(v, no, 0, &w), TRIS_ERR_NOT_FOUND);
    assert_int_equal(store_hole_row(v, no, 4, &w), TRIS_ERR_NOT_FOUND);
    w = wbuf_of(bytes, MSG_HOLE_BYTES_MAX - TRIS_PAYLOAD_BYTES_MAX + l.payload[2].len - 1);
    assert_int_equal(store_hole_row(v, no, 2, &w), TRIS_ERR_NO_SPACE);
    assert_int_equal(w.len, 0);
    ok(w.err);
    w = wbuf_of(bytes, w.cap + 1);
    ok(store_hole_row(v, no, 2, &w));
    struct rbuf r = rbuf_of(wbuf_span(&w));
    msg_row_get(&r, MSG_ROW_hole, &row);
    ok(rbuf_finish(&r));
    const struct tris_salt salt = script_salt(2);
    assert_int_equal(row.seq, 2);
    assert_memory_equal(row.salt.b, salt.b, sizeof salt.b);
    assert_true(span_eq(row.payload, l.payload[2]));
    store_view_end(v);
    script_fini(&l);
    fix_fini(&f);
}

/* One question has as many as one run may have. */
static void test_a_question_is_bounded(void **state)
{
    (void)state;
    struct fix f;
    static struct script_log l;
    struct store_txn *t;
    struct msg_run runs[2];
    size_t count;
    const struct entry_header h = header_create(KIND_PARTNER);
    fix_init(&f);
    script_no_sync(f.s);
    script_init(&l, &f, 2, TRIS_TOPIC_DATA, 0, HOLES_MAX + 1);
    for (uint32_t i = 0; i <= HOLES_MAX; i++) {
        (void)script_add(&l, &h, span_str("x"), true);
    }
    ok(store_txn_begin(f.s, &t));
    const uint32_t no = script_no(&l, t);
    script_deliver(&l, t, HOLES_MAX);
    ok(store_holes(store_txn_view(t), no, HOLES_MAX, runs, 2, &count));
    assert_true(count == 1 && runs[0].count == HOLES_MAX);
    script_deliver(&l, t, HOLES_MAX + 1);
    ok(store_holes(store_txn_view(t), no, HOLES_MAX + 1, runs, 2, &count));
    assert_true(count == 1 && runs[0].count == HOLES_MAX);
    ok(store_commit(t));
    script_fini(&l);
    fix_fini(&f);
}

/* What the own records are is not known: an entry might name one that has ended. */
static void test_an_own_log_with_a_hole_is_not_written(void **state)
{
    (void)state;
    struct fix f;
    static struct script_log l;
    struct store_txn *t;
    uint64_t seq;
    fix_init(&f);
    script_no_sync(f.s);
    script_init(&l, &f, 1, TRIS_TOPIC_DATA, 0, 4);
    struct entry_header h = header_create(KIND_PARTNER);
    (void)script_add(&l, &h, fix_partner(&f, "Erst", "Z", "05315", NULL), false);
    h = header_change(VERB_PUT, KIND_PARTNER, 0, 0);
    (void)script_add(&l, &h, fix_partner(&f, "Zweit", "Z", "05315", NULL), true);
    ok(store_txn_begin(f.s, &t));
    const uint32_t no = script_no(&l, t);
    script_deliver(&l, t, 2);
    h = header_change(VERB_PUT, KIND_PARTNER, 0, 0);
    const struct span next = fix_partner(&f, "Dritt", "Z", "05315", NULL);
    assert_int_equal(own_append(t, no, h, next, &seq), TRIS_ERR_INCOMPLETE);
    ok(store_commit(t));
    assert_int_equal(fill(&f, &l, no, 1), 1);
    ok(store_txn_begin(f.s, &t));
    ok(own_append(t, no, h, next, &seq));
    ok(store_commit(t));
    audit_clean(f.s);
    script_fini(&l);
    fix_fini(&f);
}

/* What filling a hole folds at once is bounded by what is taken behind it. */
static void test_a_log_does_not_grow_far_behind_a_hole(void **state)
{
    (void)state;
    enum { RUN = TRIS_SEAL_SPACING_MAX, END = 1 + HOLE_BEHIND_MAX };
    struct fix f;
    static struct script_log l;
    static struct verified_segment segment;
    struct store_txn *t;
    struct store_log log;
    const struct entry_header h = header_create(KIND_PARTNER);
    fix_init(&f);
    script_no_sync(f.s);
    script_init(&l, &f, 2, TRIS_TOPIC_DATA, 0, END + 1);
    (void)script_add(&l, &h, fix_partner(&f, "Erst", "Z", "05315", NULL), false);
    for (uint32_t i = 1; i <= END; i++) {
        (void)script_add(&l, &h, span_str("x"), i == 1);
    }
    ok(store_txn_begin(f.s, &t));
    const uint32_t no = script_no(&l, t);
    for (uint64_t end = 1; end <= END; end += RUN) {
        script_deliver(&l, t, end);
    }
    ok(store_log_get(store_txn_view(t), no, &log));
    assert_int_equal(log.held, END);
    assert_int_equal(log.whole, 1);
    script_segment(&l, END, END + 1, &segment);
    assert_int_equal(store_append_segment(t, no, &segment, 5), TRIS_ERR_NOT_READY);
    ok(store_commit(t));
    assert_int_equal(fill(&f, &l, no, 1), 1);
    ok(store_txn_begin(f.s, &t));
    script_deliver(&l, t, END + 1);
    ok(store_log_get(store_txn_view(t), no, &log));
    assert_int_equal(log.whole, END + 1);
    ok(store_commit(t));
    audit_clean(f.s);
    script_fini(&l);
    fix_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_payloads_that_come_later_make_no_difference),
        cmocka_unit_test(test_watchers_are_told_what_waited),
        cmocka_unit_test(test_a_wrong_payload_changes_nothing),
        cmocka_unit_test(test_holes_are_listed_and_rows_given),
        cmocka_unit_test(test_a_question_is_bounded),
        cmocka_unit_test(test_an_own_log_with_a_hole_is_not_written),
        cmocka_unit_test(test_a_log_does_not_grow_far_behind_a_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
