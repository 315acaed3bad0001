/* Logs with two histories: kept proofs, where the log ends, what is served and taken there. */
#include "storage/backup.h"
#include "tests/unit/store_draw.h"

enum { ROOM = 60 };

struct forked {
    struct fix f;
    struct script_log one, two, three; /* histories of one log */
    struct test_rng rng;
    uint8_t proof[2][FORK_PROOF_BYTES_MAX];
};

/* Two histories of `house`, equal before entry `at`; each of ROOM entries. */
static void forked_init(struct forked *w, uint8_t house, uint32_t at, bool good)
{
    fix_init(&w->f);
    script_no_sync(w->f.s);
    w->rng.state = house * 100 + at;
    script_init(&w->one, &w->f, house, TRIS_TOPIC_DATA, 0, ROOM);
    script_draw(&w->one, &w->f, &w->rng, ROOM, good);
    script_branch(&w->two, &w->f, &w->one, at);
    script_draw(&w->two, &w->f, &w->rng, ROOM - at, good);
}

static void forked_fini(struct forked *w)
{
    script_fini(&w->one);
    script_fini(&w->two);
    fix_fini(&w->f);
}

static struct span proof_of(struct forked *w, uint32_t at)
{
    return script_proof(&w->f, &w->one, at + 8, &w->two, at + 5, at, w->proof[0]);
}

static struct store_log log_of(struct store_txn *t, uint32_t no)
{
    struct store_log log;
    ok(store_log_get(store_txn_view(t), no, &log));
    return log;
}

static void test_a_log_ends_where_its_fork_proof_says(void **state)
{
    (void)state;
    enum { END = 32 };
    static struct forked w;
    static struct verified_segment segment;
    struct store_txn *t;
    struct store_fork fork;
    forked_init(&w, 2, END, true);
    struct span proof = proof_of(&w, END);
    ok(store_txn_begin(w.f.s, &t));
    uint32_t no = script_no(&w.one, t);
    script_deliver(&w.one, t, 30);
    script_deliver(&w.one, t, 50);
    fails(TRIS_ERR_NOT_FOUND, store_fork_get(store_txn_view(t), no, &fork));
    assert_false(log_of(t, no).forked);
    assert_true(script_fork(&w.one, t, proof));
    struct store_log log = log_of(t, no);
    struct tris_hash root;
    tree_root(&w.one.tree[END], &root);
    assert_true(log.forked);
    assert_int_equal(log.end, END);
    assert_int_equal(log.held, END);
    assert_int_equal(log.whole, END);
    assert_true(tris_hash_eq(&log.end_root, &root));
    assert_int_equal(log.seal.size, 30);
    assert_false(script_fork(&w.one, t, proof)); /* known */
    /* neither history goes on */
    script_segment(&w.one, END, 40, &segment);
    fails(TRIS_ERR_FORK, store_append_segment(t, no, &segment, 5));
    script_segment(&w.two, END, 33, &segment);
    fails(TRIS_ERR_FORK, store_append_segment(t, no, &segment, 5));
    ok(store_commit(t));
    audit_clean(w.f.s);
    store_close(w.f.s);
    fix_open(&w.f);

    struct store_view *v;
    uint32_t at = UINT32_MAX;
    ok(store_view_begin(w.f.s, &v));
    ok(store_fork_next(v, &at, &fork));
    assert_int_equal(at, no);
    assert_int_equal(fork.end, END);
    assert_true(span_eq(fork.proof, proof));
    assert_true(tris_hash_eq(&fork.root, &root));
    fails(TRIS_ERR_NOT_FOUND, store_fork_next(v, &at, &fork));
    ok(store_log_get(v, no, &log));
    assert_true(log.forked);
    assert_int_equal(log.whole, END);
    store_view_end(v);
    forked_fini(&w);
}

