/* Unicode text rules. */
#include "proto/text.h"

#include <sodium.h>
#include <stdlib.h>

#include "proto/pack.h"
#include "tests/lib/testlib.h"

static const char *apply(void (*rule)(struct span, struct wbuf *), const char *text)
{
    static uint8_t buf[2048];
    struct wbuf w = wbuf_of(buf, sizeof buf - 1);
    rule(span_str(text), &w);
    buf[w.len] = '\0';
    return (const char *)buf;
}

#define FOLD(text) apply(text_fold, text)
#define NAME(text) apply(text_fold_name, text)
#define ESCAPE(text) apply(text_escape, text)

static void nfc_composes_and_refuses_bad_utf8(void **state)
{
    (void)state;
    uint8_t buf[64];
    struct wbuf w = wbuf_of(buf, sizeof buf);
    assert_int_equal(text_nfc(span_str("Ko\xcc\x88ln"), &w), TRIS_OK);
    assert_true(span_eq(wbuf_span(&w), span_str("Köln")));
    w = wbuf_of(buf, sizeof buf);
    assert_int_equal(text_nfc(span_str("\xe2\x84\xab"), &w), TRIS_OK); /* Angstrom sign */
    assert_true(span_eq(wbuf_span(&w), span_str("Å")));
    w = wbuf_of(buf, sizeof buf);
    assert_int_equal(text_nfc(span_str("K\xff"), &w), TRIS_ERR_BAD_UTF8);
    assert_int_equal(w.len, 0);
    w = wbuf_of(buf, 3);
    assert_int_equal(text_nfc(span_str("Köln"), &w), TRIS_ERR_NO_SPACE);
}

static void nfc_of_a_long_text_needs_no_fixed_buffer(void **state)
{
    (void)state;
    enum { TIMES = 5000 };
    char *text = malloc(TIMES * 3);
    uint8_t *out = malloc(TIMES * 3);
    assert_true(text != NULL && out != NULL);
    for (size_t i = 0; i < TIMES; i++) {
        memcpy(text + 3 * i, "o\xcc\x88", 3);
    }
    struct wbuf w = wbuf_of(out, TIMES * 3);
    assert_int_equal(text_nfc(span_of(text, TIMES * 3), &w), TRIS_OK);
    assert_int_equal(w.len, TIMES * 2);
    assert_true(text_is_clean(wbuf_span(&w), false));
    assert_false(text_is_clean(span_of(text, TIMES * 3), false));
    free(text);
    free(out);
}

/* One code point below U+10000. */
static size_t put_point(uint8_t *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (uint8_t)(0xc0 | point >> 6);
        out[1] = (uint8_t)(0x80 | (point & 0x3f));
        return 2;
    }
    out[0] = (uint8_t)(0xe0 | point >> 12);
    out[1] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
    out[2] = (uint8_t)(0x80 | (point & 0x3f));
    return 3;
}

static void what_needs_no_tables_is_what_the_tables_say(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x2100; point++) {
        uint8_t text[16];
        size_t len = put_point(text, point);
        bool alone = text_is_clean(span_of(text, len), false);
        /* a Greek letter beside it makes the tables look at the whole text */
        memcpy(text + len, "\xce\xb1", 2);
        assert_int_equal(alone, text_is_clean(span_of(text, len + 2), false));
        bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
        assert_true(!control || !alone);
        /* what may follow it and compose with it is never taken for granted */
        if (point == 'o' || point == 0x2013) {
            memcpy(text + len, "\xcc\x88", 2);
            assert_int_equal(text_is_clean(span_of(text, len + 2), false), point != 'o');
        }
    }
}

static void clean_means_nfc_without_controls(void **state)
{
    (void)state;
    assert_true(text_is_clean(span_str("Haus Köln – „Mitte“"), false));
    assert_true(text_is_clean(span_str(""), false));
    assert_false(text_is_clean(span_str("a\nb"), false));
    assert_true(text_is_clean(span_str("a\nb"), true));
    assert_false(text_is_clean(span_str("a\tb"), true));
    assert_false(text_is_clean(span_str("a\xc2\x85"), true));
    assert_false(text_is_clean(span_str("\x7f"), true));
    assert_false(text_is_clean(span_of("a\0b", 3), true));
    assert_false(text_is_clean(span_str("o\xcc\x88"), true));
    assert_false(text_is_clean(span_str("\xc0\x80"), true));
}

