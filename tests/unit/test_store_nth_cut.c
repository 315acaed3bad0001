/* As test_store_nth.c, for what takes entries back and what reads by other ways than records:
 * forks, cuts, drafts, seals over a part, matching, searching. Each call of memory, LMDB and files
 * fails once; what fails says so, changes nothing, and goes well afterwards. */
#include "tests/unit/store_draw.h"
#include "tests/unit/store_nth.h"

enum { ENTRIES = 20, FORK_AT = 12, BARE = 5 };

struct world {
    struct fix f;
    struct script_log own, fork, branch, bare;
    uint32_t no_own, no_fork, no_bare;
    uint8_t bytes[FORK_PROOF_BYTES_MAX];
    struct span proof;
    struct audit_report report;
};

static struct span listing(struct fix *f)
{
    static const char *const pairs[][2] = {
        {"type", "offer"},
        {"title", "Saal"},
        {"topics", "diversity|other"},
        {"radius", "national"},
        {"valid_from", "2026-01-01"},
        {"valid_to", "2026-03-01"},
        {"status", "open"},
        {"contribution", "rooms"},
    };
    struct wbuf scratch = wbuf_of(f->scratch, TRIS_PAYLOAD_BYTES_MAX);
    struct wbuf out = wbuf_of(f->payload, TRIS_PAYLOAD_BYTES_MAX);
    record_init(f->record, schema_kind(KIND_LISTING));
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        fix_set(f, &scratch, pairs[i][0], pairs[i][1]);
    }
    ok(record_encode(f->record, &out));
    return wbuf_span(&out);
}

static void world_init(struct world *w)
{
    struct test_rng rng = {.state = 11};
    struct store_txn *t;
    uint64_t seq;
    memset(w, 0, sizeof *w);
    fix_init(&w->f);
    script_no_sync(w->f.s);
    script_init(&w->own, &w->f, 1, TRIS_TOPIC_DATA, 0, ENTRIES);
    script_draw(&w->own, &w->f, &rng, ENTRIES, true);
    script_init(&w->fork, &w->f, 3, TRIS_TOPIC_DATA, 0, ENTRIES + 4);
    script_draw(&w->fork, &w->f, &rng, ENTRIES, false);
    script_branch(&w->branch, &w->f, &w->fork, FORK_AT);
    const struct entry_header create = header_create(KIND_PARTNER);
    (void)script_add(&w->branch, &create, fix_partner(&w->f, "Zweig", "Z", "05315", NULL), false);
    w->proof = script_proof(&w->f, &w->fork, ENTRIES, &w->branch, FORK_AT + 1, FORK_AT, w->bytes);
    ok(store_txn_begin(w->f.s, &t));
    w->no_own = script_no(&w->own, t);
    w->no_fork = script_no(&w->fork, t);
    script_deliver(&w->own, t, ENTRIES);
    script_deliver(&w->fork, t, ENTRIES);
    script_init(&w->bare, &w->f, 4, TRIS_TOPIC_DATA, 0, BARE);
    for (uint64_t i = 0; i < BARE; i++) { /* payloads of 1 and 3 are missing */
        (void)script_add(&w->bare, &create, fix_partner(&w->f, "Spät", "Z", "05315", NULL),
                         i % 2 == 1);
    }
    w->no_bare = script_no(&w->bare, t);
    script_deliver(&w->bare, t, BARE);
    for (int i = 0; i < 4; i++) { /* not sealed */
        ok(own_append(t, w->no_own, header_create(KIND_LISTING), listing(&w->f), &seq));
    }
    ok(store_commit(t));
    script_follow(w->f.s, UINT32_MAX);
}

static void world_fini(struct world *w)
{
    script_fini(&w->own);
    script_fini(&w->fork);
    script_fini(&w->branch);
    script_fini(&w->bare);
    fix_fini(&w->f);
}

static enum tris_err commit_or(struct store_txn *t, enum tris_err err)
{
    if (err != TRIS_OK) {
        store_abort(t);
        return err;
    }
    return store_commit(t);
}

/* ---- operations that read ---- */

static bool each_hit(void *ctx, const struct match_hit *hit)
{
    *(uint32_t *)ctx += hit->contribution == CONTRIBUTION_ROOMS;
    return true;
}

