/* Taking the newest entries of a log back: afterwards the store equals one that never had them, and
 * the work is that of the tail. TRIS_CUT_SEEDS=first-last runs other seeds. */
#define _GNU_SOURCE /* RTLD_NEXT; NOLINT: the name that glibc asks for */
#include <dlfcn.h>

#include "tests/unit/store_draw.h"

/* ---- counting what LMDB is asked to do ---- */

static uint64_t ops;

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    assert_non_null(found);
    return found;
}

int mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
    static int (*next)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *);
    if (next == NULL) {
        *(void **)&next = real("mdb_get");
    }
    ops++;
    return next(txn, dbi, key, data);
}

int mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
    static int (*next)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *);
    if (next == NULL) {
        *(void **)&next = real("mdb_del");
    }
    ops++;
    return next(txn, dbi, key, data);
}

int mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op)
{
    static int (*next)(MDB_cursor *, MDB_val *, MDB_val *, MDB_cursor_op);
    if (next == NULL) {
        *(void **)&next = real("mdb_cursor_get");
    }
    ops++;
    return next(cursor, key, data, op);
}

int mdb_cursor_put(MDB_cursor *cursor, MDB_val *key, MDB_val *data, unsigned int flags)
{
    static int (*next)(MDB_cursor *, MDB_val *, MDB_val *, unsigned int);
    if (next == NULL) {
        *(void **)&next = real("mdb_cursor_put");
    }
    ops++;
    return next(cursor, key, data, flags);
}

/* ---- the property ---- */

#if defined(__SANITIZE_ADDRESS__)
enum { SEEDS = 40 };
#else
enum { SEEDS = 150 };
#endif
enum { LOGS = 7, ENTRIES_MAX = 60 };

struct world {
    struct fix a, b; /* the store that is cut, the one that never had the tail */
    struct script_log log[LOGS];
    struct test_rng rng;
};

static void world_init(struct world *w, uint64_t seed)
{
    static const struct {
        uint8_t house;
        enum tris_topic topic;
        uint32_t epoch;
    } logs[LOGS] = {
        {1, TRIS_TOPIC_DATA, 0}, {1, TRIS_TOPIC_LOCAL, 0}, {1, TRIS_TOPIC_GOV, 0},
        {2, TRIS_TOPIC_DATA, 0}, {2, TRIS_TOPIC_GOV, 0},   {2, TRIS_TOPIC_GOV, 1},
        {3, TRIS_TOPIC_DATA, 0},
    };
    fix_init(&w->a);
    fix_init(&w->b);
    script_no_sync(w->a.s);
    script_no_sync(w->b.s);
    w->rng.state = seed;
    for (size_t i = 0; i < LOGS; i++) {
        script_init(&w->log[i], &w->a, logs[i].house, logs[i].topic, logs[i].epoch, ENTRIES_MAX);
        script_draw(&w->log[i], &w->a, &w->rng, (uint32_t)test_rng_below(&w->rng, ENTRIES_MAX),
                    logs[i].topic == TRIS_TOPIC_LOCAL);
    }
    for (int s = 0; s < 2; s++) {
        struct store_txn *t;
        ok(store_txn_begin(s == 0 ? w->a.s : w->b.s, &t));
        for (uint32_t i = 0; i < LOGS; i++) {
            assert_int_equal(script_no(&w->log[i], t), i);
        }
        ok(store_commit(t));
    }
}

static void world_fini(struct world *w)
{
    for (size_t i = 0; i < LOGS; i++) {
        script_fini(&w->log[i]);
    }
    fix_fini(&w->a);
    fix_fini(&w->b);
}

