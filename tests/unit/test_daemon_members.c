/* Who may open a session: a member, and only with the transport key that its line names. Where a
 * member is counted: in the district of its newest line. */
#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdlib.h>

#include "daemon/members.h"
#include "proto/district.h"
#include "proto/pack.h"

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

/* Both logs of the house in a fresh store, with this line as its card. */
static void store_card(struct store *s, const struct house_line *line, const char *text)
{
    static const enum tris_topic topics[] = {TRIS_TOPIC_DATA, TRIS_TOPIC_GOV};
    struct store_txn *t;
    uint8_t bytes[TRIS_HOUSE_LINE_BYTES_MAX + 16];
    struct wbuf payload = wbuf_of(bytes, sizeof bytes);
    uint32_t no = 0;
    uint64_t seq;
    assert_int_equal(store_txn_begin(s, &t), TRIS_OK);
    for (size_t i = 0; i < 2; i++) {
        struct tris_log_ref ref = {.house = line->id, .topic = topics[i]};
        memcpy(ref.seal_key.b, line->id.b, sizeof ref.seal_key.b);
        assert_int_equal(store_log_ensure(t, &ref, &no), TRIS_OK);
    }
    pack_write_map(&payload, 1);
    pack_write_uint(&payload, 1);
    pack_write_str(&payload, span_str(text));
    struct entry_header header = {.version = ENTRY_VERSION, .verb = VERB_CARD, .time_ms = 2000};
    const struct tris_salt salt = {{1}};
    assert_int_equal(store_append_own(t, no, &header, &salt, wbuf_span(&payload), 2000, &seq),
                     TRIS_OK);
    assert_int_equal(store_commit(t), TRIS_OK);
}

/* The log of the card (number 1) is cut, as a fork proof would. */
static void forget_card(struct store *s)
{
    struct store_txn *t;
    assert_int_equal(store_txn_begin(s, &t), TRIS_OK);
    assert_int_equal(store_log_cut(t, 1, 0, STORE_TAIL_DROP), TRIS_OK);
    assert_int_equal(store_commit(t), TRIS_OK);
}

static void a_member_is_counted_in_the_district_of_its_newest_line(void **state)
{
    bool changed = false;
    static const uint8_t nonce[32] = {7};
    char dir[256], detail[256], text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct house_line line;
    struct tris_sign_secret key;
    struct charter charter;
    struct members members;
    struct store *s;
    struct store_view *v;
    (void)state;
    a_house_line(&line, &key);
    assert_int_equal(charter_new("Test", nonce, &line, 1, 1, 2, &charter), TRIS_OK);
    assert_int_equal(members_init(&members, &charter), TRIS_OK);
    assert_string_equal(district_at(members.list[0].district)->ags, "05315");
    test_dir_make(dir, sizeof dir);
    struct store_opts opts = {.dir = dir, .create = true, .fed = charter.fed, .own = line.id};
    assert_int_equal(store_open(&opts, &s, detail, sizeof detail), TRIS_OK);
    memcpy(line.region, "14713", 6);
    line.time_ms = 2000;
    assert_int_equal(house_line_make(&line, &key, text, sizeof text), TRIS_OK);
    store_card(s, &line, text);
    assert_int_equal(store_view_begin(s, &v), TRIS_OK);
    struct store_members *now = calloc(1, sizeof *now);
    assert_non_null(now);
    assert_int_equal(store_members_evaluate(v, &charter, now), TRIS_OK);
    assert_int_equal(members_update(&members, now, v, NULL, NULL), TRIS_OK);
    assert_string_equal(district_at(members.list[0].district)->ags, "14713");
    store_view_end(v);
    forget_card(s);
    assert_int_equal(store_view_begin(s, &v), TRIS_OK);
    assert_int_equal(members_refresh(&members, 0, v, &changed), TRIS_OK);
    assert_true(changed); /* as a start would see it */
    assert_string_equal(district_at(members.list[0].district)->ags, "05315");
    assert_int_equal(members_refresh(&members, 0, v, &changed), TRIS_OK);
    assert_false(changed);
    store_view_end(v);
    store_close(s);
    test_dir_remove(dir);
    members_fini(&members);
    charter_fini(&charter);
}

static void a_member_is_admitted_with_the_key_of_its_line_only(void **state)
{
    static const uint8_t nonce[32] = {7};
    struct house_line line;
    struct tris_sign_secret key;
    struct charter charter;
    struct members members;
    struct session_admit admit = {.role = TRIS_ROLE_OBSERVER, .level = SESSION_GOV};
    (void)state;
    a_house_line(&line, &key);
    assert_int_equal(charter_new("Test", nonce, &line, 1, 1, 2, &charter), TRIS_OK);
    assert_int_equal(members_init(&members, &charter), TRIS_OK);

    assert_int_equal(members_admit(&members, &line.id, &line.transport, &admit), TRIS_OK);
    assert_int_equal(admit.role, TRIS_ROLE_HOUSE);
    assert_int_equal(admit.level, SESSION_FULL);
    struct tris_dh_pub other = line.transport;
    for (size_t i = 0; i < sizeof other.b; i++) {
        other.b[i] ^= 1;
        assert_int_equal(members_admit(&members, &line.id, &other, &admit), TRIS_ERR_WRONG_KEY);
        other.b[i] ^= 1;
    }
    struct tris_dh_pub zeros = {0};
    assert_int_equal(members_admit(&members, &line.id, &zeros, &admit), TRIS_ERR_WRONG_KEY);
    struct tris_house_id stranger = line.id;
    stranger.b[0] ^= 1;
    assert_int_equal(members_admit(&members, &stranger, &line.transport, &admit),
                     TRIS_ERR_STRANGER);
    members_fini(&members);
    charter_fini(&charter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_admitted_with_the_key_of_its_line_only),
        cmocka_unit_test(a_member_is_counted_in_the_district_of_its_newest_line),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
