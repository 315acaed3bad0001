/* Payloads that entries lack: asked for at the end of a log, from whoever has them; who sends wrong
 * ones is named, who has none is not. */
#include "tests/unit/session_hostile.h"

enum { BYTES = 200, MINUTE_MS = 60000 };

/* ---- honest and dishonest peers -------------------------------------------------------------- */

/* The owner 0, a relay 1 and a reader 2; what the relay does is set before the links open. */
static struct world *relay_world(uint32_t entries, size_t bytes)
{
    struct world *w = world_new(3, 1);
    node_write(&w->nodes[0], 0, entries, bytes);
    log_copy(&w->nodes[0], &w->nodes[1], 0);
    return w;
}

static void a_relay_that_leaves_payloads_out_is_asked_for_them(void **state)
{
    (void)state;
    for (uint64_t every = 1; every <= 5; every += 2) {
        struct world *w = relay_world(1000, BYTES);
        w->nodes[1].erases_every = every;
        struct link *l = link_open(w, 0, 1, 2);
        world_run(w);
        world_pass(w, 60000);
        assert_alive(l);
        assert_true(nodes_equal(w, 0, 2));
        assert_int_equal(w->nodes[2].filled, (1000 + every - 1) / every);
        const struct session_stats *stats = session_stats(l->end[1].session);
        assert_int_equal(stats->holes_in, w->nodes[2].filled);
        assert_int_equal(session_stats(l->end[0].session)->holes_out, w->nodes[2].filled);
        world_free(w);
    }
}

/* A run that no segment can carry: its payloads fill the window many times. */
static void a_run_that_is_too_large_comes_in_the_end(void **state)
{
    (void)state;
    for (uint32_t slow = 0; slow < 2; slow++) {
        struct world *w = relay_world(60, 40000);
        w->nodes[1].erases_every = 1;
        w->slow_writer = slow == 1;
        struct link *l = link_open(w, 0, 1, 2);
        for (uint32_t i = 0; i < 100; i++) {
            world_run(w);
            pending_run(w, 2);
            world_run(w);
            world_pass(w, 1000);
        }
        assert_alive(l);
        assert_true(nodes_equal(w, 0, 2));
        assert_int_equal(w->nodes[2].filled, 60);
        world_free(w);
    }
}

/* More holes than a question may name: one question after the other. */
static void questions_follow_until_all_is_there(void **state)
{
    (void)state;
    struct world *w = world_new(3, 1);
    for (uint32_t run = 0; run < 4; run++) {
        node_write(&w->nodes[0], 0, 1000, 20);
    }
    log_copy(&w->nodes[0], &w->nodes[1], 0);
    w->nodes[1].erases_every = 7; /* each a run of its own */
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    world_pass(w, 2 * MINUTE_MS);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 2));
    assert_int_equal(w->nodes[2].filled, (4000 + 6) / 7);
    world_free(w);
}

static void segments_do_not_wait_for_payloads(void **state)
{
    (void)state;
    struct world *w = world_new(3, 2);
    node_write(&w->nodes[0], 0, 60, 40000);
    node_write(&w->nodes[0], 1, 60, 40000 / 8);
    for (uint32_t log_no = 0; log_no < 2; log_no++) {
        log_copy(&w->nodes[0], &w->nodes[1], log_no);
        log_copy(&w->nodes[0], &w->nodes[2], log_no);
    }
    for (uint64_t seq = 0; seq < 60; seq++) {
        node_make_hole(&w->nodes[2], 0, seq);
    }
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    world_pass(w, MINUTE_MS);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 2));
    world_free(w);
}

