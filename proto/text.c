/* Unicode text rules over utf8proc; see text.h. Plain ASCII, the usual case, never enters it. */
#include "proto/text.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "proto/pack.h"

enum {
    STACK_POINTS = 1024,  /* decomposed code points that need no allocation */
    FOLD_POINTS_MAX = 32, /* what one code point may fold to; Unicode's longest is 18 */
    COMBINING_DIAERESIS = 0x308,
};

/* Valid UTF-8 that is in NFC whatever stands beside it, without asking the tables: what is below
 * U+0300, and the dashes, quotes and dots of U+2010 to U+2027 (e2 80 90 to a7), which most German
 * texts have. False: not known. */
static bool is_plainly_nfc(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0xcc) {
            continue;
        }
        if (text.ptr[i] != 0xe2 || text.ptr[i + 1] != 0x80 || text.ptr[i + 2] < 0x90 ||
            text.ptr[i + 2] > 0xa7) {
            return false;
        }
        i += 2;
    }
    return true;
}

enum tris_err text_nfc(struct span text, struct wbuf *w)
{
    if (!utf8_valid(text)) {
        return TRIS_ERR_BAD_UTF8;
    }
    if (is_plainly_nfc(text)) {
        wbuf_span_put(w, text);
        return w->err;
    }
    const utf8proc_option_t options = (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    utf8proc_int32_t stack[STACK_POINTS];
    utf8proc_int32_t *points = stack;
    utf8proc_ssize_t count =
        utf8proc_decompose(text.ptr, (utf8proc_ssize_t)text.len, stack, STACK_POINTS - 1, options);
    if (count >= STACK_POINTS) {
        points = malloc(((size_t)count + 1) * sizeof *points);
        if (points == NULL) {
            return TRIS_ERR_NO_MEMORY;
        }
        count = utf8proc_decompose(text.ptr, (utf8proc_ssize_t)text.len, points, count, options);
    }
    utf8proc_ssize_t len = count < 0 ? count : utf8proc_reencode(points, count, options);
    enum tris_err err = TRIS_ERR_BAD_UTF8;
    if (len >= 0) {
        wbuf_bytes(w, points, (size_t)len);
        err = w->err;
    }
    if (points != stack) {
        free(points);
    }
    return err;
}

/* The next code point of a text, or -1 for a byte that begins none. *len is what it takes. */
static utf8proc_int32_t next_point(struct span text, size_t pos, size_t *len)
{
    utf8proc_int32_t point = text.ptr[pos];
    *len = 1;
    if (point < 0x80) {
        return point;
    }
    utf8proc_ssize_t taken =
        utf8proc_iterate(text.ptr + pos, (utf8proc_ssize_t)(text.len - pos), &point);
    if (taken <= 0) {
        return -1;
    }
    *len = (size_t)taken;
    return point;
}

static bool is_control(utf8proc_int32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

/* Of valid UTF-8: U+0080 to U+009F are c2 80 to c2 9f. */
static bool has_control(struct span text, bool long_text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if ((c < 0x20 && !(long_text && c == '\n')) || c == 0x7f ||
            (c == 0xc2 && text.ptr[i + 1] < 0xa0)) {
            return true;
        }
    }
    return false;
}

bool text_is_clean(struct span text, bool long_text)
{
    if (!utf8_valid(text) || has_control(text, long_text)) {
        return false;
    }
    if (is_plainly_nfc(text)) {
        return true;
    }
    uint8_t *copy = malloc(text.len + 1);
    if (copy == NULL) {
        return false;
    }
    struct wbuf w = wbuf_of(copy, text.len); /* NFC that is longer is not this text */
    bool clean = text_nfc(text, &w) == TRIS_OK && span_eq(wbuf_span(&w), text);
    free(copy);
    return clean;
}

/* ---- folding ---- */

/* Folded letters with state: a space is owed only between words, and the e of ae, oe, ue falls
 * away unless the vowel carried its dots already. */
struct fold {
    struct wbuf *w;
    size_t start;
    bool space, full;
    bool vowel; /* the last thing written is an a, o or u without dots */
};

static void fold_put(struct fold *f, utf8proc_int32_t point)
{
    uint8_t bytes[5] = {' '};
    size_t skip = f->space && f->w->len > f->start ? 0 : 1; /* no space where none is owed */
    size_t len = 2;
    if (point < 0x80) {
        bytes[1] = (uint8_t)point;
    } else {
        len = 1 + (size_t)utf8proc_encode_char(point, bytes + 1);
    }
    if (f->full || f->w->err != TRIS_OK || len - skip > f->w->cap - f->w->len) {
        f->full = true;
        return;
    }
    f->space = false;
    for (size_t i = skip; i < len; i++) { /* one or two, as a rule: less than a call */
        f->w->ptr[f->w->len++] = bytes[i];
    }
}

static void fold_letter(struct fold *f, utf8proc_int32_t point)
{
    if (point == 'e' && f->vowel && !f->space) {
        f->vowel = false;
        return;
    }
    fold_put(f, point);
    f->vowel = point == 'a' || point == 'o' || point == 'u';
}

static void fold_gap(struct fold *f)
{
    f->space = true;
    f->vowel = false;
}

/* Most of what is folded. The same as fold_letter and fold_put, with nothing else in the way. */
static void fold_ascii(struct fold *f, uint8_t c)
{
    const uint8_t lower = c | 0x20;
    if ((lower < 'a' || lower > 'z') && (c < '0' || c > '9')) {
        fold_gap(f);
        return;
    }
    const uint8_t letter = c >= 'A' ? lower : c;
    const bool owed = f->space && f->w->len > f->start;
    if (letter == 'e' && f->vowel && !f->space) {
        f->vowel = false;
        return;
    }
    f->vowel = letter == 'a' || letter == 'o' || letter == 'u';
    if (f->full || f->w->err != TRIS_OK || f->w->cap - f->w->len < 1 + (size_t)owed) {
        f->full = true;
        return;
    }
    f->space = false;
    if (owed) {
        f->w->ptr[f->w->len++] = ' ';
    }
    f->w->ptr[f->w->len++] = letter;
}

struct letter_row {
    utf8proc_int32_t from;
    char to;
};

/* Letters that Unicode does not decompose, after case folding. */
static const struct letter_row letter_rows[] = {
    {0xe6, 'a'}, {0xf0, 'd'}, {0xf8, 'o'}, {0x111, 'd'}, {0x131, 'i'}, {0x142, 'l'}, {0x153, 'o'},
};

static void fold_folded(struct fold *f, utf8proc_int32_t point)
{
    if (point < 0x80) {
        fold_ascii(f, (uint8_t)point);
        return;
    }
    for (size_t i = 0; i < sizeof letter_rows / sizeof letter_rows[0]; i++) {
        if (letter_rows[i].from == point) {
            fold_put(f, letter_rows[i].to);
            f->vowel = false;
            return;
        }
    }
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        f->vowel = f->vowel && point != COMBINING_DIAERESIS;
        break;
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        fold_letter(f, point);
        break;
    default: /* punctuation, symbols, spaces, unassigned */
        fold_gap(f);
        break;
    }
}

