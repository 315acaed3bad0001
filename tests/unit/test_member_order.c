/* proto/member: random federations. The result is the one of an evaluator that was written twice
 * and simply; no order, no repetition and no stranger changes it; few hostile houses change nothing
 * about the others. */
#include "tests/lib/member_simple.h"

#include <stdlib.h>

enum { FEDERATIONS = 1000, SHUFFLES = 4, HOUSES = 8, SEQ_BELOW = 12 };

static uint8_t below(struct test_rng *rng, uint64_t bound)
{
    return (uint8_t)test_rng_below(rng, bound);
}

/* ---- random federations ---- */

static struct party random_party(struct test_rng *rng, uint64_t houses)
{
    struct party p = {.letter = below(rng, houses)};
    p.epoch = below(rng, 3) == 0 ? below(rng, 3) : 0;
    p.key = p.epoch > 0 && below(rng, 4) == 0;
    return p;
}

static void random_statement(struct world *w, struct test_rng *rng, struct party by)
{
    w->next_seq[by.letter][by.epoch][by.key] = test_rng_below(rng, SEQ_BELOW);
    struct party of = random_party(rng, HOUSES);
    if (below(rng, 5) > 0) {
        bool observer = below(rng, 8) == 0;
        struct opening o = opening_of(of, observer, 10 + below(rng, 6) / 5);
        world_endorse(w, by, &o);
    } else {
        world_revoke(w, by, of, 2 * below(rng, 4), 9 + below(rng, 4) / 3);
    }
    if (below(rng, 40) == 0) {
        w->statement[w->count - 1].by.topic = TRIS_TOPIC_DATA;
    }
}

static void random_world(struct world *w, struct test_rng *rng)
{
    uint32_t founders, admit, revoke;
    do {
        founders = 1 + below(rng, 5);
        admit = 1 + below(rng, 3);
        revoke = 1 + below(rng, 4);
    } while (!charter_thresholds_ok(admit, revoke, founders));
    world_init(w, founders, below(rng, 2), admit, revoke);
    const uint32_t count = below(rng, SIMPLE_STATEMENTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        random_statement(w, rng, random_party(rng, HOUSES));
    }
}

/* ---- everything that a result says, but for what only names the input ---- */

static void put_id(struct result *r, const char *before, const uint8_t *bytes)
{
    char hex[17];
    tris_hex(bytes, 8, hex);
    put(r, before);
    put(r, hex);
}

static void put_flag(struct result *r, bool flag)
{
    put(r, flag ? "1" : "0");
}

static void put_cut(struct result *r, const struct log_cut *cut)
{
    put(r, " ");
    put_number(r, cut->size);
    put_id(r, "/", cut->root.b);
}

static void put_by(struct result *r, const struct world *w, const struct member_set *set,
                   uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        const struct member_statement *s = &w->statement[set->by[i].statement];
        put(r, set->by[i].counts ? " +" : " -");
        put_letter(r, &s->by.house);
        put_id(r, "", s->by.seal_key.b);
        put(r, "@");
        put_number(r, s->seq);
    }
}

static void put_all(const struct world *w, struct result *r)
{
    struct member_set set = world_evaluate(w);
    *r = (struct result){.len = 0};
    for (uint32_t i = 0; i < set.house_count; i++) {
        put_house(r, &set, &set.house[i]);
        put_number(r, set.house[i].role);
        put_number(r, set.house[i].opening_count);
        put_number(r, set.house[i].revocation_count);
        put_flag(r, set.house[i].ever);
    }
    for (uint32_t i = 0; i < set.opening_count; i++) {
        const struct member_opening *o = &set.opening[i];
        put_id(r, "\n", o->id.b);
        put_flag(r, o->by_charter);
        put_flag(r, o->ever);
        put_flag(r, o->counts);
        put_flag(r, o->revoked);
        put_flag(r, o->closed);
        put_number(r, o->counted);
        put_number(r, o->counted_founders);
        put_cut(r, &o->data_end);
        put_cut(r, &o->gov_end);
        put_by(r, w, &set, o->by_first, o->by_count);
    }
    for (uint32_t i = 0; i < set.revocation_count; i++) {
        const struct member_revocation *v = &set.revocation[i];
        put_id(r, "\n!", v->id.b);
        put_flag(r, v->complete);
        put_number(r, v->counted);
        put_by(r, w, &set, v->by_first, v->by_count);
    }
    member_set_fini(&set);
}