/* Brings every log from what is held to `end`, in pieces, mixed, in several transactions. */
static void deliver_mixed(struct world *w, struct store *s, const uint64_t end[LOGS])
{
    struct store_txn *t = NULL;
    for (;;) {
        struct store_log log;
        bool left = false;
        if (t == NULL) {
            ok(store_txn_begin(s, &t));
        }
        for (uint32_t i = 0; i < LOGS; i++) {
            ok(store_log_get(store_txn_view(t), i, &log));
            left = left || log.held < end[i];
        }
        if (!left) {
            break;
        }
        uint32_t no = (uint32_t)test_rng_below(&w->rng, LOGS);
        ok(store_log_get(store_txn_view(t), no, &log));
        if (log.held < end[no]) {
            uint64_t more = 1 + test_rng_below(&w->rng, 9);
            script_deliver(&w->log[no], t, log.held + more < end[no] ? log.held + more : end[no]);
        }
        if (test_rng_below(&w->rng, 6) == 0) {
            ok(store_commit(t));
            t = NULL;
            if (test_rng_below(&w->rng, 4) == 0) {
                script_follow(s, (uint32_t)test_rng_below(&w->rng, 30));
            }
        }
    }
    ok(store_commit(t));
}

/* Cuts all logs, in any order, in one transaction or several, some behind writes of their own. */
static void cut_all(struct world *w, const uint64_t size[LOGS])
{
    struct store_txn *t = NULL;
    uint32_t start = (uint32_t)test_rng_below(&w->rng, LOGS);
    for (uint32_t i = 0; i < LOGS; i++) {
        const uint32_t no = (start + i * 3) % LOGS;
        struct script_log *l = &w->log[no];
        if (t == NULL) {
            ok(store_txn_begin(w->a.s, &t));
        }
        if (test_rng_below(&w->rng, 4) == 0) {
            /* in two steps, with a part of the tail coming back in between */
            uint64_t between = size[no] + test_rng_below(&w->rng, l->count - size[no] + 1);
            ok(store_log_cut(t, no, size[no], STORE_TAIL_DROP));
            script_deliver(l, t, between);
        }
        ok(store_log_cut(t, no, size[no], STORE_TAIL_DROP));
        if (test_rng_below(&w->rng, 2) == 0) {
            ok(store_commit(t));
            t = NULL;
        }
    }
    if (t != NULL) {
        ok(store_commit(t));
    }
}

static uint64_t running; /* the seed, 0: none */

static void run_seed(uint64_t seed)
{
    static struct world w;
    uint64_t size[LOGS];
    uint64_t all[LOGS];
    world_init(&w, seed);
    for (size_t i = 0; i < LOGS; i++) {
        all[i] = w.log[i].count;
        size[i] = test_rng_below(&w.rng, all[i] + 1);
    }
    deliver_mixed(&w, w.a.s, all);
    if (seed % 3 == 0) {
        store_close(w.a.s);
        fix_open(&w.a);
        script_no_sync(w.a.s);
    }
    cut_all(&w, size);
    deliver_mixed(&w, w.b.s, size);
    script_follow(w.a.s, UINT32_MAX);
    script_follow(w.b.s, UINT32_MAX);
    script_same(w.a.s, w.b.s);
    audit_clean(w.a.s);
    if (seed % 5 == 0) {
        store_close(w.a.s);
        fix_open(&w.a);
        script_no_sync(w.a.s);
    }
    deliver_mixed(&w, w.a.s, all); /* and grows again like any other */
    deliver_mixed(&w, w.b.s, all);
    script_follow(w.a.s, UINT32_MAX);
    script_follow(w.b.s, UINT32_MAX);
    script_same(w.a.s, w.b.s);
    audit_clean(w.a.s);
    world_fini(&w);
}

static void test_a_cut_store_equals_one_that_never_had_the_tail(void **state)
{
    (void)state;
    const char *seeds = getenv("TRIS_CUT_SEEDS");
    unsigned first = 1;
    unsigned last = SEEDS;
    assert_true(seeds == NULL || sscanf(seeds, "%u-%u", &first, &last) == 2);
    for (running = first; running <= last; running++) {
        run_seed(running);
    }
    running = 0;
}

/* ---- directed ---- */

static void cut(struct store *s, uint32_t no, uint64_t size)
{
    struct store_txn *t;
    ok(store_txn_begin(s, &t));
    ok(store_log_cut(t, no, size, STORE_TAIL_DROP));
    ok(store_commit(t));
}

