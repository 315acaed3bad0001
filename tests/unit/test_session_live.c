/* Sessions back to back in memory: live push, the ladder, several peers, faults of every kind. */
#include "tests/unit/session_world.h"

/* ---- live ------------------------------------------------------------------------------------ */

static void writes_travel_through_a_chain(void **state)
{
    (void)state;
    struct world *w = world_new(3, 2);
    struct link *ab = link_open(w, 0, 0, 1);
    struct link *bc = link_open(w, 1, 1, 2);
    world_run(w);
    assert_true(ab->end[0].in_sync && bc->end[0].in_sync);
    node_write(&w->nodes[0], 1, 1, 200);
    uint64_t before = ab->sent[1];
    uint64_t bytes = ab->carried;
    world_run(w); /* no time passes: pushed, not asked for */
    assert_true(nodes_equal(w, 0, 1) && nodes_equal(w, 1, 2));
    assert_int_equal(ab->sent[1], before); /* no echo */
    assert_true(ab->carried - bytes <= 500 + 200);
    world_pass(w, 200);
    assert_int_equal(ab->end[0].in_sync_count, 2);
    assert_int_equal(bc->end[1].in_sync_count, 2);
    for (uint32_t i = 0; i < 20; i++) {
        node_write(&w->nodes[i % 3], (i % 3) * 2 + 1, 1 + i, 100);
        world_run(w);
    }
    assert_true(nodes_equal(w, 0, 1) && nodes_equal(w, 1, 2));
    assert_int_equal(session_stats(ab->end[0].session)->ladders, 0);
    assert_alive(ab);
    assert_alive(bc);
    world_free(w);
}

/* More segments than the peer may have unconfirmed: what was confirmed is given back. */
static void credit_of_segments_lasts_for_ever(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    for (uint32_t i = 0; i < 3000; i++) { /* three times the limit of FORMAT.md */
        node_write(&w->nodes[0], 0, 1, 10);
        world_run(w);
        assert_true(nodes_equal(w, 0, 1));
    }
    assert_alive(l);
    world_free(w);
}

static void a_ring_does_not_echo_for_ever(void **state)
{
    (void)state;
    struct world *w = world_new(3, 1);
    struct link *ab = link_open(w, 0, 0, 1);
    struct link *bc = link_open(w, 1, 1, 2);
    struct link *ca = link_open(w, 2, 2, 0);
    world_run(w);
    for (uint32_t i = 0; i < 30; i++) {
        node_write(&w->nodes[i % 3], i % 3, 3, 100);
        world_run(w);
    }
    assert_true(nodes_equal(w, 0, 1) && nodes_equal(w, 1, 2));
    world_pass(w, 3 * HEARTBEAT_MS);
    assert_alive(ab);
    assert_alive(bc);
    assert_alive(ca);
    assert_true(session_stats(ab->end[0].session)->equal);
    world_free(w);
}

static void a_lost_push_is_repaired_by_heartbeats(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    struct end *hidden = &l->end[0];
    struct session *kept = hidden->session;
    hidden->session = NULL; /* the write is not told to the session */
    node_write(&w->nodes[0], 0, 5, 100);
    hidden->session = kept;
    world_pass(w, 4 * HEARTBEAT_MS);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    world_free(w);
}

static void full_disk_is_retried(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    node_write(&w->nodes[0], 0, 50, 100);
    w->nodes[1].write_result = TRIS_ERR_DISK_FULL;
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    world_pass(w, 60000);
    assert_alive(l);
    assert_false(nodes_equal(w, 0, 1));
    w->nodes[1].write_result = TRIS_OK;
    world_pass(w, 70000);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    world_free(w);
}