static void a_wrong_payload_closes(void **state)
{
    (void)state;
    struct world *w = relay_world(30, BYTES);
    w->nodes[1].erases_every = 3;
    w->nodes[1].hole_xor = 1;
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    world_pass(w, 30000);
    assert_true(l->end[1].closed && l->end[0].closed);
    assert_int_equal(l->end[1].close.closed.reason, TRIS_ERR_BAD_COMMIT);
    assert_int_equal(l->end[0].close.closed.reason, TRIS_ERR_BAD_COMMIT);
    assert_true(l->end[0].close.closed.by_peer && !l->end[1].close.closed.by_peer);
    assert_int_equal(w->nodes[2].filled, 0);
    struct link *honest = link_open(w, 1, 0, 2);
    world_run(w);
    world_pass(w, 30000);
    assert_alive(honest);
    assert_true(nodes_equal(w, 0, 2));
    world_free(w);
}

/* It may have lost them since: nobody's fault, and no reason to ask all the time. */
static void a_peer_without_the_payload_is_not_blamed(void **state)
{
    (void)state;
    struct world *w = relay_world(30, BYTES);
    w->nodes[1].erases_every = 3;
    w->nodes[1].lacks_every = 9;
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    world_pass(w, 30000);
    const uint64_t trips = session_stats(l->end[1].session)->round_trips;
    world_pass(w, 10 * MINUTE_MS);
    assert_alive(l);
    assert_int_equal(w->nodes[2].filled, 10 - 4);
    assert_false(nodes_equal(w, 0, 2));
    /* a comparison of four round trips and a question a minute, at most */
    assert_true(session_stats(l->end[1].session)->round_trips - trips <= 10 * 5 + 5);
    struct link *other = link_open(w, 1, 2, 0);
    world_run(w);
    world_pass(w, 2 * MINUTE_MS);
    assert_alive(l);
    assert_alive(other);
    assert_true(nodes_equal(w, 0, 2));
    world_free(w);
}

/* Nothing behind a hole can be shown, and all of it has to be folded when it is filled. */
static void a_log_is_not_fetched_far_behind_a_hole(void **state)
{
    (void)state;
    enum { RUNS = 35, RUN = 1024, FAR = 31 * RUN };
    struct world *w = world_new(3, 1);
    for (uint32_t run = 0; run < RUNS; run++) {
        node_write(&w->nodes[0], 0, RUN, 1);
    }
    log_copy(&w->nodes[0], &w->nodes[1], 0);
    w->nodes[1].erases_every = w->nodes[1].lacks_every = ENTRIES_MAX; /* the first one */
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    world_pass(w, MINUTE_MS);
    assert_alive(l);
    const uint64_t held = w->nodes[2].logs[0].count;
    assert_int_equal(held, FAR);
    world_pass(w, 3 * MINUTE_MS);
    assert_alive(l);
    assert_int_equal(w->nodes[2].logs[0].count, held);
    struct link *other = link_open(w, 1, 2, 0);
    world_run(w);
    world_pass(w, 2 * MINUTE_MS);
    assert_alive(other);
    assert_true(nodes_equal(w, 0, 2));
    world_free(w);
}

/* Two that lack different payloads help each other. */
static void payloads_come_from_both_sides(void **state)
{
    (void)state;
    struct world *w = relay_world(30, BYTES);
    log_copy(&w->nodes[0], &w->nodes[2], 0);
    for (uint64_t seq = 0; seq < 30; seq++) {
        if (seq % 3 > 0) {
            node_make_hole(&w->nodes[seq % 3], 0, seq);
        }
    }
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    for (uint32_t i = 0; i < 40; i++) {
        world_pass(w, MINUTE_MS);
    }
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    assert_true(nodes_equal(w, 0, 2));
    world_free(w);
}

/* A payload of another history is right there: that is found out before anybody is blamed. */
static void another_history_is_no_wrong_payload(void **state)
{
    (void)state;
    struct world *w = world_new(3, 2);
    struct node *a = &w->nodes[1], *b = &w->nodes[2];
    node_write_as(a, 0, 10, BYTES);
    log_copy(a, b, 0);
    node_write_as(a, 0, 4, BYTES);
    node_write_as(b, 0, 8, BYTES);
    node_make_hole(b, 0, 12);
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    world_pass(w, MINUTE_MS);
    assert_alive(l);
    assert_true(a->logs[0].forked && a->logs[0].end == 10);
    assert_true(b->logs[0].forked && b->logs[0].end == 10);
    assert_int_equal(b->filled, 0);
    assert_true(nodes_equal(w, 1, 2));
    world_free(w);
}

