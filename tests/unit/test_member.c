/* proto/member: named situations, the questions to the result, and its limits. */
#include "tests/lib/member_world.h"

#include <stdlib.h>

static const struct situation {
    const char *name;
    uint32_t founders, observers, admit, revoke;
    const char *statements, *result;
} situations[] = {
    /* founding */
    {"founders alone", 3, 0, 2, 3, "", "a0 b0 c0"},
    {"an observer of the charter is active", 2, 1, 2, 3, "", "a0 b0 z0"},
    /* admission */
    {"exactly admit houses", 3, 0, 2, 3, "a>d b>d", "a0 b0 c0 d0~"},
    {"one more than admit stands safely", 3, 0, 2, 3, "a>d b>d c>d", "a0 b0 c0 d0"},
    {"one fewer than admit", 3, 0, 2, 3, "a>d", "a0 b0 c0 d?"},
    {"one house twice is one", 3, 0, 2, 3, "a>d a>d", "a0 b0 c0 d?"},
    {"admit houses with different bytes", 3, 0, 2, 3, "a>d1=7 b>d1=8", "a0 b0 c0 d?"},
    {"admitted houses admit others", 2, 0, 2, 3, "a>c b>c c>d b>d c>e d>e", "a0 b0 c0~ d0~ e0~"},
    {"strangers have no say", 2, 0, 2, 3, "p>q r>q p>r q>r", "a0 b0"},
    {"a stranger and a member are one", 2, 0, 2, 3, "a>c p>c", "a0 b0 c?"},
    {"nobody counts for itself", 2, 0, 2, 3, "a>c c>c", "a0 b0 c?"},
    {"a former epoch does not count for the next", 2, 0, 2, 3, "a>c b>c c>c1 a>c1", "a0 b0 c0~"},
    {"an observer does not count", 2, 1, 2, 3, "a>c z>c", "a0 b0 c? z0"},
    {"an admitted observer does not count", 2, 0, 2, 3, "a>x@ b>x@ a>c x>c", "a0 b0 c? x0~"},
    {"a circle does not lift itself", 2, 0, 2, 3, "a>c d>c a>d c>d", "a0 b0 c? d?"},
    {"a circle stands once somebody outside it does", 2, 0, 2, 3, "a>c d>c a>d c>d b>d",
     "a0 b0 c0~ d0"},
    {"a house counts once over all its epochs", 3, 0, 2, 3, "b>a1 c>a1 a>d a1>d",
     "a1~[0:10c] b0 c0 d?"},
    {"a key that nobody named is a stranger", 3, 0, 2, 3, "b>a1 c>a1 a1'>d b>d",
     "a1~[0:10c] b0 c0 d?"},
    /* founders who are fewer than admit */
    {"all founders admit whatever admit says", 2, 0, 5, 6, "a>c b>c", "a0 b0 c0~"},
    {"all founders but one do not", 3, 0, 5, 6, "a>d b>d", "a0 b0 c0 d?"},
    {"one founder admits alone", 1, 0, 3, 4, "a>b", "a0 b0~"},
    {"all others do not rotate a founder", 2, 0, 2, 3, "b>a1", "a0 b0"},
    {"a single founder cannot be rotated by itself", 1, 0, 2, 3, "a>a1 a>b b>a1", "a0 b0~"},
    {"a single founder is rotated by admit others", 1, 0, 2, 3, "a>b a>c b>a1 c>a1",
     "a1~[0:10c] b0~ c0~"},
    /* keys */
    {"rotation closes the former data log", 3, 0, 2, 3, "b>a1=77 c>a1=77", "a1~[0:77c] b0 c0"},
    {"rotation twice", 3, 0, 2, 3, "b>a1=7 c>a1=7 b>a2=4 c>a2=4", "a2~[0:7c][1:4c] b0 c0"},
    {"an epoch may be left out", 3, 0, 2, 3, "b>a2=4 c>a2=4", "a2~ b0 c0"},
    {"what an endorser wrote with its former key still counts", 3, 0, 2, 3, "a>d b>d b>a1 c>a1",
     "a1~[0:10c] b0 c0 d0~"},
    {"a thief endorses behind the cut of the old epoch", 4, 0, 2, 3,
     "b>a1 c>a1 d>a1 b!a:2,8 c!a:2,8 d!a:2,8 a>e a>f b>e b>f a+2 a>g b>g",
     "a1[0:10c] b0 c0 d0 e0~ f0~ g-"},
    {"two keys for one epoch", 4, 0, 2, 3, "b>a1 c>a1 c>a1' d>a1'", "a0* b0 c0 d0"},
    {"a former epoch that is revoked is no way out", 4, 0, 2, 3,
     "b>a1 c>a1 c>a1' d>a1' b!a c!a d!a", "a-*[0:9] b0 c0 d0"},
    {"revoke many do not settle the disputed epoch itself", 5, 0, 2, 4,
     "b>a1 c>a1 d>a1 e>a1 c>a1' d>a1' b!a c!a d!a e!a", "a-*[0:9] b0 c0 d0 e0"},
    {"admit many do not settle it in the next", 5, 0, 2, 4, "b>a1 c>a1 c>a1' d>a1' b>a2 c>a2 d>a2",
     "a0*[1:10c] b0 c0 d0 e0"},
    {"revoke many settle it in the next", 5, 0, 2, 4, "b>a1 c>a1 c>a1' d>a1' b>a2 c>a2 d>a2 e>a2",
     "a2*[1:10c] b0 c0 d0 e0"},
    {"one key with two closings is disputed too", 4, 0, 2, 3, "b>a1=7 c>a1=7 c>a1=8 d>a1=8",
     "a0* b0 c0 d0"},
    {"a house becomes an observer", 3, 0, 2, 3, "b>a1@ c>a1@ a1>d b>d", "a1~ b0 c0 d?"},
    {"an observer becomes a house", 2, 1, 2, 3, "a>z1=0 b>z1=0 z1>c a>c", "a0 b0 c0~ z1~[0:0c]"},
    /* revocation */
    {"revoked", 4, 0, 2, 3, "a!d b!d c!d", "a0 b0 c0 d-[0:9]"},
    {"one fewer than revoke", 4, 0, 2, 3, "a!d b!d", "a0 b0 c0 d0"},
    {"one house twice does not revoke", 4, 0, 2, 3, "a!d b!d b!d", "a0 b0 c0 d0"},
    {"different cuts do not add up", 4, 0, 2, 3, "a!d:1 b!d:2 c!d:3", "a0 b0 c0 d0"},
    {"different successors do not add up", 4, 0, 2, 3, "a!d>b b!d>c c!d", "a0 b0 c0 d0"},
    {"one successor", 4, 0, 2, 3, "a!d>b b!d>b c!d>b", "a0 b0 c0 d-[0:9]"},
    {"nobody revokes itself", 4, 0, 2, 3, "a!d b!d d!d", "a0 b0 c0 d0"},
    {"of two revocations the lower cut counts", 4, 0, 1, 2, "a!d:4,8 b!d:4,8 b!d:6,7 c!d:6,7",
     "a0 b0 c0 d-[0:7]"},
    {"behind the cut: what was admitted falls", 4, 0, 2, 3, "d+5 d>e a>e a!d b!d c!d",
     "a0 b0 c0 d-[0:9] e-"},
    {"before the cut: it stands", 4, 0, 2, 3, "d+4 d>e a>e a!d b!d c!d", "a0 b0 c0 d-[0:9] e0~"},
    {"the chain that hangs on it falls", 4, 0, 2, 3,
     "d+5 d>e a>e e>f b>f f>g a>g e>h b>h c>h a!d b!d c!d", "a0 b0 c0 d-[0:9] e- f- g- h0~"},
    {"who was revoked has revoked", 5, 0, 2, 3, "d!e a!e b!e a!d b!d c!d",
     "a0 b0 c0 d-[0:9] e-[0:9]"},
    {"a revocation behind the cut counts", 5, 0, 2, 3, "d+90 d!e a!e b!e a!d b!d c!d",
     "a0 b0 c0 d-[0:9] e-[0:9]"},
    {"two revoke each other", 6, 0, 2, 3, "a!b c!b d!b b!a e!a f!a", "a-[0:9] b-[0:9] c0 d0 e0 f0"},
    {"whose admission falls has revoked all the same", 4, 0, 2, 3,
     "d+5 d>e a>e e!b a!b c!b a!d b!d c!d", "a0 b-[0:9] c0 d-[0:9] e-"},
    {"of an epoch that is none yet", 4, 0, 2, 3, "a!d1 b!d1 c!d1 a>d1 b>d1",
     "a0 b0 c0 d0[0:10c][1:9]"},
    {"admitted again in epoch 1", 4, 0, 2, 3, "a!d:5,9 b!d:5,9 c!d:5,9 a>d1=9 b>d1=9",
     "a0 b0 c0 d1~[0:9c]"},
    {"a closing goes before the cut", 4, 0, 2, 3, "a!d:5,9 b!d:5,9 c!d:5,9 a>d1=12 b>d1=12",
     "a0 b0 c0 d1~[0:12c]"},
    {"a house that nobody named is revoked in vain", 3, 0, 1, 2, "a!q b!q c!q", "a0 b0 c0"},
    {"lost key: the others open and revoke", 4, 0, 2, 3, "b>a1 c>a1 b!a c!a d!a a1>e b>e",
     "a1~[0:10c] b0 c0 d0 e0~"},
};