static enum tris_err read_match(struct world *w, struct store_view *v)
{
    const struct match_query q = {.kind = KIND_LISTING,
                                  .type = LISTING_TYPE_OFFER,
                                  .topic_count = 2,
                                  .topics = {TOPIC_DIVERSITY, TOPIC_OTHER},
                                  .contribution = CONTRIBUTION_ROOMS,
                                  .log_no = w->no_own};
    uint32_t hits = 0, examined = 0;
    enum tris_err err = store_match_each(v, &q, 100, each_hit, &hits, &examined);
    assert_true(err != TRIS_OK || hits == 4);
    return err;
}

static enum tris_err read_search(struct world *w, struct store_view *v)
{
    (void)w;
    struct record_ref cursor = {UINT32_MAX, 0}, found[8];
    size_t count = 0;
    enum tris_err err = store_word_search(v, span_str("Saal"), &cursor, found, 8, &count);
    /* a record that cannot be read now is passed over */
    assert_true(err != TRIS_OK || count == 4 || fault.refused > 0);
    return err;
}

static enum tris_err read_forks(struct world *w, struct store_view *v)
{
    struct store_fork fork;
    uint32_t no = UINT32_MAX;
    enum tris_err err = store_fork_next(v, &no, &fork);
    assert_true(err != TRIS_OK || (fork.log_no == w->no_fork && fork.end == FORK_AT));
    return err;
}

static enum tris_err read_steps(struct world *w, struct store_view *v)
{
    uint64_t size = 0, entries = 0, bytes = 0;
    struct tree at = {0};
    struct store_mark_state mark;
    char detail[256];
    enum tris_err err = store_unsealed(v, w->no_own, &entries, &bytes);
    err = err == TRIS_OK ? store_unsealed_step(v, w->no_own, 7, &size, &at) : err;
    assert_true(err != TRIS_OK || (entries == 4 && size == ENTRIES + 4));
    return err == TRIS_OK ? store_mark_look(w->f.s, &mark, detail, sizeof detail) : err;
}

static enum tris_err read_drafts(struct world *w, struct store_view *v)
{
    struct store_draft draft;
    uint64_t no = 0, count = 0, seq, which = 0;
    enum tris_err err;
    (void)w;
    while ((err = store_draft_next(v, &no, &draft)) == TRIS_OK) {
        count++;
    }
    if (err != TRIS_ERR_NOT_FOUND) {
        return err;
    }
    assert_int_equal(count, 6);
    err = alias_of(v, TRIS_TOPIC_DATA, ENTRIES, &seq, &which);
    if (err == TRIS_ERR_NOT_READY) {
        assert_int_equal(which, 3);
        return TRIS_OK;
    }
    return err;
}

static enum tris_err read_holes(struct world *w, struct store_view *v)
{
    struct msg_run runs[4];
    size_t count = 0;
    uint8_t bytes[1024];
    struct wbuf rows = wbuf_of(bytes, sizeof bytes);
    enum tris_err err = store_holes(v, w->no_bare, BARE, runs, 4, &count);
    assert_true(err != TRIS_OK || count == 2);
    return err == TRIS_OK ? store_hole_row(v, w->no_bare, 2, &rows) : err;
}

static enum tris_err reading(struct world *w,
                             enum tris_err (*reader)(struct world *, struct store_view *))
{
    struct store_view *v = NULL;
    enum tris_err err = store_view_begin(w->f.s, &v);
    if (err == TRIS_OK) {
        err = reader(w, v);
        store_view_end(v);
    }
    return err;
}

/* ---- operations that write ---- */

static enum tris_err write_fork(struct world *w, struct store_txn *t)
{
    struct fork_proof proof;
    bool lowered = false;
    enum tris_err err = fork_proof_verify(w->proof, &proof);
    return err == TRIS_OK
               ? store_fork_put(t, w->no_fork, proof.at, &proof.root_at, w->proof, &lowered)
               : err;
}

static enum tris_err write_fork_cut(struct world *w, struct store_txn *t)
{
    return store_log_cut(t, w->no_fork, FORK_AT, STORE_TAIL_DROP);
}

static enum tris_err write_seal(struct world *w, struct store_txn *t)
{
    struct store_log log;
    enum tris_err err = store_log_get(store_txn_view(t), w->no_own, &log);
    struct seal seal = {.log = w->own.w.id, .size = ENTRIES + 2, .time_ms = FIX_TIME_MS + 99};
    err = err == TRIS_OK ? store_root_at(store_txn_view(t), w->no_own, seal.size, &seal.root) : err;
    if (err != TRIS_OK) {
        return err;
    }
    seal_make(&seal, &w->f.key);
    return store_seal_own(t, w->no_own, &seal);
}

