/* Words of people into records and back, and what a house asks of its own writes. */
#include "proto/record.h"

#include <sodium.h>
#include <stdlib.h>

#include "proto/district.h"
#include "proto/pack.h"
#include "tests/lib/testlib.h"

struct fixture {
    struct record r;
    uint8_t scratch[64 * 1024];
    struct wbuf w;
    struct record_problem problems[8];
    char text[256];
};

static void fresh(struct fixture *f, uint32_t kind)
{
    f->w = wbuf_of(f->scratch, sizeof f->scratch);
    record_init(&f->r, schema_kind(kind));
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fresh(f, KIND_PARTNER);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static const struct field *field_of(struct fixture *f, const char *name)
{
    const struct field *field = schema_field_by_name(f->r.kind, span_str(name));
    assert_non_null(field);
    return field;
}

static enum tris_err set(struct fixture *f, const char *name, const char *text)
{
    return record_set_text(&f->r, field_of(f, name), span_str(text), &f->w, NULL);
}

static const char *shown(struct fixture *f, const char *name, bool labels, enum label_lang lang)
{
    struct wbuf out = wbuf_of(f->text, sizeof f->text - 1);
    record_print_value(&f->r, field_of(f, name), labels, lang, &out);
    assert_int_equal(out.err, TRIS_OK);
    f->text[out.len] = '\0';
    return f->text;
}

static void check_set(struct fixture *f, const char *name, const char *text, const char *expected,
                      bool changed)
{
    bool was_changed = !changed;
    assert_int_equal(record_set_text(&f->r, field_of(f, name), span_str(text), &f->w, &was_changed),
                     TRIS_OK);
    assert_string_equal(shown(f, name, false, LANG_EN), expected);
    assert_int_equal(was_changed, changed);
}

static void a_new_record_has_presets_and_empty_text_brings_them_back(void **state)
{
    struct fixture *f = *state;
    fresh(f, KIND_PARTNER);
    assert_string_equal(shown(f, "status", false, LANG_EN), "active");
    assert_string_equal(shown(f, "intermediary", false, LANG_EN), "no");
    check_set(f, "status", "inaktiv", "inactive", false);
    check_set(f, "status", "", "active", false);
    check_set(f, "short", "TK", "TK", false);
    check_set(f, "short", "  ", "", false);
    assert_false(record_value(&f->r, PARTNER_SHORT)->present);
}

static void codes_are_understood_in_both_languages(void **state)
{
    struct fixture *f = *state;
    check_set(f, "sector", "z", "Z", false);
    check_set(f, "sector", "Wirtschaft", "W", false);
    check_set(f, "sector", "politics, state, administration", "S", false);
    check_set(f, "legal_form", "e. V.", "ev", false);
    check_set(f, "legal_form", "GGMBH", "ggmbh", false);
    check_set(f, "legal_form", "Koerperschaft oeffentlichen Rechts", "kdoer", false);
    check_set(f, "size_class", "250+", "250+", false);
    check_set(f, "topics", "work_life|diversity|diversity", "diversity|work_life", false);
    check_set(f, "topics", "Bildung und lebenslanges Lernen; other", "lifelong_learning|other",
              false);
    check_set(f, "topics", "education, lifelong learning", "lifelong_learning", false);
    check_set(f, "topics", "diversity, other", "diversity|other", false);
    assert_string_equal(shown(f, "topics", true, LANG_DE), "gesellschaftliche Vielfalt|Sonstiges");
    assert_int_equal(set(f, "topics", "a|b"), TRIS_ERR_INVALID);
    assert_int_equal(set(f, "topics", "other|diversity|work_life|climate_mobility"),
                     TRIS_ERR_TOO_LARGE);
    assert_string_equal(shown(f, "topics", false, LANG_EN), "diversity|other");
    assert_int_equal(set(f, "sector", "WSZ"), TRIS_ERR_INVALID);
}

static void yes_and_no_have_many_words(void **state)
{
    struct fixture *f = *state;
    static const char *const yes[] = {"Ja", "yes", "TRUE", "1", "x", "wahr"};
    static const char *const no[] = {"Nein", "no", "False", "0", ""};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        check_set(f, "intermediary", yes[i], "yes", false);
    }
    assert_string_equal(shown(f, "intermediary", true, LANG_DE), "ja");
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        check_set(f, "intermediary", no[i], "no", false);
    }
    assert_int_equal(set(f, "intermediary", "vielleicht"), TRIS_ERR_INVALID);
    assert_int_equal(set(f, "intermediary", "yesno"), TRIS_ERR_INVALID);
}