enum { SITUATIONS = sizeof situations / sizeof situations[0] };

static void test_named_situations(void **state)
{
    static struct world w;
    static struct result r;
    bool bad = false;
    (void)state;
    for (size_t i = 0; i < SITUATIONS; i++) {
        const struct situation *s = &situations[i];
        world_init(&w, s->founders, s->observers, s->admit, s->revoke);
        assert_true(charter_thresholds_ok(s->admit, s->revoke, s->founders));
        world_read(&w, s->statements);
        world_result(&w, &r);
        if (strcmp(r.text, s->result) != 0) {
            print_error("%s: %s\n  is     %s\n  wanted %s\n", s->name, s->statements, r.text,
                        s->result);
            bad = true;
        }
    }
    assert_false(bad);
}

static const struct member_opening *first_opening(const struct member_set *set, char letter)
{
    const struct tris_house_id id = house_of((uint8_t)(letter - 'a'));
    const uint32_t house = member_find(set, &id);
    assert_true(house < set->house_count);
    return &set->opening[set->house[house].opening_first];
}

static void test_missing_endorsers_are_counted_down(void **state)
{
    static const struct {
        uint32_t founders, admit;
        const char *statements;
        uint32_t missing;
    } cases[] = {
        {5, 3, "a>q", 2},         {5, 3, "a>q b>q", 1},         {5, 3, "a>q b>q c>q", 0},
        {2, 5, "a>q", 1},         {2, 5, "a>q b>q", 0},         {4, 5, "a>q b>q", 2},
        {2, 3, "a>c b>c c>q", 2}, {2, 3, "a>c b>c c>q a>q", 1},
    };
    static struct world w;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world_init(&w, cases[i].founders, 0, cases[i].admit, cases[i].admit + 1);
        world_read(&w, cases[i].statements);
        struct member_set set = world_evaluate(&w);
        assert_int_equal(member_missing(&w.charter, first_opening(&set, 'q')), cases[i].missing);
        member_set_fini(&set);
    }
    /* a founder is not rotated by all founders */
    world_init(&w, 2, 0, 2, 3);
    world_read(&w, "b>a1");
    struct member_set set = world_evaluate(&w);
    const struct member_opening *o = first_opening(&set, 'a') + 1;
    assert_int_equal(o->opening.epoch, 1);
    assert_int_equal(member_missing(&w.charter, o), 1);
    member_set_fini(&set);
    /* an observer of the charter is no founder: all of them make it a house */
    world_init(&w, 2, 1, 5, 6);
    world_read(&w, "a>z1");
    set = world_evaluate(&w);
    assert_int_equal(member_missing(&w.charter, first_opening(&set, 'z') + 1), 1);
    member_set_fini(&set);
}

