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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_another_process_that_knows_our_nonce_is_a_twin),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