static void an_unchanged_log_sealed_anew_spreads_without_entries(void **state)
{
    (void)state;
    struct world *w = world_new(3, 2);
    node_write(&w->nodes[0], 0, 20, 100);
    struct link *ab = link_open(w, 0, 0, 1);
    struct link *bc = link_open(w, 1, 1, 2);
    world_run(w);
    uint64_t entries = session_stats(ab->end[1].session)->entries_in;
    node_reseal(&w->nodes[0], 0, 1);
    world_pass(w, 100000);
    assert_alive(ab);
    assert_alive(bc);
    for (size_t i = 1; i < 3; i++) {
        const struct fake_log *log = &w->nodes[i].logs[0];
        assert_true(log->entries[19].seal.time_ms == 1700000000000 + 86400000);
    }
    assert_true(session_stats(ab->end[1].session)->equal);
    assert_true(session_stats(bc->end[1].session)->equal);
    assert_true(session_stats(ab->end[1].session)->entries_in == entries);
    world_free(w);
}

/* A house whose clock was a year ahead sealed its log anew, and came back from an older copy:
 * others keep the later seal, so it has to take it from them, or no frontier would ever be equal
 * again. */
static void an_own_seal_that_was_lost_comes_back(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 1, 20, 100);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    struct fake_log *log = &w->nodes[0].logs[1];
    struct seal before = log->entries[19].seal;
    node_reseal(&w->nodes[0], 1, 365);
    world_pass(w, 100000);
    assert_true(nodes_equal(w, 0, 1));
    link_close(l);
    log->entries[19].seal = before;
    frontier_free(w->nodes[0].frontier); /* it starts again */
    assert_int_equal(frontier_new(&w->nodes[0].frontier), TRIS_OK);
    for (uint32_t k = 0; k < w->logs_count; k++) {
        node_publish(&w->nodes[0], k);
    }
    assert_false(nodes_equal(w, 0, 1));
    l = link_open(w, 0, 0, 1);
    world_run(w);
    world_pass(w, 100000);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    assert_true(log->entries[19].seal.time_ms == before.time_ms + (uint64_t)365 * 86400000);
    world_free(w);
}

/* A peer that names days which no seal shows is asked for the seal now and then, not all the time:
 * each comparison costs both sides some kilobytes, and each seal a batch. */
static void a_day_that_no_seal_shows_costs_little(void **state)
{
    (void)state;
    struct world *w = world_new(3, 1);
    fill_node(w, 0, 1, 20, 100);
    fill_node(w, 2, 1, 20, 100);
    struct link *l = link_open(w, 1, 1, 2);
    world_run(w);
    link_close(l);
    l = link_open(w, 0, 0, 1);
    world_run(w);
    assert_true(nodes_equal(w, 0, 1));
    for (uint32_t log = 0; log < 3; log += 2) { /* the victim's own log, and a third house's */
        struct frontier_item item = *frontier_item(w->nodes[1].frontier, log);
        item.day += 1000;
        assert_int_equal(frontier_set(w->nodes[1].frontier, log, &item), TRIS_OK);
    }
    world_pass(w, 600000);
    assert_alive(l);
    assert_true(session_stats(l->end[0].session)->ladders <= 15);
    assert_true(session_stats(l->end[0].session)->segments_in <= 4);
    world_free(w);
}

static void bad_seals_close_the_session(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    node_write(&w->nodes[0], 0, 50, 100);
    w->nodes[0].logs[0].entries[49].seal.sig.b[3] ^= 1;
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    assert_true(l->end[0].closed && l->end[1].closed);
    assert_int_equal(l->end[0].close.closed.reason, TRIS_ERR_BAD_SIGNATURE);
    assert_true(l->end[1].close.closed.by_peer);
    assert_int_equal(l->end[1].close.closed.reason, TRIS_ERR_BAD_SIGNATURE);
    assert_int_equal(frontier_item(w->nodes[1].frontier, 0)->held, 0);
    world_free(w);
}

static void first_entry_of_a_new_log_is_pushed(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    struct frontier *bare;
    frontier_free(w->nodes[0].frontier); /* knows of no log at all until it writes */
    assert_int_equal(frontier_new(&bare), TRIS_OK);
    w->nodes[0].frontier = bare;
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    assert_true(l->end[0].in_sync);
    node_write(&w->nodes[0], 1, 1, 100);
    world_run(w);
    assert_true(nodes_equal(w, 0, 1));
    assert_int_equal(session_stats(l->end[1].session)->ladders, 0);
    world_free(w);
}