/* The revoked house d vouches for e behind its cut, and dates that before everything. */
static void test_a_statement_dated_back_stays_behind_the_cut(void **state)
{
    static struct world w;
    (void)state;
    for (int inside = 0; inside < 2; inside++) {
        world_init(&w, 4, 0, 2, 3);
        world_read(&w, inside ? "d+4 d>e a>e a!d b!d c!d" : "d+5 d>e a>e a!d b!d c!d");
        for (uint32_t i = 0; i < w.count; i++) {
            bool of_d = letter_of(&w.statement[i].by.house) == 'd' - 'a';
            /* inside the cut the other lie: dated after the revocation, it counts all the same */
            w.statement[i].time_ms = !of_d ? 1000 + i : inside ? 5000 : 1;
        }
        struct member_set set = world_evaluate(&w);
        const struct member_opening *e = first_opening(&set, 'e');
        assert_int_equal(e->counts, inside);
        assert_int_equal(e->counted, 1 + inside);
        member_set_fini(&set);
    }
}

static void test_of_two_cuts_of_one_size_the_smaller_root_counts(void **state)
{
    static struct world w;
    (void)state;
    for (int first = 0; first < 2; first++) {
        world_init(&w, 3, 0, 1, 1);
        world_read(&w, "a!c b!c");
        w.statement[first].what.revocation.gov.root.b[0] = 0x21;
        w.statement[1 - first].what.revocation.data.root.b[0] = 0x32;
        struct member_set set = world_evaluate(&w);
        const struct member_opening *c = first_opening(&set, 'c');
        assert_int_equal(set.revocation_count, 2);
        assert_int_equal(c->gov_end.size, 5);
        assert_int_equal(c->gov_end.root.b[0], 0x21);
        assert_int_equal(c->data_end.size, 9);
        assert_int_equal(c->data_end.root.b[0], 0x32);
        member_set_fini(&set);
    }
}

