/* Open invitations and candidates, over restarts. No thread runs: the test takes what waits for the
 * writer and runs it. */
#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/membership.h"
#include "daemon/writer_int.h"

struct fixture {
    char dir[256];
    struct daemon d;
};

static int setup(void **state)
{
    static const uint8_t nonce[32] = {7};
    struct fixture *f = calloc(1, sizeof *f);
    struct tris_sign_pub pub;
    struct daemon *d = &f->d;
    char detail[256];
    test_dir_make(f->dir, sizeof f->dir);
    log_init(&d->log, LOG_ERROR, LOG_TEXT);
    assert_int_equal(crypto_sign_keypair(pub.b, d->identity.b), 0);
    d->own_line = (struct house_line){
        .role = TRIS_ROLE_HOUSE, .region = "05315", .slug = "koeln", .name = "K", .time_ms = 1000};
    assert_int_equal(
        house_line_make(&d->own_line, &d->identity, d->own_line_text, sizeof d->own_line_text),
        TRIS_OK);
    assert_int_equal(charter_new("Test", nonce, &d->own_line, 1, 1, 2, &d->charter), TRIS_OK);
    d->own = d->own_line.id;
    d->role = TRIS_ROLE_HOUSE;
    assert_int_equal(uv_loop_init(&d->loop), 0);
    struct store_opts opts = {
        .dir = f->dir, .map_bytes = 64 << 20, .create = true, .fed = d->charter.fed, .own = d->own};
    assert_int_equal(store_open(&opts, &d->store, detail, sizeof detail), TRIS_OK);
    assert_int_equal(membership_open(d), TRIS_OK);
    assert_int_equal(writer_open(d, &d->writer), TRIS_OK);
    assert_int_equal(invites_load(d), TRIS_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    invites_fini(&f->d.invites);
    writer_free(f->d.writer);
    (void)uv_run(&f->d.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->d.loop), 0);
    store_close(f->d.store);
    members_fini(&f->d.members);
    charter_fini(&f->d.charter);
    test_dir_remove(f->dir);
    free(f);
    return 0;
}

/* What waits is stored; the next process reads it. */
static void start_again(struct fixture *f)
{
    struct writer *w = f->d.writer;
    assert_int_equal(batch_run(&w->batch, &w->groups), TRIS_OK);
    invites_fini(&f->d.invites);
    assert_int_equal(invites_load(&f->d), TRIS_OK);
}

static void done(struct daemon *d, void *ctx, enum tris_err err,
                 const struct writer_result *results, size_t count)
{
    (void)d, (void)ctx, (void)err, (void)results, (void)count;
}

static struct invite_row make(struct fixture *f, uint64_t for_ms)
{
    struct invite_row row;
    assert_int_equal(invites_make(&f->d, clock_wall_ms() + for_ms, done, NULL, &row), TRIS_OK);
    return row;
}

static uint32_t open_now(struct fixture *f)
{
    uint32_t count;
    (void)invites_gate(&f->d, &count);
    return count;
}

enum { HOUR_MS = 3600000 };

static void an_invitation_is_open_until_somebody_came(void **state)
{
    struct fixture *f = *state;
    const struct tris_house_id house = {{5}}, other = {{6}};
    struct invite_row one = make(f, HOUR_MS), two = make(f, HOUR_MS);
    uint32_t count;
    start_again(f);
    const struct session_invite *open = invites_gate(&f->d, &count);
    uint8_t psk[32], key[32];
    assert_int_equal(count, 2);
    for (uint32_t i = 0; i < count; i++) {
        const struct invite_row *row = open[i].id == one.id ? &one : &two;
        assert_true(open[i].id == row->id);
        invite_psk(row->secret, psk);
        noise_gate_key(psk, key);
        assert_memory_equal(open[i].psk, psk, sizeof psk);
        assert_memory_equal(open[i].gate_key, key, sizeof key);
    }
    assert_true(invites_consume(&f->d, one.id, &house));
    assert_false(invites_consume(&f->d, one.id, &other)); /* two came at one moment */
    for (int round = 0; round < 2; round++) {
        open = invites_gate(&f->d, &count);
        assert_int_equal(count, 1);
        assert_true(open[0].id == two.id);
        invite_psk(two.secret, psk);
        assert_memory_equal(open[0].psk, psk, sizeof psk);
        start_again(f);
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < f->d.invites.count; i++) {
        const struct invite_row *row = &f->d.invites.row[i];
        used += row->used ? 1 : 0;
        assert_true(!row->used || (row->id == one.id && tris_house_id_eq(&row->used_by, &house)));
    }
    assert_int_equal(used, 1);
}

static void an_expired_one_lets_nobody_in(void **state)
{
    struct fixture *f = *state;
    const struct tris_house_id house = {{5}};
    struct invite_row row = make(f, 0);
    assert_int_equal(open_now(f), 0);
    assert_false(invites_consume(&f->d, row.id, &house));
    row.expires_ms = 1000;
    assert_true(invite_is_open(&row, 999));
    assert_false(invite_is_open(&row, 1000));
}

static void a_cancelled_one_is_gone(void **state)
{
    struct fixture *f = *state;
    struct invite_row row = make(f, HOUR_MS);
    char number[INVITE_NUMBER_BYTES];
    uint64_t id = 0;
    invite_number(row.id, number);
    assert_int_equal(invites_cancel(&f->d, span_str("x"), done, NULL, &id), TRIS_ERR_NOT_FOUND);
    assert_int_equal(invites_cancel(&f->d, span_of(number, 0), done, NULL, &id),
                     TRIS_ERR_NOT_FOUND);
    assert_int_equal(invites_cancel(&f->d, span_of(number, 5), done, NULL, &id), TRIS_OK);
    assert_true(id == row.id);
    assert_int_equal(open_now(f), 0);
    start_again(f);
    assert_int_equal(f->d.invites.count, 0);
}