static void dates_are_read_in_iso_and_german_form(void **state)
{
    struct fixture *f = *state;
    check_set(f, "listed_since", "2024-12-31", "2024-12-31", false);
    check_set(f, "listed_since", "31.12.2024", "2024-12-31", false);
    check_set(f, "listed_since", "1.2.2024", "2024-02-01", false);
    static const char *const bad[] = {"31.2.2024",  "2023-02-29", "2024-13-01", "31.12.24",
                                      "2024/12/31", "20241231",   "12-31-2024", "1.2.3.2024",
                                      "heute",      "2024-1-1",   "-1.2.2024",  "1..2024"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(set(f, "listed_since", bad[i]), TRIS_ERR_INVALID);
    }
    assert_string_equal(shown(f, "listed_since", false, LANG_EN), "2024-02-01");
}

static void districts_are_found_by_key_slug_and_unique_name(void **state)
{
    struct fixture *f = *state;
    check_set(f, "region", "05315", "05315", false);
    check_set(f, "region", "5315", "05315", true);
    check_set(f, "region", "05315000", "05315", true);
    check_set(f, "region", "5315000", "05315", true);
    check_set(f, "region", "koeln", "05315", false);
    check_set(f, "region", "Köln", "05315", false);
    check_set(f, "region", "KÖLN, Stadt", "05315", false);
    check_set(f, "region", " 14713 ", "14713", false);
    assert_int_equal(set(f, "region", "99999"), TRIS_ERR_INVALID);
    assert_int_equal(set(f, "region", "315"), TRIS_ERR_INVALID);
    assert_int_equal(set(f, "region", "Atlantis"), TRIS_ERR_INVALID);
    assert_int_equal(set(f, "region", "DE"), TRIS_ERR_INVALID);
    fresh(f, KIND_HOUSE);
    check_set(f, "region", "de", "DE", false);
    check_set(f, "covers", "14713|5315", "05315|14713", true);
    check_set(f, "covers", "Köln, Stadt", "05315", false);
    check_set(f, "covers", "koeln, 14713", "05315|14713", false);
    fresh(f, KIND_PARTNER);
}

static void every_district_is_found_by_its_own_slug_and_name(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < district_count(); i++) {
        const struct district *d = district_at(i);
        f->w.len = 0;
        check_set(f, "region", d->slug, d->ags, false);
        check_set(f, "region", d->name, d->ags, false);
        check_set(f, "region", d->ags[0] == '0' ? d->ags + 1 : d->ags, d->ags, d->ags[0] == '0');
    }
}

