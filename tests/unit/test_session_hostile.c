/* A session against a peer that holds valid keys and breaks the rules. */
#include "tests/unit/session_hostile.h"

/* ---- hostile peers --------------------------------------------------------------------------- */

enum { STRAY_SEALS = 64 }; /* a minute */

static void over_credit_is_closed(void **state)
{
    (void)state;
    static uint8_t bytes[32 * 1024];
    for (uint32_t known = 0; known < 2; known++) {
        struct hostile *h = hostile_new();
        struct msg m = {.type = MSG_ENTRIES};
        if (known == 1) {
            m.entries.log = tris_short_of(h->w->nodes[1].logs[0].id.b);
        }
        m.entries.wire = span_of(bytes, sizeof bytes);
        uint32_t sent = 0;
        while (!h->end.closed && session_state(h->victim) == SESSION_OPEN) {
            assert_true(++sent <= TRIS_CREDIT_INITIAL_BYTES / sizeof bytes + 1);
            hostile_send(h, &m);
        }
        assert_int_equal(sent, TRIS_CREDIT_INITIAL_BYTES / sizeof bytes + 1);
        assert_thrown_out(h, TRIS_ERR_CREDIT);
        hostile_free(h);
    }
}

static void floods_are_closed(void **state)
{
    (void)state;
    struct msg kinds[7] = {{.type = MSG_PING},
                           {.type = MSG_GET_CHANGED},
                           {.type = MSG_GET_RANGE},
                           {.type = MSG_ROOT},
                           {.type = MSG_GET_FORK},
                           {.type = MSG_GET_CONSISTENCY, .get_consistency.first = 1},
                           {.type = MSG_GET_NODES, .get_nodes.count = 1}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct hostile *h = hostile_new();
        uint32_t sent = 0;
        while (session_state(h->victim) == SESSION_OPEN) {
            assert_true(++sent < 2000);
            if (kinds[i].type == MSG_GET_RANGE) {
                memcpy(kinds[i].get_range.log.b, &sent, sizeof sent);
            } else if (kinds[i].type == MSG_GET_FORK) {
                memcpy(kinds[i].get_fork.log.b, &sent, sizeof sent);
            }
            hostile_send(h, &kinds[i]);
        }
        assert_thrown_out(h, TRIS_ERR_FLOOD);
        hostile_free(h);
    }
}

/* What costs reading is bounded a minute, also for a peer that takes its answers. */
static void questions_about_forks_are_bounded(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    uint32_t calls = h->w->nodes[1].nodes_calls;
    struct msg m = {.type = MSG_GET_NODES};
    m.get_nodes.log = tris_short_of(h->w->nodes[1].logs[2].id.b);
    m.get_nodes.count = 3;
    for (uint32_t minute = 0; minute < 3; minute++) {
        for (uint32_t i = 0; i < 100; i++) {
            hostile_send(h, &m);
            hostile_drain(h);
            assert_int_equal(session_state(h->victim), SESSION_OPEN);
        }
        h->w->now_ms += 60000;
    }
    assert_int_equal(h->w->nodes[1].nodes_calls - calls, 300);
    h->w->now_ms -= 1; /* the last minute is not over */
    hostile_send(h, &m);
    hostile_drain(h);
    assert_true(h->end.closed);
    assert_int_equal(h->end.close.closed.reason, TRIS_ERR_FLOOD);
    hostile_free(h);
}

