/* Unicode rules on any bytes: normal forms are stable, both spellings of German letters fold alike,
 * and escaped text can steer no terminal. */
#include "proto/pack.h"
#include "proto/text.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 4 * 1024 * 1024;
enum { TEXT_BYTES_MAX = 2048, OUT_BYTES_MAX = 20 * TEXT_BYTES_MAX };

void fuzz_setup(void)
{
}

/* No C0, C1, DEL, bidi control or broken byte is left. */
static void check_escaped(struct span text)
{
    REQUIRE(utf8_valid(text));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        uint8_t next = i + 1 < text.len ? text.ptr[i + 1] : 0;
        uint8_t last = i + 2 < text.len ? text.ptr[i + 2] : 0;
        REQUIRE(c >= 0x20 && c != 0x7f);
        REQUIRE(c != 0xc2 || next >= 0xa0);
        REQUIRE(c != 0xe2 || next != 0x80 || last < 0xaa || last > 0xae);
        REQUIRE(c != 0xe2 || next != 0x81 || last < 0xa6 || last > 0xa9);
    }
}

static void check_nfc(struct span text)
{
    static uint8_t one[OUT_BYTES_MAX], two[OUT_BYTES_MAX];
    struct wbuf a = wbuf_of(one, sizeof one), b = wbuf_of(two, sizeof two);
    enum tris_err err = text_nfc(text, &a);
    REQUIRE((err == TRIS_OK) == utf8_valid(text));
    if (err != TRIS_OK) {
        REQUIRE(!text_is_clean(text, true));
        return;
    }
    REQUIRE(text_nfc(wbuf_span(&a), &b) == TRIS_OK && span_eq(wbuf_span(&a), wbuf_span(&b)));
    REQUIRE(!text_is_clean(text, true) || span_eq(wbuf_span(&a), text));
    REQUIRE(!text_is_clean(text, false) || text_is_clean(text, true));
}

/* ä as ae, ö as oe, ü as ue, ß as ss: people write both. */
static struct span spell_out(struct span text, uint8_t *out)
{
    static const struct {
        uint8_t second;
        const char *text;
    } rows[] = {{0xa4, "ae"}, {0xb6, "oe"}, {0xbc, "ue"}, {0x9f, "ss"}};
    struct wbuf w = wbuf_of(out, 2 * TEXT_BYTES_MAX);
    for (size_t i = 0; i < text.len; i++) {
        const char *spelled = NULL;
        for (size_t k = 0; k < 4 && text.ptr[i] == 0xc3 && i + 1 < text.len; k++) {
            spelled = text.ptr[i + 1] == rows[k].second ? rows[k].text : spelled;
        }
        if (spelled != NULL) {
            wbuf_bytes(&w, spelled, 2);
            i++;
        } else {
            wbuf_u8(&w, text.ptr[i]);
        }
    }
    return wbuf_span(&w);
}

static void check_fold(struct span text)
{
    static uint8_t one[OUT_BYTES_MAX], two[OUT_BYTES_MAX], spelled[2 * TEXT_BYTES_MAX];
    struct wbuf a = wbuf_of(one, sizeof one), b = wbuf_of(two, sizeof two);
    struct wbuf cut = wbuf_of(two, 7);
    text_fold(text, &cut);
    REQUIRE(utf8_valid(wbuf_span(&cut)));
    text_fold(text, &a);
    struct span folded = wbuf_span(&a);
    REQUIRE(utf8_valid(folded) && (utf8_valid(text) || folded.len == 0));
    text_fold(spell_out(text, spelled), &b);
    REQUIRE(span_eq(folded, wbuf_span(&b)));
    for (size_t i = 0; i < folded.len; i++) {
        uint8_t c = folded.ptr[i];
        REQUIRE(c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ' ');
        REQUIRE(c != ' ' || (i > 0 && i + 1 < folded.len && folded.ptr[i + 1] != ' '));
    }
    b.len = 0;
    text_fold_name(text, &b);
    REQUIRE(b.len <= folded.len && memcmp(one, two, b.len) == 0);
}

void fuzz_one(struct span input)
{
    static uint8_t out[OUT_BYTES_MAX];
    struct span text = span_of(input.ptr, input.len < TEXT_BYTES_MAX ? input.len : TEXT_BYTES_MAX);
    struct wbuf w = wbuf_of(out, sizeof out);
    text_escape(text, &w);
    REQUIRE(w.err == TRIS_OK);
    check_escaped(wbuf_span(&w));
    check_nfc(text);
    check_fold(text);
    if (utf8_valid(text)) {
        REQUIRE(utf8_chars(text) <= text.len);
        REQUIRE(text_width(text) <= 2 * utf8_chars(text));
    }
}
