/* daemon/why: which step is named, for each fact alone and for any two together; how a house
 * stands, at each limit and beside it. */
#include "daemon/why.h"

#include "proto/ctlmsg.h"
#include "tests/lib/testlib.h"

/* A house that is connected and equal. */
static struct why_facts well(void)
{
    return (struct why_facts){
        .member = true,
        .has_logs = true,
        .open = true,
        .open_ms = 5000,
        .has_address = true,
        .held = 100,
        .heard_age_ms = 1000,
        .seal_age_ms = 3600000,
    };
}

static void closed(struct why_facts *f)
{
    f->open = false;
    f->open_ms = 0;
}
static void stranger(struct why_facts *f)
{
    f->member = false;
}
static void expelled(struct why_facts *f)
{
    f->member = false;
    f->revoked = true;
}
static void full(struct why_facts *f)
{
    f->trouble = TRIS_ERR_DISK_FULL;
}
static void forked(struct why_facts *f)
{
    f->forked = true;
}
static void paused(struct why_facts *f)
{
    f->limit = TRIS_ERR_PAUSED;
}
static void night(struct why_facts *f)
{
    f->limit = TRIS_ERR_HOURS;
}
static void refused(struct why_facts *f)
{
    closed(f);
    f->refused = true;
    f->error = TRIS_ERR_STRANGER;
}
static void faulty(struct why_facts *f)
{
    closed(f);
    f->faulty = true;
    f->error = TRIS_ERR_BAD_ROOT;
}
static void dead(struct why_facts *f)
{
    closed(f);
    f->error = TRIS_ERR_CLOSED;
}
static void paced(struct why_facts *f)
{
    f->paced = true;
    f->missing = 1;
}
static void withheld(struct why_facts *f)
{
    f->missing = 1;
    f->lack_ms = WHY_WITHHELD_MS;
}
static void behind(struct why_facts *f)
{
    f->missing = 1;
}
static void hole(struct why_facts *f)
{
    f->hole = 1;
}
static void future(struct why_facts *f)
{
    f->seal_ahead_ms = WHY_CLOCK_MS + 1;
}
static void lost(struct why_facts *f)
{
    closed(f);
    f->has_address = false;
    f->heard_age_ms = WHY_NEVER;
}
static void silent(struct why_facts *f)
{
    closed(f);
    f->heard_age_ms = WHY_SILENT_MS + 1;
}
static void alone(struct why_facts *f)
{
    closed(f);
    f->alone = true;
}
static void unsealed(struct why_facts *f)
{
    f->unsealed = 1;
    f->guard_waits = true;
}
static void nothing(struct why_facts *f)
{
    (void)f;
}

static const struct {
    enum why_step step;
    void (*make)(struct why_facts *f);
} cases[] = {
    {WHY_REVOKED, expelled}, {WHY_NOT_ADMITTED, stranger}, {WHY_DISK, full},
    {WHY_FORKED, forked},    {WHY_PAUSED, paused},         {WHY_HOURS, night},
    {WHY_REFUSED, refused},  {WHY_FAULT, faulty},          {WHY_UNREACHABLE, dead},
    {WHY_LIMIT, paced},      {WHY_WITHHELD, withheld},     {WHY_BEHIND, behind},
    {WHY_HOLE, hole},        {WHY_CLOCK, future},          {WHY_NO_ADDRESS, lost},
    {WHY_SILENT, silent},    {WHY_ALONE, alone},           {WHY_SEAL, unsealed},
    {WHY_NOTHING, nothing},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static void each_fact_alone_names_its_step(void **state)
{
    (void)state;
    assert_int_equal(CASES, WHY_STEP_COUNT);
    for (size_t i = 0; i < CASES; i++) {
        struct why_facts f = well();
        cases[i].make(&f);
        assert_int_equal(cases[i].step, i);
        assert_string_equal(why_decide(&f)->name, why_row((enum why_step)i)->name);
    }
}

/* Of two the first counts, unless the second takes the ground from the first: a limit holds only in
 * an open session, and who has said why is not just unreachable. */
static void of_two_facts_the_first_step_is_named(void **state)
{
    (void)state;
    unsigned pairs = 0;
    for (size_t a = 0; a < CASES; a++) {
        for (size_t b = a + 1; b < CASES; b++) {
            struct why_facts f = well();
            cases[b].make(&f);
            cases[a].make(&f);
            const struct why_row *row = why_decide(&f);
            if (row->step != cases[a].step) { /* only where the fact is not there any more */
                assert_true(cases[a].step == WHY_LIMIT || cases[a].step == WHY_UNREACHABLE);
                assert_false(why_row(cases[a].step)->holds(&f));
            }
            pairs++;
        }
    }
    assert_int_equal(pairs, CASES * (CASES - 1) / 2);
}

static void every_step_says_what_to_do_and_has_its_own_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < WHY_STEP_COUNT; i++) {
        const struct why_row *row = why_row((enum why_step)i);
        assert_true(row->text[0] != '\0' && row->name[0] != '\0');
        assert_true((row->next[0] != '\0') == (row->step != WHY_NOTHING));
        assert_true((row->exit == EXIT_OK) == (row->step == WHY_NOTHING));
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(row->name, why_row((enum why_step)k)->name);
        }
    }
}