static void test_result_says_who_stated_what_and_what_of_it_counts(void **state)
{
    static struct world w;
    (void)state;
    world_init(&w, 4, 0, 2, 3);
    world_read(&w, "d+5 d>e c>e c>e b>e e>e p>e a!d b!d c!d d!d p!d");
    struct member_set set = world_evaluate(&w);
    const struct member_opening *e = first_opening(&set, 'e');
    assert_true(e->ever && e->counts && !e->revoked && !e->by_charter);
    assert_int_equal(e->counted, 2);
    assert_int_equal(e->counted_founders, 2);
    assert_int_equal(e->by_count, 4); /* b, c once, d behind its cut, e itself; no stranger */
    static const struct {
        char by;
        uint64_t seq;
        bool counts;
    } want[] = {{'b', 0, true}, {'c', 0, true}, {'d', 5, false}, {'e', 0, false}};
    for (uint32_t i = 0; i < e->by_count; i++) {
        const struct member_by *by = &set.by[e->by_first + i];
        const struct member_statement *s = &w.statement[by->statement];
        assert_int_equal('a' + letter_of(&s->by.house), want[i].by);
        assert_int_equal(s->seq, want[i].seq);
        assert_int_equal(by->counts, want[i].counts);
    }
    assert_int_equal(set.revocation_count, 1);
    const struct member_revocation *r = &set.revocation[0];
    assert_true(r->complete);
    assert_int_equal(r->counted, 3);
    assert_int_equal(r->by_count, 4);
    assert_false(set.by[r->by_first + 3].counts); /* of itself */
    const struct member_opening *d = first_opening(&set, 'd');
    assert_true(d->revoked && d->by_charter);
    assert_int_equal(d->gov_end.size, 5);
    assert_int_equal(d->data_end.size, 9);
    assert_int_equal(e->gov_end.size, UINT64_MAX);
    member_set_fini(&set);
}

static void check_logs(const struct world *w)
{
    struct tris_log_ref ref;
    struct member_set set = world_evaluate(w);
    for (uint32_t i = 0; i < set.opening_count; i++) {
        const struct member_opening *o = &set.opening[i];
        opening_log_ref(&o->opening, TRIS_TOPIC_DATA, &ref);
        uint32_t found = member_opening_of_log(&set, &ref);
        if (o->opening.role == TRIS_ROLE_OBSERVER) {
            assert_int_equal(found, UINT32_MAX);
        } else { /* of two openings of one key the one that counts */
            assert_true(found == i || (!o->counts && set.opening[found].counts));
        }
        ref.epoch++;
        assert_int_equal(member_opening_of_log(&set, &ref), UINT32_MAX);
        ref.epoch--;
        ref.seal_key.b[31] ^= 1;
        assert_int_equal(member_opening_of_log(&set, &ref), UINT32_MAX);
    }
    ref.house.b[31] ^= 1;
    assert_int_equal(member_opening_of_log(&set, &ref), UINT32_MAX);
    assert_int_equal(member_find(&set, &ref.house), UINT32_MAX);
    member_set_fini(&set);
}