static void test_seals_over_the_tail_go_with_it(void **state)
{
    (void)state;
    struct fix f;
    struct script_log l;
    struct store_view *v;
    struct store_log log;
    struct seal seal;
    struct test_rng rng = {7};
    fix_init(&f);
    script_init(&l, &f, 2, TRIS_TOPIC_DATA, 0, 40);
    script_draw(&l, &f, &rng, 40, true);
    struct store_txn *t;
    ok(store_txn_begin(f.s, &t));
    uint32_t no = script_no(&l, t);
    script_deliver(&l, t, 10);
    script_deliver(&l, t, 25);
    script_deliver(&l, t, 40);
    fails(TRIS_ERR_INVALID, store_log_cut(t, no, 41, STORE_TAIL_DROP));
    ok(store_log_cut(t, no, 40, STORE_TAIL_DROP)); /* nothing to do */
    ok(store_commit(t));
    cut(f.s, no, 30);
    ok(store_view_begin(f.s, &v));
    ok(store_log_get(v, no, &log));
    assert_int_equal(log.held, 30);
    assert_int_equal(log.whole, 25); /* what a seal covers */
    assert_int_equal(log.seal.size, 25);
    assert_true(tris_hash_eq(&log.whole_root, &log.seal.root));
    ok(store_seal_covering(v, no, 3, &seal));
    assert_int_equal(seal.size, 25); /* the one at 10 was thinned out when 40 came */
    fails(TRIS_ERR_NOT_FOUND, store_seal_covering(v, no, 27, &seal));
    store_view_end(v);
    audit_clean(f.s);
    cut(f.s, no, 0);
    ok(store_view_begin(f.s, &v));
    ok(store_log_get(v, no, &log));
    assert_int_equal(log.held, 0);
    assert_int_equal(log.whole, 0);
    assert_false(log.has_seal);
    store_view_end(v);
    audit_clean(f.s);
    script_fini(&l);
    fix_fini(&f);
}

static void test_arrival_numbers_are_not_given_twice(void **state)
{
    (void)state;
    struct fix f;
    struct script_log l;
    struct store_view *v;
    struct feed_item item;
    struct test_rng rng = {8};
    fix_init(&f);
    script_init(&l, &f, 2, TRIS_TOPIC_DATA, 0, 10);
    script_draw(&l, &f, &rng, 10, true);
    struct store_txn *t;
    ok(store_txn_begin(f.s, &t));
    uint32_t no = script_no(&l, t);
    script_deliver(&l, t, 10);
    ok(store_commit(t));
    cut(f.s, no, 4);
    store_close(f.s);
    fix_open(&f);
    struct store_info info;
    ok(store_view_begin(f.s, &v));
    ok(store_info(v, &info));
    assert_int_equal(info.feed, 11); /* whoever has read so far is not ahead of the store */
    store_view_end(v);
    ok(store_txn_begin(f.s, &t));
    script_deliver(&l, t, 6);
    ok(store_commit(t));
    ok(store_view_begin(f.s, &v));
    static const uint64_t arrivals[] = {1, 2, 3, 4, 12, 13}; /* whoever knew 10 sees the new ones */
    uint64_t after = 0;
    for (uint64_t seq = 0; seq < 6; seq++) {
        ok(store_feed_next(v, after, &item));
        assert_int_equal(item.arrival, arrivals[seq]);
        assert_int_equal(item.seq, seq);
        after = item.arrival;
    }
    fails(TRIS_ERR_NOT_FOUND, store_feed_next(v, after, &item));
    ok(store_feed_next(v, 7, &item));
    assert_int_equal(item.arrival, 12);
    struct feed_cut told;
    ok(store_feed_cut(v, 10, &told)); /* and is told of the cut before them */
    assert_int_equal(told.arrival, 11);
    assert_int_equal(told.log_no, no);
    assert_int_equal(told.end, 4);
    fails(TRIS_ERR_NOT_FOUND, store_feed_cut(v, 11, &told));
    assert_int_equal(store_word_behind(v) > 0, true);
    store_view_end(v);
    audit_clean(f.s);
    script_fini(&l);
    fix_fini(&f);
}