/* ---- answers that break the rules ------------------------------------------------------------ */

enum { HOLES = 7 };

/* The victim holds HOLES + 2 entries of the hostile peer's log and lacks the payloads of [1,
 * HOLES], for which it has asked. */
static struct hostile *asked_new(size_t bytes)
{
    struct hostile *h = hostile_new();
    struct node *victim = &h->w->nodes[1];
    static uint8_t digests[MSG_DIGESTS_BYTES];
    uint8_t rows[128];
    struct wbuf list = wbuf_of(rows, sizeof rows);
    node_write(&h->w->nodes[0], 0, HOLES + 2, bytes);
    log_copy(&h->w->nodes[0], victim, 0);
    for (uint64_t seq = 1; seq <= HOLES; seq++) {
        node_make_hole(victim, 0, seq);
    }
    const struct frontier_item *item = frontier_item(h->w->nodes[0].frontier, 0);
    const struct msg_item row = {.log = tris_short_of(item->id.b),
                                 .whole = item->whole,
                                 .root = tris_short_of(item->root.b),
                                 .day = item->day};
    struct msg m = {.type = MSG_NOT_KNOWN};
    h->w->slow_writer = true;
    hostile_drain(h);
    hostile_send(h, &m);
    hostile_drain(h);
    m = (struct msg){.type = MSG_DIGESTS};
    m.digests.digests = span_of(digests, sizeof digests);
    hostile_send(h, &m);
    hostile_drain(h);
    msg_row_put(&list, MSG_ROW_item, &row);
    m = (struct msg){.type = MSG_FRONTIER};
    m.frontier.items = (struct msg_list){true, 1, wbuf_span(&list)};
    hostile_send(h, &m);
    hostile_drain(h);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    return h;
}

/* Rows of the hostile node's own entries, SEQ_END closes the list. */
enum { SEQ_END = 99 };
static void send_rows(struct hostile *h, const uint64_t *seq, uint64_t more)
{
    static uint8_t bytes[FRAME_PLAIN_BYTES_MAX];
    struct wbuf rows = wbuf_of(bytes, sizeof bytes);
    struct msg m = {.type = MSG_HOLES};
    m.holes.log = tris_short_of(h->w->nodes[0].logs[0].id.b);
    m.holes.more = more;
    m.holes.items.present = true;
    for (; *seq != SEQ_END; seq++) {
        assert_int_equal(fake_hole(&h->w->nodes[0], 0, *seq, &rows), TRIS_OK);
        m.holes.items.count++;
    }
    m.holes.items.rows = wbuf_span(&rows);
    hostile_send(h, &m);
}

