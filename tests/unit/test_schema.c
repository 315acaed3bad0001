/* schema.def is consistent in itself, and FORMAT.md says the same. */
#include "proto/schema.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/record.h"
#include "proto/text.h"
#include "tests/lib/testlib.h"

#define FORMAT_FILE "proto/FORMAT.md"
#define MARK_BEGIN "<!-- schema:begin -->\n"
#define MARK_END "<!-- schema:end -->"

enum { DOC_BYTES_MAX = 256 * 1024 };

static void numbers_ascend_and_stay_in_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema_kind_count(); i++) {
        const struct kind *k = schema_kind_at(i);
        assert_true(k->field_count <= RECORD_FIELDS_MAX);
        assert_true(k->scope_default <= k->ceiling);
        for (size_t j = 0; j < k->field_count; j++) {
            const struct field *f = &k->fields[j];
            assert_in_range(f->number, 1, TRIS_FIELD_NUMBER_MAX);
            assert_true(f->number > j);
            assert_true(j == 0 || k->fields[j - 1].number < f->number);
            assert_ptr_equal(schema_field(k, f->number), f);
        }
        assert_null(schema_field(k, 0));
        assert_null(schema_field(k, k->fields[k->field_count - 1].number + 1));
    }
    for (size_t i = 0; i < schema_code_list_count(); i++) {
        const struct code_list *list = schema_code_list_at(i);
        for (size_t j = 0; j < list->count; j++) {
            assert_in_range(list->codes[j].number, 1, CODE_NUMBER_MAX);
            assert_true(j == 0 || list->codes[j - 1].number < list->codes[j].number);
        }
    }
}

static bool is_list(enum field_type type)
{
    return type == FIELD_CODES || type == FIELD_REGIONS || type == FIELD_TEXTS;
}

static void lists_of_each_kind_fit_a_record(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema_kind_count(); i++) {
        const struct kind *k = schema_kind_at(i);
        size_t codes = 0, texts = 0, titles = 0, within = 0, districts = 0;
        for (size_t j = 0; j < k->field_count; j++) {
            const struct field *f = &k->fields[j];
            assert_true(!is_list(f->type) || (f->limit >= 1 && f->limit <= RECORD_LIST_MAX));
            titles += (f->flags & FIELD_TITLE) != 0;
            assert_true((f->flags & FIELD_TITLE) == 0 || f->type == FIELD_TEXT);
            assert_true((f->flags & FIELD_UNTIL) == 0 ||
                        (f->type == FIELD_DATE && j > 0 && f[-1].type == FIELD_DATE));
            within += (f->flags & FIELD_WITHIN) != 0;
            districts += (f->flags & FIELD_WITHIN) != 0 && f->type == FIELD_REGION;
            assert_true((f->flags & FIELD_KEY_OF) == 0 || f->type == FIELD_TEXT);
            codes += f->type == FIELD_CODES ? f->limit : 0;
            texts += f->type == FIELD_REGIONS || f->type == FIELD_TEXTS ? f->limit : 0;
        }
        assert_true(codes <= RECORD_CODES_MAX);
        assert_true(texts <= RECORD_TEXTS_MAX);
        assert_true(titles <= 1);
        assert_true(districts == 0 || within == 1); /* record_within relies on it */
    }
}

static void code_fields_have_lists_and_others_have_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema_kind_count(); i++) {
        const struct kind *k = schema_kind_at(i);
        for (size_t j = 0; j < k->field_count; j++) {
            const struct field *f = &k->fields[j];
            bool coded = f->type == FIELD_CODE || f->type == FIELD_CODES;
            assert_int_equal(f->codes != NULL, coded);
        }
    }
}

static void names_are_found_in_both_languages_and_any_case(void **state)
{
    (void)state;
    const struct kind *partner = schema_kind_by_name(span_str("PARTNER"));
    assert_non_null(partner);
    assert_int_equal(partner->number, KIND_PARTNER);
    assert_int_equal(schema_kind_by_name(span_str("Haus der Kooperation"))->number, KIND_HOUSE);
    assert_null(schema_kind_by_name(span_str("contact")));
    assert_null(schema_kind(KIND_CONTACT));
    assert_int_equal(schema_field_by_name(partner, span_str("legal-form"))->number,
                     PARTNER_LEGAL_FORM);
    assert_int_equal(schema_field_by_name(partner, span_str("rechtsform"))->number,
                     PARTNER_LEGAL_FORM);
    assert_null(schema_field_by_name(partner, span_str("")));
    assert_null(schema_field_by_name(partner, span_str("nam")));
    assert_null(schema_field_by_name(partner, span_str("name2")));
    const struct code_list *sector = schema_code_list(span_str("sector"));
    assert_int_equal(schema_code_by_name(sector, span_str("z"))->number, SECTOR_Z);
    assert_int_equal(schema_code_by_name(sector, span_str("civil society"))->number, SECTOR_Z);
    assert_int_equal(schema_code_by_name(sector, span_str("Wirtschaft"))->number, SECTOR_W);
    assert_null(schema_code_by_name(sector, span_str("WSZ")));
    assert_int_equal(schema_scope_by_name(span_str("bundesweit")), SCOPE_NATIONAL);
    assert_int_equal(schema_scope_by_name(span_str("world")), 0);
}

