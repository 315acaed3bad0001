/* The encoding of a list; see encoding.h. One fast pass over the bytes finds what speaks for which
 * encoding, a slow one finds line and column of a fault. */
#include "tools/encoding.h"

#include <stdlib.h>
#include <strings.h>

#include "proto/pack.h"

enum { BLOCK_BYTES = 64 * 1024, SEQUENCE_BYTES_MAX = 4 };

static const uint64_t NOWHERE = UINT64_MAX;

/* First offsets of what was seen; NOWHERE if never. */
struct evidence {
    uint64_t nul;
    uint64_t bad;       /* no UTF-8 */
    uint64_t several;   /* a sequence that only a writer of UTF-8 makes */
    uint64_t undefined; /* no character of Windows-1252 */
    bool has_mark, utf16_mark;
};

bool encoding_by_name(const char *name, enum csv_encoding *out)
{
    static const struct {
        const char *name;
        enum csv_encoding encoding;
    } rows[] = {
        {"utf-8", CSV_UTF8},
        {"utf8", CSV_UTF8},
        {"windows-1252", CSV_WINDOWS_1252},
        {"cp1252", CSV_WINDOWS_1252},
        {"latin1", CSV_WINDOWS_1252},
        {"latin-1", CSV_WINDOWS_1252},
        {"iso-8859-1", CSV_WINDOWS_1252},
        {"ansi", CSV_WINDOWS_1252},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcasecmp(rows[i].name, name) == 0) {
            *out = rows[i].encoding;
            return true;
        }
    }
    return false;
}

/* Letters with marks, typographic signs and the euro as UTF-8 writes them. Pairs that Windows-1252
 * makes as well, such as the last letter of a German word and a closing quotation mark, prove
 * nothing. */
static bool is_proof(const uint8_t *at, size_t len)
{
    if (len == 2) {
        bool quote = at[1] <= 0x99 && at[1] >= 0x91;
        return at[0] == 0xc2 || at[0] == 0xc3 || ((at[0] == 0xc4 || at[0] == 0xc5) && !quote);
    }
    return len == 3 && at[0] == 0xe2 && (at[1] == 0x80 || at[1] == 0x82 || at[1] == 0x84);
}

static bool is_undefined(uint8_t byte)
{
    return byte == 0x81 || byte == 0x8d || byte == 0x8f || byte == 0x90 || byte == 0x9d;
}

static void note(uint64_t *first, uint64_t offset)
{
    *first = *first == NOWHERE ? offset : *first;
}

/* One place that is not ASCII (or NUL); returns how many bytes it takes. */
static size_t look(struct evidence *e, const uint8_t *at, size_t left, uint64_t offset)
{
    if (*at == 0) {
        note(&e->nul, offset);
        return 1;
    }
    size_t len = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
    if (len <= left && utf8_valid(span_of(at, len))) {
        if (is_proof(at, len)) {
            note(&e->several, offset);
        }
    } else {
        note(&e->bad, offset);
        len = 1;
    }
    for (size_t i = 0; i < len; i++) {
        if (is_undefined(at[i])) {
            note(&e->undefined, offset + i);
        }
    }
    return len;
}

/* Length of the plain ASCII, without NUL, at the beginning. */
static size_t plain_length(const uint8_t *bytes, size_t len)
{
    static const uint64_t high = 0x8080808080808080u, low = 0x0101010101010101u;
    size_t i = 0;
    for (; len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof word);
        if (((word | (word - low)) & high) != 0) {
            break; /* a byte from 0x80 up, or a zero byte below some other */
        }
    }
    while (i < len && bytes[i] != 0 && bytes[i] < 0x80) {
        i++;
    }
    return i;
}

/* Looks at what is held; keeps back a sequence that the next block may end. Returns what is left
 * over. */
static size_t look_at_block(struct evidence *e, const uint8_t *bytes, size_t len, uint64_t offset,
                            bool last)
{
    size_t at = plain_length(bytes, len);
    while (at < len && (last || len - at >= SEQUENCE_BYTES_MAX)) {
        at += look(e, bytes + at, len - at, offset + at);
        at += plain_length(bytes + at, len - at);
    }
    return len - at;
}

static void look_at_mark(struct evidence *e, const uint8_t *bytes, size_t len)
{
    static const uint8_t mark[3] = {0xef, 0xbb, 0xbf};
    e->has_mark = len >= 3 && memcmp(bytes, mark, 3) == 0;
    e->utf16_mark = len >= 2 && ((bytes[0] == 0xff && bytes[1] == 0xfe) ||
                                 (bytes[0] == 0xfe && bytes[1] == 0xff));
}

