/* Sessions of houses that are no members: invitations, cards, the charter, and which logs travel.
 */
#include "tests/unit/session_hostile.h"

#include "proto/invite.h"

enum { CHARTER_BYTES = 3 * MSG_CHARTER_TEXT_BYTES + 5 };

static uint8_t charter_text[CHARTER_BYTES];
static char lines[NODES_MAX][TRIS_HOUSE_LINE_BYTES_MAX + 1];

/* A house line of node `id`, naming the transport key of node `transport`. */
static void make_line(struct node *id, const struct node *transport, char *out)
{
    struct house_line line = {.role = TRIS_ROLE_HOUSE, .time_ms = 7, .addr_count = 0};
    (void)snprintf(line.region, sizeof line.region, "05315");
    (void)snprintf(line.slug, sizeof line.slug, "haus-%u", (unsigned)id->number);
    (void)snprintf(line.name, sizeof line.name, "Haus %u", (unsigned)id->number);
    line.transport = transport->transport.pub;
    assert_int_equal(house_line_make(&line, &id->sign, out, TRIS_HOUSE_LINE_BYTES_MAX + 1),
                     TRIS_OK);
}

/* House 0 has `count` invitations open and two members, itself and house 2; house 1 is none. The
 * levels are those of both sides. */
static struct world *invited_world(uint32_t count)
{
    struct world *w = world_new(3, 2);
    struct node *inviter = &w->nodes[0];
    for (size_t i = 0; i < sizeof charter_text; i++) {
        charter_text[i] = (uint8_t)(i * 31 >> 3);
    }
    inviter->charter = span_of(charter_text, sizeof charter_text);
    inviter->member[1] = false;
    for (uint32_t i = 0; i < count; i++) {
        struct session_invite *invite = &inviter->invites[inviter->invites_count++];
        const uint8_t secret[INVITE_SECRET_BYTES] = {(uint8_t)i, 9};
        invite->id = invite_id(secret);
        invite_psk(secret, invite->psk);
        noise_gate_key(invite->psk, invite->gate_key);
    }
    for (uint32_t i = 0; i < 3; i++) {
        w->nodes[1].level[i] = SESSION_GOV;
        make_line(&w->nodes[i], &w->nodes[i], lines[i]);
    }
    return w;
}

/* House 1 calls house 0 with the secret of invitation `which`. */
static struct link *invited_link(struct world *w, size_t at, uint32_t which)
{
    struct session_config a = config_of(&w->nodes[1], &w->nodes[0], true);
    struct session_config b = config_of(&w->nodes[0], &w->nodes[1], false);
    const uint8_t secret[INVITE_SECRET_BYTES] = {(uint8_t)which, 9};
    a.invited = true;
    invite_psk(secret, a.psk);
    a.card = span_str(lines[1]);
    b.card = span_str(lines[0]);
    return link_with(w, at, &a, &w->nodes[1], &b, &w->nodes[0]);
}

static void assert_no_answer(struct link *l)
{
    assert_true(l->end[1].closed);
    assert_int_equal(l->end[1].close.closed.reason, TRIS_ERR_GATE);
    assert_int_equal(session_stats(l->end[1].session)->bytes_out, 0);
    assert_false(l->end[0].opened);
}

static void an_invitation_opens_a_session_and_tells_who_is_who(void **state)
{
    (void)state;
    for (uint32_t which = 0; which < SESSION_INVITES_MAX; which++) {
        struct world *w = invited_world(SESSION_INVITES_MAX);
        struct link *l = invited_link(w, 0, which);
        world_run(w);
        assert_alive(l);
        assert_true(l->end[1].invite == w->nodes[0].invites[which].id);
        assert_true(l->end[0].invite == 0);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(session_level(l->end[i].session), SESSION_GOV);
            assert_int_equal(l->end[i].card_count, 1);
            assert_true(l->end[i].in_sync);
        }
        assert_string_equal(l->end[1].card, lines[1]);
        assert_string_equal(l->end[0].card, lines[0]);
        session_get_charter(l->end[0].session, 0);
        world_run(w);
        assert_int_equal(l->end[0].charter_parts, 4);
        assert_int_equal(l->end[0].charter_len, CHARTER_BYTES);
        assert_memory_equal(l->end[0].charter, charter_text, CHARTER_BYTES);
        world_free(w);
    }
}