static enum standing with(void (*make)(struct why_facts *f))
{
    struct why_facts f = well();
    make(&f);
    return why_standing(&f);
}

static void a_house_stands_as_its_facts_say(void **state)
{
    (void)state;
    assert_int_equal(with(nothing), STANDING_EQUAL);
    assert_int_equal(with(closed), STANDING_EQUAL); /* others show no more of it */
    assert_int_equal(with(behind), STANDING_BEHIND);
    assert_int_equal(with(withheld), STANDING_WITHHELD);
    assert_int_equal(with(silent), STANDING_SILENT);
    assert_int_equal(with(lost), STANDING_SILENT);
    assert_int_equal(with(dead), STANDING_UNREACHABLE);
    assert_int_equal(with(alone), STANDING_UNKNOWN);
    struct why_facts f = well();
    f.own = true;
    assert_int_equal(why_standing(&f), STANDING_OWN);
    f = well(); /* an observer writes nothing: it cannot be silent */
    silent(&f);
    f.has_logs = false;
    assert_int_equal(why_standing(&f), STANDING_EQUAL);
    for (int i = 0; i < STANDING_COUNT; i++) {
        assert_true(standing_name((enum standing)i)[0] != '\0');
    }
}

static void each_limit_counts_from_its_own_moment_on(void **state)
{
    (void)state;
    struct why_facts f = well();
    withheld(&f);
    f.lack_ms = WHY_WITHHELD_MS - 1;
    assert_int_equal(why_standing(&f), STANDING_BEHIND);
    f = well();
    silent(&f);
    f.heard_age_ms = WHY_SILENT_MS;
    assert_int_equal(why_standing(&f), STANDING_EQUAL);
    f = well();
    f.seal_ahead_ms = WHY_CLOCK_MS;
    assert_int_equal(why_decide(&f)->step, WHY_NOTHING);
    f = well(); /* connected, and no seal of its */
    f.open_ms = WHY_SEAL_TURN_MS;
    f.seal_age_ms = WHY_SILENT_MS + 1;
    assert_int_equal(why_standing(&f), STANDING_WITHHELD);
    assert_int_equal(why_decide(&f)->step, WHY_WITHHELD);
    f.open_ms--;
    assert_int_equal(why_standing(&f), STANDING_EQUAL);
    f.open_ms++;
    f.seal_age_ms--;
    assert_int_equal(why_standing(&f), STANDING_EQUAL);
    f.seal_age_ms = WHY_NEVER;
    assert_int_equal(why_standing(&f), STANDING_WITHHELD);
    f.has_logs = false;
    assert_int_equal(why_standing(&f), STANDING_EQUAL);
}

/* Steps that speak of a connection do not fit this house itself. */
static void of_the_own_house_only_own_steps_are_named(void **state)
{
    (void)state;
    static const enum why_step own[] = {WHY_DISK, WHY_FORKED, WHY_SEAL, WHY_ALONE, WHY_NOTHING};
    for (size_t i = 0; i < CASES; i++) {
        struct why_facts f = {.member = true, .own = true, .has_logs = true};
        const enum why_step step = cases[i].step;
        if (step != WHY_DISK && step != WHY_FORKED && step != WHY_SEAL && step != WHY_REFUSED &&
            step != WHY_UNREACHABLE && step != WHY_SILENT && step != WHY_NO_ADDRESS &&
            step != WHY_FAULT) {
            continue;
        }
        cases[i].make(&f);
        bool found = false;
        for (size_t k = 0; k < sizeof own / sizeof own[0]; k++) {
            found = found || why_decide(&f)->step == own[k];
        }
        assert_true(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fact_alone_names_its_step),
        cmocka_unit_test(of_two_facts_the_first_step_is_named),
        cmocka_unit_test(every_step_says_what_to_do_and_has_its_own_name),
        cmocka_unit_test(a_house_stands_as_its_facts_say),
        cmocka_unit_test(each_limit_counts_from_its_own_moment_on),
        cmocka_unit_test(of_the_own_house_only_own_steps_are_named),
    };
    return cmocka_run_group_tests_name("daemon_why", tests, NULL, NULL);
}
