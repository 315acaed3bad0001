/* Sessions back to back in memory: the handshake and the transfer of logs. */
#include "tests/unit/session_world.h"

/* ---- handshake ------------------------------------------------------------------------------- */

static void in_sync_costs_one_round_trip(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    assert_alive(l);
    assert_true(l->end[0].opened && l->end[1].opened);
    assert_true(l->end[0].in_sync && l->end[1].in_sync);
    /* 19 + (32 + 48 + 16) + 65, an empty CLAIM, and 2 + (32 + 16) + 64: FORMAT.md "Session" */
    assert_int_equal(l->sent[0], 19 + 96 + 65 + 2 + 3 + 16);
    assert_int_equal(l->sent[1], 2 + 48 + 64);
    assert_true(l->carried <= 400);
    assert_int_equal(session_stats(l->end[0].session)->bytes_out, l->sent[0]);
    assert_int_equal(session_stats(l->end[0].session)->bytes_in, l->sent[1]);
    assert_int_equal(session_stats(l->end[0].session)->round_trips, 1);
    uint64_t before = l->carried;
    world_pass(w, HEARTBEAT_MS - 1);
    assert_int_equal(l->carried, before); /* silent until the heartbeat */
    world_pass(w, 2);
    assert_true(l->carried > before);
    assert_true(l->carried <= before + 2 * 40);
    assert_int_equal(l->end[0].in_sync_count, 1);
    world_free(w);
}

static void assert_no_answer(struct link *l, enum tris_err reason)
{
    static uint8_t out[OUT_BYTES];
    assert_true(l->end[1].closed);
    assert_int_equal(l->end[1].close.closed.reason, reason);
    assert_false(l->end[1].opened);
    assert_int_equal(l->sent[1], 0);
    assert_false(session_has_output(l->end[1].session));
    assert_int_equal(session_fill(l->end[1].session, out, sizeof out, 0), 0);
}

static void strangers_get_no_byte(void **state)
{
    (void)state;
    static const enum tris_err expected[] = {TRIS_ERR_GATE,      TRIS_ERR_HANDSHAKE,
                                             TRIS_ERR_WRONG_KEY, TRIS_ERR_STRANGER,
                                             TRIS_ERR_SELF,      TRIS_ERR_SELF};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct world *w = world_new(3, 1);
        struct session_config a = config_of(&w->nodes[0], &w->nodes[1], true);
        struct session_config b = config_of(&w->nodes[1], &w->nodes[0], false);
        switch (i) {
        case 0: /* does not know the transport key */
            a.peer_transport = w->nodes[2].transport.pub;
            break;
        case 1:
            a.fed.b[0] ^= 1;
            break;
        case 2: /* a member's name with another's key */
            a.own_transport = w->nodes[2].transport;
            break;
        case 3:
            w->nodes[1].stranger_refused = true;
            break;
        default: /* itself: the same process, and a copy of it */
            a.own_id = w->nodes[1].id;
            a.peer_id = w->nodes[2].id;
            a.instance_nonce = b.instance_nonce - (i == 4 ? 0 : 1);
            break;
        }
        struct link *l = link_with(w, 0, &a, &w->nodes[0], &b, &w->nodes[1]);
        world_run(w);
        assert_no_answer(l, expected[i]);
        assert_int_equal(l->end[1].close.closed.clone, i == 5);
        world_pass(w, HANDSHAKE_MS + 1);
        assert_true(l->end[0].closed);
        assert_int_equal(l->end[0].close.closed.reason, TRIS_ERR_TIMEOUT);
        world_free(w);
    }
}

/* Two houses that share a transport key: who answers must be the one that was called. */
static void an_answer_in_another_name_is_refused(void **state)
{
    (void)state;
    struct world *w = world_new(3, 1);
    w->nodes[2].transport = w->nodes[1].transport;
    struct session_config a = config_of(&w->nodes[0], &w->nodes[1], true);
    struct session_config b = config_of(&w->nodes[2], &w->nodes[0], false);
    struct link *l = link_with(w, 0, &a, &w->nodes[0], &b, &w->nodes[2]);
    world_run(w);
    assert_true(l->end[0].closed);
    assert_int_equal(l->end[0].close.closed.reason, TRIS_ERR_WRONG_KEY);
    assert_false(l->end[0].opened);
    world_free(w);
}