static void a_withheld_log_is_given_back(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    node_write(&w->nodes[0], 0, 20, 100);
    struct link *l = link_open(w, 0, 1, 0);
    static uint8_t out[OUT_BYTES];
    for (size_t i = 0; frontier_item(w->nodes[1].frontier, 0)->fetcher == 0; i++) {
        assert_true(i < 20);
        size_t len = session_fill(l->end[i % 2].session, out, sizeof out, w->now_ms);
        link_deliver(l, i % 2, out, len);
    }
    l->stuck[1] = true;
    world_run(w); /* the range is asked for, and nothing comes */
    world_pass(w, 31000);
    assert_int_equal(frontier_item(w->nodes[1].frontier, 0)->fetcher, 0);
    l->stuck[1] = false; /* it thinks better of it: taken all the same */
    world_run(w);
    assert_true(nodes_equal(w, 0, 1));
    world_free(w);
}

static void logs_fetched_by_others_are_waited_for(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 1, 20, 100);
    frontier_item_mut(w->nodes[1].frontier, 1)->fetcher = 99999; /* a session that never ends it */
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    world_pass(w, 40000);
    assert_alive(l);
    assert_int_equal(frontier_item(w->nodes[1].frontier, 0)->held, 20);
    assert_int_equal(frontier_item(w->nodes[1].frontier, 1)->held, 0);
    frontier_item_mut(w->nodes[1].frontier, 1)->fetcher = 0;
    world_pass(w, 2000);
    assert_true(nodes_equal(w, 0, 1));
    world_free(w);
}

/* Logs that both hold alike, so that only the comparison costs something. */
static void add_common_logs(struct world *w, uint32_t count, uint32_t only_first)
{
    for (uint32_t i = 0; i < count + only_first; i++) {
        struct frontier_item item = {.held = 5, .whole = 5, .day = 20000};
        crypto_generichash(item.id.b, sizeof item.id.b, (const uint8_t *)&i, sizeof i, NULL, 0);
        item.root = (struct tris_hash){{1}};
        item.ref.topic = TRIS_TOPIC_DATA;
        for (uint32_t n = 0; n < (i < count ? 2 : 1); n++) {
            assert_int_equal(frontier_set(w->nodes[n].frontier, w->logs_count + i, &item), TRIS_OK);
        }
    }
}

static void ladder_costs_what_differs(void **state)
{
    (void)state;
    static const struct {
        uint32_t common, only_first;
        uint64_t bytes_max;
    } cases[] = {
        {20000, 0, 26000},    /* 80 logs a bucket: two digest lists and the buckets that differ */
        {3000, 2000, 420000}, /* most buckets differ: everything, in chunks */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w = world_new(2, 1);
        add_common_logs(w, cases[i].common, cases[i].only_first);
        node_write(&w->nodes[0], 0, 3, 100);
        node_write(&w->nodes[1], 1, 3, 100);
        struct link *l = link_open(w, 0, 0, 1);
        world_run(w);
        assert_alive(l);
        assert_int_equal(frontier_item(w->nodes[0].frontier, 1)->held, 3);
        assert_int_equal(frontier_item(w->nodes[1].frontier, 0)->held, 3);
        assert_true(l->carried <= cases[i].bytes_max);
        assert_int_equal(nodes_equal(w, 0, 1), cases[i].only_first == 0);
        uint64_t before = l->carried;
        world_pass(w, 10 * 60000);
        assert_alive(l); /* logs that nobody can fetch cost one ladder a minute at most */
        assert_true(session_stats(l->end[1].session)->ladders <= 12);
        if (cases[i].only_first == 0) {
            assert_true(l->carried - before < 40 * 2 * 42 + 100);
        }
        node_write(&w->nodes[0], 0, 1, 100);
        world_run(w);
        assert_int_equal(frontier_item(w->nodes[1].frontier, 0)->held, 4); /* pushed all the same */
        world_free(w);
    }
}

