/* References of imported rows: they name the house whose record is meant, not the one that
 * imports. */
#include "daemon/import_refs.h"
#include "tests/unit/store_fixture.h"

enum { OTHER_SEQ = 1 };

/* Two houses; records 0 and 1 of both are partners, so that a wrong house would not be noticed by
 * a record that is missing. */
struct refs {
    struct fix f;
    struct writer other;
    struct house_line line[2];
    struct member list[2];
    struct member_epoch epoch[2];
    uint32_t by_id[2]; /* by id */
    struct daemon *d;
    struct record *listing;
    struct import_refs r;
};

static void line_init(struct house_line *line, const struct tris_house_id *id, const char *slug)
{
    *line = (struct house_line){.id = *id, .role = TRIS_ROLE_HOUSE, .region = "05315"};
    (void)snprintf(line->slug, sizeof line->slug, "%s", slug);
}

static int setup(void **state)
{
    struct refs *w = calloc(1, sizeof *w);
    struct store_txn *t;
    uint64_t seq;
    assert_non_null(w);
    fix_init(&w->f);
    writer_init(&w->other, &w->f, 2, TRIS_TOPIC_DATA);
    ok(store_txn_begin(w->f.s, &t));
    const uint32_t own_no = own_log(&w->f, t, TRIS_TOPIC_DATA);
    for (int i = 0; i <= OTHER_SEQ; i++) {
        const struct span partner = fix_partner(&w->f, "Verein", "Z", "05315", NULL);
        ok(own_append(t, own_no, header_create(KIND_PARTNER), partner, &seq));
        (void)writer_put(&w->other, partner);
    }
    ok(store_commit(t));
    const uint32_t other_no = writer_deliver(&w->other, w->f.s);
    line_init(&w->line[0], &w->f.own, "koeln");
    line_init(&w->line[1], &w->other.ref.house, "leipzig");
    const uint32_t own = tris_house_id_cmp(&w->f.own, &w->other.ref.house) < 0 ? 0 : 1;
    w->epoch[own].data_no = own_no;
    w->epoch[1 - own].data_no = other_no;
    for (uint32_t i = 0; i < 2; i++) {
        struct house_line *line = &w->line[i == own ? 0 : 1];
        w->list[i] = (struct member){.id = line->id,
                                     .state = MEMBER_ACTIVE,
                                     .line = line,
                                     .epochs = &w->epoch[i],
                                     .epochs_count = 1,
                                     .data_no = w->epoch[i].data_no};
        w->by_id[i] = i;
    }
    w->d = calloc(1, sizeof *w->d);
    w->listing = malloc(sizeof *w->listing);
    assert_true(w->d != NULL && w->listing != NULL);
    w->d->store = w->f.s;
    w->d->own = w->f.own;
    w->d->own_index = own;
    w->d->members = (struct members){.list = w->list, .by_id = w->by_id, .count = 2};
    record_init(w->listing, schema_kind(KIND_LISTING));
    w->r = (struct import_refs){.d = w->d, .kind = schema_kind(KIND_LISTING)};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct refs *w = *state;
    import_refs_end(&w->r);
    writer_fini(&w->other);
    fix_fini(&w->f);
    free(w->listing);
    free(w->d);
    free(w);
    return 0;
}

static void assert_names(struct refs *w, const struct tris_house_id *house)
{
    const struct value *value = record_value(w->listing, LISTING_PARTNER);
    assert_true(value->present);
    assert_int_equal(value->number, OTHER_SEQ);
    assert_int_equal(value->count, 0);
    assert_true(span_eq(value->text, span_of(house->b, sizeof house->b)));
}

static void a_name_means_the_house_that_it_begins_with(void **state)
{
    struct refs *w = *state;
    static const char *const names[2] = {"koeln-1", "leipzig-1"};
    for (int i = 0; i < 2; i++) {
        const struct import_ref pair = {LISTING_PARTNER, span_str(names[i])};
        struct import_refs_fault fault;
        uint64_t fields = 0;
        assert_int_equal(
            import_refs_apply(&w->r, &pair, 1, span_str("liste"), w->listing, &fields, &fault),
            IMPORT_REFS_GOOD);
        assert_names(w, &w->line[i].id);
    }
}

static void a_reference_that_stands_in_a_row_keeps_its_house(void **state)
{
    struct refs *w = *state;
    for (int i = 0; i < 2; i++) {
        struct import_refs_fault fault;
        uint64_t fields = 0;
        const struct tris_house_id house = w->line[i].id;
        *record_value_mut(w->listing, LISTING_PARTNER) = (struct value){
            .present = true, .number = OTHER_SEQ, .text = span_of(house.b, sizeof house.b)};
        assert_int_equal(
            import_refs_apply(&w->r, NULL, 0, span_str("liste"), w->listing, &fields, &fault),
            IMPORT_REFS_GOOD);
        assert_names(w, &w->line[i].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_name_means_the_house_that_it_begins_with, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_reference_that_stands_in_a_row_keeps_its_house, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
