/* Whether news is pushed or announced: links turn lazy on copies and eager on what was missed. */
#include "tests/unit/session_hostile.h"

enum { GRAFT_MS = 200, HEARD_MAX = 32 }; /* of FORMAT.md "Announcements" */

/* ---- links between nodes ---- */

static struct world *triangle(struct link **links)
{
    struct world *w = world_new(3, 1);
    links[0] = link_open(w, 0, 0, 1);
    links[1] = link_open(w, 1, 1, 2);
    links[2] = link_open(w, 2, 2, 0);
    world_run(w);
    return w;
}

/* Segments that have arrived anywhere, news or not. */
static uint64_t arrived(const struct world *w)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < LINKS_MAX; i++) {
        for (size_t k = 0; w->links[i].used && k < 2; k++) {
            const struct session_stats *s = session_stats(w->links[i].end[k].session);
            sum += s->segments_in + s->duplicate_segments + s->gap_segments;
        }
    }
    return sum;
}

static uint64_t prunes(const struct link *l)
{
    return session_stats(l->end[0].session)->prunes + session_stats(l->end[1].session)->prunes;
}

static uint64_t grafts(const struct link *l)
{
    return session_stats(l->end[0].session)->grafts + session_stats(l->end[1].session)->grafts;
}

/* Writers are slow, so that a copy meets the first one on its way to the disk. */
static void write_everywhere(struct world *w, uint32_t author)
{
    w->slow_writer = true;
    node_write(&w->nodes[author], author, 1, 100);
    for (uint32_t round = 0; round < 6; round++) {
        world_run(w);
        while (w->pending_count > 0) {
            for (uint32_t i = 0; i < w->nodes_count; i++) {
                pending_run(w, i);
            }
        }
    }
    world_run(w);
    w->slow_writer = false;
}

static void copies_turn_links_into_a_tree(void **state)
{
    (void)state;
    struct link *l[3];
    struct world *w = triangle(l);
    for (uint32_t i = 0; i < 3; i++) {
        write_everywhere(w, i);
        world_pass(w, 1000);
    }
    assert_true(nodes_equal(w, 0, 1) && nodes_equal(w, 1, 2));
    assert_int_equal((prunes(l[0]) > 0) + (prunes(l[1]) > 0) + (prunes(l[2]) > 0), 1);
    const uint64_t before = arrived(w);
    for (uint32_t i = 0; i < 30; i++) {
        write_everywhere(w, i % 3);
        assert_true(nodes_equal(w, 0, 1) && nodes_equal(w, 1, 2)); /* no time has passed */
        world_pass(w, 100);
    }
    assert_int_equal(arrived(w) - before, 30 * 2);
    for (size_t i = 0; i < 3; i++) {
        assert_alive(l[i]);
        assert_int_equal(grafts(l[i]), 0);
    }
    world_free(w);
}

/* The link that was lazy carries what the broken one would have. */
static void a_broken_tree_mends_long_before_a_heartbeat(void **state)
{
    (void)state;
    for (uint32_t broken = 0; broken < 3; broken++) {
        struct link *l[3];
        struct world *w = triangle(l);
        for (uint32_t i = 0; i < 3; i++) {
            write_everywhere(w, i);
            world_pass(w, 1000);
        }
        l[broken]->stuck[0] = l[broken]->stuck[1] = true;
        for (uint32_t i = 0; i < 3; i++) {
            write_everywhere(w, i);
            world_pass(w, 50 + GRAFT_MS + 50);
            assert_true(nodes_equal(w, 0, 1) && nodes_equal(w, 1, 2));
        }
        const uint64_t before = arrived(w); /* and is part of the tree from now on */
        write_everywhere(w, 0);
        assert_true(nodes_equal(w, 0, 1) && nodes_equal(w, 1, 2));
        assert_int_equal(arrived(w) - before, 2);
        world_free(w);
    }
}

static void two_nodes_never_turn_lazy(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    for (uint32_t i = 0; i < 20; i++) {
        write_everywhere(w, i % 2);
        assert_true(nodes_equal(w, 0, 1));
        world_pass(w, 40);
    }
    assert_int_equal(prunes(l) + grafts(l), 0);
    world_free(w);
}

/* ---- what a session says ---- */

/* What the victim says now: ANNOUNCEs and ranges asked for. */
struct said {
    uint32_t announces, pushes, rows, ranges;
    struct msg_get_range range; /* the last one */
};

static struct said hear(struct hostile *h)
{
    struct said said = {0};
    size_t len = session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms);
    for (size_t at = 0; at < len;) {
        static uint8_t plain[TRIS_FRAME_BYTES_MAX];
        const size_t frame = (size_t)h->out[at] << 8 | h->out[at + 1];
        assert_int_equal(noise_decrypt(&h->transport.recv, span_of(h->out + at + 2, frame), plain),
                         TRIS_OK);
        at += 2 + frame;
        struct rbuf r = rbuf_of(span_of(plain, frame - TRIS_AEAD_TAG_BYTES));
        while (rbuf_left(&r) > 0) {
            struct msg m;
            assert_int_equal(msg_decode(&r, &m), TRIS_OK);
            if (m.type == MSG_ANNOUNCE) {
                said.announces++;
                said.pushes += m.announce.push == 1;
                said.rows += m.announce.news.count;
            } else if (m.type == MSG_GET_RANGE) {
                said.ranges++;
                said.range = m.get_range;
            }
        }
    }
    end_events(&h->end);
    return said;
}