static void common_root_saves_the_digests(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    add_common_logs(w, 1000, 0);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    assert_true(session_stats(l->end[0].session)->has_common_root);
    struct tris_short common = session_stats(l->end[0].session)->common_root;
    link_close(l);
    node_write(&w->nodes[0], 1, 1, 200); /* both have something new: neither root is known */
    node_write(&w->nodes[1], 3, 1, 200);
    struct session_config a = config_of(&w->nodes[0], &w->nodes[1], true);
    struct session_config b = config_of(&w->nodes[1], &w->nodes[0], false);
    a.has_common_root = true;
    a.common_root = common;
    l = link_with(w, 0, &a, &w->nodes[0], &b, &w->nodes[1]);
    world_run(w);
    assert_true(nodes_equal(w, 0, 1));
    assert_true(l->carried <= 2200);
    world_free(w);
}

/* A house that has lost its data answers a peer that remembers what both once held. */
static void a_common_root_that_one_side_has_lost_is_doubted(void **state)
{
    (void)state;
    struct world *w = world_new(3, 2);
    node_write(&w->nodes[0], 0, 5, 200);
    node_write(&w->nodes[1], 2, 5, 200);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    link_close(l);
    l = link_open(w, 0, 0, 1); /* equal from the start, and both know it */
    world_run(w);
    assert_true(session_stats(l->end[0].session)->has_common_root);
    struct session_config a = config_of(&w->nodes[0], &w->nodes[2], true);
    struct session_config b = config_of(&w->nodes[2], &w->nodes[0], false);
    a.has_common_root = true;
    a.common_root = session_stats(l->end[0].session)->common_root;
    link_close(l);
    node_write(&w->nodes[0], 1, 1, 200);
    node_write(&w->nodes[2], 4, 1, 200);
    l = link_with(w, 0, &a, &w->nodes[0], &b, &w->nodes[2]);
    world_run(w);
    world_pass(w, 10000); /* less than the minute after which a comparison begins anew anyway */
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 2));
    assert_true(session_stats(l->end[1].session)->ladders <= 3);
    world_free(w);
}

static uint32_t dice(struct world *w, uint32_t sides)
{
    uint32_t value;
    fake_random(&w->nodes[0], &value, sizeof value);
    return value % sides;
}

static const uint8_t chaos_links[LINKS_MAX][2] = {{0, 1}, {1, 2}, {2, 3}, {3, 0}};

/* One thing happens: a write, a cut, a full disk, a newer seal, a verdict, some time, some bytes.
 */
static void chaos_step(struct world *w)
{
    size_t at = dice(w, LINKS_MAX);
    struct link *l = &w->links[at];
    if (!l->used) {
        bool turned = dice(w, 2) == 1;
        l = link_open(w, at, chaos_links[at][turned ? 1 : 0], chaos_links[at][turned ? 0 : 1]);
        l->chunk = dice(w, 4) == 0 ? 1 + dice(w, 5000) : 0;
    }
    switch (dice(w, 16)) {
    case 0:
        if (dice(w, 4) == 0) {
            link_close(l);
        }
        break;
    case 1: {
        uint32_t node = dice(w, w->nodes_count);
        uint32_t log_no = node * 3 + dice(w, 3);
        if (w->nodes[node].logs[log_no].count < ENTRIES_MAX - 200) {
            node_write(&w->nodes[node], log_no, 1 + dice(w, 60), 20 + dice(w, 900));
        }
        break;
    }
    case 2:
        world_pass(w, dice(w, 300));
        break;
    case 3: { /* a disk is full for a while */
        struct node *n = &w->nodes[dice(w, w->nodes_count)];
        n->write_result = dice(w, 3) == 0 ? TRIS_ERR_DISK_FULL : TRIS_OK;
        break;
    }
    case 4:
    case 5:
    case 6:
        (void)link_run(l);
        break;
    case 7: {
        uint32_t node = dice(w, w->nodes_count);
        if (w->nodes[node].logs[node * 3].count > 0 && dice(w, 3) == 0) {
            node_reseal(&w->nodes[node], node * 3, 1);
        }
        break;
    }
    default:
        pending_run(w, dice(w, w->nodes_count));
        break;
    }
    for (size_t i = 0; i < LINKS_MAX; i++) {
        if (w->links[i].used) {
            assert_false(w->links[i].end[0].closed || w->links[i].end[1].closed);
        }
    }
}