static void without_an_open_invitation_there_is_no_answer(void **state)
{
    (void)state;
    struct world *w = invited_world(2);
    struct link *l = invited_link(w, 0, 2);
    world_run(w);
    assert_no_answer(l);
    l = invited_link(w, 1, 1);
    world_run(w);
    assert_true(l->end[1].opened);
    w->nodes[0].invites_count = 1; /* the owner has closed it */
    l = invited_link(w, 2, 1);
    world_run(w);
    assert_no_answer(l);
    struct session_config a = config_of(&w->nodes[1], &w->nodes[0], true);
    struct session_config b = config_of(&w->nodes[0], &w->nodes[1], false);
    l = link_with(w, 3, &a, &w->nodes[1], &b, &w->nodes[0]); /* pattern 1: a stranger */
    world_run(w);
    assert_int_equal(l->end[1].close.closed.reason, TRIS_ERR_STRANGER);
    assert_int_equal(session_stats(l->end[1].session)->bytes_out, 0);
    world_free(w);
}

static void an_invitation_of_another_federation_fails(void **state)
{
    (void)state;
    struct world *w = invited_world(1);
    struct session_config a = config_of(&w->nodes[1], &w->nodes[0], true);
    struct session_config b = config_of(&w->nodes[0], &w->nodes[1], false);
    a.invited = true;
    memcpy(a.psk, w->nodes[0].invites[0].psk, sizeof a.psk);
    a.fed.b[0] ^= 1;
    struct link *l = link_with(w, 0, &a, &w->nodes[1], &b, &w->nodes[0]);
    world_run(w);
    assert_int_equal(l->end[1].close.closed.reason, TRIS_ERR_HANDSHAKE);
    assert_int_equal(session_stats(l->end[1].session)->bytes_out, 0);
    world_free(w);
}

/* Of message 1 and of its gate, any bit. */
static void a_changed_first_message_opens_nothing(void **state)
{
    (void)state;
    static uint8_t first[OUT_BYTES];
    struct world *w = invited_world(1);
    struct link *l = invited_link(w, 0, 0);
    size_t len = session_fill(l->end[0].session, first, sizeof first, w->now_ms);
    world_free(w);
    for (uint64_t bit = 1; bit < 8 * len; bit += 7) {
        w = invited_world(1);
        l = invited_link(w, 0, 0);
        l->flip_bit[0] = bit;
        world_run(w);
        assert_false(l->end[1].opened);
        assert_int_equal(session_stats(l->end[1].session)->bytes_out, 0);
        world_free(w);
    }
}

static void a_recorded_invited_message_opens_nothing(void **state)
{
    (void)state;
    static uint8_t recorded[OUT_BYTES], answer[OUT_BYTES];
    struct world *w = invited_world(1);
    struct session_config a = config_of(&w->nodes[1], &w->nodes[0], true);
    struct session_config b = config_of(&w->nodes[0], &w->nodes[1], false);
    struct session *caller, *victim;
    struct session_event event;
    a.invited = true;
    memcpy(a.psk, w->nodes[0].invites[0].psk, sizeof a.psk);
    assert_int_equal(session_new(&a, 0, &caller), TRIS_OK);
    size_t len = session_fill(caller, recorded, sizeof recorded, 0);
    session_free(caller);
    for (uint32_t round = 0; round < 2; round++) {
        assert_int_equal(session_new(&b, 0, &victim), TRIS_OK);
        session_recv(victim, span_of(recorded, len), 0);
        assert_true(session_fill(victim, answer, sizeof answer, 0) > 0);
        session_recv(victim, span_of(answer, sizeof answer), 0); /* a frame that it makes up */
        session_tick(victim, HANDSHAKE_MS);
        assert_true(session_next_event(victim, &event)); /* no OPEN: nothing is used up */
        assert_int_equal(event.type, SESSION_EV_CLOSED);
        session_free(victim);
    }
    w->nodes[0].invites_count = 0;
    assert_int_equal(session_new(&b, 0, &victim), TRIS_OK);
    session_recv(victim, span_of(recorded, len), 0);
    assert_int_equal(session_fill(victim, answer, sizeof answer, 0), 0);
    session_free(victim);
    world_free(w);
}