static void test_of_a_run_only_what_is_new_is_judged(void **state)
{
    (void)state;
    enum { HELD = 20, SEALED = 30, END = 32 };
    static struct forked w;
    static struct fix other;
    static struct verified_segment out;
    static uint8_t bytes[2][TRIS_SEGMENT_BYTES_MAX];
    struct store_txn *t;
    struct store_txn *to;
    struct store_view *v;
    uint32_t count[2];
    struct seal seal[2];
    forked_init(&w, 2, END, true);
    struct span proof = proof_of(&w, END);
    ok(store_txn_begin(w.f.s, &t));
    uint32_t no = script_no(&w.one, t);
    script_deliver(&w.one, t, SEALED);
    script_deliver(&w.one, t, 50);
    (void)script_fork(&w.one, t, proof);
    ok(store_commit(t));
    ok(store_view_begin(w.f.s, &v));
    struct wbuf run = wbuf_of(bytes[0], sizeof bytes[0]);
    struct wbuf last = wbuf_of(bytes[1], sizeof bytes[1]);
    ok(store_segment_read(v, no, 0, &run, &count[0], &seal[0]));
    ok(store_segment_read(v, no, SEALED, &last, &count[1], &seal[1]));
    store_view_end(v);

    fix_init(&other);
    ok(store_txn_begin(other.s, &to));
    uint32_t there = script_no(&w.one, to);
    script_deliver(&w.one, to, HELD);
    struct store_log log = log_of(to, there);
    const struct span wire = wbuf_span(&run);
    fails(TRIS_ERR_NOT_NEXT, store_segment_judge(&log, HELD + 1, 9, wire, &seal[0], &out));
    fails(TRIS_ERR_NOT_NEXT, store_segment_judge(&log, 0, HELD - 1, wire, &seal[0], &out));
    ok(store_segment_judge(&log, 0, count[0], wire, &seal[0], &out));
    assert_int_equal(out.count, SEALED - HELD);
    ok(store_append_segment(to, there, &out, 5));
    /* the run up to the fork has no seal: nothing without the proof, and with it the root decides
     */
    log = log_of(to, there);
    const struct span tail = wbuf_span(&last);
    fails(TRIS_ERR_NOT_READY, store_segment_judge(&log, SEALED, count[1], tail, &seal[1], &out));
    (void)script_fork(&w.one, to, proof);
    log = log_of(to, there);
    ok(store_segment_judge(&log, SEALED, count[1], tail, &seal[1], &out));
    ok(store_append_segment(to, there, &out, 5));
    assert_int_equal(log_of(to, there).whole, END);
    ok(store_commit(to));
    fix_fini(&other);
    forked_fini(&w);
}

static void test_the_last_run_is_served_and_taken_without_a_seal(void **state)
{
    (void)state;
    enum { END = 32 };
    static struct forked w;
    static struct fix other;
    static struct verified_segment segment;
    static uint8_t bytes[TRIS_SEGMENT_BYTES_MAX];
    struct store_txn *t;
    struct store_view *v;
    uint32_t count = 0;
    struct seal seal;
    forked_init(&w, 2, END, true);
    struct span proof = proof_of(&w, END);
    ok(store_txn_begin(w.f.s, &t));
    uint32_t no = script_no(&w.one, t);
    script_deliver(&w.one, t, 30);
    script_deliver(&w.one, t, 50);
    (void)script_fork(&w.one, t, proof);
    ok(store_commit(t));

    fix_init(&other);
    struct store_txn *to;
    ok(store_txn_begin(other.s, &to));
    uint32_t there = script_no(&w.one, to);
    ok(store_view_begin(w.f.s, &v));
    struct wbuf out = wbuf_of(bytes, sizeof bytes);
    ok(store_segment_read(v, no, 0, &out, &count, &seal));
    assert_int_equal(count, 30); /* sealed ones alone: a peer without the proof takes them */
    ok(segment_verify(&w.one.w.id, &w.one.w.ref.seal_key, &w.one.tree[0], wbuf_span(&out), count,
                      &seal, &segment));
    ok(store_append_segment(to, there, &segment, 5));
    for (uint64_t first = 30; first < END; first++) {
        out = wbuf_of(bytes, sizeof bytes);
        ok(store_segment_read(v, no, first, &out, &count, &seal));
        assert_int_equal(count, END - first);
        assert_true(seal_is_cut(&seal));
        assert_int_equal(seal.size, END);
    }
    out = wbuf_of(bytes, sizeof bytes);
    ok(store_segment_read(v, no, 30, &out, &count, &seal));
    ok(segment_verify_cut(&w.one.w.id, &w.one.tree[30], wbuf_span(&out), count, END, &seal.root,
                          &segment));
    fails(TRIS_ERR_NOT_FOUND, store_segment_read(v, no, END, &out, &count, &seal));
    fails(TRIS_ERR_NOT_FOUND, store_segment_read(v, no, END + 1, &out, &count, &seal));
    store_view_end(v);
    fails(TRIS_ERR_FORK, store_append_segment(to, there, &segment, 5)); /* no proof yet */
    (void)script_fork(&w.one, to, proof);
    ok(store_append_segment(to, there, &segment, 5));
    assert_int_equal(log_of(to, there).whole, END);
    ok(store_commit(to));
    script_follow(w.f.s, UINT32_MAX);
    script_follow(other.s, UINT32_MAX);
    script_same(w.f.s, other.s);
    audit_clean(other.s);
    fix_fini(&other);
    forked_fini(&w);
}