/* Two rows of one list or kind that fold to the same word could be taken for each other. */
static void labels_of_one_list_do_not_collide(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema_code_list_count(); i++) {
        const struct code_list *list = schema_code_list_at(i);
        for (size_t a = 0; a < list->count; a++) {
            const char *names[] = {list->codes[a].code, list->codes[a].label_de,
                                   list->codes[a].label_en};
            for (size_t n = 0; n < 3; n++) {
                assert_ptr_equal(schema_code_by_name(list, span_str(names[n])), &list->codes[a]);
                assert_true(text_is_clean(span_str(names[n]), false));
            }
        }
    }
    for (size_t i = 0; i < schema_kind_count(); i++) {
        const struct kind *k = schema_kind_at(i);
        for (size_t j = 0; j < k->field_count; j++) {
            const struct field *f = &k->fields[j];
            assert_ptr_equal(schema_field_by_name(k, span_str(f->name)), f);
            assert_ptr_equal(schema_field_by_name(k, span_str(f->label_de)), f);
            assert_ptr_equal(schema_field_by_name(k, span_str(f->label_en)), f);
        }
    }
}

/* These went into signed entries: a change here is a change of the format. */
static void numbers_in_signed_entries_never_change(void **state)
{
    (void)state;
    assert_int_equal(KIND_HOUSE, 1);
    assert_int_equal(KIND_PARTNER, 2);
    assert_int_equal(KIND_TALLY, 11);
    assert_int_equal(PARTNER_NAME, 1);
    assert_int_equal(PARTNER_SECTOR, 3);
    assert_int_equal(PARTNER_LEGAL_FORM, 4);
    assert_int_equal(PARTNER_TOPICS, 7);
    assert_int_equal(PARTNER_REGION, 8);
    assert_int_equal(PARTNER_STATUS, 19);
    assert_int_equal(PARTNER_SOURCE, 21);
    assert_int_equal(PARTNER_SOURCE_ID, 22);
    assert_int_equal(HOUSE_NAME, 1);
    assert_int_equal(HOUSE_REGION, 2);
    assert_int_equal(HOUSE_COVERS, 3);
    assert_int_equal(HOUSE_STATUS, 4);
    assert_int_equal(KIND_LISTING, 5);
    assert_int_equal(KIND_INSTRUMENT, 7);
    assert_int_equal(KIND_ROLLOUT, 9);
    assert_int_equal(KIND_EVALUATION, 10);
    assert_int_equal(KIND_RELEASE, 12);
    assert_int_equal(RELEASE_VERDICT, 2);
    assert_int_equal(RELEASE_VERDICT_REJECTED, 4);
    assert_int_equal(LISTING_PARTNER, 12);
    assert_int_equal(EVALUATION_CRITERIA, 5);
    assert_int_equal(SECTOR_W, 1);
    assert_int_equal(SECTOR_Z, 3);
    assert_int_equal(LEGAL_FORM_OTHER, 27);
    assert_int_equal(END_REASON_DUPLICATE, 7);
}

static void natural_persons_forms_are_marked(void **state)
{
    (void)state;
    const struct code_list *forms = schema_code_list(span_str("legal_form"));
    for (size_t i = 0; i < forms->count; i++) {
        const struct code *c = &forms->codes[i];
        bool natural = c->number == LEGAL_FORM_EK || c->number == LEGAL_FORM_SOLE ||
                       c->number == LEGAL_FORM_GBR;
        assert_int_equal((c->extra & CODE_NATURAL_PERSON) != 0, natural);
        assert_int_equal((c->extra & CODE_NUMBER_MAX) == 0, c->number == LEGAL_FORM_OTHER);
    }
}

static void write_file(const char *path, struct span a, struct span b, struct span c)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(a.ptr, 1, a.len, f), a.len);
    assert_int_equal(fwrite(b.ptr, 1, b.len, f), b.len);
    assert_int_equal(fwrite(c.ptr, 1, c.len, f), c.len);
    assert_int_equal(fclose(f), 0);
}

/* SCHEMA_DOC_UPDATE=1 writes the tables instead. */
static void format_md_has_the_tables_of_the_schema(void **state)
{
    (void)state;
    size_t len = 0;
    char *text = test_file_read(FORMAT_FILE, &len);
    assert_non_null(text);
    char *begin = strstr(text, MARK_BEGIN);
    char *end = strstr(text, MARK_END);
    assert_true(begin != NULL && end != NULL && begin < end);
    begin += strlen(MARK_BEGIN);
    uint8_t *doc = malloc(DOC_BYTES_MAX);
    assert_non_null(doc);
    struct wbuf w = wbuf_of(doc, DOC_BYTES_MAX);
    schema_print_markdown(&w);
    assert_int_equal(w.err, TRIS_OK);
    bool same = span_eq(wbuf_span(&w), span_of(begin, (size_t)(end - begin)));
    if (!same && getenv("SCHEMA_DOC_UPDATE") != NULL) {
        write_file(FORMAT_FILE, span_of(text, (size_t)(begin - text)), wbuf_span(&w),
                   span_of(end, len - (size_t)(end - text)));
        same = true;
    }
    free(doc);
    free(text);
    if (!same) {
        fail_msg("run with SCHEMA_DOC_UPDATE=1 to rewrite the tables in %s", FORMAT_FILE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_ascend_and_stay_in_range),
        cmocka_unit_test(lists_of_each_kind_fit_a_record),
        cmocka_unit_test(code_fields_have_lists_and_others_have_none),
        cmocka_unit_test(names_are_found_in_both_languages_and_any_case),
        cmocka_unit_test(labels_of_one_list_do_not_collide),
        cmocka_unit_test(numbers_in_signed_entries_never_change),
        cmocka_unit_test(natural_persons_forms_are_marked),
        cmocka_unit_test(format_md_has_the_tables_of_the_schema),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