/* The gate of a first message that is longer than any of ours is not even computed. */
static void the_invited_message_is_bounded(void **state)
{
    (void)state;
    for (size_t len = 256; len <= 257; len++) {
        struct world *w = invited_world(1);
        struct session_config b = config_of(&w->nodes[0], &w->nodes[1], false);
        struct session *victim;
        struct session_event event;
        uint8_t bytes[1 + NOISE_GATE_BYTES + 2 + 257] = {NOISE_IKPSK1};
        uint8_t *message = bytes + 1 + NOISE_GATE_BYTES + 2;
        noise_gate(NOISE_IKPSK1, span_of(message, len), w->nodes[0].invites[0].psk, bytes + 1);
        bytes[17] = (uint8_t)(len >> 8);
        bytes[18] = (uint8_t)len;
        assert_int_equal(session_new(&b, 0, &victim), TRIS_OK);
        session_recv(victim, span_of(bytes, 1 + NOISE_GATE_BYTES + 2 + len), 0);
        assert_true(session_next_event(victim, &event));
        assert_int_equal(event.closed.reason, len == 256 ? TRIS_ERR_HANDSHAKE : TRIS_ERR_GATE);
        session_free(victim);
        world_free(w);
    }
}

/* ---- which logs travel ---- */

/* Logs 0 2 4 are gov of houses 0 1 2, logs 1 3 5 data. */
static bool is_gov(uint32_t log_no)
{
    return log_no % 2 == 0;
}

static void a_candidate_gets_gov_logs_only(void **state)
{
    (void)state;
    struct world *w = invited_world(1);
    struct node *inviter = &w->nodes[0], *joiner = &w->nodes[1];
    fill_node(w, 0, 2, 5, 100);
    for (uint32_t log_no = 4; log_no < 6; log_no++) { /* house 0 has them of house 2 */
        node_write_as(inviter, log_no, 3, 100);
    }
    struct link *l = invited_link(w, 0, 0);
    node_write(joiner, 3, 4, 100); /* its own data */
    world_run(w);
    world_pass(w, 3 * HEARTBEAT_MS);
    assert_alive(l);
    for (uint32_t i = 0; i < w->logs_count; i++) {
        bool own = i / 2 == 1;
        assert_true(own || joiner->logs[i].count == (is_gov(i) ? inviter->logs[i].count : 0));
    }
    assert_int_equal(inviter->logs[3].count, 0);
    for (size_t i = 0; i < 2; i++) {
        assert_true(session_stats(l->end[i].session)->equal);
        assert_int_equal(session_stats(l->end[i].session)->unknown_logs, 0); /* not even offered */
    }
    assert_int_equal(session_stats(l->end[0].session)->entries_out, 0);
    /* live: an entry of a gov log is pushed, others are not */
    uint64_t before = session_stats(l->end[1].session)->entries_out;
    node_write(inviter, 1, 1, 100);
    node_write(inviter, 0, 1, 100);
    node_write(joiner, 3, 1, 100);
    world_pass(w, 3 * HEARTBEAT_MS);
    assert_true(session_stats(l->end[1].session)->entries_out == before + 1);
    assert_int_equal(joiner->logs[0].count, inviter->logs[0].count);
    assert_int_equal(joiner->logs[1].count + inviter->logs[3].count, 0);
    assert_true(session_stats(l->end[0].session)->equal);
    world_free(w);
}

/* Both hold data that the other lacks, a revoked house does not get at it nor spread its own. */
static void a_revoked_house_keeps_what_it_has(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 1, 5, 100);
    fill_node(w, 1, 1, 5, 100);
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    assert_true(nodes_equal(w, 0, 1));
    link_close(l);
    node_write(&w->nodes[0], 1, 2, 100);
    node_write(&w->nodes[1], 3, 2, 100);
    node_write(&w->nodes[0], 0, 2, 100);
    w->nodes[0].level[1] = w->nodes[1].level[0] = SESSION_GOV;
    l = link_open(w, 0, 1, 0);
    world_run(w);
    world_pass(w, 5 * HEARTBEAT_MS);
    assert_alive(l);
    assert_int_equal(w->nodes[1].logs[0].count, 7);
    assert_int_equal(w->nodes[1].logs[1].count, 5);
    assert_int_equal(w->nodes[0].logs[3].count, 5);
    assert_true(session_stats(l->end[0].session)->equal);
    world_free(w);
}

/* For a moment one side knows of an admission and the other does not. */
static void sides_that_disagree_about_the_level_stay_at_peace(void **state)
{
    (void)state;
    for (uint32_t gov = 0; gov < 2; gov++) {
        struct world *w = world_new(2, 2);
        fill_node(w, 0, 1, 5, 100);
        fill_node(w, 1, 1, 5, 100);
        w->nodes[gov].level[1 - gov] = SESSION_GOV;
        struct link *l = link_open(w, 0, 1, 0);
        world_run(w);
        world_pass(w, 10 * HEARTBEAT_MS);
        assert_alive(l);
        assert_int_equal(w->nodes[1].logs[0].count, 5);
        assert_int_equal(w->nodes[0].logs[2].count, 5);
        assert_int_equal(w->nodes[1].logs[1].count + w->nodes[0].logs[3].count, 0);
        assert_true(session_stats(l->end[0].session)->ladders < 12); /* once a minute or so */
        world_free(w);
    }
}