static void questions_that_cost_too_much_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct msg_get_nodes nodes;
        enum tris_err err;
    } cases[] = {
        {{.level = 10, .index = 0, .count = 256}, TRIS_OK}, /* is not there: an empty answer */
        {{.level = 2, .index = 256, .count = 256}, TRIS_OK},
        {{.level = 9, .index = 2, .count = 2}, TRIS_OK},
        {{.level = 9, .index = 1, .count = 2}, TRIS_ERR_BAD_VALUE},
        {{.level = 3, .index = 0, .count = 129}, TRIS_ERR_BAD_VALUE},
        {{.level = 0, .index = 1000, .count = 100}, TRIS_ERR_BAD_VALUE},
        {{.level = 0, .index = 0, .count = 0}, TRIS_ERR_BAD_VALUE},
        {{.level = 63, .index = 1, .count = 2}, TRIS_ERR_BAD_VALUE},
        {{.level = 0, .index = UINT64_MAX, .count = 1}, TRIS_OK},
        {{.level = 0, .index = UINT64_MAX, .count = 2}, TRIS_ERR_BAD_VALUE},
        {{.level = 10, .index = UINT64_MAX, .count = 1}, TRIS_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hostile *h = hostile_new();
        struct msg m = {.type = MSG_GET_NODES, .get_nodes = cases[i].nodes};
        m.get_nodes.log = tris_short_of(h->w->nodes[1].logs[2].id.b);
        hostile_send(h, &m);
        if (cases[i].err != TRIS_OK) {
            assert_thrown_out(h, cases[i].err);
        } else {
            hostile_drain(h);
            assert_int_equal(session_state(h->victim), SESSION_OPEN);
        }
        hostile_free(h);
    }
    struct hostile *h = hostile_new();
    struct msg m = {.type = MSG_GET_CONSISTENCY}; /* first 0: consistent with anything */
    hostile_send(h, &m);
    assert_thrown_out(h, TRIS_ERR_BAD_VALUE);
    hostile_free(h);
}

/* Answers that nobody waits for cost nothing, and proofs are looked at in bounded number. */
static void unasked_answers_about_forks_are_harmless(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    static const uint8_t junk[MSG_NODES_HASHES_BYTES];
    struct msg m = {.type = MSG_CONSISTENCY};
    m.consistency.log = tris_short_of(h->w->nodes[1].logs[2].id.b);
    hostile_send(h, &m);
    struct msg nodes = {.type = MSG_NODES};
    nodes.nodes.log = m.consistency.log;
    nodes.nodes.hashes = span_of(junk, sizeof junk);
    hostile_send(h, &nodes);
    struct msg proof = {.type = MSG_FORK_PROOF}; /* of a log that we do not know */
    proof.fork_proof.proof = span_of(junk, 100);
    hostile_send(h, &proof);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    proof.fork_proof.log = m.consistency.log;
    hostile_send(h, &proof);
    assert_thrown_out(h, TRIS_ERR_BAD_PROOF);
    hostile_free(h);
    h = hostile_new();
    proof.fork_proof.proof = span_of(junk, 0);
    hostile_send(h, &proof);
    assert_thrown_out(h, TRIS_ERR_UNEXPECTED);
    hostile_free(h);
}

static void unknown_messages_are_skipped(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    static const uint8_t later[] = {0x93, 0x22, 0x01, 0xc4, 0x01, 0x00, /* reserved */
                                    0x92, 0xcd, 0x12, 0x34, 0x91, 0x80, /* not even reserved */
                                    0x93, 0x01, 0x05, 0xc0};            /* PING 5 and a new field */
    hostile_send_bytes(h, span_of(later, sizeof later));
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    assert_int_equal(session_stats(h->victim)->unknown_messages, 2);
    assert_true(session_has_output(h->victim));
    hostile_free(h);
}

static void malformed_messages_are_closed(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[8];
        size_t len;
        enum tris_err err;
    } bad[] = {
        {{0x90}, 1, TRIS_ERR_BAD_VALUE},       /* no number */
        {{0x91, 0x01}, 2, TRIS_ERR_BAD_VALUE}, /* PING without id */
        {{0x92, 0x01, 0xcc, 0x05}, 4, TRIS_ERR_NOT_CANONICAL},
        {{0x92, 0x01, 0xc0}, 3, TRIS_ERR_BAD_TYPE},
        {{0x92, 0x01}, 2, TRIS_ERR_TRUNCATED},
        {{0x92, 0x01, 0x05, 0x92}, 4, TRIS_ERR_TRUNCATED}, /* after a good one */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct hostile *h = hostile_new();
        hostile_send_bytes(h, span_of(bad[i].bytes, bad[i].len));
        assert_int_not_equal(session_state(h->victim), SESSION_OPEN);
        (void)session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms);
        end_events(&h->end);
        assert_true(h->end.closed);
        hostile_free(h);
    }
}

