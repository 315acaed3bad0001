/* proto/district: the tables are complete, sorted and unambiguous. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "proto/district.h"
#include "proto/limits.h"
#include "proto/pack.h"

static void test_there_are_400_districts_sorted_by_key(void **state)
{
    (void)state;
    assert_int_equal(district_count(), 400);
    assert_null(district_at(400));
    assert_null(district_at(SIZE_MAX));
    for (size_t i = 0; i < district_count(); i++) {
        const struct district *d = district_at(i);
        assert_int_equal(strlen(d->ags), 5);
        assert_int_equal(strspn(d->ags, "0123456789"), 5);
        if (i > 0) {
            assert_true(strcmp(district_at(i - 1)->ags, d->ags) < 0);
        }
    }
}

static void test_every_district_is_found_by_key_and_by_slug(void **state)
{
    (void)state;
    for (size_t i = 0; i < district_count(); i++) {
        const struct district *d = district_at(i);
        assert_ptr_equal(district_find(span_str(d->ags)), d);
        assert_ptr_equal(district_find_slug(span_str(d->slug)), d);
    }
}

static void test_names_and_slugs_are_unique_and_fit_their_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < district_count(); i++) {
        const struct district *d = district_at(i);
        assert_true(strlen(d->slug) > 0);
        assert_true(strlen(d->slug) <= TRIS_SLUG_BYTES_MAX);
        assert_int_equal(strspn(d->slug, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(d->slug));
        assert_true(utf8_valid(span_str(d->name)));
        assert_true(utf8_chars(span_str(d->name)) <= TRIS_NAME_CHARS_MAX);
        assert_true(d->population > 0);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(d->name, district_at(k)->name);
        }
    }
}

static void test_every_district_lies_in_a_state_and_every_state_has_one(void **state)
{
    (void)state;
    size_t states = 0;
    while (state_at(states) != NULL) {
        states++;
    }
    assert_int_equal(states, 16);
    for (size_t i = 0; i < district_count(); i++) {
        assert_non_null(state_find(span_of(district_at(i)->ags, 2)));
    }
    for (size_t s = 0; s < states; s++) {
        bool found = false;
        for (size_t i = 0; i < district_count(); i++) {
            found = found || memcmp(district_at(i)->ags, state_at(s)->code, 2) == 0;
        }
        assert_true(found);
        assert_ptr_equal(state_find(span_str(state_at(s)->code)), state_at(s));
    }
}

static void test_keys_that_are_none_are_not_found(void **state)
{
    (void)state;
    const char *const none[] = {"", "0", "0531", "053150", "99999", "00000", "DE", "koeln "};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_null(district_find(span_str(none[i])));
        assert_null(district_find_slug(span_str(none[i])));
    }
    assert_null(district_find(span_of(NULL, 0)));
    assert_null(district_find(span_of("05315\0", 6)));
    assert_null(state_find(span_str("17")));
    assert_null(state_find(span_str("5")));
    assert_string_equal(district_find(span_str("05315"))->slug, "koeln");
    assert_string_equal(state_find(span_str("05"))->iso, "DE-NW");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_are_400_districts_sorted_by_key),
        cmocka_unit_test(test_every_district_is_found_by_key_and_by_slug),
        cmocka_unit_test(test_names_and_slugs_are_unique_and_fit_their_limits),
        cmocka_unit_test(test_every_district_lies_in_a_state_and_every_state_has_one),
        cmocka_unit_test(test_keys_that_are_none_are_not_found),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests_name("district", tests, NULL, NULL);
}