static void folding_ignores_case_marks_and_umlaut_spelling(void **state)
{
    (void)state;
    assert_string_equal(FOLD("Müller"), "muller");
    assert_string_equal(FOLD("MUELLER"), "muller");
    assert_string_equal(FOLD("Mu\xcc\x88ller"), "muller");
    assert_string_equal(FOLD("Straße"), "strasse");
    assert_string_equal(FOLD("  Köln,  Stadt "), "koln stadt");
    assert_string_equal(FOLD("Ärzte-Netz (Süd)"), "arzte netz sud");
    assert_string_equal(FOLD("Café Ørsted"), "cafe orsted");
    assert_string_equal(FOLD("säen"), FOLD("saeen"));
    assert_string_equal(FOLD("Ko\xc2\xadoperation"), "kooperation");
    assert_string_equal(FOLD("VR 1234"), "vr 1234");
    assert_string_equal(FOLD("Ελλάδα"), "ελλαδα");
    assert_string_equal(FOLD("---"), "");
    assert_string_equal(FOLD("a\xff"), "");
}

static void folding_twice_changes_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"Neue Aue", "Haus der Kooperation e. V.", "Žluťoučký kůň"};
    for (size_t i = 0; i < 3; i++) {
        uint8_t once[256];
        struct wbuf w = wbuf_of(once, sizeof once - 1);
        text_fold(span_str(texts[i]), &w);
        once[w.len] = '\0';
        assert_string_equal(FOLD((const char *)once), (const char *)once);
    }
}

static void folding_stops_between_code_points(void **state)
{
    (void)state;
    struct span text = span_str("ab Ελλάδα");
    for (size_t cap = 0; cap < 32; cap++) {
        uint8_t buf[32];
        struct wbuf w = wbuf_of(buf, cap);
        text_fold(text, &w);
        assert_int_equal(w.err, TRIS_OK);
        assert_true(w.len <= cap);
        assert_true(utf8_valid(wbuf_span(&w)));
        assert_true(w.len == 0 || buf[w.len - 1] != ' ');
    }
}

static void names_fold_without_their_legal_form(void **state)
{
    (void)state;
    assert_string_equal(NAME("Tafel Köln e.V."), "tafel koln");
    assert_string_equal(NAME("Tafel Köln e. V."), "tafel koln");
    assert_string_equal(NAME("Tafel Köln eV"), "tafel koln");
    assert_string_equal(NAME("TAFEL KOELN E.V."), "tafel koln");
    assert_string_equal(NAME("Brot & Rad gGmbH"), "brot rad");
    assert_string_equal(NAME("Bau Müller GmbH & Co. KG"), "bau muller");
    assert_string_equal(NAME("Hilfe gUG (haftungsbeschränkt)"), "hilfe");
    assert_string_equal(NAME("Stadtwerke AöR"), "stadtwerke");
    assert_string_equal(NAME("Kirchenkreis KdöR"), "kirchenkreis");
    assert_string_equal(NAME("Wohnen eG"), "wohnen");
    assert_string_equal(NAME("Bürger Stiftung"), "burger stiftung");
    assert_string_equal(NAME("GmbH"), "gmbh");
    assert_string_equal(NAME("e.V."), "e v");
    assert_string_equal(NAME("Montag"), "montag");
}

static void width_counts_columns(void **state)
{
    (void)state;
    assert_int_equal(text_width(span_str("Köln")), 4);
    assert_int_equal(text_width(span_str("Ko\xcc\x88ln")), 4);
    assert_int_equal(text_width(span_str("漢字")), 4);
    assert_int_equal(text_width(span_str("")), 0);
}