static void random_frames_never_break(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 2000; round++) {
        struct hostile *h = hostile_new();
        h->w->random = 1000000 + (uint64_t)round * 1000;
        for (uint32_t i = 0; i < 4 && session_state(h->victim) == SESSION_OPEN; i++) {
            uint8_t bytes[64];
            fake_random(&h->w->nodes[0], bytes, sizeof bytes);
            bytes[0] = (uint8_t)(0x90 | (bytes[0] & 7));
            bytes[1] = bytes[1] & 63;
            hostile_send_bytes(h, span_of(bytes, 2 + bytes[2] % 62));
            (void)session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms);
        }
        hostile_free(h);
        round += 19;
    }
}

static void stray_seals_are_closed(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    struct msg m = {.type = MSG_SEAL};
    m.seal.count = 1; /* and below: none */
    hostile_send(h, &m);
    assert_thrown_out(h, TRIS_ERR_UNEXPECTED);
    hostile_free(h);
}

/* Time passes at the victim; the peer shows every ten seconds that it lives. */
static void hostile_pass(struct hostile *h, uint64_t ms, const struct msg *sign)
{
    for (uint64_t end = h->w->now_ms + ms; h->w->now_ms < end && !h->end.closed;) {
        uint64_t next = h->w->now_ms + 10000;
        while (session_deadline(h->victim) < next && !h->end.closed) {
            h->w->now_ms = session_deadline(h->victim);
            session_tick(h->victim, h->w->now_ms);
            hostile_drain(h);
        }
        h->w->now_ms = next;
        if (session_state(h->victim) == SESSION_OPEN) {
            hostile_send(h, sign);
            hostile_drain(h);
        }
    }
}

/* The victim has compared frontiers and asked for 50 entries of log 0. */
static void hostile_be_asked(struct hostile *h)
{
    uint8_t row[MSG_ITEM_BYTES_MAX];
    struct wbuf w = wbuf_of(row, sizeof row);
    struct msg_item item = {.log = tris_short_of(h->w->nodes[1].logs[0].id.b), .whole = 50};
    msg_row_put(&w, MSG_ROW_item, &item);
    struct msg m = {.type = MSG_FRONTIER};
    m.frontier.items = (struct msg_list){true, 1, wbuf_span(&w)};
    hostile_drain(h);
    hostile_send(h, &m);
    hostile_drain(h);
    assert_int_not_equal(frontier_item(h->w->nodes[1].frontier, 0)->fetcher, 0);
}

static void dripping_bytes_do_not_keep_a_log_from_others(void **state)
{
    (void)state;
    static const uint8_t byte[1] = {0};
    for (uint32_t discarded = 0; discarded < 2; discarded++) {
        struct hostile *h = hostile_new();
        hostile_be_asked(h);
        struct msg drip = {.type = MSG_ENTRIES};
        drip.entries.log = tris_short_of(h->w->nodes[1].logs[0].id.b);
        drip.entries.first = discarded; /* 1: does not follow what is held */
        drip.entries.wire = span_of(byte, sizeof byte);
        hostile_pass(h, 50000, &drip);
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
        assert_int_equal(frontier_item(h->w->nodes[1].frontier, 0)->fetcher, 0);
        hostile_free(h);
    }
}

static void a_range_that_never_ends_reconnects(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    hostile_be_asked(h);
    struct msg ping = {.type = MSG_PING};
    hostile_pass(h, 40000, &ping);
    assert_int_equal(frontier_item(h->w->nodes[1].frontier, 0)->fetcher, 0);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    hostile_pass(h, 300000, &ping);
    assert_true(h->end.closed);
    assert_int_equal(h->end.close.closed.reason, TRIS_ERR_TIMEOUT);
    hostile_free(h);
}

static void an_endless_frontier_is_given_up(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    hostile_drain(h);
    struct msg more = {.type = MSG_FRONTIER};
    more.frontier.more = 1;
    more.frontier.items.present = true;
    assert_int_equal(session_stats(h->victim)->ladders, 1);
    hostile_pass(h, 400000, &more);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    assert_int_equal(session_stats(h->victim)->ladders, 2);
    hostile_free(h);
}

