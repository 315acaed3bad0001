/* proto/twin: what proves another living process, and what does not. */
#include "tests/lib/testlib.h"

#include <sodium.h>

#include "proto/twin.h"

static void only_another_process_that_knows_our_nonce_is_a_twin(void **state)
{
    (void)state;
    struct tris_fed_id fed = {{1}}, other_fed = {{2}};
    struct tris_sign_secret key, foreign;
    struct tris_sign_pub pub, foreign_pub;
    assert_int_equal(crypto_sign_keypair(pub.b, key.b), 0);
    assert_int_equal(crypto_sign_keypair(foreign_pub.b, foreign.b), 0);
    struct twin twin;
    twin_sign(&fed, &key, 70, 80, &twin);
    assert_int_equal(twin_verify(&fed, &pub, 70, &twin), TRIS_OK);
    assert_int_equal(twin_verify(&fed, &pub, 71, &twin), TRIS_ERR_BAD_VALUE); /* a former process */
    assert_int_equal(twin_verify(&other_fed, &pub, 70, &twin), TRIS_ERR_BAD_SIGNATURE);
    assert_int_equal(twin_verify(&fed, &foreign_pub, 70, &twin), TRIS_ERR_BAD_SIGNATURE);
    struct twin forged = twin;
    forged.nonce = 81;
    assert_int_equal(twin_verify(&fed, &pub, 70, &forged), TRIS_ERR_BAD_SIGNATURE);
    forged = twin;
    forged.sig.b[5] ^= 1;
    assert_int_equal(twin_verify(&fed, &pub, 70, &forged), TRIS_ERR_BAD_SIGNATURE);
    twin_sign(&fed, &key, 70, 70, &twin); /* asked about itself */
    assert_int_equal(twin_verify(&fed, &pub, 70, &twin), TRIS_ERR_SELF);
    twin_sign(&fed, &foreign, 70, 80, &twin);
    assert_int_equal(twin_verify(&fed, &pub, 70, &twin), TRIS_ERR_BAD_SIGNATURE);
}

static void a_question_is_answered_an_answer_goes_to_whom_it_is_about(void **state)
{
    (void)state;
    struct tris_sign_secret key;
    struct tris_house_id own;
    struct tris_fed_id fed = {{1}};
    struct twin answer, unused;
    uint8_t seed[32] = {5};
    assert_int_equal(crypto_sign_seed_keypair(own.b, key.b, seed), 0);
    const struct twin question = {.about = 70}, own_nonce = {.about = 80};
    assert_int_equal(twin_judge(&fed, &key, 80, &question, &answer), TWIN_ANSWER);
    assert_int_equal(answer.about, 70);
    assert_int_equal(answer.nonce, 80);
    assert_int_equal(twin_judge(&fed, &key, 90, &answer, &unused), TWIN_PASS_ON);
    assert_int_equal(twin_judge(&fed, &key, 70, &answer, &unused), TWIN_PROVEN);
    assert_int_equal(twin_judge(&fed, &key, 80, &own_nonce, &unused), TWIN_NOTHING);
    answer.sig.b[3] ^= 1;
    assert_int_equal(twin_judge(&fed, &key, 70, &answer, &unused), TWIN_NOTHING);
}

static void two_processes_are_asked_once_in_a_while(void **state)
{
    (void)state;
    uint64_t asked_ms = 0;
    assert_false(twin_due(&asked_ms, 1000, 7, 7)); /* one process that dialled twice */
    assert_int_equal(asked_ms, 0);
    assert_true(twin_due(&asked_ms, 1000, 7, 8));
    assert_false(twin_due(&asked_ms, 1000 + TWIN_AGAIN_MS - 1, 7, 8));
    assert_true(twin_due(&asked_ms, 1000 + TWIN_AGAIN_MS, 7, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_answered_an_answer_goes_to_whom_it_is_about),
        cmocka_unit_test(two_processes_are_asked_once_in_a_while),
        cmocka_unit_test(only_another_process_that_knows_our_nonce_is_a_twin),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