static enum tris_err write_drafts(struct world *w, struct store_txn *t)
{
    return store_log_cut(t, w->no_own, ENTRIES - 2, STORE_TAIL_DRAFT);
}

static enum tris_err write_settle(struct world *w, struct store_txn *t)
{
    (void)w;
    enum tris_err err = store_draft_settle(t, 1, DRAFT_DROPPED, TRIS_OK, 0);
    return err == TRIS_OK ? store_draft_settle(t, 2, DRAFT_DECISION, TRIS_ERR_ENDED, 0) : err;
}

static enum tris_err write_payload(struct world *w, struct store_txn *t)
{
    uint8_t bytes[1024];
    uint32_t filled = 0;
    struct wbuf rows = wbuf_of(bytes, sizeof bytes);
    const struct tris_salt salt = script_salt(1);
    struct msg_hole row = {.seq = 1, .payload = w->bare.payload[1]};
    memcpy(row.salt.b, salt.b, sizeof row.salt.b);
    msg_row_put(&rows, MSG_ROW_hole, &row);
    ok(rows.err);
    enum tris_err err = store_holes_fill(t, w->no_bare, wbuf_span(&rows), 1, &filled);
    assert_true(err != TRIS_OK || filled == 1);
    return err;
}

static enum tris_err write_words(struct world *w, struct store_txn *t)
{
    uint64_t behind = 0;
    (void)w;
    return store_word_follow(t, 3, &behind);
}

static const struct {
    const char *name;
    enum tris_err (*read)(struct world *w, struct store_view *v);
    enum tris_err (*write)(struct world *w, struct store_txn *t);
} operations[] = {
    {"match", read_match, NULL},
    {"search", read_search, NULL},
    {"steps to the next seal", read_steps, NULL},
    {"list holes", read_holes, NULL},
    {"fill a hole", NULL, write_payload},
    {"seal a part", NULL, write_seal},
    {"keep a fork proof", NULL, write_fork},
    {"read fork proofs", read_forks, NULL},
    {"cut at the fork", NULL, write_fork_cut},
    {"take own entries back", NULL, write_drafts},
    {"read drafts", read_drafts, NULL},
    {"settle drafts", NULL, write_settle},
    {"index words", NULL, write_words},
};

static enum tris_err run(struct world *w, size_t i)
{
    if (operations[i].read != NULL) {
        return reading(w, operations[i].read);
    }
    struct store_txn *t = NULL;
    enum tris_err err = store_txn_begin(w->f.s, &t);
    return err == TRIS_OK ? commit_or(t, operations[i].write(w, t)) : err;
}

static uint64_t entries_of(struct store *s)
{
    struct store_view *v;
    struct store_info info;
    ok(store_view_begin(s, &v));
    ok(store_info(v, &info));
    store_view_end(v);
    return info.entries;
}

static void recover(struct world *w, const char *name, enum tris_err err, uint64_t entries)
{
    if (err == TRIS_ERR_UNKNOWN_STATE) {
        store_close(w->f.s);
        fix_open(&w->f);
        script_no_sync(w->f.s);
    }
    if (entries_of(w->f.s) != entries) {
        fail_msg("%s: %s failed, and something was changed", name, fault.call);
    }
    ok(store_audit(w->f.s, false, NULL, NULL, &w->report));
    if (w->report.problems > 0) {
        fail_msg("%s (%s): %s failed, then: %s", name, tris_err_text(err), fault.call,
                 w->report.first_problem);
    }
}

static void sweep(struct world *w, size_t i)
{
    for (uint64_t n = 0;; n++) {
        const uint64_t entries = entries_of(w->f.s);
        fault.left = n;
        fault.refused = 0;
        fault.armed = true;
        enum tris_err err = run(w, i);
        fault.armed = false;
        if (fault.refused == 0) {
            if (err != TRIS_OK) {
                fail_msg("%s: %s without a fault", operations[i].name, tris_err_text(err));
            }
            return;
        }
        if (err == TRIS_OK && operations[i].write != NULL) { /* in spite of it */
            recover(w, operations[i].name, err, entries_of(w->f.s));
            return;
        }
        recover(w, operations[i].name, err, entries);
    }
}

static void every_call_may_fail(void **state)
{
    (void)state;
    static struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        sweep(&w, i);
    }
    audit_clean(w.f.s);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