static void escaped_text_cannot_steer_a_terminal(void **state)
{
    (void)state;
    assert_string_equal(ESCAPE("Köln – ok"), "Köln – ok");
    assert_string_equal(ESCAPE("\x1b[2J\n"), "\\x1b[2J\\x0a");
    assert_string_equal(ESCAPE("a\xe2\x80\xae"
                               "b"),
                        "a\\u{202e}b");
    assert_string_equal(ESCAPE("\xc2\x9b"), "\\u{9b}");
    assert_string_equal(ESCAPE("a\xe2\x80\x8b\xe2\x81\xa0\xc2\xad\xf3\xa0\x80\x81"),
                        "a\\u{200b}\\u{2060}\\u{ad}\\u{e0001}"); /* not to be seen */
    assert_string_equal(ESCAPE("\xe2\x80\x8d"), "\xe2\x80\x8d"); /* a joiner */
    assert_string_equal(ESCAPE("\xff\xc3"), "\\xff\\xc3");
    struct test_rng rng = {7};
    for (int i = 0; i < 2000; i++) {
        uint8_t bytes[24], out[24 * 8];
        test_rng_bytes(&rng, bytes, sizeof bytes);
        struct wbuf w = wbuf_of(out, sizeof out);
        text_escape(span_of(bytes, sizeof bytes), &w);
        assert_int_equal(w.err, TRIS_OK);
        assert_true(utf8_valid(wbuf_span(&w)));
        for (size_t j = 0; j < w.len; j++) {
            assert_true(out[j] >= 0x20 && out[j] != 0x7f);
        }
    }
}

/* Random code points, many of them marks, as valid UTF-8. */
static struct span random_text(struct test_rng *rng, uint8_t *buf, size_t points)
{
    static const uint32_t starts[] = {0x20, 0xc0, 0x300, 0x1100, 0x1e00, 0x2100, 0xac00, 0x1d15e};
    size_t len = 0;
    for (size_t i = 0; i < points; i++) {
        uint32_t c = starts[test_rng_below(rng, 8)] + (uint32_t)test_rng_below(rng, 0x60);
        size_t bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t k = bytes - 1; k > 0; k--) {
            buf[len + k] = (uint8_t)(0x80 | (c & 0x3f));
            c >>= 6;
        }
        static const uint8_t first[] = {0, 0, 0xc0, 0xe0, 0xf0};
        buf[len] = (uint8_t)(first[bytes] | c);
        len += bytes;
    }
    return span_of(buf, len);
}

static void nfc_of_nfc_is_the_same_and_folds_alike(void **state)
{
    (void)state;
    struct test_rng rng = {11};
    for (int i = 0; i < 20000; i++) {
        uint8_t text[128], once[512], twice[512], folded[1024], folded_once[1024];
        struct span t = random_text(&rng, text, 1 + test_rng_below(&rng, 24));
        assert_true(utf8_valid(t));
        struct wbuf a = wbuf_of(once, sizeof once), b = wbuf_of(twice, sizeof twice);
        assert_int_equal(text_nfc(t, &a), TRIS_OK);
        assert_int_equal(text_nfc(wbuf_span(&a), &b), TRIS_OK);
        assert_true(span_eq(wbuf_span(&a), wbuf_span(&b)));
        assert_true(utf8_valid(wbuf_span(&a)));
        struct wbuf c = wbuf_of(folded, sizeof folded);
        struct wbuf d = wbuf_of(folded_once, sizeof folded_once);
        text_fold(t, &c);
        text_fold(wbuf_span(&a), &d);
        assert_true(span_eq(wbuf_span(&c), wbuf_span(&d)));
        (void)text_width(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nfc_composes_and_refuses_bad_utf8),
        cmocka_unit_test(nfc_of_a_long_text_needs_no_fixed_buffer),
        cmocka_unit_test(what_needs_no_tables_is_what_the_tables_say),
        cmocka_unit_test(clean_means_nfc_without_controls),
        cmocka_unit_test(folding_ignores_case_marks_and_umlaut_spelling),
        cmocka_unit_test(folding_twice_changes_nothing),
        cmocka_unit_test(folding_stops_between_code_points),
        cmocka_unit_test(names_fold_without_their_legal_form),
        cmocka_unit_test(nfc_of_nfc_is_the_same_and_folds_alike),
        cmocka_unit_test(width_counts_columns),
        cmocka_unit_test(escaped_text_cannot_steer_a_terminal),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