static void test_of_cuts_the_newest_are_told(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct store_view *v;
    uint64_t seq;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_DATA);
    const struct span payload = fix_partner(&f, "Hin und her", "Z", "05315", NULL);
    for (uint32_t i = 0; i < STORE_FEED_CUTS_MAX + 1; i++) {
        struct feed_cut first = {0}, at = {0};
        uint32_t count = 0;
        ok(own_append(t, no, header_create(KIND_PARTNER), payload, &seq));
        ok(store_log_cut(t, no, 0, STORE_TAIL_DROP));
        if (i + 2 < STORE_FEED_CUTS_MAX) {
            continue; /* only the limit is looked at, and one more */
        }
        while (store_feed_cut(store_txn_view(t), at.arrival, &at) == TRIS_OK) {
            first = count++ == 0 ? at : first;
        }
        assert_int_equal(at.arrival, 2 * (i + 1)); /* entry, cut, entry, cut ... */
        assert_int_equal(first.arrival, i < STORE_FEED_CUTS_MAX ? 2 : 4);
        assert_int_equal(count, i < STORE_FEED_CUTS_MAX ? i + 1 : STORE_FEED_CUTS_MAX);
    }
    ok(store_commit(t));
    audit_clean(f.s);
    ok(store_view_begin(f.s, &v));
    struct feed_cut none;
    fails(TRIS_ERR_NOT_FOUND, store_feed_cut(v, UINT64_MAX, &none));
    store_view_end(v);
    fix_fini(&f);
}

static void test_a_cut_that_is_not_committed_did_nothing(void **state)
{
    (void)state;
    static struct world w;
    uint64_t all[LOGS];
    world_init(&w, 99);
    for (size_t i = 0; i < LOGS; i++) {
        all[i] = w.log[i].count;
    }
    deliver_mixed(&w, w.a.s, all);
    deliver_mixed(&w, w.b.s, all);
    struct store_txn *t;
    ok(store_txn_begin(w.a.s, &t));
    for (uint32_t no = 0; no < LOGS; no++) {
        ok(store_log_cut(t, no, 0, STORE_TAIL_DROP));
    }
    store_abort(t);
    script_follow(w.a.s, UINT32_MAX);
    script_follow(w.b.s, UINT32_MAX);
    script_same(w.a.s, w.b.s);
    audit_clean(w.a.s);
    world_fini(&w);
}

static enum tris_err find_numbered(struct store_view *v, uint32_t number)
{
    struct record_ref ref;
    char name[32];
    (void)snprintf(name, sizeof name, "Verein %u", number);
    return store_find_name(v, KIND_PARTNER, span_str(name), span_str("05315"), &ref);
}

/* The index of names has two tables: rows that moved on to the large one must be found there. */
static void test_names_that_moved_on_go_as_well(void **state)
{
    (void)state;
    enum { NAMES = 6000, KEPT = 700 };
    struct fix f;
    struct store_txn *t;
    struct store_view *v;
    uint64_t rows = 0;
    uint64_t seq;
    uint32_t no = 0;
    fix_init(&f);
    script_no_sync(f.s);
    f.s->fresh_max = 50;
    for (uint32_t i = 0; i < NAMES;) {
        ok(store_txn_begin(f.s, &t));
        no = own_log(&f, t, TRIS_TOPIC_DATA);
        for (uint32_t end = i + NAMES / 3; i < end; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "Verein %u", i);
            ok(own_append(t, no, header_create(KIND_PARTNER),
                          fix_partner(&f, name, "Z", "05315", NULL), &seq));
        }
        ok(store_commit(t));
    }
    ok(store_view_begin(f.s, &v));
    ok(view_rows(v, DB_NAME, &rows));
    assert_true(rows > KEPT);
    store_view_end(v);
    cut(f.s, no, KEPT);
    ok(store_view_begin(f.s, &v));
    ok(find_numbered(v, 0));
    ok(find_numbered(v, KEPT - 1));
    fails(TRIS_ERR_NOT_FOUND, find_numbered(v, KEPT));
    fails(TRIS_ERR_NOT_FOUND, find_numbered(v, NAMES - 1));
    store_view_end(v);
    audit_clean(f.s);
    fix_fini(&f);
}

