/* The table of commands: names are unique, options do not hide each other, typos find their way. */
#include "tests/lib/testlib.h"

#include "tools/table.h"

static void every_command_occurs_once_and_says_what_it_does(void **state)
{
    (void)state;
    const struct command *row, *other;
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        assert_non_null(row->summary);
        assert_non_null(row->run);
        assert_true(row->pos_min <= row->pos_max && row->pos_max <= ARGS_MAX);
        assert_true(row->pos_max == 0 || row->operands != NULL);
        assert_ptr_equal(table_find(row->noun, row->verb), row);
        for (size_t k = 0; k < i; k++) {
            other = table_row(k);
            bool same_verb = row->verb == NULL || other->verb == NULL
                                 ? row->verb == other->verb
                                 : strcmp(row->verb, other->verb) == 0;
            assert_false(same_verb && strcmp(row->noun, other->noun) == 0);
        }
    }
}

static void options_of_one_command_differ_and_spare_the_global_letters(void **state)
{
    (void)state;
    const struct command *row;
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        for (const struct cli_option *o = row->options; o != NULL && o->name != NULL; o++) {
            assert_non_null(o->help);
            assert_true(o->letter == 0 || global_find_letter(o->letter) == NULL);
            for (const struct cli_option *p = row->options; p != o; p++) {
                assert_string_not_equal(p->name, o->name);
                assert_true(o->letter == 0 || p->letter != o->letter);
            }
        }
    }
}

static void a_typo_finds_the_nearest_name_and_nonsense_none(void **state)
{
    (void)state;
    assert_string_equal(table_suggest(NULL, "hous"), "house");
    assert_string_equal(table_suggest(NULL, "statsu"), "status");
    assert_string_equal(table_suggest(NULL, "chrater"), "charter");
    assert_string_equal(table_suggest("key", "backpu"), "backup");
    assert_null(table_suggest(NULL, "xyzzy"));
    assert_null(table_suggest(NULL, "x"));
    assert_null(table_suggest(NULL, ""));
    assert_null(table_suggest(NULL, "a-word-that-is-longer-than-any-command-can-be"));
    assert_null(table_suggest("version", "show"));
}

static void global_options_are_found_by_whole_name_only(void **state)
{
    (void)state;
    assert_non_null(global_find("json", 4));
    assert_null(global_find("json", 3));
    assert_null(global_find("jsonx", 5));
    assert_string_equal(global_find_letter('n')->name, "dry-run");
    assert_null(global_find_letter('j'));
    assert_null(global_find_letter('\0'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_occurs_once_and_says_what_it_does),
        cmocka_unit_test(options_of_one_command_differ_and_spare_the_global_letters),
        cmocka_unit_test(a_typo_finds_the_nearest_name_and_nonsense_none),
        cmocka_unit_test(global_options_are_found_by_whole_name_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