static void a_replayed_first_message_opens_nothing(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    static uint8_t recorded[OUT_BYTES], answer[OUT_BYTES];
    struct session_config a = config_of(&w->nodes[0], &w->nodes[1], true);
    struct session_config b = config_of(&w->nodes[1], &w->nodes[0], false);
    struct session *caller, *victim;
    struct session_event event;
    assert_int_equal(session_new(&a, 0, &caller), TRIS_OK);
    size_t len = session_fill(caller, recorded, sizeof recorded, 0);
    session_free(caller);
    for (uint32_t round = 0; round < 2; round++) {
        assert_int_equal(session_new(&b, 0, &victim), TRIS_OK);
        session_recv(victim, span_of(recorded, len), 0);
        assert_int_equal(session_fill(victim, answer, sizeof answer, 0), 2 + 48 + 64);
        if (round == 1) { /* and makes up a frame */
            session_recv(victim, span_of(answer, sizeof answer), 0);
        }
        session_tick(victim, HANDSHAKE_MS);
        assert_true(session_next_event(victim, &event)); /* no OPEN before it, no goodbye after */
        assert_int_equal(event.type, SESSION_EV_CLOSED);
        assert_int_equal(session_fill(victim, answer, sizeof answer, 0), 0);
        session_free(victim);
    }
    world_free(w);
}

static void dialling_itself_is_refused(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct session_config a = config_of(&w->nodes[0], &w->nodes[0], true);
    struct session *s;
    struct session_event event;
    assert_int_equal(session_new(&a, 0, &s), TRIS_OK);
    assert_false(session_has_output(s));
    assert_true(session_next_event(s, &event));
    assert_int_equal(event.type, SESSION_EV_CLOSED);
    assert_int_equal(event.closed.reason, TRIS_ERR_SELF);
    assert_false(session_next_event(s, &event));
    session_free(s);
    world_free(w);
}

static void garbage_gets_no_byte(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct session_config b = config_of(&w->nodes[1], &w->nodes[0], false);
    for (uint32_t round = 0; round < 500; round++) {
        uint8_t bytes[1500];
        fake_random(&w->nodes[0], bytes, sizeof bytes);
        if (round % 2 == 0) { /* looks right up to the gate */
            bytes[0] = NOISE_IK;
            bytes[1 + NOISE_GATE_BYTES] = 0;
            bytes[2 + NOISE_GATE_BYTES] = 200;
        }
        struct session *s;
        assert_int_equal(session_new(&b, 0, &s), TRIS_OK);
        session_recv(s, span_of(bytes, sizeof bytes), 0);
        assert_false(session_has_output(s));
        session_tick(s, HANDSHAKE_MS);
        assert_int_equal(session_state(s), SESSION_CLOSED);
        session_free(s);
    }
    world_free(w);
}

static void flipped_handshake_bits_never_open(void **state)
{
    (void)state;
    for (uint64_t bit = 1; bit < 180 * 8; bit += 7) {
        struct world *w = world_new(2, 1);
        struct link *l = link_open(w, 0, 0, 1);
        l->flip_bit[0] = bit;
        world_run(w);
        world_pass(w, HANDSHAKE_MS + 1);
        assert_false(l->end[1].opened);
        assert_int_equal(l->sent[1], 0);
        assert_true(l->end[1].closed);
        world_free(w);
    }
}

/* ---- transfer -------------------------------------------------------------------------------- */

static void empty_node_gets_everything(void **state)
{
    (void)state;
    struct world *w = world_new(2, 3);
    fill_node(w, 0, 3, 200, 300);
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    assert_int_equal(session_stats(l->end[0].session)->entries_in, 3 * 3 * 200);
    assert_int_equal(session_stats(l->end[0].session)->ladders, 1);
    world_pass(w, 100); /* the announced root */
    assert_true(l->end[0].in_sync && l->end[1].in_sync);
    world_free(w);
}