static void chaos_ends_in_agreement(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++) {
        struct world *w = world_new(4, 3);
        w->random = (uint64_t)seed << 40;
        w->slow_writer = true;
        w->credit_bytes = seed % 2 == 0 ? TRIS_CREDIT_INITIAL_BYTES : 4 * 1024 * 1024;
        for (uint32_t step = 0; step < 1500; step++) {
            chaos_step(w);
        }
        for (uint32_t i = 0; i < w->nodes_count; i++) {
            w->nodes[i].write_result = TRIS_OK;
        }
        for (uint32_t i = 0; i < 3 * PENDING_MAX && w->pending_count > 0; i++) {
            pending_run(w, i);
        }
        w->slow_writer = false;
        for (size_t i = 0; i < LINKS_MAX; i++) {
            if (!w->links[i].used) {
                (void)link_open(w, i, chaos_links[i][0], chaos_links[i][1]);
            }
        }
        world_run(w);
        world_pass(w, 5 * 60000);
        for (uint32_t i = 1; i < w->nodes_count; i++) {
            assert_true(nodes_equal(w, 0, i));
        }
        for (size_t i = 0; i < LINKS_MAX; i++) {
            assert_alive(&w->links[i]);
            assert_true(session_stats(w->links[i].end[0].session)->equal);
            assert_true(session_stats(w->links[i].end[1].session)->equal);
        }
        for (uint32_t i = 0; i < w->nodes_count; i++) {
            assert_int_equal(w->nodes[i].rejected, 0);
        }
        world_free(w);
    }
}

static void several_peers_share_the_work(void **state)
{
    (void)state;
    struct world *w = world_new(4, 3);
    for (uint32_t n = 0; n < 3; n++) {
        fill_node(w, n, 2, 300, 300);
    }
    (void)link_open(w, 0, 0, 1);
    (void)link_open(w, 1, 1, 2);
    world_run(w);
    world_pass(w, 3000);
    assert_true(nodes_equal(w, 0, 1) && nodes_equal(w, 1, 2));
    w->slow_writer = true;
    struct link *x = link_open(w, 2, 3, 0);
    struct link *y = link_open(w, 3, 3, 2);
    for (uint32_t i = 0; i < 2000 && !nodes_equal(w, 0, 3); i++) {
        (void)link_run(i % 2 == 0 ? x : y);
        pending_run(w, 3);
    }
    assert_true(nodes_equal(w, 0, 3));
    uint64_t in =
        session_stats(x->end[0].session)->entries_in + session_stats(y->end[0].session)->entries_in;
    assert_int_equal(in, 9 * 600); /* each entry came once */
    assert_true(session_stats(x->end[0].session)->duplicate_segments == 0);
    world_free(w);
}

static void ping_is_answered(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    session_ping(l->end[0].session, 77, w->now_ms);
    world_run(w);
    assert_int_equal(l->end[0].rtt_id, 77);
    world_free(w);
}

static void goodbye_carries_the_reason(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    session_close(l->end[0].session, TRIS_ERR_DUPLICATE);
    assert_int_equal(session_state(l->end[0].session), SESSION_CLOSING);
    world_run(w);
    assert_true(l->end[0].closed && l->end[1].closed);
    assert_int_equal(l->end[1].close.closed.reason, TRIS_ERR_DUPLICATE);
    assert_true(l->end[1].close.closed.by_peer);
    assert_false(l->end[0].close.closed.by_peer);
    assert_int_equal(session_deadline(l->end[0].session), UINT64_MAX);
    uint32_t code = 0;
    assert_string_equal(session_bye_text(l->end[1].session, &code),
                        tris_err_text(TRIS_ERR_DUPLICATE));
    assert_int_equal(code, msg_bye_code(TRIS_ERR_DUPLICATE));
    assert_string_equal(session_bye_text(l->end[0].session, &code), "");
    world_free(w);
}