static struct said pass(struct hostile *h, uint64_t ms)
{
    struct said all = {0};
    for (uint64_t end = h->w->now_ms + ms; h->w->now_ms < end;) {
        const uint64_t at = session_deadline(h->victim);
        h->w->now_ms = at < end ? at : end;
        if (at <= end) {
            session_tick(h->victim, h->w->now_ms);
        }
        const struct said said = hear(h);
        all.announces += said.announces;
        all.pushes += said.pushes;
        all.rows += said.rows;
        all.ranges += said.ranges;
        all.range = said.ranges > 0 ? said.range : all.range;
    }
    return all;
}

/* The peer has said that it holds nothing, and is known to. */
static struct hostile *hostile_quiet(struct world *w)
{
    struct hostile *h = hostile_in(w);
    struct msg m = {.type = MSG_FRONTIER};
    (void)hear(h);
    hostile_send(h, &m);
    (void)hear(h);
    return h;
}

static void announce(struct hostile *h, uint64_t push, uint32_t log_no, uint32_t logs,
                     uint64_t size)
{
    uint8_t bytes[4096];
    struct wbuf rows = wbuf_of(bytes, sizeof bytes);
    struct msg m = {.type = MSG_ANNOUNCE};
    for (uint32_t i = 0; i < logs; i++) {
        const struct frontier_item *item = frontier_item(h->w->nodes[1].frontier, log_no + i);
        const struct msg_news news = {tris_short_of(item->id.b), size};
        msg_row_put(&rows, MSG_ROW_news, &news);
    }
    m.announce = (struct msg_announce){push, {true, logs, wbuf_span(&rows)}};
    hostile_send(h, &m);
}

static void what_nobody_brings_is_asked_for_in_time(void **state)
{
    (void)state;
    struct hostile *h = hostile_quiet(world_new(2, 2));
    announce(h, 0, 0, 1, 3);
    struct said said = pass(h, GRAFT_MS - 1);
    assert_int_equal(said.ranges + said.pushes, 0);
    said = pass(h, 1);
    assert_int_equal(said.ranges, 1);
    assert_int_equal(said.range.first, 0);
    assert_int_equal(said.range.until, 3);
    assert_int_equal(said.pushes, 1); /* and from now on pushed */
    assert_int_equal(session_stats(h->victim)->grafts, 1);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    hostile_free(h);
}

/* The same log comes by another way just in time: a piece, then all of it. */
static void what_comes_by_another_way_is_not_asked_for(void **state)
{
    (void)state;
    struct world *w = world_new(3, 1);
    struct hostile *h = hostile_quiet(w);
    struct link *l = link_open(w, 0, 1, 2);
    world_run(w);
    announce(h, 0, 2, 1, 2);
    (void)pass(h, GRAFT_MS - 10);
    node_write(&w->nodes[2], 2, 1, 50);
    world_run(w);
    struct said said = pass(h, GRAFT_MS);
    assert_int_equal(said.ranges + said.pushes, 0);
    node_write(&w->nodes[2], 2, 1, 50);
    world_run(w);
    said = pass(h, 1000);
    assert_int_equal(said.ranges + said.pushes, 0);
    assert_int_equal(session_stats(h->victim)->grafts, 0);
    assert_alive(l);
    hostile_free(h);
}

static void own_and_unknown_logs_are_not_asked_for(void **state)
{
    (void)state;
    struct hostile *h = hostile_quiet(world_new(2, 2));
    uint8_t bytes[64];
    struct wbuf rows = wbuf_of(bytes, sizeof bytes);
    const struct msg_news news = {{{1, 2, 3}}, 7};
    struct msg m = {.type = MSG_ANNOUNCE};
    announce(h, 0, 2, 2, 9); /* its own */
    msg_row_put(&rows, MSG_ROW_news, &news);
    m.announce.news = (struct msg_list){true, 1, wbuf_span(&rows)};
    hostile_send(h, &m);
    const struct said said = pass(h, 3 * GRAFT_MS);
    assert_int_equal(said.ranges + said.pushes, 0);
    assert_int_equal(session_stats(h->victim)->unknown_logs, 1);
    assert_int_equal(session_stats(h->victim)->grafts, 0);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    hostile_free(h);
}