static void answers_that_break_the_rules_close(void **state)
{
    (void)state;
    static const struct {
        uint64_t seq[4];
        uint64_t more;
        enum tris_err err;
    } cases[] = {
        {{1, 2, SEQ_END}, 1, TRIS_OK},
        {{2, 7, SEQ_END}, 0, TRIS_OK},
        {{SEQ_END}, 0, TRIS_OK},
        {{SEQ_END}, 1, TRIS_ERR_BAD_VALUE}, /* for ever, free of charge */
        {{0, SEQ_END}, 0, TRIS_ERR_UNEXPECTED},
        {{1, 8, SEQ_END}, 0, TRIS_ERR_UNEXPECTED},
        {{1, 1, SEQ_END}, 0, TRIS_ERR_UNEXPECTED},
        {{2, 1, SEQ_END}, 0, TRIS_ERR_UNEXPECTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hostile *h = asked_new(BYTES);
        send_rows(h, cases[i].seq, cases[i].more);
        if (cases[i].err != TRIS_OK) {
            assert_thrown_out(h, cases[i].err);
            assert_int_equal(h->w->pending_count, 0);
        } else {
            assert_int_equal(session_state(h->victim), SESSION_OPEN);
        }
        hostile_free(h);
    }
}

static void what_nobody_asked_for_closes(void **state)
{
    (void)state;
    static const uint64_t first[] = {1, SEQ_END}, second[] = {2, SEQ_END};
    struct hostile *h = hostile_new(); /* not at all */
    node_write(&h->w->nodes[0], 0, 3, BYTES);
    send_rows(h, first, 0);
    assert_thrown_out(h, TRIS_ERR_UNEXPECTED);
    hostile_free(h);
    h = asked_new(BYTES); /* any more */
    send_rows(h, first, 0);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    send_rows(h, second, 0);
    assert_thrown_out(h, TRIS_ERR_UNEXPECTED);
    hostile_free(h);
    h = asked_new(BYTES); /* of this log */
    struct msg m = {.type = MSG_HOLES};
    m.holes.log = tris_short_of(h->w->nodes[1].logs[2].id.b);
    m.holes.items.present = true;
    hostile_send(h, &m);
    assert_thrown_out(h, TRIS_ERR_UNEXPECTED);
    hostile_free(h);
}

/* A peer that takes the question and says nothing keeps the log for half a minute, not longer; what
 * it says later is taken. */
static void silence_is_left_to_another_peer(void **state)
{
    (void)state;
    static const uint64_t late[] = {1, SEQ_END};
    struct hostile *h = asked_new(BYTES);
    struct node *victim = &h->w->nodes[1];
    h->w->slow_writer = false;
    struct link *l = link_open(h->w, 0, 0, 1);
    world_run(h->w);
    world_pass(h->w, 29000);
    assert_int_equal(victim->filled, 0);
    world_pass(h->w, 2000);
    session_tick(h->victim, h->w->now_ms);
    world_pass(h->w, 2000);
    assert_alive(l);
    assert_int_equal(victim->filled, HOLES);
    send_rows(h, late, 0);
    hostile_drain(h);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    hostile_free(h);
}

static void payloads_are_bounded_by_credit(void **state)
{
    (void)state;
    struct hostile *h = asked_new(TRIS_PAYLOAD_BYTES_MAX);
    uint64_t seq[] = {1, SEQ_END};
    const uint64_t most = TRIS_CREDIT_INITIAL_BYTES / TRIS_PAYLOAD_BYTES_MAX;
    assert_true(most < HOLES);
    for (; seq[0] <= most; seq[0]++) {
        send_rows(h, seq, 1);
        hostile_drain(h);
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
    }
    send_rows(h, seq, 1);
    assert_thrown_out(h, TRIS_ERR_CREDIT);
    hostile_free(h);
}

/* ---- questions that break the rules ---------------------------------------------------------- */

static void send_question(struct hostile *h, const struct msg_run *runs, uint32_t count)
{
    uint8_t rows[MSG_GET_HOLES_BYTES_MAX];
    struct wbuf list = wbuf_of(rows, sizeof rows);
    struct msg m = {.type = MSG_GET_HOLES};
    for (uint32_t i = 0; i < count; i++) {
        msg_row_put(&list, MSG_ROW_run, &runs[i]);
    }
    assert_int_equal(list.err, TRIS_OK);
    m.get_holes.log = tris_short_of(h->w->nodes[1].logs[2].id.b);
    m.get_holes.runs = (struct msg_list){true, count, wbuf_span(&list)};
    hostile_send(h, &m);
}

static void questions_that_break_the_rules_close(void **state)
{
    (void)state;
    static const struct {
        struct msg_run runs[2];
        uint32_t count;
        enum tris_err err;
    } cases[] = {
        {{{0, 3}}, 1, TRIS_OK},
        {{{0, 1024}}, 1, TRIS_OK}, /* three of them are there */
        {{{0, 1}, {1, 1023}}, 2, TRIS_OK},
        {{{0, 1}, {2, 1024}}, 2, TRIS_ERR_BAD_VALUE},
        {{{0, 0}}, 1, TRIS_ERR_BAD_VALUE},
        {{{0, 2}, {1, 1}}, 2, TRIS_ERR_BAD_VALUE},
        {{{5, 1}, {1, 1}}, 2, TRIS_ERR_BAD_VALUE},
        {{{UINT64_MAX, 1}}, 1, TRIS_ERR_BAD_VALUE},
        {{{UINT64_MAX - 1, 1}}, 1, TRIS_OK},
        {{{0, 1}}, 0, TRIS_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hostile *h = hostile_new();
        send_question(h, cases[i].runs, cases[i].count);
        if (cases[i].err != TRIS_OK) {
            assert_thrown_out(h, cases[i].err);
        } else {
            hostile_drain(h);
            assert_int_equal(session_state(h->victim), SESSION_OPEN);
        }
        hostile_free(h);
    }
}

static void a_flood_of_questions_closes(void **state)
{
    (void)state;
    static const struct msg_run all = {0, 3};
    struct hostile *h = hostile_new(); /* one is open at a time */
    send_question(h, &all, 1);
    send_question(h, &all, 1);
    assert_thrown_out(h, TRIS_ERR_FLOOD);
    hostile_free(h);
    h = hostile_new(); /* and so many a minute, also of a peer that takes its answers */
    for (uint32_t i = 0; i < 600; i++) {
        send_question(h, &all, 1);
        hostile_drain(h);
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
    }
    assert_int_equal(session_stats(h->victim)->holes_out, 600 * 3);
    send_question(h, &all, 1);
    assert_thrown_out(h, TRIS_ERR_FLOOD);
    hostile_free(h);
}

/* Answers are within the peer's credit, and wait for more. */
static void answers_keep_to_the_credit(void **state)
{
    (void)state;
    static const struct msg_run all = {0, 20};
    struct hostile *h = hostile_new();
    node_write(&h->w->nodes[1], 2, 17, TRIS_PAYLOAD_BYTES_MAX);
    send_question(h, &all, 1);
    hostile_drain(h);
    const uint64_t most = TRIS_CREDIT_INITIAL_BYTES / TRIS_PAYLOAD_BYTES_MAX;
    assert_int_equal(session_stats(h->victim)->holes_out, 3 + most);
    struct msg m = {.type = MSG_CREDIT, .credit.bytes = 11 * (uint64_t)MSG_HOLE_BYTES_MAX};
    hostile_send(h, &m);
    hostile_drain(h);
    assert_int_equal(session_stats(h->victim)->holes_out, 20);
    hostile_free(h);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_relay_that_leaves_payloads_out_is_asked_for_them),
        cmocka_unit_test(a_run_that_is_too_large_comes_in_the_end),
        cmocka_unit_test(questions_follow_until_all_is_there),
        cmocka_unit_test(segments_do_not_wait_for_payloads),
        cmocka_unit_test(a_wrong_payload_closes),
        cmocka_unit_test(a_peer_without_the_payload_is_not_blamed),
        cmocka_unit_test(a_log_is_not_fetched_far_behind_a_hole),
        cmocka_unit_test(payloads_come_from_both_sides),
        cmocka_unit_test(another_history_is_no_wrong_payload),
        cmocka_unit_test(silence_is_left_to_another_peer),
        cmocka_unit_test(answers_that_break_the_rules_close),
        cmocka_unit_test(what_nobody_asked_for_closes),
        cmocka_unit_test(payloads_are_bounded_by_credit),
        cmocka_unit_test(questions_that_break_the_rules_close),
        cmocka_unit_test(a_flood_of_questions_closes),
        cmocka_unit_test(answers_keep_to_the_credit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