/* ---- properties ---- */

static void test_result_is_that_of_the_simple_evaluator(void **state)
{
    static struct world w;
    static struct result mine, simple;
    uint32_t revoked = 0, disputed = 0, closed = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= FEDERATIONS; seed++) {
        struct test_rng rng = {seed};
        random_world(&w, &rng);
        world_result(&w, &mine);
        simple_result(&w, &simple);
        if (strcmp(mine.text, simple.text) != 0) {
            fail_msg("seed %llu:\n%s\nand simply\n%s", (unsigned long long)seed, mine.text,
                     simple.text);
        }
        revoked += strchr(mine.text, '-') != NULL;
        disputed += strchr(mine.text, '*') != NULL;
        closed += strstr(mine.text, "c]") != NULL;
    }
    assert_true(revoked > 50 && disputed > 50 && closed > 50); /* not only dull federations */
}

static void shuffle(struct world *w, struct test_rng *rng)
{
    for (uint32_t i = w->count; i > 1; i--) {
        uint32_t k = (uint32_t)test_rng_below(rng, i);
        struct member_statement keep = w->statement[i - 1];
        w->statement[i - 1] = w->statement[k];
        w->statement[k] = keep;
    }
}

static void test_neither_order_nor_repetition_changes_anything(void **state)
{
    static struct world w;
    static struct result first, again;
    (void)state;
    for (uint64_t seed = 1; seed <= FEDERATIONS; seed++) {
        struct test_rng rng = {seed};
        random_world(&w, &rng);
        put_all(&w, &first);
        for (int i = 0; i < SHUFFLES; i++) {
            for (uint32_t n = 0; n < 10 && w.count > 0; n++) {
                w.statement[w.count] = w.statement[test_rng_below(&rng, w.count)];
                w.count++;
            }
            shuffle(&w, &rng);
            put_all(&w, &again);
            assert_string_equal(first.text, again.text);
        }
    }
}

/* A house may write any time into its own headers. */
static void test_what_time_a_statement_claims_changes_nothing(void **state)
{
    static const uint64_t claimed[] = {0, 1, 1000, UINT64_MAX};
    static struct world w;
    static struct result first, again;
    (void)state;
    for (uint64_t seed = 1; seed <= FEDERATIONS; seed++) {
        struct test_rng rng = {seed};
        random_world(&w, &rng);
        for (uint32_t i = 0; i < w.count; i++) {
            w.statement[i].time_ms = 1000 + w.statement[i].seq; /* as honest clocks say */
        }
        put_all(&w, &first);
        for (int i = 0; i < SHUFFLES; i++) {
            for (uint32_t k = 0; k < w.count; k++) {
                w.statement[k].time_ms = claimed[below(&rng, sizeof claimed / sizeof claimed[0])];
            }
            put_all(&w, &again);
            assert_string_equal(first.text, again.text);
        }
    }
}

static bool ever_has(const struct member_set *set, const struct tris_hash *id)
{
    for (uint32_t i = 0; i < set->opening_count; i++) {
        if (tris_hash_eq(&set->opening[i].id, id)) {
            return set->opening[i].ever;
        }
    }
    return false;
}

static void test_more_statements_only_add_to_the_first_stratum(void **state)
{
    static struct world w;
    (void)state;
    for (uint64_t seed = 1; seed <= FEDERATIONS; seed++) {
        struct test_rng rng = {seed};
        random_world(&w, &rng);
        struct member_set all = world_evaluate(&w);
        w.count -= w.count / 3;
        struct member_set part = world_evaluate(&w);
        for (uint32_t i = 0; i < part.opening_count; i++) {
            assert_true(!part.opening[i].ever || ever_has(&all, &part.opening[i].id));
            assert_true(!part.opening[i].counts || part.opening[i].ever);
        }
        member_set_fini(&part);
        member_set_fini(&all);
    }
}

