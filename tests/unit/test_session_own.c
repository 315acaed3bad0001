/* What peers say of an own log: claims, the seal that proves one, and the tail that comes back. */
#include "tests/unit/session_world.h"

/* Two nodes, equal, with 20 entries in both logs of node 0; then node 0 is an old backup of itself,
 * with the first ten of them. Log 1 is its data log. */
static struct world *restored_world(void)
{
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 1, 10, 100);
    struct tree ten = w->nodes[0].logs[1].tree;
    fill_node(w, 0, 1, 10, 100);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    assert_true(nodes_equal(w, 0, 1));
    assert_int_equal(l->end[0].own_ahead_count, 0);
    assert_int_equal(l->end[0].told_count + l->end[0].in_sync_count, 2);
    link_close(l);
    struct fake_log *log = &w->nodes[0].logs[1];
    for (uint64_t i = 10; i < 20; i++) {
        free(log->entries[i].bytes);
    }
    log->count = 10;
    log->tree = ten;
    node_publish(&w->nodes[0], 1);
    return w;
}

static void a_claim_beyond_the_own_log_brings_its_seal_and_no_entries(void **state)
{
    (void)state;
    struct world *w = restored_world();
    for (uint32_t from = 0; from < 2; from++) {
        struct link *l = link_open(w, 0, from, 1 - from);
        world_run(w);
        assert_alive(l);
        struct end *house = &l->end[from], *other = &l->end[1 - from];
        assert_int_equal(house->own_ahead_count, 1);
        assert_int_equal(house->told_count, 1);
        assert_int_equal(house->own_seal_count, 1);
        assert_int_equal(house->own_seal.size, 20);
        assert_int_equal(seal_verify(&house->own_seal, &w->nodes[0].logs[1].ref.seal_key), TRIS_OK);
        assert_int_equal(other->own_ahead_count, 0);
        assert_int_equal(other->own_seal_count, 0);
        assert_int_equal(w->nodes[0].logs[1].count, 10); /* nobody teaches it its own log unasked */
        link_close(l);
    }
    world_free(w);
}

static void an_opened_tail_is_fetched_like_any_log(void **state)
{
    (void)state;
    struct world *w = restored_world();
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    frontier_item_mut(w->nodes[0].frontier, 1)->tail = 20;
    session_own_tail(l->end[0].session, 1);
    world_run(w);
    assert_alive(l);
    assert_int_equal(w->nodes[0].logs[1].count, 20);
    assert_true(nodes_equal(w, 0, 1));
    node_write(&w->nodes[0], 1, 3, 100); /* and its own seals travel again */
    world_run(w);
    assert_int_equal(w->nodes[1].logs[1].count, 23);
    assert_true(nodes_equal(w, 0, 1));
    world_free(w);
}

static void a_tail_opened_before_contact_is_fetched_without_a_question(void **state)
{
    (void)state;
    struct world *w = restored_world();
    frontier_item_mut(w->nodes[0].frontier, 1)->tail = 20;
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    assert_alive(l);
    assert_int_equal(w->nodes[0].logs[1].count, 20);
    assert_true(nodes_equal(w, 0, 1));
    world_free(w);
}

static void a_seal_is_given_for_less_than_is_held(void **state)
{
    (void)state;
    struct world *w = restored_world();
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    session_own_probe(l->end[0].session, 1, 15); /* what the peer held a moment ago */
    world_run(w);
    assert_int_equal(l->end[0].own_seal_count, 2);
    assert_int_equal(l->end[0].own_seal.size, 20);
    session_own_probe(l->end[0].session, 1, 21); /* more than it has */
    world_run(w);
    assert_int_equal(l->end[0].own_seal_count, 2);
    session_own_probe(l->end[0].session, 1, 20); /* the former question is closed */
    world_run(w);
    assert_int_equal(l->end[0].own_seal_count, 3);
    assert_alive(l);
    world_free(w);
}

static void a_smaller_claim_is_told_too(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 1, 10, 100);
    struct link *l = link_open(w, 0, 1, 0); /* the other holds nothing, and says so first */
    world_run(w);
    assert_int_equal(l->end[1].told_count, 1);
    assert_int_equal(l->end[1].own_ahead_count, 0);
    assert_true(l->end[1].in_sync);
    world_free(w);
}

static void questions_about_twins_travel_both_ways_and_are_few(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    const struct twin question = {.about = 77};
    session_twin(l->end[1].session, &question);
    world_run(w);
    assert_int_equal(l->end[0].twin_count, 1);
    assert_int_equal(l->end[0].twin.about, 77);
    struct twin answer;
    twin_sign(&w->fed, &w->nodes[0].sign, 77, w->nodes[0].instance_nonce, &answer);
    session_twin(l->end[0].session, &answer);
    world_run(w);
    struct tris_sign_pub key;
    memcpy(key.b, w->nodes[0].id.b, sizeof key.b);
    assert_int_equal(l->end[1].twin_count, 1);
    assert_int_equal(twin_verify(&w->fed, &key, 77, &l->end[1].twin), TRIS_OK);
    for (int i = 0; i < 20; i++) {
        session_twin(l->end[1].session, &question);
        world_run(w);
    }
    assert_int_equal(l->end[0].twin_count, 4); /* each may cost a signature */
    assert_alive(l);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_beyond_the_own_log_brings_its_seal_and_no_entries),
        cmocka_unit_test(an_opened_tail_is_fetched_like_any_log),
        cmocka_unit_test(a_tail_opened_before_contact_is_fetched_without_a_question),
        cmocka_unit_test(a_seal_is_given_for_less_than_is_held),
        cmocka_unit_test(a_smaller_claim_is_told_too),
        cmocka_unit_test(questions_about_twins_travel_both_ways_and_are_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