static enum tris_err collect(FILE *file, uint8_t *block, struct evidence *e)
{
    uint64_t offset = 0;
    size_t held = 0, got;
    *e =
        (struct evidence){.nul = NOWHERE, .bad = NOWHERE, .several = NOWHERE, .undefined = NOWHERE};
    do {
        got = fread(block + held, 1, BLOCK_BYTES - held, file);
        if (offset == 0 && held == 0) {
            look_at_mark(e, block, got);
        }
        size_t len = held + got;
        held = look_at_block(e, block, len, offset, got == 0);
        offset += len - held;
        memmove(block, block + len - held, held);
        if (e->utf16_mark || e->nul != NOWHERE) {
            break; /* refused whatever comes */
        }
    } while (got > 0);
    return ferror(file) ? TRIS_ERR_IO : TRIS_OK;
}

/* ---- the place of a fault ---- */

static const uint8_t delimiters[3] = {',', ';', '\t'};

struct place {
    uint64_t line, count[3]; /* delimiters seen since the row began */
    size_t best;             /* the one that the first line has most of */
    bool quoted, header_done;
};

static void step(struct place *p, uint8_t byte)
{
    p->quoted = byte == '"' ? !p->quoted : p->quoted;
    p->line += byte == '\n' ? 1 : 0;
    if (byte == '\n' && !p->quoted) {
        p->header_done = true;
        memset(p->count, 0, sizeof p->count);
    }
    for (size_t i = 0; i < 3 && !p->quoted; i++) {
        p->count[i] += byte == delimiters[i] ? 1 : 0;
        p->best = !p->header_done && p->count[i] > p->count[p->best] ? i : p->best;
    }
}

static enum tris_err fail_at(FILE *file, uint8_t *block, uint64_t offset, const char *text,
                             struct csv_error *error)
{
    struct place p = {.line = 1};
    size_t got;
    rewind(file);
    for (uint64_t done = 0; done < offset && (got = fread(block, 1, BLOCK_BYTES, file)) > 0;) {
        for (size_t i = 0; i < got && done < offset; i++, done++) {
            step(&p, block[i]);
        }
    }
    error->err = TRIS_ERR_BAD_UTF8;
    error->line = p.line;
    error->column = p.count[p.best] + 1;
    error->byte = offset;
    (void)snprintf(error->text, sizeof error->text, "%s", text);
    return error->err;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static enum tris_err decide(FILE *file, uint8_t *block, const struct evidence *e,
                            const enum csv_encoding *wanted, struct csv_info *info,
                            struct csv_error *error)
{
    if (e->utf16_mark || e->nul != NOWHERE) {
        return fail_at(file, block, e->utf16_mark ? 0 : e->nul,
                       "the file is UTF-16 or no text; save the list as \"CSV UTF-8\"", error);
    }
    bool utf8 = wanted != NULL ? *wanted == CSV_UTF8 : e->has_mark || e->bad == NOWHERE;
    if (utf8 && e->bad != NOWHERE) {
        return fail_at(file, block, e->bad, "the text is not UTF-8; save the list as \"CSV UTF-8\"",
                       error);
    }
    if (!utf8 && wanted == NULL && e->several != NOWHERE) {
        return fail_at(file, block, later(e->bad, e->several),
                       "the encoding changes here: the list is UTF-8 in one place and not in "
                       "another; save it as \"CSV UTF-8\"",
                       error);
    }
    if (!utf8 && e->undefined != NOWHERE) {
        return fail_at(file, block, e->undefined,
                       "the byte is neither UTF-8 nor Windows-1252; save the list as \"CSV UTF-8\"",
                       error);
    }
    info->encoding = utf8 ? CSV_UTF8 : CSV_WINDOWS_1252;
    return TRIS_OK;
}

enum tris_err encoding_find(FILE *file, const enum csv_encoding *wanted, struct csv_info *info,
                            struct csv_error *error)
{
    struct evidence e;
    uint8_t *block = malloc(BLOCK_BYTES);
    memset(error, 0, sizeof *error);
    clearerr(file);
    enum tris_err err = block == NULL ? TRIS_ERR_NO_MEMORY : TRIS_OK;
    if (err == TRIS_OK && fseek(file, 0, SEEK_SET) != 0) {
        err = TRIS_ERR_IO;
    }
    if (err == TRIS_OK) {
        err = collect(file, block, &e);
    }
    if (err == TRIS_OK) {
        err = decide(file, block, &e, wanted, info, error);
    } else {
        error->err = err;
        (void)snprintf(error->text, sizeof error->text, "the file cannot be read");
    }
    free(block);
    return err;
}
