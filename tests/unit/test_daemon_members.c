/* The member table: names that two houses share are known without a search. */
#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdio.h>

#include "daemon/members.h"

enum { HOUSES = 4 };

static void make_charter(struct charter *charter)
{
    static const uint8_t nonce[32] = {7};
    static const char *const slugs[HOUSES] = {"koeln", "muenchen", "leipzig", "muenchen"};
    struct house_line line[HOUSES];
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    for (size_t i = 0; i < HOUSES; i++) {
        struct tris_sign_secret key;
        struct tris_sign_pub pub;
        uint8_t seed[32] = {(uint8_t)(i + 1)};
        assert_int_equal(crypto_sign_seed_keypair(pub.b, key.b, seed), 0);
        line[i] = (struct house_line){
            .role = TRIS_ROLE_HOUSE, .region = "05315", .name = "Haus", .time_ms = 1000};
        snprintf(line[i].slug, sizeof line[i].slug, "%s", slugs[i]);
        memset(line[i].transport.b, (int)(i + 1), sizeof line[i].transport.b);
        assert_int_equal(house_line_make(&line[i], &key, text, sizeof text), TRIS_OK);
    }
    assert_int_equal(charter_new("Test", nonce, line, HOUSES, 2, 3, charter), TRIS_OK);
}

static void a_shared_slug_is_marked_on_all_who_have_it(void **state)
{
    struct charter charter;
    struct members m;
    (void)state;
    make_charter(&charter);
    assert_int_equal(members_init(&m, &charter), TRIS_OK);
    assert_int_equal(m.count, HOUSES);
    for (uint32_t i = 0; i < m.count; i++) {
        bool shared = strcmp(members_line(&m, i)->slug, "muenchen") == 0;
        assert_int_equal(m.list[i].slug_shared, shared);
    }
    members_fini(&m);
    charter_fini(&charter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shared_slug_is_marked_on_all_who_have_it)};
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