static void test_the_lowest_end_counts_in_any_order(void **state)
{
    (void)state;
    enum { HIGH = 32, LOW = 17 };
    static struct forked w;
    static struct fix other;
    uint8_t low[FORK_PROOF_BYTES_MAX];
    forked_init(&w, 2, HIGH, false);
    script_branch(&w.three, &w.f, &w.one, LOW);
    script_draw(&w.three, &w.f, &w.rng, ROOM - LOW, false);
    struct span proofs[2] = {proof_of(&w, HIGH),
                             script_proof(&w.f, &w.one, 30, &w.three, 25, LOW, low)};
    fix_init(&other);
    struct store *stores[2] = {w.f.s, other.s};
    for (int i = 0; i < 2; i++) {
        struct store_txn *t;
        ok(store_txn_begin(stores[i], &t));
        (void)script_no(&w.one, t);
        script_deliver(&w.one, t, 40);
        assert_true(script_fork(&w.one, t, proofs[i]));
        ok(store_commit(t));
        ok(store_txn_begin(stores[i], &t));
        assert_int_equal(script_fork(&w.one, t, proofs[1 - i]), i == 0);
        assert_int_equal(log_of(t, 0).held, LOW);
        ok(store_commit(t));
        script_follow(stores[i], UINT32_MAX);
        audit_clean(stores[i]);
    }
    script_same(stores[0], stores[1]);
    script_fini(&w.three);
    fix_fini(&other);
    forked_fini(&w);
}

static void test_a_log_may_end_before_its_first_entry(void **state)
{
    (void)state;
    static struct forked w;
    static struct verified_segment segment;
    struct store_txn *t;
    forked_init(&w, 2, 0, false);
    ok(store_txn_begin(w.f.s, &t));
    uint32_t no = script_no(&w.one, t);
    script_deliver(&w.one, t, 20);
    assert_true(script_fork(&w.one, t, proof_of(&w, 0)));
    struct store_log log = log_of(t, no);
    assert_int_equal(log.held, 0);
    assert_int_equal(log.whole, 0);
    assert_false(log.has_seal);
    script_segment(&w.two, 0, 1, &segment);
    fails(TRIS_ERR_FORK, store_append_segment(t, no, &segment, 5));
    ok(store_commit(t));
    audit_clean(w.f.s);
    forked_fini(&w);
}

static void test_an_own_forked_log_keeps_its_tail_as_drafts(void **state)
{
    (void)state;
    enum { END = 32 };
    static struct forked w;
    struct store_txn *t;
    struct store_draft draft;
    struct store_mark mark = {0};
    char detail[256];
    uint64_t seq;
    uint64_t bytes;
    forked_init(&w, 1, END, false);
    for (uint64_t i = 0; i < 40; i++) {
        script_form(&w.one, i, true);
    }
    ok(store_txn_begin(w.f.s, &t));
    uint32_t no = script_no(&w.one, t);
    script_deliver(&w.one, t, 40);
    struct store_log log = log_of(t, no);
    mark.data_size = log.seal.size;
    mark.data_root = log.seal.root;
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&w.f, "A", "W", "05315", NULL),
                  &seq));
    assert_true(script_fork(&w.one, t, proof_of(&w, END)));
    ok(store_draft_get(store_txn_view(t), 9, &draft)); /* 32 to 40 */
    assert_int_equal(draft.seq, 40);
    fails(TRIS_ERR_NOT_FOUND, store_draft_get(store_txn_view(t), 10, &draft));
    fails(TRIS_ERR_FORK, own_append(t, no, header_create(KIND_PARTNER),
                                    fix_partner(&w.f, "A", "W", "05315", NULL), &seq));
    struct seal seal;
    script_seal(&w.one, END, &seal);
    fails(TRIS_ERR_FORK, store_seal_own(t, no, &seal));
    ok(store_unsealed(store_txn_view(t), no, &seq, &bytes));
    assert_int_equal(seq, 0);
    struct tree tree = {.size = UINT64_MAX};
    fails(TRIS_ERR_NOT_FOUND, store_unsealed_step(store_txn_view(t), no, 0, &seq, &tree));
    ok(store_commit(t));
    audit_clean(w.f.s);
    ok(store_mark_write(w.f.s, &mark)); /* the seal at 40 was covered */
    ok(store_mark_check(w.f.s, detail, sizeof detail));
    forked_fini(&w);
}