/* ---- cost ---- */

enum { DEEP_TAIL = 200, SHORT_LOG = 3000, LONG_LOG = 12000, BESIDE = 500 };

/* Operations of LMDB to take DEEP_TAIL entries off a log of `count`, behind which much arrived. The
 * tail changes records that are as old as the log, with a long history without effect. */
static uint64_t cost_of_cut(uint32_t count, uint32_t tail)
{
    struct fix f;
    static struct script_log l, other;
    struct test_rng rng = {11};
    struct store_txn *t;
    fix_init(&f);
    script_no_sync(f.s);
    script_init(&l, &f, 1, TRIS_TOPIC_DATA, 0, count);
    script_init(&other, &f, 2, TRIS_TOPIC_DATA, 0, BESIDE);
    script_draw(&other, &f, &rng, BESIDE, false);
    script_draw(&l, &f, &rng, 60, true);
    while (l.count < count - DEEP_TAIL) {
        struct entry_header header = header_create(KIND_PARTNER);
        struct script_record *r = &l.record[l.count % 2 == 0 ? 0 : 1];
        header = header_change(VERB_NOTICE, KIND_PARTNER, r->seq, r->named);
        r->named = script_add(&l, &header, span_str("x"), false);
    }
    script_draw(&l, &f, &rng, count - l.count, false);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = script_no(&l, t);
    for (uint64_t end = 1000; end < count; end += 1000) {
        script_deliver(&l, t, end);
    }
    script_deliver(&l, t, count);
    for (uint64_t end = 1; end <= BESIDE; end++) {
        script_deliver(&other, t, end); /* a run of its own in the feed each */
        ok(store_commit(t));
        ok(store_txn_begin(f.s, &t));
    }
    ok(store_commit(t));
    script_follow(f.s, UINT32_MAX);
    ok(store_txn_begin(f.s, &t));
    uint64_t before = ops;
    ok(store_log_cut(t, no, count - tail, STORE_TAIL_DROP));
    ok(store_commit(t));
    uint64_t cost = ops - before;
    audit_clean(f.s);
    script_fini(&l);
    script_fini(&other);
    fix_fini(&f);
    return cost;
}

static void test_the_work_is_that_of_the_tail(void **state)
{
    (void)state;
    /* the fixed part: at most 1,023 leaves for the peaks, and the levels of the tree */
    enum { FIXED = 1100, EACH_MAX = 60 };
    uint64_t brief = cost_of_cut(SHORT_LOG, 1);
    uint64_t shorter = cost_of_cut(SHORT_LOG, DEEP_TAIL);
    uint64_t longer = cost_of_cut(LONG_LOG, DEEP_TAIL);
    print_message("operations: %llu for 1 of %d, %llu for %d of %d, %llu for %d of %d\n",
                  (unsigned long long)brief, SHORT_LOG, (unsigned long long)shorter, DEEP_TAIL,
                  SHORT_LOG, (unsigned long long)longer, DEEP_TAIL, LONG_LOG);
    assert_true(brief <= FIXED + EACH_MAX);
    assert_true(shorter <= FIXED + DEEP_TAIL * EACH_MAX);
    assert_true(longer <= FIXED + DEEP_TAIL * EACH_MAX);
    assert_true(longer < shorter + FIXED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cut_store_equals_one_that_never_had_the_tail),
        cmocka_unit_test(test_seals_over_the_tail_go_with_it),
        cmocka_unit_test(test_arrival_numbers_are_not_given_twice),
        cmocka_unit_test(test_of_cuts_the_newest_are_told),
        cmocka_unit_test(test_a_cut_that_is_not_committed_did_nothing),
        cmocka_unit_test(test_names_that_moved_on_go_as_well),
        cmocka_unit_test(test_the_work_is_that_of_the_tail),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (running != 0) {
        print_message("again: TRIS_CUT_SEEDS=%llu-%llu\n", (unsigned long long)running,
                      (unsigned long long)running);
    }
    return failed;
}
