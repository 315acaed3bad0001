/* Who may open a session: a member, and only with the transport key that its line names. */
#include "tests/lib/testlib.h"

#include <sodium.h>

#include "daemon/members.h"

static void a_house_line(struct house_line *line, struct tris_sign_secret *key)
{
    struct tris_sign_pub pub;
    char text[TRIS_HOUSE_LINE_BYTES_MAX];
    assert_int_equal(crypto_sign_keypair(pub.b, key->b), 0);
    *line = (struct house_line){.role = TRIS_ROLE_HOUSE,
                                .region = "05315",
                                .slug = "koeln",
                                .name = "Haus Köln",
                                .time_ms = 1000};
    memset(line->transport.b, 9, sizeof line->transport.b);
    assert_int_equal(house_line_make(line, key, text, sizeof text), TRIS_OK);
}

static void a_member_is_admitted_with_the_key_of_its_line_only(void **state)
{
    static const uint8_t nonce[32] = {7};
    struct house_line line;
    struct tris_sign_secret key;
    struct charter charter;
    struct members members;
    enum tris_role role = TRIS_ROLE_OBSERVER;
    (void)state;
    a_house_line(&line, &key);
    assert_int_equal(charter_new("Test", nonce, &line, 1, 1, 2, &charter), TRIS_OK);
    assert_int_equal(members_init(&members, &charter), TRIS_OK);

    assert_int_equal(members_admit(&members, &line.id, &line.transport, &role), TRIS_OK);
    assert_int_equal(role, TRIS_ROLE_HOUSE);
    struct tris_dh_pub other = line.transport;
    for (size_t i = 0; i < sizeof other.b; i++) {
        other.b[i] ^= 1;
        assert_int_equal(members_admit(&members, &line.id, &other, &role), TRIS_ERR_WRONG_KEY);
        other.b[i] ^= 1;
    }
    struct tris_dh_pub zeros = {0};
    assert_int_equal(members_admit(&members, &line.id, &zeros, &role), TRIS_ERR_WRONG_KEY);
    struct tris_house_id stranger = line.id;
    stranger.b[0] ^= 1;
    assert_int_equal(members_admit(&members, &stranger, &line.transport, &role), TRIS_ERR_STRANGER);
    members_fini(&members);
    charter_fini(&charter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_admitted_with_the_key_of_its_line_only),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