static void test_entries_of_another_history_are_not_whole(void **state)
{
    (void)state;
    enum { HIGH = 32, LOW = 17 };
    static struct forked w;
    uint8_t low[FORK_PROOF_BYTES_MAX];
    struct store_txn *t;
    forked_init(&w, 2, HIGH, true);
    script_branch(&w.three, &w.f, &w.one, LOW);
    script_draw(&w.three, &w.f, &w.rng, ROOM - LOW, true);
    ok(store_txn_begin(w.f.s, &t));
    uint32_t no = script_no(&w.one, t);
    script_deliver(&w.three, t, 20);
    script_deliver(&w.three, t, 40);
    assert_true(script_fork(&w.one, t, proof_of(&w, HIGH)));
    struct store_log log = log_of(t, no);
    assert_int_equal(log.held, HIGH);
    assert_int_equal(log.whole, 20); /* what the third history's seal covers */
    ok(store_commit(t));
    audit_clean(w.f.s);
    ok(store_txn_begin(w.f.s, &t));
    assert_true(script_fork(&w.one, t, script_proof(&w.f, &w.one, 30, &w.three, 25, LOW, low)));
    assert_int_equal(log_of(t, no).whole, LOW);
    ok(store_commit(t));
    audit_clean(w.f.s);
    script_fini(&w.three);
    forked_fini(&w);
}

/* A proof that comes last and one that comes first lead to the same store. */
static void run_order(uint64_t seed)
{
    static struct forked w;
    static struct fix other;
    static struct verified_segment segment;
    struct test_rng rng = {seed};
    struct store_txn *t;
    const uint32_t at = (uint32_t)test_rng_below(&rng, ROOM - 10);
    const uint8_t house = (uint8_t)(1 + seed % 2);
    forked_init(&w, house, at, false);
    struct span proof = proof_of(&w, at);
    fix_init(&other);
    script_no_sync(other.s);
    ok(store_txn_begin(w.f.s, &t));
    uint32_t no = script_no(&w.one, t);
    struct script_log *held = seed % 3 == 0 ? &w.two : &w.one;
    for (uint64_t size = 0; size < ROOM; size += 1 + test_rng_below(&rng, 20)) {
        script_deliver(held, t, size);
    }
    ok(store_commit(t));
    script_follow(w.f.s, (uint32_t)test_rng_below(&rng, ROOM));
    ok(store_txn_begin(w.f.s, &t));
    bool short_of_it = log_of(t, no).held < at;
    assert_true(script_fork(&w.one, t, proof));
    ok(store_commit(t));

    ok(store_txn_begin(other.s, &t));
    (void)script_no(&w.one, t);
    assert_true(script_fork(&w.one, t, proof));
    uint64_t before = test_rng_below(&rng, at + 1);
    script_deliver(&w.one, t, before);
    if (before < at) {
        script_cut_segment(&w.two, before, at, &segment);
        ok(store_append_segment(t, no, &segment, 5));
    }
    ok(store_commit(t));
    script_follow(w.f.s, UINT32_MAX);
    script_follow(other.s, UINT32_MAX);
    if (!short_of_it) {
        script_same(w.f.s, other.s);
    }
    audit_clean(w.f.s);
    audit_clean(other.s);
    fix_fini(&other);
    forked_fini(&w);
}

/* Of two proofs with one end the smaller root counts, whichever came first: else two houses that
 * hold nothing of the log yet would wait for different beginnings. */
static void test_of_two_proofs_of_one_end_the_smaller_root_counts(void **state)
{
    (void)state;
    static const struct tris_hash roots[2] = {{{3}}, {{9}}};
    for (size_t first = 0; first < 2; first++) {
        struct fix f;
        struct store_txn *t;
        struct store_fork fork;
        uint32_t no;
        bool lowered;
        fix_init(&f);
        struct tris_sign_secret key;
        struct tris_log_ref ref = {.house = fix_key(2, &key), .topic = TRIS_TOPIC_DATA};
        memcpy(ref.seal_key.b, ref.house.b, sizeof ref.seal_key.b);
        ok(store_txn_begin(f.s, &t));
        ok(store_log_ensure(t, &ref, &no));
        ok(store_fork_put(t, no, 5, &roots[first], span_str("one"), &lowered));
        assert_true(lowered);
        ok(store_fork_put(t, no, 5, &roots[1 - first], span_str("other"), &lowered));
        assert_int_equal(lowered, first == 1);
        ok(store_fork_get(store_txn_view(t), no, &fork));
        assert_int_equal(fork.end, 5);
        assert_memory_equal(fork.root.b, roots[0].b, sizeof fork.root.b);
        store_abort(t);
        fix_fini(&f);
    }
}

