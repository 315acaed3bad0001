/* What the restore guard leaves for the next process. No thread runs: the test takes what waits for
 * the writer and runs it. */
#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/confirm.h"
#include "daemon/conn_int.h"
#include "daemon/daemon.h"
#include "daemon/heads.h"
#include "daemon/membership.h"
#include "daemon/overlay_int.h"
#include "daemon/writer_int.h"

enum { HELD_BY_OTHERS = 9 };

struct fixture {
    char dir[256];
    struct daemon d;
    struct conn peer;
};

static void make_identity(struct daemon *d)
{
    static const uint8_t nonce[32] = {7};
    struct tris_sign_pub pub;
    assert_int_equal(crypto_sign_keypair(pub.b, d->identity.b), 0);
    d->own_line = (struct house_line){
        .role = TRIS_ROLE_HOUSE, .region = "05315", .slug = "koeln", .name = "K", .time_ms = 1000};
    memset(d->own_line.transport.b, 9, sizeof d->own_line.transport.b);
    assert_int_equal(
        house_line_make(&d->own_line, &d->identity, d->own_line_text, sizeof d->own_line_text),
        TRIS_OK);
    assert_int_equal(charter_new("Test", nonce, &d->own_line, 1, 1, 2, &d->charter), TRIS_OK);
    d->own = d->own_line.id;
    d->role = TRIS_ROLE_HOUSE;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char detail[256];
    assert_non_null(f);
    test_dir_make(f->dir, sizeof f->dir);
    log_init(&f->d.log, LOG_ERROR, LOG_TEXT);
    make_identity(&f->d);
    assert_int_equal(uv_loop_init(&f->d.loop), 0);
    struct store_opts opts = {.dir = f->dir,
                              .map_bytes = 64 << 20,
                              .create = true,
                              .fed = f->d.charter.fed,
                              .own = f->d.own};
    assert_int_equal(store_open(&opts, &f->d.store, detail, sizeof detail), TRIS_OK);
    assert_int_equal(membership_open(&f->d), TRIS_OK);
    assert_int_equal(writer_open(&f->d, &f->d.writer), TRIS_OK);
    assert_int_equal(frontier_new(&f->d.frontier), TRIS_OK);
    assert_int_equal(heads_load(f->d.store, f->d.frontier), TRIS_OK);
    f->d.overlay = calloc(1, sizeof *f->d.overlay);
    assert_non_null(f->d.overlay);
    assert_int_equal(confirm_load(&f->d, TRIS_OK, ""), TRIS_OK);
    confirm_open(&f->d);
    guard_peer_init(&f->peer.guard, &f->d.own);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    confirm_close(&f->d);
    writer_free(f->d.writer);
    (void)uv_run(&f->d.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->d.loop), 0);
    free(f->d.overlay);
    frontier_free(f->d.frontier);
    store_close(f->d.store);
    members_fini(&f->d.members);
    charter_fini(&f->d.charter);
    test_dir_remove(f->dir);
    free(f);
    return 0;
}

/* Runs what waits, then the guard of the next process reads what there is. */
static void start_again(struct fixture *f)
{
    struct writer *w = f->d.writer;
    assert_int_equal(batch_run(&w->batch, &w->groups), TRIS_OK);
    assert_int_equal(confirm_load(&f->d, TRIS_OK, ""), TRIS_OK);
}

static struct seal seal_of(struct fixture *f, const struct tris_sign_secret *key)
{
    struct seal seal = {.log = frontier_item(f->d.frontier, f->d.data_no)->id,
                        .size = HELD_BY_OTHERS,
                        .time_ms = 1000};
    memset(seal.root.b, 5, sizeof seal.root.b);
    seal_make(&seal, key);
    return seal;
}

