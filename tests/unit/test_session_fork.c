/* Two histories of one log meet: where they part is found, proven and told; liars are named. */
#include "tests/unit/session_world.h"

enum { RUN = 700, RUN_BEHIND = 300, BYTES = 20, ORDERS = 400 };

static void grow(struct node *n, uint32_t log_no, uint64_t size, uint32_t run)
{
    while (n->logs[log_no].count < size) {
        uint64_t left = size - n->logs[log_no].count;
        node_write_as(n, log_no, (uint32_t)(left < run ? left : run), BYTES);
    }
}

/* Nodes `a` and `b` hold the same `at` entries of a log and then different ones, sealed up to the
 * sizes. `sealed_at`: a seal of both stands where they part. */
static void fork_make(struct world *w, uint32_t log_no, uint32_t a, uint32_t b, uint64_t at,
                      uint64_t size_a, uint64_t size_b, bool sealed_at)
{
    grow(&w->nodes[a], log_no, at, RUN);
    if (at > 0) {
        w->nodes[a].logs[log_no].entries[at - 1].sealed = sealed_at;
    }
    log_copy(&w->nodes[a], &w->nodes[b], log_no);
    grow(&w->nodes[a], log_no, size_a, RUN_BEHIND);
    grow(&w->nodes[b], log_no, size_b, RUN_BEHIND);
}

static void assert_cut(const struct world *w, uint32_t node, uint32_t log_no, uint64_t at)
{
    const struct fake_log *log = &w->nodes[node].logs[log_no];
    struct fork_proof proof;
    assert_true(log->forked && log->end == at && log->count == at);
    assert_int_equal(fork_proof_verify(span_of(log->proof, log->proof_len), &proof), TRIS_OK);
    assert_true(proof.at == at);
}

static void fork_is_found(uint64_t at, uint64_t a, uint64_t b, bool sealed_at)
{
    struct world *w = world_new(3, 2);
    uint32_t log_no = (uint32_t)(at % 2);
    fork_make(w, log_no, 1, 2, at, a, b, sealed_at);
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    world_pass(w, 5000);
    assert_alive(l);
    assert_cut(w, 1, log_no, at);
    assert_cut(w, 2, log_no, at);
    assert_true(nodes_equal(w, 1, 2));
    uint64_t trips = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct session_stats *stats = session_stats(l->end[i].session);
        assert_true(stats->fork_trips <= 4 * stats->fork_probes && stats->fork_probes <= 1);
        assert_true(stats->fork_proofs_out <= 2); /* told, and perhaps asked for */
        trips += stats->fork_trips;
    }
    assert_true(trips > 0);
    assert_true(l->end[0].found_count + l->end[1].found_count > 0);
    world_free(w);
}

static void every_fork_point_of_small_logs_is_found(void **state)
{
    (void)state;
    for (uint64_t a = 1; a <= 9; a++) {
        for (uint64_t b = a; b <= 9; b++) {
            for (uint64_t at = 0; at < a; at++) {
                fork_is_found(at, a, b, (a + b) % 2 == 0);
            }
        }
    }
}

static void fork_points_of_large_logs_are_found_in_four_round_trips(void **state)
{
    (void)state;
    static const struct {
        uint64_t at, a, b;
    } cases[] = {
        {0, 5000, 5000},    {4999, 5000, 5000}, {4095, 4096, 5000}, {4096, 4097, 5000},
        {2047, 4096, 4096}, {1023, 1024, 4999}, {1024, 1500, 2500}, {3333, 4000, 5000},
        {17, 1024, 1024},   {2500, 2501, 2502}, {4000, 4999, 5000}, {511, 3000, 3001},
        {0, 1, 5000},       {4998, 5000, 4999},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fork_is_found(cases[i].at, cases[i].a, cases[i].b, i % 2 == 0);
    }
}

static void random_fork_points_are_found(void **state)
{
    (void)state;
    struct world *w = world_new(1, 1);
    for (uint32_t i = 0; i < 40; i++) {
        uint64_t r[3], most = i < 20 ? 100 : 5000;
        fake_random(&w->nodes[0], r, sizeof r);
        uint64_t a = 1 + r[0] % most, b = 1 + r[1] % most;
        fork_is_found(r[2] % (a < b ? a : b), a, b, i % 3 == 0);
    }
    world_free(w);
}