static void texts_are_trimmed_composed_and_made_one_line(void **state)
{
    struct fixture *f = *state;
    check_set(f, "name", "  Tafel Köln ", "Tafel Köln", false);
    check_set(f, "name", "\xc2\xa0Tafel\xc2\xa0", "Tafel", false);
    check_set(f, "name", "Tafel\tKöln", "Tafel Köln", true);
    check_set(f, "name", "Tafel Ko\xcc\x88ln", "Tafel Köln", true);
    check_set(f, "name", "Tafel\nKöln", "Tafel Köln", true);
    check_set(f, "description", "eins\r\nzwei\n", "eins\nzwei", true);
    check_set(f, "postcode", "1067", "01067", true);
    check_set(f, "web", "www.example.org", "https://www.example.org", true);
    check_set(f, "identifiers", "vat:DE1; lei:2", "lei:2|vat:DE1", false);
    assert_int_equal(set(f, "name", "K\xff"), TRIS_ERR_BAD_UTF8);
    assert_int_equal(set(f, "postcode", "5066"), TRIS_OK);
    assert_int_equal(set(f, "postcode", "506677"), TRIS_ERR_INVALID);
    fresh(f, KIND_HOUSE);
    static const char key[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    check_set(f, "node_key", key, key, false);
    assert_int_equal(set(f, "node_key", "0011"), TRIS_ERR_INVALID);
    fresh(f, KIND_PARTNER);
}

static void a_full_scratch_leaves_the_record_as_it_was(void **state)
{
    struct fixture *f = *state;
    uint8_t small[8];
    struct wbuf w = wbuf_of(small, sizeof small);
    check_set(f, "name", "Tafel", "Tafel", false);
    assert_int_equal(record_set_text(&f->r, field_of(f, "name"), span_str("Tafel Köln"), &w, NULL),
                     TRIS_ERR_NO_SPACE);
    assert_string_equal(shown(f, "name", false, LANG_EN), "Tafel");
}

static void refusals_say_what_is_allowed(void **state)
{
    struct fixture *f = *state;
    char text[160];
    record_explain_text(field_of(f, "sector"), span_str("öffentl."), TRIS_ERR_INVALID, text,
                        sizeof text);
    assert_string_equal(text, "sector \"öffentl.\" unknown, allowed: W S Z (Wirtschaft; Politik, "
                              "Staat, Verwaltung; Zivilgesellschaft)");
    record_explain_text(field_of(f, "legal_form"), span_str("Ltd."), TRIS_ERR_INVALID, text,
                        sizeof text);
    assert_non_null(strstr(text, "allowed: ev nev ggmbh"));
    assert_string_equal(text + strlen(text) - 4, " ...");
    record_explain_text(field_of(f, "topics"), span_str("x"), TRIS_ERR_TOO_LARGE, text,
                        sizeof text);
    assert_string_equal(text, "topics has too many items, at most 3 are allowed");
    for (size_t size = 1; size < sizeof text; size++) {
        record_explain_text(field_of(f, "legal_form"), span_str("\x1b[2Jxxxxxxxxxxxxxxxxxxxxx"),
                            TRIS_ERR_INVALID, text, size);
        assert_true(strlen(text) < size);
        assert_null(strchr(text, 0x1b));
    }
}

/* A partner without fault. */
static void good_partner(struct fixture *f)
{
    fresh(f, KIND_PARTNER);
    assert_int_equal(set(f, "name", "Tafel Köln e.V."), TRIS_OK);
    assert_int_equal(set(f, "sector", "Z"), TRIS_OK);
    assert_int_equal(set(f, "legal_form", "ev"), TRIS_OK);
    assert_int_equal(set(f, "region", "05315"), TRIS_OK);
}

static const struct record_problem *only_problem(struct fixture *f, enum schema_scope scope)
{
    size_t found = record_check_own(&f->r, scope, f->problems, 8);
    if (found != 1) {
        fail_msg("%zu problems, the first: %s", found, found > 0 ? f->problems[0].text : "");
    }
    return &f->problems[0];
}

static void a_good_partner_has_no_problem(void **state)
{
    struct fixture *f = *state;
    good_partner(f);
    assert_int_equal(record_check_own(&f->r, SCOPE_LOCAL, f->problems, 8), 0);
    assert_int_equal(record_check_own(&f->r, SCOPE_NATIONAL, f->problems, 8), 0);
}

static void what_is_missing_is_named(void **state)
{
    struct fixture *f = *state;
    fresh(f, KIND_PARTNER);
    size_t found = record_check_own(&f->r, SCOPE_LOCAL, f->problems, 8);
    assert_int_equal(found, 4);
    assert_string_equal(f->problems[0].text, "name is required");
    assert_int_equal(f->problems[0].err, TRIS_ERR_REQUIRED);
    assert_int_equal(record_check_own(&f->r, SCOPE_LOCAL, f->problems, 2), 2);
    assert_int_equal(record_check_own(&f->r, SCOPE_LOCAL, f->problems, 0), 0);
}

static void natural_persons_stay_at_home_without_consent(void **state)
{
    struct fixture *f = *state;
    static const char *const forms[] = {"ek", "sole", "gbr"};
    for (size_t i = 0; i < 3; i++) {
        good_partner(f);
        assert_int_equal(set(f, "sector", "W"), TRIS_OK);
        assert_int_equal(set(f, "legal_form", forms[i]), TRIS_OK);
        assert_int_equal(record_check_own(&f->r, SCOPE_LOCAL, f->problems, 8), 0);
        assert_int_equal(only_problem(f, SCOPE_NATIONAL)->err, TRIS_ERR_PERSONAL);
        assert_int_equal(set(f, "listed_since", "2024-01-01"), TRIS_OK);
        assert_int_equal(set(f, "listed_basis", "legitimate_interest"), TRIS_OK);
        assert_int_equal(only_problem(f, SCOPE_NATIONAL)->err, TRIS_ERR_PERSONAL);
        assert_int_equal(set(f, "listed_basis", "Einwilligung"), TRIS_OK);
        assert_int_equal(record_check_own(&f->r, SCOPE_NATIONAL, f->problems, 8), 0);
    }
}

static void an_unusual_sector_wants_a_reason(void **state)
{
    struct fixture *f = *state;
    good_partner(f);
    assert_int_equal(set(f, "sector", "W"), TRIS_OK);
    assert_true(only_problem(f, SCOPE_LOCAL)->warning);
    assert_int_equal(set(f, "sector_note", "Arbeitgeberverband"), TRIS_OK);
    assert_int_equal(record_check_own(&f->r, SCOPE_LOCAL, f->problems, 8), 0);
    assert_int_equal(set(f, "sector_note", ""), TRIS_OK);
    assert_int_equal(set(f, "legal_form", "other"), TRIS_OK);
    assert_int_equal(record_check_own(&f->r, SCOPE_LOCAL, f->problems, 8), 0);
}

static void mailboxes_of_persons_are_warned_about(void **state)
{
    struct fixture *f = *state;
    static const char *const fine[] = {"info@example.org", "haus.koeln@example.org",
                                       "koeln@example.org", "team-1@example.org"};
    static const char *const persons[] = {"erika.muster@example.org", "e_muster@example.org"};
    static const char *const broken[] = {
        "info", "@example.org", "a@b", "a b@example.org", "a@b@example.org", "a@example."};
    good_partner(f);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(set(f, "mailbox", fine[i]), TRIS_OK);
        assert_int_equal(record_check_own(&f->r, SCOPE_NATIONAL, f->problems, 8), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(set(f, "mailbox", persons[i]), TRIS_OK);
        assert_true(only_problem(f, SCOPE_NATIONAL)->warning);
    }
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(set(f, "mailbox", broken[i]), TRIS_OK);
        assert_false(only_problem(f, SCOPE_NATIONAL)->warning);
    }
}