/* German letters, without asking Unicode's tables. */
static bool fold_umlaut(struct fold *f, utf8proc_int32_t point)
{
    char letter = '\0';
    switch (point) {
    case 0xc4:
    case 0xe4:
        letter = 'a';
        break;
    case 0xd6:
    case 0xf6:
        letter = 'o';
        break;
    case 0xdc:
    case 0xfc:
        letter = 'u';
        break;
    case 0xdf:
        fold_letter(f, 's');
        letter = 's';
        break;
    default:
        return false;
    }
    fold_put(f, letter);
    f->vowel = false; /* it carries its dots */
    return true;
}

static void fold_point(struct fold *f, utf8proc_int32_t point)
{
    if (fold_umlaut(f, point)) {
        return;
    }
    const utf8proc_option_t options =
        (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE |
                            UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    utf8proc_int32_t points[FOLD_POINTS_MAX];
    int last_class = 0;
    utf8proc_ssize_t count =
        utf8proc_decompose_char(point, points, FOLD_POINTS_MAX, options, &last_class);
    for (utf8proc_ssize_t i = 0; i < count && i < FOLD_POINTS_MAX; i++) {
        fold_folded(f, points[i]);
    }
}

void text_fold(struct span text, struct wbuf *w)
{
    struct fold f = {w, w->len, false, false, false};
    if (!utf8_valid(text)) {
        return;
    }
    for (size_t i = 0, len = 0; i < text.len && !f.full; i += len) {
        utf8proc_int32_t point = next_point(text, i, &len);
        if (point < 0x80) {
            fold_ascii(&f, (uint8_t)point);
        } else {
            fold_point(&f, point);
        }
    }
}

struct form_row {
    const char *words;
    size_t len;
};

/* Folded words of legal forms at the end of a name; "e v" is what "e.V." folds to. Taken off one
 * after the other ("gmbh co kg"); a name of nothing else is left alone. */
/* clang-format off */
#define FORM(words) {words, sizeof words - 1}
static const struct form_row form_rows[] = {
    FORM("e v"), FORM("ev"), FORM("e k"), FORM("ek"), FORM("e kfm"), FORM("e kfr"), FORM("e g"),
    FORM("eg"), FORM("gmbh"), FORM("ggmbh"), FORM("mbh"), FORM("gug"), FORM("ug"), FORM("gag"),
    FORM("ag"), FORM("kgaa"), FORM("kg"), FORM("ohg"), FORM("gbr"), FORM("se"), FORM("aor"),
    FORM("kdor"), FORM("co"), FORM("i g"), FORM("haftungsbeschrankt"), FORM("gemeinnutzig"),
    FORM("partg"), FORM("partgmbb"), FORM("g e v"), FORM("i l"),
};
/* clang-format on */
#undef FORM

static bool strip_form(struct wbuf *w, size_t start)
{
    size_t len = w->len - start;
    for (size_t i = 0; i < sizeof form_rows / sizeof form_rows[0]; i++) {
        size_t cut = form_rows[i].len + 1;
        if (len > cut && w->ptr[w->len - cut] == ' ' &&
            memcmp(w->ptr + w->len - cut + 1, form_rows[i].words, cut - 1) == 0) {
            w->len -= cut;
            return true;
        }
    }
    return false;
}

void text_fold_name(struct span text, struct wbuf *w)
{
    size_t start = w->len;
    text_fold(text, w);
    while (w->len > start && strip_form(w, start)) {
    }
}

/* ---- terminal ---- */

size_t text_width(struct span text)
{
    size_t width = 0;
    for (size_t i = 0, len = 0; i < text.len; i += len) {
        utf8proc_int32_t point = next_point(text, i, &len);
        int columns = point < 0 ? 1 : utf8proc_charwidth(point);
        width += columns > 0 ? (size_t)columns : 0;
    }
    return width;
}

/* Steers a terminal or the order of text, or is there without being seen. The two joiners are not
 * among them: some scripts need them. */
static bool is_steering(utf8proc_int32_t point)
{
    return is_control(point) || point == 0xad || point == 0x61c || point == 0x200b ||
           point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2060 && point <= 0x206f) || point == 0xfeff ||
           (point >= 0xfff9 && point <= 0xfffb) || (point >= 0xe0000 && point <= 0xe007f);
}

static void put_hex(struct wbuf *w, const char *before, uint32_t value, size_t digits,
                    const char *behind)
{
    static const char hex[] = "0123456789abcdef";
    wbuf_span_put(w, span_str(before));
    while (digits < 6 && value >> (4 * digits) != 0) {
        digits++;
    }
    while (digits-- > 0) {
        wbuf_u8(w, (uint8_t)hex[value >> (4 * digits) & 15]);
    }
    wbuf_span_put(w, span_str(behind));
}

void text_escape(struct span text, struct wbuf *w)
{
    for (size_t i = 0, len = 0; i < text.len; i += len) {
        utf8proc_int32_t point = next_point(text, i, &len);
        if (point < 0) {
            put_hex(w, "\\x", text.ptr[i], 2, "");
        } else if (!is_steering(point)) {
            wbuf_bytes(w, text.ptr + i, len);
        } else if (point < 0x80) {
            put_hex(w, "\\x", (uint32_t)point, 2, "");
        } else {
            put_hex(w, "\\u{", (uint32_t)point, 1, "}");
        }
    }
}