/* Statements in logs that never belonged leave no trace at all. */
static void test_strangers_change_nothing(void **state)
{
    static struct world w;
    static struct result before, after;
    (void)state;
    for (uint64_t seed = 1; seed <= FEDERATIONS; seed++) {
        struct test_rng rng = {seed};
        random_world(&w, &rng);
        put_all(&w, &before);
        for (int i = 0; i < 20; i++) {
            struct party stranger = {.letter = (uint8_t)(HOUSES + below(&rng, 6))};
            stranger.epoch = below(&rng, 2);
            random_statement(&w, &rng, stranger);
        }
        put_all(&w, &after);
        assert_string_equal(before.text, after.text);
    }
}

/* Honest founders state everything together; the last founders are hostile, fewer than admit and
 * revoke, and state what they like in every epoch and with every key. */
enum { HONEST = 4, HOSTILE_MAX = 2 };
_Static_assert(HONEST - 1 == HOSTILE_MAX + 1, "the others of the honest ones reach the thresholds");

static void honest_statement(struct world *w, struct test_rng *rng)
{
    struct party of = random_party(rng, HOUSES);
    struct opening o = opening_of(of, false, 10);
    bool revoke = below(rng, 3) == 0;
    for (uint8_t i = 0; i < HONEST; i++) {
        struct party by = {.letter = i};
        if (revoke) {
            world_revoke(w, by, of, 100, 9);
        } else {
            world_endorse(w, by, &o);
        }
    }
}

static void put_honest(const struct world *w, uint8_t hostile, struct result *r)
{
    struct member_set set = world_evaluate(w);
    *r = (struct result){.len = 0};
    for (uint32_t i = 0; i < set.house_count; i++) {
        struct member_house h = set.house[i];
        uint8_t letter = letter_of(&h.id);
        h.brittle = false; /* that they may stand on one more is all that is changed */
        if (h.state != MEMBER_CANDIDATE && (letter < HONEST || letter >= HONEST + hostile)) {
            put_house(r, &set, &h);
        }
    }
    member_set_fini(&set);
}

static void test_hostile_houses_below_the_thresholds_change_nothing_about_others(void **state)
{
    static struct world w;
    static struct result before, after;
    (void)state;
    for (uint64_t seed = 1; seed <= FEDERATIONS; seed++) {
        struct test_rng rng = {seed};
        uint8_t hostile = (uint8_t)(1 + below(&rng, HOSTILE_MAX));
        /* three: what is about one of the four is stated by the other three, or by nobody honest */
        world_init(&w, HONEST + hostile, 0, HOSTILE_MAX + 1, HOSTILE_MAX + 1);
        const uint32_t count = 1 + below(&rng, 6);
        for (uint32_t i = 0; i < count; i++) {
            honest_statement(&w, &rng);
        }
        put_honest(&w, hostile, &before);
        for (int i = 0; i < 60; i++) {
            struct party by = random_party(&rng, hostile);
            by.letter = (uint8_t)(by.letter + HONEST);
            random_statement(&w, &rng, by);
        }
        shuffle(&w, &rng);
        put_honest(&w, hostile, &after);
        assert_string_equal(before.text, after.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_result_is_that_of_the_simple_evaluator),
        cmocka_unit_test(test_neither_order_nor_repetition_changes_anything),
        cmocka_unit_test(test_what_time_a_statement_claims_changes_nothing),
        cmocka_unit_test(test_more_statements_only_add_to_the_first_stratum),
        cmocka_unit_test(test_strangers_change_nothing),
        cmocka_unit_test(test_hostile_houses_below_the_thresholds_change_nothing_about_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