struct field_case {
    const char *name, *text;
    bool good;
};

static void texts_keep_their_rules(void **state)
{
    struct fixture *f = *state;
    static const struct field_case cases[] = {
        {"web", "https://example.org/pfad?x=1", true},
        {"web", "http://[::1]:80/", true},
        {"web", "https://köln.example", true},
        {"web", "ftp://example.org", false},
        {"web", "javascript:alert(1)", false},
        {"web", "https:///x", false},
        {"web", "https://user@example.org", false},
        {"web", "https://exa mple.org", false},
        {"web", "https://example.org/\"><x", false},
        {"languages", "de|en-GB|zh-Hant", true},
        {"languages", "deutsch", false},
        {"languages", "d", false},
        {"languages", "de-", false},
        {"identifiers", "lei:529900", true},
        {"identifiers", "529900", false},
        {"identifiers", ":5", false},
        {"short", "a\x01", false},
        {"short", "1234567890123456789012345678901234567890", true},
        {"short", "12345678901234567890123456789012345678901", false},
        {"short", "ääääääääääääääääääääääääääääääääääääääää", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        good_partner(f);
        assert_int_equal(set(f, cases[i].name, cases[i].text), TRIS_OK);
        size_t found = record_check_own(&f->r, SCOPE_NATIONAL, f->problems, 8);
        if ((found == 0) != cases[i].good) {
            fail_msg("%s %s: %s", cases[i].name, cases[i].text,
                     found == 0 ? "accepted" : f->problems[0].text);
        }
        assert_true(found == 0 || f->problems[0].field == field_of(f, cases[i].name));
    }
}

static void unknown_codes_and_districts_are_not_written(void **state)
{
    struct fixture *f = *state;
    good_partner(f);
    record_value_mut(&f->r, PARTNER_SECTOR)->number = 200;
    assert_int_equal(only_problem(f, SCOPE_LOCAL)->err, TRIS_ERR_INVALID);
    good_partner(f);
    record_value_mut(&f->r, PARTNER_REGION)->text = span_str("03152");
    assert_int_equal(only_problem(f, SCOPE_LOCAL)->err, TRIS_ERR_INVALID);
    record_value_mut(&f->r, PARTNER_REGION)->text = span_str("DE");
    assert_int_equal(only_problem(f, SCOPE_LOCAL)->err, TRIS_ERR_INVALID);
}

static void scopes_stay_within_what_is_possible(void **state)
{
    struct fixture *f = *state;
    good_partner(f);
    assert_null(only_problem(f, SCOPE_PARTIES)->field);
    assert_non_null(strstr(f->problems[0].text, "parties"));
}

static void errors_stand_before_warnings(void **state)
{
    struct fixture *f = *state;
    good_partner(f);
    assert_int_equal(set(f, "mailbox", "erika.muster@example.org"), TRIS_OK);
    assert_int_equal(set(f, "sector", "W"), TRIS_OK);
    assert_int_equal(set(f, "languages", "deutsch"), TRIS_OK);
    assert_int_equal(record_check_own(&f->r, SCOPE_NATIONAL, f->problems, 8), 3);
    assert_false(f->problems[0].warning);
    assert_true(f->problems[1].warning && f->problems[2].warning);
    assert_int_equal(record_check_own(&f->r, SCOPE_NATIONAL, f->problems, 1), 1);
    assert_false(f->problems[0].warning);
}

static void a_house_may_stand_for_the_whole_country(void **state)
{
    struct fixture *f = *state;
    fresh(f, KIND_HOUSE);
    assert_int_equal(set(f, "name", "Bundeskoordination"), TRIS_OK);
    assert_int_equal(set(f, "region", "DE"), TRIS_OK);
    assert_int_equal(set(f, "covers", "DE"), TRIS_OK);
    assert_int_equal(record_check_own(&f->r, SCOPE_NATIONAL, f->problems, 8), 0);
    assert_int_equal(set(f, "opened", "2024-05-01"), TRIS_OK);
    assert_int_equal(set(f, "closed", "2024-04-30"), TRIS_OK);
    assert_int_equal(only_problem(f, SCOPE_NATIONAL)->field->number, HOUSE_CLOSED);
}

/* What OWN accepts, FOLD accepts everywhere else; and printing reads back to the same payload. */
static void own_writes_have_an_effect_and_their_text_reads_back(void **state)
{
    struct fixture *f = *state;
    static struct record again;
    uint8_t payload[4096], second[4096], scratch[4096];
    good_partner(f);
    assert_int_equal(set(f, "topics", "other|diversity"), TRIS_OK);
    assert_int_equal(set(f, "web", "www.example.org"), TRIS_OK);
    assert_int_equal(set(f, "languages", "tr|de"), TRIS_OK);
    assert_int_equal(set(f, "description", "eins\nzwei"), TRIS_OK);
    assert_int_equal(set(f, "listed_since", "1.2.2024"), TRIS_OK);
    assert_int_equal(record_check_own(&f->r, SCOPE_NATIONAL, f->problems, 8), 0);
    struct wbuf w = wbuf_of(payload, sizeof payload);
    assert_int_equal(record_encode(&f->r, &w), TRIS_OK);
    assert_int_equal(record_decode(f->r.kind, wbuf_span(&w), &again, NULL), TRIS_OK);
    struct wbuf room = wbuf_of(scratch, sizeof scratch);
    for (size_t i = 0; i < again.kind->field_count; i++) {
        const struct field *field = &again.kind->fields[i];
        const char *text = shown(f, field->name, false, LANG_EN);
        assert_int_equal(record_set_text(&again, field, span_str(text), &room, NULL), TRIS_OK);
    }
    struct wbuf w2 = wbuf_of(second, sizeof second);
    assert_int_equal(record_encode(&again, &w2), TRIS_OK);
    assert_true(span_eq(wbuf_span(&w), wbuf_span(&w2)));
}

/* The bytes stand in FORMAT.md. */
static void the_example_of_the_format_is_what_is_written(void **state)
{
    struct fixture *f = *state;
    uint8_t expected[64], payload[64];
    size_t len = test_unhex("89 01 b0 546166656c204bc3b66c6e20652e562e 03 03 04 01 05 c2"
                            "07 92 02 04 08 a5 3035333135 11 92 a26465 a27472 13 01"
                            "14 ce 0134db4f",
                            expected, sizeof expected);
    good_partner(f);
    assert_int_equal(set(f, "topics", "work_life|diversity"), TRIS_OK);
    assert_int_equal(set(f, "languages", "de|tr"), TRIS_OK);
    assert_int_equal(set(f, "listed_since", "31.12.2024"), TRIS_OK);
    struct wbuf w = wbuf_of(payload, sizeof payload);
    assert_int_equal(record_encode(&f->r, &w), TRIS_OK);
    assert_true(span_eq(wbuf_span(&w), span_of(expected, len)));
}

static bool has_error(struct fixture *f, enum schema_scope scope, const char *field)
{
    size_t found = record_check_own(&f->r, scope, f->problems, 8);
    for (size_t i = 0; i < found && i < 8; i++) {
        if (!f->problems[i].warning && f->problems[i].field != NULL &&
            strcmp(f->problems[i].field->name, field) == 0) {
            return true;
        }
    }
    return false;
}

static void fresh_listing(struct fixture *f)
{
    fresh(f, KIND_LISTING);
    assert_int_equal(set(f, "type", "Angebot"), TRIS_OK);
    assert_int_equal(set(f, "title", "Raum für zwei Tage"), TRIS_OK);
    assert_int_equal(set(f, "topics", "other"), TRIS_OK);
    assert_int_equal(set(f, "contribution", "Räume"), TRIS_OK);
    assert_int_equal(set(f, "valid_from", "2026-01-01"), TRIS_OK);
    assert_int_equal(set(f, "valid_to", "2027-01-01"), TRIS_OK);
    assert_int_equal(record_check_own(&f->r, SCOPE_NATIONAL, f->problems, 8), 0);
}

static void a_period_ends_after_its_beginning_and_within_its_limit(void **state)
{
    struct fixture *f = *state;
    fresh_listing(f);
    assert_int_equal(set(f, "valid_to", "2027-01-02"), TRIS_OK);
    assert_true(has_error(f, SCOPE_LOCAL, "valid_to"));
    assert_int_equal(set(f, "valid_to", "2025-12-31"), TRIS_OK);
    assert_true(has_error(f, SCOPE_LOCAL, "valid_to"));
    assert_int_equal(set(f, "valid_from", "2023-03-01"), TRIS_OK);
    assert_int_equal(set(f, "valid_to", "2024-02-29"), TRIS_OK);
    assert_false(has_error(f, SCOPE_LOCAL, "valid_to"));
    assert_int_equal(set(f, "valid_to", "2024-03-01"), TRIS_OK);
    assert_true(has_error(f, SCOPE_LOCAL, "valid_to"));
}

static void a_listing_is_not_about_money(void **state)
{
    struct fixture *f = *state;
    fresh_listing(f);
    assert_int_equal(set(f, "unit", "hours"), TRIS_OK);
    assert_false(has_error(f, SCOPE_LOCAL, "unit"));
    assert_int_equal(set(f, "unit", "eur"), TRIS_OK);
    assert_int_equal(set(f, "contribution", "Geld"), TRIS_OK);
    assert_true(has_error(f, SCOPE_LOCAL, "unit"));
    assert_true(has_error(f, SCOPE_LOCAL, "contribution"));
}

static void what_stays_in_the_house_is_taken_out_of_what_leaves(void **state)
{
    struct fixture *f = *state;
    fresh_listing(f);
    assert_int_equal(set(f, "partner_key", "P-1"), TRIS_OK);
    assert_false(has_error(f, SCOPE_LOCAL, "partner_key"));
    assert_true(has_error(f, SCOPE_NATIONAL, "partner_key"));
    record_narrow(&f->r, SCOPE_LOCAL);
    assert_string_equal(shown(f, "partner_key", false, LANG_EN), "P-1");
    record_narrow(&f->r, SCOPE_NATIONAL);
    assert_false(has_error(f, SCOPE_NATIONAL, "partner_key"));
    assert_string_equal(shown(f, "partner_key", false, LANG_EN), "");
}

#define SOME_HOUSE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void a_reference_is_house_epoch_and_number(void **state)
{
    struct fixture *f = *state;
    fresh(f, KIND_EVALUATION);
    check_set(f, "subject", SOME_HOUSE "-1042", SOME_HOUSE "-1042", false);
    check_set(f, "subject", SOME_HOUSE ".3-17", SOME_HOUSE ".3-17", false);
    const struct value *v = record_value(&f->r, EVALUATION_SUBJECT);
    assert_int_equal(v->count, 3);
    assert_int_equal(v->number, 17);
    static const char *const bad[] = {SOME_HOUSE "-L17",
                                      SOME_HOUSE,
                                      SOME_HOUSE "-",
                                      SOME_HOUSE ".-1",
                                      SOME_HOUSE ".x-1",
                                      SOME_HOUSE "1-1",
                                      "koeln-1042",
                                      "koeln-L17",
                                      "-1",
                                      SOME_HOUSE ".4294967296-1",
                                      SOME_HOUSE "-99999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(set(f, "subject", bad[i]), TRIS_ERR_INVALID);
    }
    check_set(f, "subject", "", "", false);
}

static void criteria_keep_their_order_and_have_scores(void **state)
{
    struct fixture *f = *state;
    fresh(f, KIND_EVALUATION);
    check_set(f, "criteria", "reach:4|cost:2|reach:4|effect:5", "reach:4|cost:2|effect:5", false);
    assert_false(has_error(f, SCOPE_NATIONAL, "criteria"));
    static const char *const bad[] = {"reach", "reach:", ":3", "reach:0", "reach:6", "reach:44"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(set(f, "criteria", bad[i]), TRIS_OK);
        assert_true(has_error(f, SCOPE_NATIONAL, "criteria"));
    }
}

static void a_slug_is_of_small_letters_digits_and_hyphens(void **state)
{
    struct fixture *f = *state;
    fresh(f, KIND_INSTRUMENT);
    assert_string_equal(shown(f, "lang", false, LANG_EN), "de");
    assert_int_equal(set(f, "slug", "praxischeck-kmu"), TRIS_OK);
    assert_false(has_error(f, SCOPE_NATIONAL, "slug"));
    static const char *const bad[] = {"ab", "Praxischeck", "a b c", "grün-3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(set(f, "slug", bad[i]), TRIS_OK);
        assert_true(has_error(f, SCOPE_NATIONAL, "slug"));
    }
    assert_int_equal(set(f, "lang", "deutsch"), TRIS_OK);
    assert_true(has_error(f, SCOPE_NATIONAL, "lang"));
}

static void an_open_listing_is_called_expired_after_its_last_day(void **state)
{
    struct fixture *f = *state;
    fresh(f, KIND_LISTING);
    assert_int_equal(set(f, "valid_from", "2026-01-01"), TRIS_OK);
    assert_int_equal(set(f, "valid_to", "2026-03-01"), TRIS_OK);
    record_derive(&f->r, 20260301);
    assert_string_equal(shown(f, "status", false, LANG_EN), "open");
    record_derive(&f->r, 20260302);
    assert_string_equal(shown(f, "status", false, LANG_EN), "expired");
    assert_true(has_error(f, SCOPE_LOCAL, "status")); /* it is not for writing */
    static const char *const final[] = {"matched", "closed"};
    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++) {
        assert_int_equal(set(f, "status", final[i]), TRIS_OK);
        assert_false(has_error(f, SCOPE_LOCAL, "status"));
        record_derive(&f->r, 20990101);
        assert_string_equal(shown(f, "status", false, LANG_EN), final[i]);
    }
    static const struct {
        uint32_t today;
        const char *status;
    } read_as[] = {{20260302, "open"}, {20260301, "closed"}};
    for (size_t i = 0; i < sizeof read_as / sizeof read_as[0]; i++) {
        assert_int_equal(set(f, "status", "abgelaufen"), TRIS_OK);
        assert_int_equal(record_underive(&f->r, read_as[i].today), i == 1);
        assert_string_equal(shown(f, "status", false, LANG_EN), read_as[i].status);
        assert_false(record_underive(&f->r, read_as[i].today));
        assert_false(has_error(f, SCOPE_LOCAL, "status"));
    }
    fresh(f, KIND_PARTNER); /* nothing of a partner expires */
    record_derive(&f->r, 20990101);
    assert_string_equal(shown(f, "status", false, LANG_EN), "active");
    assert_null(record_past_field(f->r.kind, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_record_has_presets_and_empty_text_brings_them_back),
        cmocka_unit_test(codes_are_understood_in_both_languages),
        cmocka_unit_test(yes_and_no_have_many_words),
        cmocka_unit_test(dates_are_read_in_iso_and_german_form),
        cmocka_unit_test(districts_are_found_by_key_slug_and_unique_name),
        cmocka_unit_test(every_district_is_found_by_its_own_slug_and_name),
        cmocka_unit_test(texts_are_trimmed_composed_and_made_one_line),
        cmocka_unit_test(a_full_scratch_leaves_the_record_as_it_was),
        cmocka_unit_test(refusals_say_what_is_allowed),
        cmocka_unit_test(a_good_partner_has_no_problem),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(natural_persons_stay_at_home_without_consent),
        cmocka_unit_test(an_unusual_sector_wants_a_reason),
        cmocka_unit_test(mailboxes_of_persons_are_warned_about),
        cmocka_unit_test(texts_keep_their_rules),
        cmocka_unit_test(unknown_codes_and_districts_are_not_written),
        cmocka_unit_test(scopes_stay_within_what_is_possible),
        cmocka_unit_test(errors_stand_before_warnings),
        cmocka_unit_test(a_house_may_stand_for_the_whole_country),
        cmocka_unit_test(the_example_of_the_format_is_what_is_written),
        cmocka_unit_test(own_writes_have_an_effect_and_their_text_reads_back),
        cmocka_unit_test(a_period_ends_after_its_beginning_and_within_its_limit),
        cmocka_unit_test(a_listing_is_not_about_money),
        cmocka_unit_test(what_stays_in_the_house_is_taken_out_of_what_leaves),
        cmocka_unit_test(a_reference_is_house_epoch_and_number),
        cmocka_unit_test(criteria_keep_their_order_and_have_scores),
        cmocka_unit_test(an_open_listing_is_called_expired_after_its_last_day),
        cmocka_unit_test(a_slug_is_of_small_letters_digits_and_hyphens),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