/* 50 ms after a change in any case, and once. */
static void a_lazy_link_announces_instead_of_pushing(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    node_write(&w->nodes[1], 2, 3, 100);
    struct hostile *h = hostile_in(w);
    struct msg m = {.type = MSG_GET_RANGE}; /* now it is known what the peer holds */
    m.get_range.log = tris_short_of(frontier_item(w->nodes[1].frontier, 2)->id.b);
    m.get_range.until = 3;
    hostile_send(h, &m);
    (void)hear(h);
    announce(h, 0, 0, 0, 0);
    const uint64_t out = session_stats(h->victim)->segments_out;
    w->links[0] = (struct link){.used = true}; /* so that the write is told to the session */
    w->links[0].end[0] = h->end;
    node_write(&w->nodes[1], 2, 1, 100);
    node_write(&w->nodes[1], 2, 1, 100);
    w->links[0] = (struct link){0};
    assert_int_equal(hear(h).announces, 0);
    const struct said said = pass(h, 100);
    assert_int_equal(said.announces, 1);
    assert_int_equal(said.rows, 1);
    assert_int_equal(said.pushes, 0);
    assert_int_equal(session_stats(h->victim)->segments_out, out);
    assert_int_equal(pass(h, 1000).announces, 0);
    m.get_range.first = 3; /* told is not held */
    m.get_range.until = 5;
    hostile_send(h, &m);
    (void)hear(h);
    assert_true(session_stats(h->victim)->segments_out > out);
    hostile_free(h);
}

static void an_announced_log_waits_once(void **state)
{
    (void)state;
    struct hostile *h = hostile_quiet(world_new(2, 6));
    for (uint32_t round = 0; round < 20; round++) {
        announce(h, 0, 0, 6, 3 + round);
    }
    const struct said said = pass(h, GRAFT_MS);
    assert_int_equal(said.ranges, 6);
    assert_int_equal(said.range.until, 22);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    hostile_free(h);
}

/* What does not fit is left to the heartbeat. */
static void no_more_logs_wait_than_there_is_room_for(void **state)
{
    (void)state;
    for (uint32_t more = 0; more <= 1; more++) {
        struct hostile *h = hostile_quiet(world_new(2, 1));
        for (uint32_t i = 0; i < HEARD_MAX + more; i++) {
            struct frontier_item item = {.ref.topic = TRIS_TOPIC_DATA};
            item.id.b[0] = (uint8_t)(100 + i);
            assert_int_equal(frontier_set(h->w->nodes[1].frontier, LOGS_MAX + i, &item), TRIS_OK);
        }
        announce(h, 0, LOGS_MAX, HEARD_MAX + more, 3);
        assert_int_equal(pass(h, GRAFT_MS).ranges, HEARD_MAX);
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
        hostile_free(h);
    }
}

/* ---- referrals ---- */

static void a_refusal_names_others(void **state)
{
    (void)state;
    for (uint32_t count = 0; count <= MSG_REFERS_MAX; count += MSG_REFERS_MAX) {
        struct world *w = world_new(2, 1);
        struct link *l = link_open(w, 0, 0, 1);
        struct tris_house_id others[MSG_REFERS_MAX];
        world_run(w);
        for (uint32_t i = 0; i < MSG_REFERS_MAX; i++) {
            memset(others[i].b, (int)i, sizeof others[i].b);
        }
        session_close_busy(l->end[1].session, others, count);
        world_run(w);
        assert_true(l->end[0].closed && l->end[1].closed);
        assert_int_equal(l->end[0].close.closed.reason, TRIS_ERR_BUSY);
        assert_true(l->end[0].close.closed.by_peer);
        assert_int_equal(l->end[0].refer.refer.count, count);
        assert_memory_equal(l->end[0].refer.refer.houses, others, count * sizeof others[0]);
        world_free(w);
    }
}

static void a_second_referral_is_not_heard(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    uint8_t bytes[64];
    struct wbuf rows = wbuf_of(bytes, sizeof bytes);
    const struct msg_referral row = {h->w->nodes[0].id};
    struct msg m = {.type = MSG_REFER};
    hostile_send(h, &m);
    msg_row_put(&rows, MSG_ROW_referral, &row);
    m.refer.houses = (struct msg_list){true, 1, wbuf_span(&rows)};
    hostile_send(h, &m);
    assert_int_equal(h->end.refer.refer.count, 0);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    hostile_free(h);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_turn_links_into_a_tree),
        cmocka_unit_test(a_broken_tree_mends_long_before_a_heartbeat),
        cmocka_unit_test(two_nodes_never_turn_lazy),
        cmocka_unit_test(what_nobody_brings_is_asked_for_in_time),
        cmocka_unit_test(what_comes_by_another_way_is_not_asked_for),
        cmocka_unit_test(own_and_unknown_logs_are_not_asked_for),
        cmocka_unit_test(a_lazy_link_announces_instead_of_pushing),
        cmocka_unit_test(an_announced_log_waits_once),
        cmocka_unit_test(no_more_logs_wait_than_there_is_room_for),
        cmocka_unit_test(a_refusal_names_others),
        cmocka_unit_test(a_second_referral_is_not_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