static void a_proof_reaches_everybody_once(void **state)
{
    (void)state;
    struct world *w = world_new(4, 2);
    grow(&w->nodes[1], 0, 60, RUN);
    for (uint32_t i = 0; i < 4; i += i == 0 ? 2 : 1) {
        log_copy(&w->nodes[1], &w->nodes[i], 0); /* the owner, and two more of the first history */
    }
    log_cut(&w->nodes[2].logs[0], 0);
    grow(&w->nodes[2], 0, 80, RUN); /* another one from its first entry on */
    (void)link_open(w, 0, 1, 2);
    (void)link_open(w, 1, 1, 0);
    (void)link_open(w, 2, 3, 0);
    world_run(w);
    world_pass(w, 3 * HEARTBEAT_MS);
    uint64_t out = 0;
    for (uint32_t i = 0; i < 4; i++) {
        assert_cut(w, i, 0, 0);
        assert_int_equal(w->nodes[i].cuts, 1);
        assert_true(nodes_equal(w, 0, i));
    }
    for (uint32_t i = 0; i < 3; i++) {
        assert_alive(&w->links[i]);
        out += session_stats(w->links[i].end[0].session)->fork_proofs_out;
        out += session_stats(w->links[i].end[1].session)->fork_proofs_out;
    }
    assert_true(out <= 4); /* one a link, and not back; both may find it at once */
    /* whoever knows it is not told again */
    node_fork(&w->nodes[1], 0, span_of(w->nodes[0].logs[0].proof, w->nodes[0].logs[0].proof_len));
    world_pass(w, 3 * HEARTBEAT_MS);
    for (uint32_t i = 0; i < 3; i++) {
        out -= session_stats(w->links[i].end[0].session)->fork_proofs_out;
        out -= session_stats(w->links[i].end[1].session)->fork_proofs_out;
    }
    assert_int_equal(out, 0);
    world_free(w);
}

static void a_node_that_comes_late_learns_it_from_the_flag(void **state)
{
    (void)state;
    for (uint32_t held = 0; held < 3; held++) { /* nothing, less than the end, more */
        struct world *w = world_new(4, 2);
        fork_make(w, 0, 1, 2, 30, 50, 60, false);
        w->nodes[1].logs[0].entries[9].sealed = true;
        w->nodes[1].logs[0].entries[9].seal =
            (struct seal){.log = w->nodes[1].logs[0].id, .size = 10, .time_ms = 5};
        struct tree ten;
        tree_init(&ten);
        for (uint32_t i = 0; i < 10; i++) {
            (void)tree_append(&ten, &w->nodes[1].logs[0].entries[i].leaf, TREE_LEVELS_MAX, NULL);
        }
        tree_root(&ten, &w->nodes[1].logs[0].entries[9].seal.root);
        seal_make(&w->nodes[1].logs[0].entries[9].seal, &w->nodes[1].logs[0].key);
        if (held > 0) {
            log_copy(&w->nodes[1], &w->nodes[3], 0);
            log_cut(&w->nodes[3].logs[0], held == 1 ? 10 : 50);
            node_publish(&w->nodes[3], 0);
        }
        struct link *first = link_open(w, 0, 1, 2);
        world_run(w);
        world_pass(w, 2000);
        assert_cut(w, 1, 0, 30);
        link_close(first);
        struct link *l = link_open(w, 1, 3, 1);
        world_run(w);
        world_pass(w, 2 * HEARTBEAT_MS);
        assert_alive(l);
        assert_cut(w, 3, 0, 30); /* the last run came without a seal */
        assert_true(nodes_equal(w, 1, 3));
        assert_int_equal(session_stats(l->end[0].session)->fork_probes, 0);
        world_free(w);
    }
}

