/* tools/doctor: whatever it may find, it says what to do next, with a command that exists. */
#include "tests/lib/testlib.h"

#include <stdio.h>

#include "tools/doctor.h"
#include "tools/table.h"

static void every_finding_has_a_name_and_a_next_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const struct doctor_row *row = &doctor_rows[i];
        assert_non_null(row->name);
        assert_non_null(row->next);
        assert_true(row->name[0] != '\0' && row->next[0] != '\0');
        assert_true((row->text != NULL) == (i >= CHECK_STEPS));
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(row->name, doctor_rows[k].name);
        }
    }
}

static void a_next_step_of_tris_is_a_command_of_tris(void **state)
{
    (void)state;
    unsigned seen = 0;
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        char noun[32] = "", verb[32] = "";
        if (strncmp(doctor_rows[i].next, "tris ", 5) != 0) {
            continue;
        }
        assert_true(sscanf(doctor_rows[i].next + 5, "%31[a-z] %31[a-z]", noun, verb) >= 1);
        const struct command *row = verb[0] != '\0' ? table_find(noun, verb) : NULL;
        if (row == NULL && table_find(noun, NULL) == NULL) {
            fail_msg("%s: there is no %s", doctor_rows[i].name, doctor_rows[i].next);
        }
        seen++;
    }
    assert_true(seen >= CHECK_COUNT / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_finding_has_a_name_and_a_next_step),
        cmocka_unit_test(a_next_step_of_tris_is_a_command_of_tris),
    };
    return cmocka_run_group_tests_name("tools_doctor", tests, NULL, NULL);
}