/* What a node can say of a peer without asking it: version, how much it holds of each log, since
 * when it is equal. */
static void a_session_knows_what_its_peer_holds_and_since_when_it_is_equal(void **state)
{
    (void)state;
    uint64_t size = 0;
    struct world *w = world_new(2, 1);
    node_write(&w->nodes[0], 0, 20, 100);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    assert_int_equal(session_stats(l->end[1].session)->peer_version, SESSION_MAJOR_VERSION);
    assert_int_equal(session_stats(l->end[0].session)->peer_version, 0);
    assert_true(session_position(l->end[0].session, 0, &size));
    assert_int_equal(size, 20);
    assert_false(session_suspects(l->end[0].session, 0));
    const struct session_stats *stats = session_stats(l->end[1].session);
    assert_true(stats->equal);
    uint64_t since = stats->turned_ms;
    world_pass(w, 2 * HEARTBEAT_MS);
    assert_int_equal(stats->turned_ms, since);
    w->nodes[1].write_result = TRIS_ERR_DISK_FULL;
    node_write(&w->nodes[0], 0, 5, 100);
    world_pass(w, 2 * HEARTBEAT_MS);
    assert_false(stats->equal);
    assert_true(stats->turned_ms > since);
    assert_true(session_position(l->end[1].session, 0, &size));
    assert_int_equal(size, 25);
    world_free(w);
}

/* A peer that claims more than it delivers shows: since when, until something comes. */
static void a_claim_that_brings_nothing_is_remembered_with_its_age(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    const struct frontier *f = w->nodes[1].frontier;
    node_write(&w->nodes[0], 0, 20, 100);
    w->nodes[1].write_result = TRIS_ERR_DISK_FULL;
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    uint64_t since = frontier_item(f, 0)->lack_ms;
    assert_int_not_equal(since, 0);
    world_pass(w, 200000);
    assert_int_equal(frontier_item(f, 0)->lack_ms, since);
    assert_true(frontier_item(f, 0)->lack_told_ms > since);
    w->nodes[1].write_result = TRIS_OK;
    world_pass(w, 70000);
    assert_true(nodes_equal(w, 0, 1));
    assert_int_equal(frontier_item(f, 0)->lack_ms, 0);
    assert_alive(l);
    world_free(w);
}

static void silence_closes(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    l->stuck[1] = true;
    world_pass(w, IDLE_MS + 1);
    assert_true(l->end[0].closed);
    assert_int_equal(l->end[0].close.closed.reason, TRIS_ERR_TIMEOUT);
    world_free(w);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_travel_through_a_chain),
        cmocka_unit_test(credit_of_segments_lasts_for_ever),
        cmocka_unit_test(a_ring_does_not_echo_for_ever),
        cmocka_unit_test(a_lost_push_is_repaired_by_heartbeats),
        cmocka_unit_test(full_disk_is_retried),
        cmocka_unit_test(an_unchanged_log_sealed_anew_spreads_without_entries),
        cmocka_unit_test(an_own_seal_that_was_lost_comes_back),
        cmocka_unit_test(a_day_that_no_seal_shows_costs_little),
        cmocka_unit_test(bad_seals_close_the_session),
        cmocka_unit_test(first_entry_of_a_new_log_is_pushed),
        cmocka_unit_test(a_withheld_log_is_given_back),
        cmocka_unit_test(logs_fetched_by_others_are_waited_for),
        cmocka_unit_test(ladder_costs_what_differs),
        cmocka_unit_test(common_root_saves_the_digests),
        cmocka_unit_test(a_common_root_that_one_side_has_lost_is_doubted),
        cmocka_unit_test(chaos_ends_in_agreement),
        cmocka_unit_test(several_peers_share_the_work),
        cmocka_unit_test(ping_is_answered),
        cmocka_unit_test(goodbye_carries_the_reason),
        cmocka_unit_test(a_session_knows_what_its_peer_holds_and_since_when_it_is_equal),
        cmocka_unit_test(a_claim_that_brings_nothing_is_remembered_with_its_age),
        cmocka_unit_test(silence_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