/* The one that has not heard of its own admission calls as a candidate, with its card; the other
 * one asks as a member for its next key. */
static void cards_of_the_other_level_are_skipped(void **state)
{
    (void)state;
    for (uint32_t gov = 0; gov < 2; gov++) {
        struct world *w = world_new(2, 2);
        struct node *caller = &w->nodes[0], *called = &w->nodes[1];
        struct tris_sign_secret key;
        struct tris_sign_pub pub;
        struct noise_keypair transport = {.pub = {{9}}};
        char next[TRIS_HOUSE_LINE_BYTES_MAX + 1];
        struct house_line line = {.role = TRIS_ROLE_HOUSE,
                                  .region = "05315",
                                  .slug = "koeln",
                                  .name = "Haus",
                                  .id = w->nodes[1 - gov].id,
                                  .epoch = 1,
                                  .transport = transport.pub};
        assert_int_equal(crypto_sign_keypair(pub.b, key.b), 0);
        assert_int_equal(house_line_make(&line, &key, next, sizeof next), TRIS_OK);
        make_line(&w->nodes[gov], &w->nodes[gov], lines[gov]);
        fill_node(w, 0, 1, 5, 100);
        fill_node(w, 1, 1, 5, 100);
        w->nodes[gov].level[1 - gov] = SESSION_GOV;
        struct session_config a = config_of(caller, called, true);
        struct session_config b = config_of(called, caller, false);
        struct session_config *candidate = gov == 0 ? &a : &b, *member = gov == 0 ? &b : &a;
        candidate->card = span_str(lines[gov]);
        member->next_card = span_str(next);
        struct link *l = link_with(w, 0, &a, caller, &b, called);
        world_run(w);
        world_pass(w, 3 * HEARTBEAT_MS);
        assert_alive(l);
        assert_int_equal(l->end[0].card_count + l->end[1].card_count, 0);
        assert_int_equal(called->logs[0].count, 5);
        assert_int_equal(caller->logs[2].count, 5);
        world_free(w);
    }
}

/* ---- hostile ---- */

/* House 0 is a candidate at house 1. */
static struct hostile *candidate(void)
{
    struct world *w = world_new(2, 2);
    fill_node(w, 1, 1, 3, 100);
    w->nodes[1].level[0] = SESSION_GOV;
    w->nodes[1].charter = span_of(charter_text, sizeof charter_text);
    return hostile_in(w);
}

static void send_card(struct hostile *h, struct span line)
{
    struct msg m = {.type = MSG_CARD};
    m.card.line = line;
    hostile_send(h, &m);
}

static void a_card_that_is_not_the_callers_is_refused(void **state)
{
    (void)state;
    static const enum tris_err expected[] = {TRIS_ERR_WRONG_KEY, TRIS_ERR_WRONG_KEY,
                                             TRIS_ERR_BAD_SIGNATURE, TRIS_ERR_BAD_VALUE,
                                             TRIS_ERR_TRUNCATED};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct hostile *h = candidate();
        char line[TRIS_HOUSE_LINE_BYTES_MAX + 1];
        struct node *own = &h->w->nodes[0], *other = &h->w->nodes[1];
        make_line(i == 0 ? other : own, i == 1 ? other : own, line);
        if (i == 2) {
            memcpy(strstr(line, "Haus"), "Raus", 4);
        } else if (i == 3) {
            line[0] = 'T';
        } else if (i == 4) {
            line[0] = '\0';
        }
        send_card(h, span_str(line));
        assert_thrown_out(h, expected[i]);
        assert_int_equal(h->end.card_count, 0);
        hostile_free(h);
    }
}