/* An unknown log, and one that nobody has asked for: few a minute are dropped, more is a flood. */
static void seals_nobody_asked_for_are_few(void **state)
{
    (void)state;
    for (uint32_t known = 0; known < 2; known++) {
        struct hostile *h = hostile_new();
        struct msg m = {.type = MSG_SEAL};
        if (known == 1) {
            m.seal.log = tris_short_of(h->w->nodes[1].logs[0].id.b);
        }
        for (uint32_t minute = 0; minute < 3; minute++) {
            for (uint32_t i = 0; i < STRAY_SEALS; i++) {
                hostile_send(h, &m);
                hostile_drain(h);
                assert_int_equal(session_state(h->victim), SESSION_OPEN);
            }
            h->w->now_ms += 60000;
        }
        assert_int_equal(session_stats(h->victim)->segments_in, 0);
        h->w->now_ms -= 1; /* the last minute is not over */
        hostile_send(h, &m);
        assert_thrown_out(h, TRIS_ERR_FLOOD);
        hostile_free(h);
    }
}

static void seals_cost_credit(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    struct msg m = {.type = MSG_SEAL};
    for (uint32_t i = 0; i < 1024; i++) { /* it reads no CREDIT meanwhile */
        h->w->now_ms += i % STRAY_SEALS == 0 ? 60000 : 0;
        hostile_send(h, &m);
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
    }
    hostile_send(h, &m);
    assert_thrown_out(h, TRIS_ERR_CREDIT);
    hostile_free(h);
}

/* Each request has room for one answer, used or not; a second one is as if nobody had asked. */
static void an_answered_request_for_a_seal_is_over(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    hostile_be_asked(h);
    struct msg m = {.type = MSG_SEAL};
    m.seal.log = tris_short_of(h->w->nodes[1].logs[0].id.b);
    m.seal.first = 7; /* does not fit what is held, and is dropped */
    for (uint32_t i = 0; i < 1 + STRAY_SEALS; i++) {
        hostile_send(h, &m);
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
    }
    assert_int_equal(session_stats(h->victim)->duplicate_segments, 1 + STRAY_SEALS);
    hostile_send(h, &m);
    assert_thrown_out(h, TRIS_ERR_FLOOD);
    hostile_free(h);
}

static void hostile_claim(struct hostile *h, uint64_t size)
{
    uint8_t rows[64];
    struct msg_claim claim = {.log = tris_short_of(h->end.node->logs[2].id.b), .size = size};
    struct wbuf list = wbuf_of(rows, sizeof rows);
    msg_row_put(&list, MSG_ROW_claim, &claim);
    struct msg m = {.type = MSG_CLAIM};
    m.claim_own.claims = (struct msg_list){true, 1, wbuf_span(&list)};
    hostile_send(h, &m);
}

static void a_claim_that_was_not_proven_is_told_again(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    hostile_claim(h, 77);
    hostile_claim(h, 77);
    assert_int_equal(h->end.own_ahead_count, 1);
    hostile_drain(h);
    struct msg end = {.type = MSG_END};
    end.end.log = tris_short_of(h->end.node->logs[2].id.b);
    hostile_send(h, &end); /* cannot prove it now */
    hostile_claim(h, 77);
    assert_int_equal(h->end.own_ahead_count, 2);
    hostile_free(h);
}

/* Claims of absurd sizes, as many as the bounds of messages let pass, and seals for them. */
static void claims_without_end_are_few_events(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    struct node *victim = h->end.node;
    uint8_t rows[64];
    const struct tris_short log = tris_short_of(victim->logs[2].id.b);
    for (uint32_t i = 0; i < 900; i++) {
        struct msg_claim claim = {.log = log, .size = UINT64_MAX - i, .root = {{(uint8_t)i}}};
        struct wbuf list = wbuf_of(rows, sizeof rows);
        msg_row_put(&list, MSG_ROW_claim, &claim);
        struct msg m = {.type = MSG_CLAIM};
        m.claim_own.claims = (struct msg_list){true, 1, wbuf_span(&list)};
        hostile_send(h, &m);
    }
    assert_true(h->end.own_ahead_count > 0 && h->end.own_ahead_count <= 60);
    assert_int_equal(h->end.told_count, 1);
    hostile_drain(h); /* its one question for the proof */
    struct msg seal = {.type = MSG_SEAL};
    seal.seal.log = log;
    seal.seal.first = UINT64_MAX;
    for (uint32_t i = 0; i < 10; i++) {
        hostile_send(h, &seal);
    }
    assert_int_equal(h->end.own_seal_count, 1); /* one question, one answer that is looked at */
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    assert_int_equal(session_stats(h->victim)->duplicate_segments, 9);
    hostile_free(h);
}