static void both_directions_converge(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 2, 1000, 100);
    fill_node(w, 1, 5, 30, 2000);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    world_pass(w, 100);
    assert_true(l->end[0].in_sync && l->end[1].in_sync);
    world_free(w);
}

static void single_bytes_give_the_same(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 2, 20, 100);
    fill_node(w, 1, 2, 20, 100);
    struct link *l = link_open(w, 0, 0, 1);
    l->chunk = 1;
    world_run(w);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    world_free(w);
}

static void bulk_stays_within_45_bytes_an_entry(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    for (uint32_t r = 0; r < 6; r++) {
        node_write(&w->nodes[0], 0, 900, 200);
    }
    w->credit_bytes = 16 * 1024 * 1024;
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    assert_true(l->carried <= 5400 * (200 + 45));
    world_free(w);
}

static void cut_connections_resume(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 8, 60, 400);
    fill_node(w, 1, 8, 60, 400);
    uint32_t cuts = 0;
    while (!nodes_equal(w, 0, 1)) {
        assert_true(++cuts < 500);
        struct link *l = link_open(w, 0, cuts % 2, 1 - cuts % 2);
        uint32_t random;
        fake_random(&w->nodes[0], &random, sizeof random);
        l->cut_after = 1 + random % 600000;
        l->chunk = 1 + random % 9000;
        world_run(w);
        link_close(l);
        w->now_ms += 10;
    }
    assert_true(cuts > 2);
    for (uint32_t k = 0; k < w->logs_count; k++) { /* nobody is left marked as fetching */
        assert_int_equal(frontier_item(w->nodes[0].frontier, k)->fetcher, 0);
        assert_int_equal(frontier_item(w->nodes[1].frontier, k)->fetcher, 0);
    }
    world_free(w);
}

static void flipped_bits_close_and_apply_nothing(void **state)
{
    (void)state;
    uint32_t broken = 0;
    for (uint64_t byte = 130; byte < 12000; byte += 331) {
        struct world *w = world_new(2, 1);
        node_write(&w->nodes[0], 0, 20, 500);
        struct link *l = link_open(w, 0, 1, 0);
        l->flip_bit[1] = byte * 8 + byte % 8;
        world_run(w);
        uint64_t held = frontier_item(w->nodes[1].frontier, 0)->held;
        assert_true(held == 0 || held == 20);
        if (l->end[0].closed && l->sent[1] > 130) {
            assert_int_equal(held, 0);
            assert_true(l->end[0].close.closed.reason == TRIS_ERR_DECRYPT ||
                        l->end[0].close.closed.reason == TRIS_ERR_BAD_FRAME);
            assert_true(l->end[1].closed && l->end[1].close.closed.by_peer);
            broken++;
        }
        assert_int_equal(w->nodes[1].rejected, 0);
        world_free(w);
    }
    assert_true(broken > 10);
}

static void reconnect_with_one_record_is_short(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 3, 100, 100);
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    world_pass(w, 100);
    assert_true(l->end[0].in_sync);
    link_close(l);
    node_write(&w->nodes[0], 1, 1, 200);
    l = link_open(w, 0, 1, 0);
    uint64_t bytes = link_run(l);
    assert_true(nodes_equal(w, 0, 1));
    assert_true(bytes <= 1000); /* handshake, claims, one item, one range, the entry and its seal */
    world_free(w);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_sync_costs_one_round_trip),
        cmocka_unit_test(strangers_get_no_byte),
        cmocka_unit_test(an_answer_in_another_name_is_refused),
        cmocka_unit_test(a_replayed_first_message_opens_nothing),
        cmocka_unit_test(dialling_itself_is_refused),
        cmocka_unit_test(garbage_gets_no_byte),
        cmocka_unit_test(flipped_handshake_bits_never_open),
        cmocka_unit_test(empty_node_gets_everything),
        cmocka_unit_test(both_directions_converge),
        cmocka_unit_test(single_bytes_give_the_same),
        cmocka_unit_test(bulk_stays_within_45_bytes_an_entry),
        cmocka_unit_test(cut_connections_resume),
        cmocka_unit_test(flipped_bits_close_and_apply_nothing),
        cmocka_unit_test(reconnect_with_one_record_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