static void what_was_proven_outlives_the_process(void **state)
{
    struct fixture *f = *state;
    struct seal seal = seal_of(f, &f->d.identity);
    assert_true(confirm_ready(&f->d)); /* alone in the charter */
    confirm_seal(&f->d, &f->peer, f->d.data_no, &seal);
    assert_false(confirm_ready(&f->d));
    start_again(f);
    assert_int_equal(guard_want_tail(&f->d.confirm.guard, GUARD_DATA), HELD_BY_OTHERS);
    assert_int_equal(guard_want_tail(&f->d.confirm.guard, GUARD_GOV), 0);
    assert_false(atomic_load(&f->d.confirm.may_seal));
}

static void what_another_key_has_signed_proves_nothing(void **state)
{
    struct fixture *f = *state;
    struct tris_sign_pub pub;
    struct tris_sign_secret other;
    assert_int_equal(crypto_sign_keypair(pub.b, other.b), 0);
    struct seal seal = seal_of(f, &other);
    confirm_seal(&f->d, &f->peer, f->d.data_no, &seal);
    assert_true(confirm_ready(&f->d));
    assert_int_equal(guard_want_tail(&f->d.confirm.guard, GUARD_DATA), 0);
}

static void an_alarm_outlives_the_process(void **state)
{
    struct fixture *f = *state;
    confirm_clone(&f->d);
    assert_false(confirm_ready(&f->d));
    start_again(f);
    assert_int_equal(guard_why(&f->d.confirm.guard), GUARD_WHY_CLONE);
    assert_false(atomic_load(&f->d.confirm.may_seal));
}

/* The same house with the keys of a later epoch. */
static void take_new_key(struct fixture *f, uint32_t epoch)
{
    struct writer *w = f->d.writer;
    struct tris_sign_secret key;
    assert_int_equal(batch_run(&w->batch, &w->groups), TRIS_OK);
    f->d.own_line.epoch = epoch;
    assert_int_equal(crypto_sign_keypair(f->d.own_line.key.b, key.b), 0);
    members_fini(&f->d.members);
    assert_int_equal(membership_open(&f->d), TRIS_OK);
    assert_int_equal(confirm_load(&f->d, TRIS_ERR_MARK_MISSING, "no mark"), TRIS_OK);
}

static void what_was_kept_of_a_former_key_is_over_with_it(void **state)
{
    struct fixture *f = *state;
    struct seal seal = seal_of(f, &f->d.identity);
    confirm_seal(&f->d, &f->peer, f->d.data_no, &seal);
    confirm_clone(&f->d);
    f->d.confirm.guard.config.doubt = GUARD_MARK_MISSING;
    (void)snprintf(f->d.confirm.detail, sizeof f->d.confirm.detail, "no mark");
    assert_int_equal(confirm_accept_loss(&f->d), TRIS_OK);
    take_new_key(f, 1);
    assert_int_equal(f->d.confirm.guard.alarm, GUARD_QUIET);
    assert_int_equal(guard_want_tail(&f->d.confirm.guard, GUARD_DATA), 0);
    assert_true(guard_doubtful(&f->d.confirm.guard)); /* another mark was accepted */
}

static void an_alarm_of_a_later_key_outlives_the_process_too(void **state)
{
    struct fixture *f = *state;
    take_new_key(f, 1);
    confirm_clone(&f->d);
    start_again(f);
    members_fini(&f->d.members);
    assert_int_equal(membership_open(&f->d), TRIS_OK);
    assert_int_equal(confirm_load(&f->d, TRIS_OK, ""), TRIS_OK);
    assert_int_equal(guard_why(&f->d.confirm.guard), GUARD_WHY_CLONE);
    take_new_key(f, 2);
    assert_int_equal(f->d.confirm.guard.alarm, GUARD_QUIET);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_proven_outlives_the_process),
        CASE(what_another_key_has_signed_proves_nothing),
        CASE(an_alarm_outlives_the_process),
        CASE(what_was_kept_of_a_former_key_is_over_with_it),
        CASE(an_alarm_of_a_later_key_outlives_the_process_too),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