static void one_card_is_looked_at(void **state)
{
    (void)state;
    struct hostile *h = candidate();
    char line[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    make_line(&h->w->nodes[0], &h->w->nodes[0], line);
    send_card(h, span_str(line));
    assert_int_equal(h->end.card_count, 1);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    send_card(h, span_str(line));
    assert_thrown_out(h, TRIS_ERR_UNEXPECTED);
    assert_int_equal(h->end.card_count, 1);
    hostile_free(h);
}

/* A member tells the line of a next epoch, for which it asks to be endorsed; nobody hears of any
 * other one. */
static void a_members_card_is_of_a_next_epoch(void **state)
{
    (void)state;
    char line[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    for (int i = 0; i < 4; i++) {
        struct hostile *h = hostile_new();
        struct tris_sign_secret key;
        struct tris_sign_pub pub;
        struct house_line next = {.role = TRIS_ROLE_HOUSE,
                                  .region = "05315",
                                  .slug = "koeln",
                                  .name = "Haus",
                                  .id = i == 1 ? h->w->nodes[1].id : h->w->nodes[0].id,
                                  .epoch = 1};
        assert_int_equal(crypto_sign_keypair(pub.b, key.b), 0);
        assert_int_equal(house_line_make(&next, &key, line, sizeof line), TRIS_OK);
        if (i >= 2) { /* of the present epoch: it does not know that it is a member */
            make_line(&h->w->nodes[0], &h->w->nodes[i == 2 ? 0 : 1], line);
        }
        send_card(h, span_str(line));
        assert_int_equal(h->end.card_count, i == 0 ? 1 : 0);
        if (i % 2 != 0) {
            assert_thrown_out(h, TRIS_ERR_WRONG_KEY);
        } else {
            assert_int_equal(session_state(h->victim), SESSION_OPEN);
        }
        hostile_free(h);
    }
}

/* The last message of this type in the frames that the victim sends now. */
static bool hostile_answer(struct hostile *h, enum msg_type type, struct msg *out)
{
    static uint8_t plain[TRIS_FRAME_BYTES_MAX];
    bool found = false;
    size_t len = session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms);
    for (size_t at = 0; at < len;) {
        size_t frame = (size_t)h->out[at] << 8 | h->out[at + 1];
        assert_int_equal(noise_decrypt(&h->transport.recv, span_of(h->out + at + 2, frame), plain),
                         TRIS_OK);
        struct rbuf r = rbuf_of(span_of(plain, frame - 16));
        while (rbuf_left(&r) > 0) {
            struct msg m;
            assert_int_equal(msg_decode(&r, &m), TRIS_OK);
            if (m.type == type) {
                *out = m;
                found = true;
            }
        }
        at += 2 + frame;
    }
    return found;
}

static void the_charter_is_told_in_bounded_parts(void **state)
{
    (void)state;
    struct hostile *h = candidate();
    static const uint64_t offsets[] = {0, CHARTER_BYTES - 1, CHARTER_BYTES, CHARTER_BYTES + 1,
                                       TRIS_CHARTER_BYTES_MAX};
    struct msg ask = {.type = MSG_GET_CHARTER}, got;
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        ask.get_charter.offset = offsets[i];
        hostile_send(h, &ask);
        assert_true(hostile_answer(h, MSG_CHARTER, &got));
        assert_true(got.charter.total == CHARTER_BYTES);
        assert_int_equal(got.charter.text.len, i == 0 ? MSG_CHARTER_TEXT_BYTES : i == 1 ? 1 : 0);
    }
    hostile_free(h);
    h = hostile_new(); /* a member too; and a house that cannot tell it now says so */
    hostile_send(h, &ask);
    assert_true(hostile_answer(h, MSG_CHARTER, &got));
    assert_true(got.charter.total == 0 && got.charter.text.len == 0);
    hostile_free(h);
}

static void a_flood_of_questions_is_closed(void **state)
{
    (void)state;
    struct hostile *h = candidate();
    struct msg ask = {.type = MSG_GET_CHARTER};
    for (uint32_t i = 0; i < 512; i++) {
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
        hostile_send(h, &ask);
    }
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    hostile_send(h, &ask);
    assert_thrown_out(h, TRIS_ERR_FLOOD);
    hostile_free(h);
}

