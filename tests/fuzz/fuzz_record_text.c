/* What people and CSV cells say about any field of any kind: what is taken is printed, and what is
 * printed is taken again and means the same. */
#include "proto/record.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 64 * 1024;
enum { TEXT_BYTES_MAX = 4096, SCRATCH_BYTES = 4 * TEXT_BYTES_MAX };

void fuzz_setup(void)
{
}

static struct span payload_of(const struct record *r, uint8_t *out)
{
    struct wbuf w = wbuf_of(out, TRIS_PAYLOAD_BYTES_MAX);
    REQUIRE(record_encode(r, &w) == TRIS_OK);
    return wbuf_span(&w);
}

/* The own house has nothing against this field (items of lists without separators, ...). */
static bool may_be_written(const struct record *r, const struct field *field)
{
    static struct record_problem problems[2 * RECORD_FIELDS_MAX];
    size_t count = record_check_own(r, SCOPE_LOCAL, problems, 2 * RECORD_FIELDS_MAX);
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        good = good && (problems[i].field != field || problems[i].warning);
    }
    return good;
}

/* The printed form sets the same value. */
static void set_again(const struct record *r, const struct field *field)
{
    static struct record copy;
    static uint8_t text[SCRATCH_BYTES], scratch[SCRATCH_BYTES];
    static uint8_t a[TRIS_PAYLOAD_BYTES_MAX], b[TRIS_PAYLOAD_BYTES_MAX];
    struct wbuf w = wbuf_of(text, sizeof text), room = wbuf_of(scratch, sizeof scratch);
    record_print_value(r, field, false, LANG_EN, &w);
    REQUIRE(w.err == TRIS_OK);
    record_init(&copy, r->kind);
    REQUIRE(record_set_text(&copy, field, wbuf_span(&w), &room, NULL) == TRIS_OK);
    REQUIRE(span_eq(payload_of(r, a), payload_of(&copy, b)));
}

static void refused(const struct field *field, struct span text, enum tris_err err)
{
    char why[160];
    memset(why, 'x', sizeof why);
    record_explain_text(field, text, err, why, sizeof why);
    REQUIRE(memchr(why, 0, sizeof why) != NULL && why[0] != '\0');
}

static void check(const struct kind *kind, const struct field *field, struct span text)
{
    static struct record r;
    static uint8_t scratch[SCRATCH_BYTES], a[TRIS_PAYLOAD_BYTES_MAX], b[TRIS_PAYLOAD_BYTES_MAX];
    struct wbuf room = wbuf_of(scratch, sizeof scratch);
    bool changed = false;
    record_init(&r, kind);
    struct span before = payload_of(&r, a);
    enum tris_err err = record_set_text(&r, field, text, &room, &changed);
    if (err != TRIS_OK) {
        REQUIRE(span_eq(before, payload_of(&r, b)));
        refused(field, text, err);
        return;
    }
    (void)payload_of(&r, b);
    if (may_be_written(&r, field)) {
        set_again(&r, field);
    }
    struct wbuf little = wbuf_of(scratch, 3); /* as good as no room */
    record_init(&r, kind);
    err = record_set_text(&r, field, text, &little, NULL);
    REQUIRE(err == TRIS_OK || span_eq(before, payload_of(&r, b)));
}

void fuzz_one(struct span input)
{
    struct rbuf in = rbuf_of(input);
    const struct kind *kind = schema_kind_at(fuzz_u8(&in) % schema_kind_count());
    const struct field *field = &kind->fields[fuzz_u8(&in) % kind->field_count];
    check(kind, field, fuzz_take(&in, TEXT_BYTES_MAX));
}