static void test_a_log_is_found_by_house_epoch_and_key(void **state)
{
    static struct world w;
    (void)state;
    world_init(&w, 3, 1, 2, 3);
    world_read(&w, "b>a1=8 b>a1=7 c>a1=7");
    check_logs(&w);
    world_init(&w, 3, 1, 2, 3); /* the ids in the other order */
    world_read(&w, "b>a1=8 b>a1=7 c>a1=8");
    check_logs(&w);
}

static struct span card_at(char text[TRIS_HOUSE_LINE_BYTES_MAX], unsigned long long ms, char tag)
{
    int len = snprintf(text, TRIS_HOUSE_LINE_BYTES_MAX, "%c time=%llu sig=%0128d", tag, ms, 0);
    return span_of(text, (size_t)len);
}

static void test_the_newest_card_of_an_opening_is_given(void **state)
{
    static struct world w;
    static char text[5][TRIS_HOUSE_LINE_BYTES_MAX];
    (void)state;
    world_init(&w, 3, 0, 2, 3);
    world_read(&w, "a>d b>d c>d c>d p>d");
    w.statement[0].what.card = card_at(text[0], 9, 'z');
    w.statement[1].what.card = card_at(text[1], 1000, 'c');
    w.statement[2].what.card = card_at(text[2], 1000, 'b');
    w.statement[3].what.card = card_at(text[3], 999, 'a');
    w.statement[4].what.card = card_at(text[4], 5000, 'a'); /* with a stranger's statement */
    struct member_set set = world_evaluate(&w);
    assert_ptr_equal(first_opening(&set, 'd')->card.ptr, text[2]);
    assert_int_equal(first_opening(&set, 'a')->card.len, 0);
    member_set_fini(&set);
}

static void test_time_of_a_line_is_read_from_its_end(void **state)
{
    char text[TRIS_HOUSE_LINE_BYTES_MAX];
    (void)state;
    assert_int_equal(house_line_time(card_at(text, 0, 'x')), 0);
    assert_int_equal(house_line_time(card_at(text, 7, 'x')), 7);
    assert_true(house_line_time(card_at(text, UINT64_MAX, 'x')) == UINT64_MAX);
    struct span line = card_at(text, 123456, 'x');
    for (size_t len = 0; len <= line.len; len++) { /* in memory of exactly that size */
        uint8_t *part = malloc(len + 1);
        assert_non_null(part);
        memcpy(part + 1, line.ptr + line.len - len, len);
        assert_int_equal(house_line_time(span_of(part + 1, len)), len >= line.len - 1 ? 123456 : 0);
        free(part);
    }
}

static void test_more_statements_than_the_limit_are_refused(void **state)
{
    static struct world w;
    struct member_set set;
    (void)state;
    world_init(&w, 2, 0, 2, 3);
    world_read(&w, "a>c b>c");
    struct member_statement *many = calloc(MEMBER_STATEMENTS_MAX + 1, sizeof *many);
    assert_non_null(many);
    for (uint32_t i = 0; i <= MEMBER_STATEMENTS_MAX; i++) {
        many[i] = w.statement[i % 2];
    }
    assert_int_equal(member_evaluate(&w.charter, many, MEMBER_STATEMENTS_MAX + 1, &set),
                     TRIS_ERR_TOO_LARGE);
    assert_int_equal(set.house_count, 0);
    assert_int_equal(member_evaluate(&w.charter, many, MEMBER_STATEMENTS_MAX, &set), TRIS_OK);
    assert_int_equal(set.house_count, 3);
    assert_int_equal(set.by_count, 2);
    member_set_fini(&set);
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_situations),
        cmocka_unit_test(test_missing_endorsers_are_counted_down),
        cmocka_unit_test(test_a_statement_dated_back_stays_behind_the_cut),
        cmocka_unit_test(test_of_two_cuts_of_one_size_the_smaller_root_counts),
        cmocka_unit_test(test_result_says_who_stated_what_and_what_of_it_counts),
        cmocka_unit_test(test_a_log_is_found_by_house_epoch_and_key),
        cmocka_unit_test(test_the_newest_card_of_an_opening_is_given),
        cmocka_unit_test(test_time_of_a_line_is_read_from_its_end),
        cmocka_unit_test(test_more_statements_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