static void test_a_proof_may_come_first_or_last(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        run_order(seed);
    }
}

static void test_a_backup_carries_proofs_and_drafts(void **state)
{
    (void)state;
    enum { END = 32 };
    static struct forked w;
    struct store_txn *t;
    struct store *copy;
    forked_init(&w, 1, END, false);
    ok(store_txn_begin(w.f.s, &t));
    (void)script_no(&w.one, t);
    script_deliver(&w.one, t, 40);
    assert_true(script_fork(&w.one, t, proof_of(&w, END)));
    ok(store_commit(t));
    char path[512];
    char detail[BACKUP_DETAIL_BYTES];
    struct backup_manifest manifest;
    static const char *const files[] = {"charter", "house.line"};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", w.f.dir, files[i]);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
    }
    (void)snprintf(path, sizeof path, "%s/backup", w.f.dir);
    struct backup_opts opts = {.data_dir = w.f.dir, .path = path, .time_ms = 5};
    ok(backup_create(w.f.s, &opts, &manifest, detail));
    ok(backup_open_store(path, &manifest, w.f.dir, &copy, detail));
    script_same(w.f.s, copy);
    audit_clean(copy);
    struct store_view *v;
    struct store_fork fork;
    struct store_draft draft;
    ok(store_view_begin(copy, &v));
    ok(store_fork_get(v, 0, &fork));
    ok(store_draft_get(v, 8, &draft));
    store_view_end(v);
    store_close(copy);
    forked_fini(&w);
}

static void expect_problem(struct store *s)
{
    struct audit_report report;
    ok(store_audit(s, true, NULL, NULL, &report));
    assert_true(report.problems > 0);
}

static void test_the_audit_checks_proofs_again(void **state)
{
    (void)state;
    enum { END = 32 };
    static struct forked w;
    struct store_txn *t;
    struct span value;
    struct key key;
    static uint8_t bytes[8192];
    forked_init(&w, 2, END, false);
    ok(store_txn_begin(w.f.s, &t));
    uint32_t no = script_no(&w.one, t);
    script_deliver(&w.one, t, 40);
    assert_true(script_fork(&w.one, t, proof_of(&w, END)));
    key_log(&key, no);
    assert_true(txn_get(t, DB_FORK, key_span(&key), &value));
    size_t len = value.len;
    memcpy(bytes, value.ptr, len);
    ok(store_commit(t));
    audit_clean(w.f.s);
    const size_t places[] = {7, 20, 41, 100, 300, len - 1}; /* end, root, proof */
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        bytes[places[i]] ^= 1;
        ok(store_txn_begin(w.f.s, &t));
        txn_put(t, DB_FORK, key_span(&key), span_of(bytes, len));
        ok(store_commit(t));
        expect_problem(w.f.s);
        bytes[places[i]] ^= 1;
    }
    ok(store_txn_begin(w.f.s, &t));
    txn_del(t, DB_FORK, key_span(&key));
    ok(store_commit(t));
    expect_problem(w.f.s);
    forked_fini(&w);
}

static void test_only_proofs_of_logs_that_travel_are_kept(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct tris_hash root = {{1}};
    bool lowered = true;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t local = own_log(&f, t, TRIS_TOPIC_LOCAL);
    uint32_t data = own_log(&f, t, TRIS_TOPIC_DATA);
    fails(TRIS_ERR_INVALID, store_fork_put(t, local, 1, &root, span_str("x"), &lowered));
    fails(TRIS_ERR_INVALID, store_fork_put(t, data, 1, &root, span_of(NULL, 0), &lowered));
    assert_false(lowered);
    ok(store_commit(t));
    fix_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_log_ends_where_its_fork_proof_says),
        cmocka_unit_test(test_the_last_run_is_served_and_taken_without_a_seal),
        cmocka_unit_test(test_of_a_run_only_what_is_new_is_judged),
        cmocka_unit_test(test_the_lowest_end_counts_in_any_order),
        cmocka_unit_test(test_a_log_may_end_before_its_first_entry),
        cmocka_unit_test(test_an_own_forked_log_keeps_its_tail_as_drafts),
        cmocka_unit_test(test_entries_of_another_history_are_not_whole),
        cmocka_unit_test(test_of_two_proofs_of_one_end_the_smaller_root_counts),
        cmocka_unit_test(test_a_proof_may_come_first_or_last),
        cmocka_unit_test(test_a_backup_carries_proofs_and_drafts),
        cmocka_unit_test(test_the_audit_checks_proofs_again),
        cmocka_unit_test(test_only_proofs_of_logs_that_travel_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