static void a_charter_that_was_not_asked_for_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset, total;
        size_t len;
    } wrong[] = {
        {0, 10, 5}, /* not asked for */
        {1, 10, 5}, /* another place */
        {0, 4, 5},  /* beyond its own end */
        {0, 10, 0}, /* no progress: it would be asked for without end */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct hostile *h = candidate();
        struct msg m = {.type = MSG_CHARTER}, ask;
        m.charter = (struct msg_charter){wrong[i].offset, wrong[i].total,
                                         span_of(charter_text, wrong[i].len)};
        if (i > 0) {
            session_get_charter(h->victim, 0);
            assert_true(hostile_answer(h, MSG_GET_CHARTER, &ask));
        }
        hostile_send(h, &m);
        assert_thrown_out(h, i == 0 ? TRIS_ERR_UNEXPECTED : TRIS_ERR_BAD_VALUE);
        assert_int_equal(h->end.charter_parts, 0);
        hostile_free(h);
    }
    struct hostile *h = candidate();
    struct msg m = {.type = MSG_CHARTER}, ask;
    m.charter = (struct msg_charter){0, 5, span_of(charter_text, 5)};
    session_get_charter(h->victim, 0);
    assert_true(hostile_answer(h, MSG_GET_CHARTER, &ask));
    hostile_send(h, &m);
    assert_int_equal(h->end.charter_parts, 1);
    hostile_send(h, &m); /* the same answer again */
    assert_thrown_out(h, TRIS_ERR_UNEXPECTED);
    free(h->end.charter);
    hostile_free(h);
}

/* A candidate that knows the ids of all logs gets at no data by any question. */
static void no_question_gets_at_data(void **state)
{
    (void)state;
    struct hostile *h = candidate();
    struct node *victim = &h->w->nodes[1];
    const struct tris_short gov = tris_short_of(victim->logs[2].id.b);
    const struct tris_short data = tris_short_of(victim->logs[3].id.b);
    uint8_t all[MSG_BUCKET_SET_BYTES];
    memset(all, 0xff, sizeof all);
    struct msg m = {.type = MSG_GET_BUCKETS}, got;
    m.get_buckets.buckets = span_of(all, sizeof all);
    hostile_send(h, &m);
    assert_true(hostile_answer(h, MSG_FRONTIER, &got));
    assert_int_equal(got.frontier.items.count, 1);
    struct msg_item item;
    struct rbuf r = rbuf_of(got.frontier.items.rows);
    msg_row_get(&r, MSG_ROW_item, &item);
    assert_true(tris_short_eq(&item.log, &gov));
    m = (struct msg){.type = MSG_GET_RANGE};
    m.get_range = (struct msg_get_range){data, 0, 3};
    for (uint32_t i = 0; i < 2; i++) {
        hostile_send(h, &m);
        assert_true(hostile_answer(h, MSG_END, &got));
        assert_true(tris_short_eq(&got.end.log, &data) && got.end.next == m.get_range.first);
        m.get_range.first = 3; /* its seal */
    }
    m = (struct msg){.type = MSG_GET_CONSISTENCY};
    m.get_consistency = (struct msg_get_consistency){data, 1};
    hostile_send(h, &m);
    assert_true(hostile_answer(h, MSG_CONSISTENCY, &got));
    assert_true(got.consistency.size == 0);
    m = (struct msg){.type = MSG_GET_NODES};
    m.get_nodes = (struct msg_get_nodes){data, 0, 0, 1};
    hostile_send(h, &m);
    assert_true(hostile_answer(h, MSG_NODES, &got));
    assert_int_equal(got.nodes.hashes.len, 0);
    m = (struct msg){.type = MSG_GET_CHANGED};
    hostile_send(h, &m);
    assert_true(hostile_answer(h, MSG_NOT_KNOWN, &got));
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    assert_int_equal(session_stats(h->victim)->entries_out, 0);
    hostile_free(h);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invitation_opens_a_session_and_tells_who_is_who),
        cmocka_unit_test(without_an_open_invitation_there_is_no_answer),
        cmocka_unit_test(an_invitation_of_another_federation_fails),
        cmocka_unit_test(a_changed_first_message_opens_nothing),
        cmocka_unit_test(a_recorded_invited_message_opens_nothing),
        cmocka_unit_test(the_invited_message_is_bounded),
        cmocka_unit_test(a_candidate_gets_gov_logs_only),
        cmocka_unit_test(a_revoked_house_keeps_what_it_has),
        cmocka_unit_test(sides_that_disagree_about_the_level_stay_at_peace),
        cmocka_unit_test(cards_of_the_other_level_are_skipped),
        cmocka_unit_test(a_card_that_is_not_the_callers_is_refused),
        cmocka_unit_test(one_card_is_looked_at),
        cmocka_unit_test(a_members_card_is_of_a_next_epoch),
        cmocka_unit_test(the_charter_is_told_in_bounded_parts),
        cmocka_unit_test(a_flood_of_questions_is_closed),
        cmocka_unit_test(a_charter_that_was_not_asked_for_is_refused),
        cmocka_unit_test(no_question_gets_at_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