static void a_peer_that_never_reads_costs_little(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    struct msg range = {.type = MSG_GET_RANGE};
    range.get_range.log = tris_short_of(h->w->nodes[1].logs[2].id.b);
    range.get_range.until = UINT64_MAX;
    struct msg all = {.type = MSG_GET_DIGESTS};
    for (uint32_t i = 0; i < 200; i++) { /* asks and asks, reads nothing */
        hostile_send(h, &range);
        hostile_send(h, &all);
        session_log_advanced(h->victim, 2);
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
    }
    /* all of it is one range, one answer: what comes out at last is bounded */
    size_t total = 0, len;
    while ((len = session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms)) > 0) {
        total += len;
    }
    assert_true(total < 16 * 1024);
    hostile_free(h);
}

static void segments_without_credit_wait(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    for (uint32_t r = 0; r < 5; r++) {
        node_write(&w->nodes[1], 1, 1000, 250);
    }
    struct hostile *h = calloc(1, sizeof *h);
    h->w = w;
    struct session_config b = config_of(&w->nodes[1], &w->nodes[0], false);
    assert_int_equal(session_new(&b, w->now_ms, &h->victim), TRIS_OK);
    h->end = (struct end){.node = &w->nodes[1], .session = h->victim};
    hostile_handshake(h);
    struct msg range = {.type = MSG_GET_RANGE};
    range.get_range.log = tris_short_of(w->nodes[1].logs[1].id.b);
    range.get_range.until = UINT64_MAX;
    hostile_send(h, &range);
    size_t total = 0, len;
    while ((len = session_fill(h->victim, h->out, sizeof h->out, w->now_ms)) > 0) {
        total += len;
    }
    assert_false(session_has_output(h->victim));
    assert_true(total >= TRIS_CREDIT_INITIAL_BYTES && total < TRIS_CREDIT_INITIAL_BYTES + 2048);
    struct msg credit = {.type = MSG_CREDIT};
    credit.credit.bytes = 1000;
    hostile_send(h, &credit);
    assert_true(session_has_output(h->victim));
    len = session_fill(h->victim, h->out, sizeof h->out, w->now_ms);
    assert_true(len >= 1000 && len < 1100);
    hostile_free(h);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_credit_is_closed),
        cmocka_unit_test(floods_are_closed),
        cmocka_unit_test(questions_about_forks_are_bounded),
        cmocka_unit_test(questions_that_cost_too_much_are_refused),
        cmocka_unit_test(unasked_answers_about_forks_are_harmless),
        cmocka_unit_test(unknown_messages_are_skipped),
        cmocka_unit_test(malformed_messages_are_closed),
        cmocka_unit_test(random_frames_never_break),
        cmocka_unit_test(stray_seals_are_closed),
        cmocka_unit_test(dripping_bytes_do_not_keep_a_log_from_others),
        cmocka_unit_test(a_range_that_never_ends_reconnects),
        cmocka_unit_test(an_endless_frontier_is_given_up),
        cmocka_unit_test(seals_nobody_asked_for_are_few),
        cmocka_unit_test(seals_cost_credit),
        cmocka_unit_test(an_answered_request_for_a_seal_is_over),
        cmocka_unit_test(a_claim_that_was_not_proven_is_told_again),
        cmocka_unit_test(claims_without_end_are_few_events),
        cmocka_unit_test(a_peer_that_never_reads_costs_little),
        cmocka_unit_test(segments_without_credit_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
