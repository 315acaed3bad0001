/* proto/district: the tables are complete, sorted and unambiguous. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
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

/* ---- neighbours ---- */

static bool are_neighbours(const char *a, const char *b)
{
    const struct district *near[DISTRICT_NEAR_MAX];
    size_t count = district_neighbours(span_str(a), near);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(near[i]->ags, b) == 0) {
            return true;
        }
    }
    return false;
}

static void test_neighbours_are_each_other_s_and_ascend(void **state)
{
    (void)state;
    size_t borders = 0;
    for (size_t i = 0; i < district_count(); i++) {
        const struct district *near[DISTRICT_NEAR_MAX];
        const struct district *d = district_at(i);
        size_t count = district_neighbours(span_str(d->ags), near);
        assert_in_range(count, 1, DISTRICT_NEAR_MAX);
        borders += count;
        for (size_t k = 0; k < count; k++) {
            assert_ptr_not_equal(near[k], d);
            assert_true(k == 0 || strcmp(near[k - 1]->ags, near[k]->ags) < 0);
            assert_true(are_neighbours(near[k]->ags, d->ags));
        }
    }
    assert_int_equal(borders, 2 * 1044);
    assert_true(are_neighbours("05315", "05382"));  /* Köln, Rhein-Sieg-Kreis */
    assert_true(are_neighbours("03159", "16062"));  /* over the former inner border, and merged */
    assert_true(are_neighbours("16063", "06631"));  /* merged with Eisenach */
    assert_false(are_neighbours("05315", "05314")); /* Köln, Bonn: the Rhein-Sieg-Kreis between */
    assert_false(are_neighbours("05315", "05315"));
    assert_false(are_neighbours("03152", "16062")); /* dissolved */
}

/* Over every way of at most n borders, one border after the other: what the search must find. */
static void test_steps_are_the_shortest_way(void **state)
{
    (void)state;
    uint8_t steps[DISTRICTS];
    uint8_t expect[DISTRICTS];
    for (size_t start = 0; start < DISTRICTS; start += 37) {
        memset(expect, DISTRICT_FAR, sizeof expect);
        expect[start] = 0;
        for (uint8_t round = 0; round < 40; round++) {
            for (size_t i = 0; i < DISTRICTS; i++) {
                const struct district *near[DISTRICT_NEAR_MAX];
                size_t count = expect[i] == round
                                   ? district_neighbours(span_str(district_at(i)->ags), near)
                                   : 0;
                for (size_t k = 0; k < count; k++) {
                    uint8_t *to = &expect[district_place(near[k])];
                    *to = *to == DISTRICT_FAR ? (uint8_t)(round + 1) : *to;
                }
            }
        }
        district_steps_from(span_str(district_at(start)->ags), 40, steps);
        assert_memory_equal(steps, expect, sizeof steps);
        for (size_t i = 0; i < DISTRICTS; i++) {
            assert_true(expect[i] != DISTRICT_FAR); /* the whole country hangs together */
            assert_int_equal(
                district_steps(span_str(district_at(start)->ags), span_str(district_at(i)->ags), 3),
                expect[i] <= 3 ? expect[i] : DISTRICT_FAR);
        }
    }
}

static void test_steps_stop_where_they_shall_and_of_no_district_there_are_none(void **state)
{
    (void)state;
    uint8_t steps[DISTRICTS];
    const char *const none[] = {"", "DE", "99999", "0531", "053151"};
    const struct district *near[DISTRICT_NEAR_MAX];
    assert_int_equal(district_steps(span_str("05315"), span_str("05315"), 0), 0);
    assert_int_equal(district_steps(span_str("05315"), span_str("05382"), 0), DISTRICT_FAR);
    assert_int_equal(district_steps(span_str("05315"), span_str("05382"), 1), 1);
    assert_int_equal(district_steps(span_str("05315"), span_str("05314"), 1), DISTRICT_FAR);
    assert_int_equal(district_steps(span_str("05315"), span_str("05314"), 2), 2);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(district_neighbours(span_str(none[i]), near), 0);
        assert_int_equal(district_steps(span_str("05315"), span_str(none[i]), 9), DISTRICT_FAR);
        district_steps_from(span_str(none[i]), 9, steps);
        for (size_t k = 0; k < DISTRICTS; k++) {
            assert_int_equal(steps[k], DISTRICT_FAR);
        }
    }
}

/* Pairs that have a border of some hundred metres to some kilometres which the simplified map of
 * the test data has lost. */
static const char *const short_borders[][2] = {
    {"01056", "03359"}, {"06431", "07331"}, {"07316", "07338"}, {"12068", "13076"}};

/* Another table, made from another edition of the map: the same pairs but for those four. */
static void test_neighbours_are_those_of_another_map(void **state)
{
    (void)state;
    char path[1024];
    const char *folder = getenv("TRIS_TEST_DATA");
    (void)snprintf(path, sizeof path, "%s/kreise_neighbours.csv", folder != NULL ? folder : "");
    FILE *file = folder != NULL ? fopen(path, "r") : NULL;
    if (file == NULL) {
        skip();
    }
    char line[64];
    size_t pairs = 0;
    assert_non_null(fgets(line, sizeof line, file));
    while (fgets(line, sizeof line, file) != NULL) {
        line[5] = line[11] = '\0';
        assert_true(are_neighbours(line, line + 6));
        pairs++;
    }
    (void)fclose(file);
    for (size_t i = 0; i < sizeof short_borders / sizeof short_borders[0]; i++) {
        assert_true(are_neighbours(short_borders[i][0], short_borders[i][1]));
        pairs++;
    }
    assert_int_equal(pairs, 1044);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_are_400_districts_sorted_by_key),
        cmocka_unit_test(test_every_district_is_found_by_key_and_by_slug),
        cmocka_unit_test(test_names_and_slugs_are_unique_and_fit_their_limits),
        cmocka_unit_test(test_every_district_lies_in_a_state_and_every_state_has_one),
        cmocka_unit_test(test_keys_that_are_none_are_not_found),
        cmocka_unit_test(test_neighbours_are_each_other_s_and_ascend),
        cmocka_unit_test(test_steps_are_the_shortest_way),
        cmocka_unit_test(test_steps_stop_where_they_shall_and_of_no_district_there_are_none),
        cmocka_unit_test(test_neighbours_are_those_of_another_map),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests_name("district", tests, NULL, NULL);
}