/* Node 3 holds a third history that parts from the first one before the known end. */
static void a_third_history_lowers_the_end(void **state)
{
    (void)state;
    static const struct {
        uint64_t first, second, size;
    } cases[] = {
        {7, 3, 10}, /* its only seal is behind the known end: no cut may take it away */
        {7, 3, 5},  /* holds less than the end: the run to the end does not fit */
        {7, 3, 7},  /* holds as much as the end */
        {100, 99, 150}, {100, 0, 60}, {2000, 1500, 1800}, {2000, 1023, 4000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (uint32_t dials = 0; dials < 2; dials++) {
            struct world *w = world_new(4, 2);
            grow(&w->nodes[1], 0, cases[i].second, RUN);
            log_copy(&w->nodes[1], &w->nodes[3], 0);
            fork_make(w, 0, 1, 2, cases[i].first, cases[i].first + 20, cases[i].first + 30, false);
            grow(&w->nodes[3], 0, cases[i].size, RUN_BEHIND);
            struct link *first = link_open(w, 0, 1, 2);
            world_run(w);
            world_pass(w, 2000);
            assert_cut(w, 1, 0, cases[i].first);
            struct link *l = dials == 0 ? link_open(w, 1, 3, 1) : link_open(w, 1, 1, 3);
            world_run(w);
            world_pass(w, 3 * HEARTBEAT_MS);
            assert_alive(l);
            assert_alive(first);
            for (uint32_t n = 1; n < 4; n++) {
                assert_cut(w, n, 0, cases[i].second);
                assert_true(nodes_equal(w, 1, n));
            }
            world_free(w);
        }
    }
}

/* Each of two nodes holds its history up to the end, and no seal of its own: only the proofs can be
 * the evidence that they part before. */
static void two_proofs_of_one_end_lead_to_a_smaller_one(void **state)
{
    (void)state;
    struct world *w = world_new(4, 2);
    w->nodes[0].logs[0].own = false;
    grow(&w->nodes[1], 0, 3, RUN);
    w->nodes[1].logs[0].entries[2].sealed = false;
    log_copy(&w->nodes[1], &w->nodes[3], 0);
    fork_make(w, 0, 1, 2, 7, 20, 30, false);
    grow(&w->nodes[3], 0, 7, RUN);
    w->nodes[3].logs[0].entries[6].sealed = false;
    log_copy(&w->nodes[3], &w->nodes[0], 0);
    grow(&w->nodes[3], 0, 25, RUN);
    grow(&w->nodes[0], 0, 35, RUN);
    (void)link_open(w, 0, 1, 2);
    (void)link_open(w, 1, 3, 0);
    world_run(w);
    world_pass(w, 2000);
    assert_cut(w, 1, 0, 7);
    assert_cut(w, 3, 0, 7);
    assert_false(nodes_equal(w, 1, 3));
    (void)link_open(w, 2, 1, 3);
    world_run(w);
    world_pass(w, 6 * HEARTBEAT_MS);
    for (uint32_t n = 0; n < 4; n++) {
        assert_cut(w, n, 0, 3);
        assert_true(nodes_equal(w, 0, n));
    }
    for (uint32_t i = 0; i < 3; i++) {
        assert_alive(&w->links[i]);
    }
    world_free(w);
}

/* Node 3 holds five entries of a log that ends at 20 for it; node 1 knows that it ends at five. */
static void who_holds_a_part_learns_that_the_log_ends_there(void **state)
{
    (void)state;
    struct world *w = world_new(4, 2);
    fork_make(w, 0, 1, 2, 20, 40, 50, false);
    (void)link_open(w, 0, 1, 2);
    world_run(w);
    world_pass(w, 2000);
    assert_cut(w, 1, 0, 20);
    struct fake_log *log = &w->nodes[3].logs[0];
    log_copy(&w->nodes[1], &w->nodes[3], 0);
    assert_int_equal(node_fork(&w->nodes[3], 0,
                               span_of(w->nodes[1].logs[0].proof, w->nodes[1].logs[0].proof_len)),
                     TRIS_OK);
    log_cut(log, 5);
    node_publish(&w->nodes[3], 0);
    struct world *other = world_new(3, 2); /* the same beginning, and a fork behind the fifth */
    log_copy(&w->nodes[3], &other->nodes[1], 0);
    fork_make(other, 0, 1, 2, 5, 15, 16, false);
    (void)link_open(other, 0, 1, 2);
    world_run(other);
    assert_cut(other, 1, 0, 5);
    const struct fake_log *lower = &other->nodes[1].logs[0];
    assert_int_equal(node_fork(&w->nodes[1], 0, span_of(lower->proof, lower->proof_len)), TRIS_OK);
    link_close(&w->links[0]);
    assert_false(nodes_equal(w, 1, 3)); /* five entries each, and not the same */
    struct link *l = link_open(w, 0, 3, 1);
    world_run(w);
    world_pass(w, 2 * HEARTBEAT_MS);
    assert_alive(l);
    assert_cut(w, 3, 0, 5);
    assert_true(nodes_equal(w, 1, 3));
    world_free(other);
    world_free(w);
}

static void what_reaches_beyond_the_end_is_taken_up_to_it(void **state)
{
    (void)state;
    struct world *w = world_new(4, 2);
    fork_make(w, 0, 1, 2, 30, 50, 60, false);
    log_copy(&w->nodes[1], &w->nodes[3], 0); /* knows one history and no proof */
    struct link *first = link_open(w, 0, 1, 2);
    world_run(w);
    world_pass(w, 2000);
    link_close(first);
    struct node *late = &w->nodes[0]; /* knows the proof and no entries; does not tell */
    assert_int_equal(
        node_fork(late, 0, span_of(w->nodes[1].logs[0].proof, w->nodes[1].logs[0].proof_len)),
        TRIS_OK);
    w->nodes[0].logs[0].own = false;
    node_publish(late, 0);
    struct link *l = link_open(w, 0, 0, 3);
    world_run(w);
    world_pass(w, 2 * HEARTBEAT_MS);
    assert_alive(l);
    assert_cut(w, 0, 0, 30);
    assert_cut(w, 3, 0, 30);
    assert_true(nodes_equal(w, 0, 3));
    world_free(w);
}

/* Node 0 knows where the log ends but not all that is before it, and no one is there who does; node
 * 3 has a third history that parts from the others before the end. Its owner is to blame for all
 * three; neither of the two honest nodes is. */
static void who_holds_a_third_history_is_not_blamed(void **state)
{
    (void)state;
    for (uint32_t dials = 0; dials < 2; dials++) {
        struct world *w = world_new(4, 2);
        grow(&w->nodes[1], 0, 50, RUN);
        log_copy(&w->nodes[1], &w->nodes[0], 0);
        grow(&w->nodes[1], 0, 52, RUN);
        log_copy(&w->nodes[1], &w->nodes[3], 0);
        fork_make(w, 0, 1, 2, 55, 70, 80, false);
        grow(&w->nodes[3], 0, 100, RUN_BEHIND);
        struct link *first = link_open(w, 0, 1, 2);
        world_run(w);
        world_pass(w, 2000);
        assert_cut(w, 1, 0, 55);
        link_close(first);
        w->nodes[0].logs[0].own = false;
        assert_int_equal(
            node_fork(&w->nodes[0], 0,
                      span_of(w->nodes[1].logs[0].proof, w->nodes[1].logs[0].proof_len)),
            TRIS_OK);
        struct link *l = dials == 0 ? link_open(w, 1, 3, 0) : link_open(w, 1, 0, 3);
        world_run(w);
        grow(&w->nodes[3], 6, 7, RUN); /* other logs go on meanwhile */
        world_pass(w, 20 * HEARTBEAT_MS);
        assert_alive(l);
        assert_int_equal(w->nodes[0].logs[0].count, 50);
        assert_int_equal(w->nodes[3].logs[0].count, 100);
        assert_int_equal(w->nodes[0].logs[6].count, 7);
        link_close(l);
        (void)link_open(w, 2, 1, 0); /* somebody who has the rest */
        (void)link_open(w, 3, 0, 3);
        world_run(w);
        world_pass(w, 10 * HEARTBEAT_MS);
        assert_cut(w, 0, 0, 52);
        assert_cut(w, 1, 0, 52);
        assert_cut(w, 3, 0, 52);
        world_free(w);
    }
}

/* ---- any order ------------------------------------------------------------------------------- */

static uint64_t pick(struct world *w, uint64_t below)
{
    uint64_t value;
    fake_random(&w->nodes[0], &value, sizeof value);
    return value % below;
}

/* Node `to` gets `size` entries of node `from`, or fewer, so that they end at a seal. */
static void log_copy_part(struct world *w, uint32_t from, uint32_t to, uint64_t size)
{
    log_copy(&w->nodes[from], &w->nodes[to], 0);
    struct fake_log *log = &w->nodes[to].logs[0];
    while (size > 0 && !log->entries[size - 1].sealed) {
        size--;
    }
    log_cut(log, size);
    node_publish(&w->nodes[to], 0);
}

/* Histories that part from each other anywhere, each node with a part of one of them. */
static void histories_make(struct world *w, uint64_t most)
{
    for (uint32_t n = 0; n < w->nodes_count; n++) {
        struct fake_log *log = &w->nodes[n].logs[0];
        if (n > 0) {
            uint32_t from = (uint32_t)pick(w, n);
            uint64_t count = w->nodes[from].logs[0].count;
            log_copy(&w->nodes[from], &w->nodes[n], 0);
            log_cut(log, count > 0 ? pick(w, count + 1) : 0);
            node_publish(&w->nodes[n], 0);
        }
        for (uint64_t runs = 1 + pick(w, 3); runs > 0; runs--) {
            node_write_as(&w->nodes[n], 0, (uint32_t)(1 + pick(w, most)), BYTES);
        }
    }
    for (uint32_t n = 0; n < w->nodes_count; n++) { /* some know less, or another history */
        uint32_t from = (uint32_t)pick(w, w->nodes_count);
        if (from != n && pick(w, 3) == 0) {
            log_copy_part(w, from, n, pick(w, w->nodes[from].logs[0].count + 1));
        }
    }
}

/* Links come and go, and writers get on now and then. */
static void meet_at_random(struct world *w, uint32_t seed)
{
    for (uint32_t step = 0; step < 12; step++) {
        size_t at = pick(w, LINKS_MAX);
        uint32_t a = (uint32_t)pick(w, 4), b = (uint32_t)pick(w, 4);
        if (w->links[at].used) {
            link_close(&w->links[at]);
        } else if (a != b) {
            link_open(w, at, a, b)->chunk = seed % 3 == 0 ? 100 + pick(w, 1000) : 0;
        }
        world_run(w);
        for (uint64_t i = pick(w, 20); i > 0; i--) {
            pending_run(w, (uint32_t)pick(w, 4));
        }
        world_run(w);
        world_pass(w, pick(w, 3000));
    }
    for (size_t i = 0; i < LINKS_MAX; i++) {
        if (w->links[i].used) {
            link_close(&w->links[i]);
        }
    }
}

/* A chain of all nodes, for long enough. */
static void meet_all(struct world *w)
{
    for (uint32_t i = 0; i < 3; i++) {
        (void)link_open(w, i, i, i + 1);
    }
    for (uint32_t round = 0; round < 40; round++) {
        world_run(w);
        for (uint32_t i = 0; i < 4 * 8; i++) {
            pending_run(w, i);
        }
        world_pass(w, HEARTBEAT_MS);
    }
}

/* Whoever meets whom first, with slow writers or fast ones: in the end all hold the same, and no
 * session was closed for what an honest peer did. */
static void every_order_of_meeting_ends_alike(void **state)
{
    (void)state;
    uint32_t forked = 0;
    for (uint32_t seed = 0; seed < ORDERS; seed++) {
        struct world *w = world_new(4, 1);
        w->random = 1000000 * ((uint64_t)seed + 1);
        w->slow_writer = seed % 2 == 1;
        w->nodes[0].logs[0].own = false; /* its owner may be lost: the others are alone with it */
        histories_make(w, seed % 10 == 0 ? 600 : 12);
        meet_at_random(w, seed);
        meet_all(w);
        for (uint32_t i = 0; i < 3; i++) {
            assert_alive(&w->links[i]);
            if (!nodes_equal(w, i, i + 1)) {
                fail_msg("seed %u: nodes %u and %u differ", seed, i, i + 1);
            }
        }
        for (uint32_t i = 1; i < 4 && w->nodes[0].logs[0].forked; i++) {
            assert_true(w->nodes[i].logs[0].forked);
            assert_true(w->nodes[i].logs[0].end == w->nodes[0].logs[0].end);
        }
        forked += w->nodes[0].logs[0].forked ? 1 : 0;
        world_free(w);
    }
    assert_true(forked > 100);
}

/* ---- liars ----------------------------------------------------------------------------------- */

/* Node 1 has closed the session for this reason; node 2 blames nobody. */
static void assert_blamed(const struct world *w, const struct link *l, enum tris_err reason)
{
    (void)w;
    assert_true(l->end[0].closed && !l->end[0].close.closed.by_peer);
    assert_int_equal(l->end[0].close.closed.reason, reason);
    assert_true(l->end[1].closed && l->end[1].close.closed.by_peer);
}

static void wrong_hashes_are_the_peers_fault(void **state)
{
    (void)state;
    for (uint32_t after = 0; after < 4; after++) {
        struct world *w = world_new(3, 2);
        fork_make(w, 0, 1, 2, 3000, 4500, 5000, false);
        w->nodes[2].nodes_xor = 4;
        w->nodes[2].nodes_xor_after = after;
        struct link *l = link_open(w, 0, 1, 2);
        world_run(w);
        assert_blamed(w, l, after == 0 ? TRIS_ERR_NO_PROOF : TRIS_ERR_BAD_NODES);
        assert_int_equal(w->nodes[1].logs[0].count, 4500);
        assert_int_equal(w->nodes[1].cuts + w->nodes[2].cuts, 0);
        world_free(w);
    }
}

static void a_newest_seal_without_signature_is_the_peers_fault(void **state)
{
    (void)state;
    struct world *w = world_new(3, 2);
    fork_make(w, 0, 1, 2, 30, 50, 1400, false);
    struct fake_log *log = &w->nodes[2].logs[0]; /* the first segment ends at an older one */
    log->entries[log->count - 1].seal.sig.b[7] ^= 1;
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    assert_blamed(w, l, TRIS_ERR_BAD_SIGNATURE);
    assert_int_equal(w->nodes[1].cuts, 0);
    world_free(w);
}

/* Blamed at once, before anything is asked for below that seal. */
static void a_history_that_nobody_signed_is_the_peers_fault(void **state)
{
    (void)state;
    struct world *w = world_new(3, 2);
    fork_make(w, 0, 1, 2, 3000, 4500, 5000, false);
    w->nodes[2].newest_xor = 1;
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    assert_blamed(w, l, TRIS_ERR_BAD_SIGNATURE);
    assert_int_equal(w->nodes[1].logs[0].count, 4500);
    assert_int_equal(w->nodes[1].cuts + w->nodes[2].cuts, 0);
    world_free(w);
}

static void altered_entries_under_a_genuine_seal_are_the_peers_fault(void **state)
{
    (void)state;
    for (uint64_t held = 0; held <= 500; held += 500) {
        struct world *w = world_new(4, 2);
        grow(&w->nodes[2], 0, 500, RUN);
        if (held > 0) {
            log_copy(&w->nodes[2], &w->nodes[1], 0);
        }
        grow(&w->nodes[2], 0, 900, RUN);
        log_copy(&w->nodes[2], &w->nodes[3], 0);
        w->nodes[2].logs[0].entries[held + 77].bytes[40] ^= 1;
        struct link *l = link_open(w, 0, 1, 2);
        world_run(w);
        assert_blamed(w, l, TRIS_ERR_BAD_ROOT);
        assert_int_equal(w->nodes[1].logs[0].count, held);
        struct link *honest = link_open(w, 1, 1, 3); /* others are asked at once */
        world_run(w);
        assert_alive(honest);
        assert_int_equal(w->nodes[1].logs[0].count, 900);
        assert_false(w->nodes[1].logs[0].forked);
        world_free(w);
    }
}

/* Node 2 says that log 0 is forked, with this proof. */
static struct link *claim_fork(struct world *w, const uint8_t *proof, size_t len)
{
    struct fake_log *log = &w->nodes[2].logs[0];
    log->forked = true;
    log->end = log->count;
    tree_root(&log->tree, &log->end_root);
    memmove(log->proof, proof, len);
    log->proof_len = len;
    node_publish(&w->nodes[2], 0);
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    world_pass(w, 2000);
    return l;
}

static void junk_proofs_are_the_peers_fault(void **state)
{
    (void)state;
    struct world *from = world_new(3, 2);
    fork_make(from, 0, 1, 2, 30, 50, 60, false);
    (void)link_open(from, 0, 1, 2);
    world_run(from);
    const struct fake_log *good = &from->nodes[1].logs[0];
    assert_cut(from, 1, 0, 30);
    for (size_t bit = 0; bit < good->proof_len * 8; bit += 211) {
        struct world *w = world_new(3, 2);
        uint8_t proof[FORK_PROOF_BYTES_MAX];
        memcpy(proof, good->proof, good->proof_len);
        proof[bit / 8] ^= (uint8_t)(1u << bit % 8);
        grow(&w->nodes[2], 0, 40, RUN);
        grow(&w->nodes[1], 0, 20, RUN);
        assert_blamed(w, claim_fork(w, proof, good->proof_len), TRIS_ERR_BAD_PROOF);
        assert_int_equal(w->nodes[1].cuts, 0);
        world_free(w);
    }
    struct world *w = world_new(3, 2); /* genuine, but of another log */
    fork_make(from, 3, 1, 2, 30, 50, 60, false);
    world_pass(from, 30000);
    assert_cut(from, 1, 3, 30);
    assert_blamed(w, claim_fork(w, from->nodes[1].logs[3].proof, from->nodes[1].logs[3].proof_len),
                  TRIS_ERR_BAD_PROOF);
    world_free(w);
    w = world_new(3, 2); /* a flag and nothing behind it */
    grow(&w->nodes[2], 0, 40, RUN);
    assert_blamed(w, claim_fork(w, good->proof, 0), TRIS_ERR_NO_PROOF);
    world_free(w);
    world_free(from);
}

static void a_peer_that_never_shows_consistency_is_closed(void **state)
{
    (void)state;
    struct world *w = world_new(3, 2);
    fork_make(w, 0, 1, 2, 30, 50, 60, false);
    w->nodes[2].store_ahead = true;
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    world_pass(w, 30000);
    assert_alive(l);
    world_pass(w, 40000);
    assert_blamed(w, l, TRIS_ERR_TIMEOUT);
    assert_int_equal(w->nodes[1].logs[0].count, 50);
    world_free(w);
}

static void a_store_that_is_being_cut_is_waited_for(void **state)
{
    (void)state;
    struct world *w = world_new(3, 2);
    fork_make(w, 0, 1, 2, 30, 50, 60, false);
    w->nodes[2].store_ahead = true; /* its owner knows more than its session */
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    world_pass(w, 3000);
    assert_int_equal(w->nodes[1].cuts, 0);
    w->nodes[2].store_ahead = false;
    struct world *other = world_new(3, 2); /* the same fork, found elsewhere */
    fork_make(other, 0, 1, 2, 30, 50, 60, false);
    (void)link_open(other, 0, 1, 2);
    world_run(other);
    assert_int_equal(
        node_fork(&w->nodes[2], 0,
                  span_of(other->nodes[1].logs[0].proof, other->nodes[1].logs[0].proof_len)),
        TRIS_OK);
    world_run(w);
    world_pass(w, 2 * HEARTBEAT_MS);
    assert_alive(l);
    assert_cut(w, 1, 0, 30);
    assert_true(nodes_equal(w, 1, 2));
    world_free(other);
    world_free(w);
}

/* Membership closes the log of node 2 at `end`; node `which` knows. */
static void close_at(struct world *w, uint32_t which, uint64_t end, const struct tris_hash *root)
{
    struct fake_log *log = &w->nodes[which].logs[0];
    log->closed = true;
    log->end = end;
    log->end_root = *root;
    node_publish(&w->nodes[which], 0);
}

/* Node 1 holds `held` entries of a history that parts at `at` from the one that was closed. */
static void closed_history_is_taken(uint64_t at, uint64_t held, uint64_t end, bool sealed_at_end)
{
    struct world *w = world_new(3, 2);
    struct fake_log *right = &w->nodes[2].logs[0];
    struct tris_hash root;
    fork_make(w, 0, 1, 2, at, held, end + 20, true);
    log_cut(right, end);
    right->entries[end - 1].sealed = right->entries[end - 1].sealed && sealed_at_end;
    tree_root(&right->tree, &root);
    close_at(w, 2, end, &root);
    close_at(w, 1, end, &root);
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    for (int i = 0; i < 40 && w->nodes[1].logs[0].count < end; i++) {
        world_pass(w, 5000);
    }
    assert_alive(l);
    assert_int_equal(w->nodes[1].logs[0].count, end);
    struct tris_hash got;
    tree_root(&w->nodes[1].logs[0].tree, &got);
    assert_true(tris_hash_eq(&got, &root));
    assert_true(at == held || w->nodes[1].cuts > 0);
    world_free(w);
}

static void test_the_history_that_was_closed_takes_the_others_place(void **state)
{
    (void)state;
    closed_history_is_taken(20, 30, 50, false);
    closed_history_is_taken(20, 49, 50, false);
    closed_history_is_taken(20, 20, 50, false);
    closed_history_is_taken(3, 5, 50, false);
    closed_history_is_taken(1500, 2200, 2500, false);
}

/* Who has not heard of the closing is not asked for a proof, and is not to blame for what it has.
 */
static void test_a_peer_that_has_not_heard_of_the_closing_is_left_alone(void **state)
{
    (void)state;
    struct world *w = world_new(3, 2);
    struct tris_hash root;
    fork_make(w, 0, 1, 2, 20, 40, 50, true);
    tree_root(&w->nodes[2].logs[0].tree, &root);
    close_at(w, 2, 50, &root);
    log_cut(&w->nodes[2].logs[0], 0);
    node_publish(&w->nodes[2], 0); /* nothing of it is here yet */
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    for (int i = 0; i < 30; i++) {
        world_pass(w, 5000);
    }
    assert_alive(l);
    assert_false(w->nodes[1].logs[0].forked);
    close_at(w, 1, 50, &root);
    world_free(w);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_history_that_was_closed_takes_the_others_place),
        cmocka_unit_test(test_a_peer_that_has_not_heard_of_the_closing_is_left_alone),
        cmocka_unit_test(every_fork_point_of_small_logs_is_found),
        cmocka_unit_test(fork_points_of_large_logs_are_found_in_four_round_trips),
        cmocka_unit_test(random_fork_points_are_found),
        cmocka_unit_test(a_proof_reaches_everybody_once),
        cmocka_unit_test(a_node_that_comes_late_learns_it_from_the_flag),
        cmocka_unit_test(a_third_history_lowers_the_end),
        cmocka_unit_test(two_proofs_of_one_end_lead_to_a_smaller_one),
        cmocka_unit_test(who_holds_a_part_learns_that_the_log_ends_there),
        cmocka_unit_test(what_reaches_beyond_the_end_is_taken_up_to_it),
        cmocka_unit_test(who_holds_a_third_history_is_not_blamed),
        cmocka_unit_test(every_order_of_meeting_ends_alike),
        cmocka_unit_test(wrong_hashes_are_the_peers_fault),
        cmocka_unit_test(a_newest_seal_without_signature_is_the_peers_fault),
        cmocka_unit_test(a_history_that_nobody_signed_is_the_peers_fault),
        cmocka_unit_test(altered_entries_under_a_genuine_seal_are_the_peers_fault),
        cmocka_unit_test(junk_proofs_are_the_peers_fault),
        cmocka_unit_test(a_peer_that_never_shows_consistency_is_closed),
        cmocka_unit_test(a_store_that_is_being_cut_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