static void eight_are_open_and_sixty_four_are_kept(void **state)
{
    struct fixture *f = *state;
    struct invite_row row;
    struct tris_house_id house = {{0}};
    for (uint32_t i = 0; i < INVITES_OPEN_MAX; i++) {
        (void)make(f, HOUR_MS);
    }
    assert_int_equal(open_now(f), INVITES_OPEN_MAX);
    assert_int_equal(invites_make(&f->d, clock_wall_ms() + HOUR_MS, done, NULL, &row),
                     TRIS_ERR_NOT_READY);
    struct invite_row first = f->d.invites.row[0];
    for (uint32_t i = 0; i < INVITES_KEPT_MAX; i++) { /* all but the first are used, one by one */
        uint32_t last = f->d.invites.count - 1;
        house.b[0] = (uint8_t)i;
        assert_true(invites_consume(&f->d, f->d.invites.row[last].id, &house));
        (void)make(f, HOUR_MS);
        assert_true(f->d.invites.count <= INVITES_KEPT_MAX);
    }
    assert_int_equal(open_now(f), INVITES_OPEN_MAX);
    start_again(f);
    assert_int_equal(f->d.invites.count, INVITES_KEPT_MAX);
    assert_int_equal(open_now(f), INVITES_OPEN_MAX); /* no open one made room */
    bool there = false;
    for (uint32_t i = 0; i < INVITES_KEPT_MAX; i++) {
        there = there || f->d.invites.row[i].id == first.id;
    }
    assert_true(there);
}

/* ---- candidates ---- */

static void make_line(uint8_t seed, uint64_t time_ms, char *out, struct tris_house_id *id)
{
    struct house_line line = {
        .role = TRIS_ROLE_HOUSE, .region = "14713", .slug = "leipzig", .name = "L"};
    const uint8_t bytes[crypto_sign_SEEDBYTES] = {seed};
    struct tris_sign_secret key;
    struct tris_sign_pub pub;
    (void)crypto_sign_seed_keypair(pub.b, key.b, bytes);
    line.time_ms = time_ms;
    assert_int_equal(house_line_make(&line, &key, out, TRIS_HOUSE_LINE_BYTES_MAX + 1), TRIS_OK);
    *id = line.id;
}

static void a_candidate_stays_with_its_newest_line(void **state)
{
    struct fixture *f = *state;
    char older[TRIS_HOUSE_LINE_BYTES_MAX + 1], newer[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct tris_house_id id;
    make_line(1, 1000, older, &id);
    make_line(1, 2000, newer, &id);
    assert_null(candidates_find(&f->d, &id));
    assert_int_equal(candidates_put(&f->d, older), TRIS_OK);
    assert_int_equal(candidates_put(&f->d, newer), TRIS_OK);
    assert_int_equal(candidates_put(&f->d, older), TRIS_OK);
    for (int round = 0; round < 2; round++) {
        assert_string_equal(candidates_find(&f->d, &id)->text, newer);
        assert_null(candidates_at(&f->d, 1));
        start_again(f);
    }
    candidates_remove(&f->d, &id);
    candidates_remove(&f->d, &id);
    start_again(f);
    assert_null(candidates_find(&f->d, &id));
}

static void a_newer_line_does_not_clear_a_penalty(void **state)
{
    struct fixture *f = *state;
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct tris_house_id house;
    make_line(1, 1000, text, &house);
    assert_null(candidates_penalty(&f->d, &house));
    assert_int_equal(candidates_put(&f->d, text), TRIS_OK);
    penalty_offended(candidates_penalty(&f->d, &house));
    make_line(1, 2000, text, &house);
    assert_int_equal(candidates_put(&f->d, text), TRIS_OK);
    assert_string_equal(candidates_find(&f->d, &house)->text, text);
    assert_int_equal(candidates_penalty(&f->d, &house)->offences, 1);
}

static void of_more_candidates_the_one_not_heard_of_makes_room(void **state)
{
    struct fixture *f = *state;
    char line[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct tris_house_id id, silent = {{0}};
    for (uint8_t i = 0; i <= CANDIDATES_MAX; i++) {
        make_line(i, 1000, line, &id);
        assert_int_equal(candidates_put(&f->d, line), TRIS_OK);
        for (uint32_t k = 0; i == 20 && k < f->d.invites.candidates; k++) {
            if (tris_house_id_eq(&f->d.invites.candidate[k]->line.id, &id)) {
                f->d.invites.candidate[k]->heard_ms = 5;
                silent = id;
            }
        }
    }
    for (int round = 0; round < 2; round++) {
        assert_int_equal(f->d.invites.candidates, CANDIDATES_MAX);
        assert_null(candidates_find(&f->d, &silent));
        assert_non_null(candidates_find(&f->d, &id));
        for (uint32_t k = 1; k < CANDIDATES_MAX; k++) {
            assert_true(tris_house_id_cmp(&candidates_at(&f->d, k - 1)->line.id,
                                          &candidates_at(&f->d, k)->line.id) < 0);
        }
        start_again(f);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_invitation_is_open_until_somebody_came),
        CASE(an_expired_one_lets_nobody_in),
        CASE(a_cancelled_one_is_gone),
        CASE(eight_are_open_and_sixty_four_are_kept),
        CASE(a_candidate_stays_with_its_newest_line),
        CASE(a_newer_line_does_not_clear_a_penalty),
        CASE(of_more_candidates_the_one_not_heard_of_makes_room),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
