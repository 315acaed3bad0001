/* Statements of gov logs: payloads of endorse and revoke, and what makes two of them identical; see
 * statement.h and FORMAT.md section "Membership". */
#include "proto/statement.h"

#include "proto/assert.h"
#include "proto/entry.h"
#include "proto/hash.h"
#include "proto/pack.h"

enum {
    OPENING_HOUSE = 1,
    OPENING_EPOCH = 2,
    OPENING_KEY = 3,
    OPENING_ROLE = 4,
    OPENING_REGION = 5,
    OPENING_CLOSES = 6,
    OPENING_CARD = 7,
    REVOKE_HOUSE = 1,
    REVOKE_EPOCH = 2,
    REVOKE_GOV = 3,
    REVOKE_DATA = 4,
    REVOKE_SUCCESSOR = 5,
    FIELD_EXTENSION = 128,
    CUT_ITEMS = 2,
};

static const char opening_domain[] = "tris-open-v1";
static const char revoke_domain[] = "tris-revoke-v1";

/* what identifies a statement: five numbers, bytes and texts, and three hashes or keys of 32 */
enum { ID_BYTES_MAX = 256 };

/* ---- reading ---- */

/* The fields of one payload, in ascending order. */
struct fields {
    struct rbuf r;
    uint32_t left;   /* pairs behind the present one */
    uint64_t number; /* of the field whose value is next; 0: none is left, or an error */
};

static void fields_next(struct fields *f)
{
    bool more = f->left > 0 && f->r.err == TRIS_OK;
    f->number = more ? pack_read_uint(&f->r) : 0;
    f->left -= more ? 1 : 0;
}

static struct fields fields_begin(struct span payload)
{
    struct fields f = {.r = rbuf_of(payload)};
    f.r.err = pack_check(payload, PACK_CANONICAL);
    f.left = pack_read_map(&f.r, TRIS_CONTAINER_ITEMS_MAX);
    fields_next(&f);
    return f;
}

static void fields_need(struct fields *f, uint64_t number)
{
    if (f->number != number) {
        rbuf_fail(&f->r, TRIS_ERR_BAD_VALUE);
    }
}

/* What is left are extensions, of which any value will do. */
static enum tris_err fields_end(struct fields *f)
{
    while (f->number != 0) {
        if (f->number < FIELD_EXTENSION) {
            rbuf_fail(&f->r, TRIS_ERR_BAD_VALUE);
        }
        (void)pack_read_any(&f->r, PACK_CANONICAL);
        fields_next(f);
    }
    return rbuf_finish(&f->r);
}

static void read_bytes(struct fields *f, uint64_t number, void *out, size_t len)
{
    fields_need(f, number);
    pack_read_bin_exact(&f->r, out, len);
    fields_next(f);
}

static uint64_t read_number(struct fields *f, uint64_t number, uint64_t max)
{
    fields_need(f, number);
    uint64_t value = pack_read_uint_max(&f->r, max);
    fields_next(f);
    return value;
}

static struct span read_text(struct fields *f, uint64_t number, size_t bytes_max)
{
    fields_need(f, number);
    struct span text = pack_read_str(&f->r, bytes_max);
    fields_next(f);
    return text;
}

static void read_cut(struct fields *f, uint64_t number, struct log_cut *out)
{
    static const struct tris_hash none;
    fields_need(f, number);
    if (pack_read_array(&f->r, CUT_ITEMS) != CUT_ITEMS) {
        rbuf_fail(&f->r, TRIS_ERR_BAD_VALUE);
    }
    out->size = pack_read_uint_max(&f->r, LOG_CUT_SIZE_MAX);
    pack_read_bin_exact(&f->r, out->root.b, sizeof out->root.b);
    if ((out->size == 0) != tris_hash_eq(&out->root, &none)) {
        rbuf_fail(&f->r, TRIS_ERR_BAD_VALUE);
    }
    fields_next(f);
}

static bool has_logs(const struct opening *o)
{
    return o->role != TRIS_ROLE_OBSERVER;
}

/* The rules between the fields; the card says whether region and role fit. */
static bool opening_ok(const struct opening *o)
{
    if (o->role < TRIS_ROLE_HOUSE) {
        return false;
    }
    if (o->epoch == 0 && memcmp(o->key.b, o->house.b, sizeof o->key.b) != 0) {
        return false;
    }
    return o->has_closes == (o->epoch > 0 && has_logs(o));
}

static enum tris_err card_check(const struct opening *o, struct span card)
{
    struct house_line line;
    enum tris_err err = house_line_parse(card, &line);
    if (err != TRIS_OK) {
        return err;
    }
    bool same = tris_house_id_eq(&line.id, &o->house) && line.epoch == o->epoch &&
                tris_sign_pub_eq(&line.key, &o->key) && line.role == o->role &&
                strcmp(line.region, o->region) == 0;
    return same ? TRIS_OK : TRIS_ERR_BAD_VALUE;
}

static enum tris_err endorse_decode(struct span payload, bool check_card, struct statement *out)
{
    struct fields f = fields_begin(payload);
    struct opening *o = &out->opening;
    read_bytes(&f, OPENING_HOUSE, o->house.b, sizeof o->house.b);
    o->epoch = (uint32_t)read_number(&f, OPENING_EPOCH, UINT32_MAX);
    read_bytes(&f, OPENING_KEY, o->key.b, sizeof o->key.b);
    o->role = (enum tris_role)read_number(&f, OPENING_ROLE, TRIS_ROLE_COORDINATION);
    struct span region = read_text(&f, OPENING_REGION, sizeof o->region - 1);
    if (region.len > 0) {
        memcpy(o->region, region.ptr, region.len);
    }
    o->has_closes = f.number == OPENING_CLOSES;
    if (o->has_closes) {
        read_cut(&f, OPENING_CLOSES, &o->closes);
    }
    out->card = read_text(&f, OPENING_CARD, TRIS_HOUSE_LINE_BYTES_MAX);
    enum tris_err err = fields_end(&f);
    if (err == TRIS_OK && (!opening_ok(o) || strlen(o->region) != region.len)) {
        err = TRIS_ERR_BAD_VALUE;
    }
    return err == TRIS_OK && check_card ? card_check(o, out->card) : err;
}

static enum tris_err revoke_decode(struct span payload, struct statement *out)
{
    struct fields f = fields_begin(payload);
    struct revocation *r = &out->revocation;
    out->revoke = true;
    read_bytes(&f, REVOKE_HOUSE, r->house.b, sizeof r->house.b);
    r->epoch = (uint32_t)read_number(&f, REVOKE_EPOCH, UINT32_MAX);
    read_cut(&f, REVOKE_GOV, &r->gov);
    read_cut(&f, REVOKE_DATA, &r->data);
    r->has_successor = f.number == REVOKE_SUCCESSOR;
    if (r->has_successor) {
        read_bytes(&f, REVOKE_SUCCESSOR, r->successor.b, sizeof r->successor.b);
    }
    return fields_end(&f);
}

enum tris_err statement_decode(uint32_t verb, struct span payload, bool check_card,
                               struct statement *out)
{
    memset(out, 0, sizeof *out);
    switch (verb) {
    case VERB_ENDORSE:
        return endorse_decode(payload, check_card, out);
    case VERB_REVOKE:
        return revoke_decode(payload, out);
    }
    return TRIS_ERR_BAD_VALUE;
}

/* ---- writing ---- */

static void put_cut(struct wbuf *w, uint32_t number, const struct log_cut *cut)
{
    pack_write_uint(w, number);
    pack_write_array(w, CUT_ITEMS);
    pack_write_uint(w, cut->size);
    pack_write_bin(w, cut->root.b, sizeof cut->root.b);
}

/* `more`: how many pairs the caller adds to the map. */
static void put_opening(struct wbuf *w, const struct opening *o, uint32_t more)
{
    pack_write_map(w, (o->has_closes ? OPENING_CLOSES : OPENING_REGION) + more);
    pack_write_uint(w, OPENING_HOUSE);
    pack_write_bin(w, o->house.b, sizeof o->house.b);
    pack_write_uint(w, OPENING_EPOCH);
    pack_write_uint(w, o->epoch);
    pack_write_uint(w, OPENING_KEY);
    pack_write_bin(w, o->key.b, sizeof o->key.b);
    pack_write_uint(w, OPENING_ROLE);
    pack_write_uint(w, o->role);
    pack_write_uint(w, OPENING_REGION);
    pack_write_cstr(w, o->region);
    if (o->has_closes) {
        put_cut(w, OPENING_CLOSES, &o->closes);
    }
}

static void put_revocation(struct wbuf *w, const struct revocation *r)
{
    pack_write_map(w, r->has_successor ? REVOKE_SUCCESSOR : REVOKE_DATA);
    pack_write_uint(w, REVOKE_HOUSE);
    pack_write_bin(w, r->house.b, sizeof r->house.b);
    pack_write_uint(w, REVOKE_EPOCH);
    pack_write_uint(w, r->epoch);
    put_cut(w, REVOKE_GOV, &r->gov);
    put_cut(w, REVOKE_DATA, &r->data);
    if (r->has_successor) {
        pack_write_uint(w, REVOKE_SUCCESSOR);
        pack_write_bin(w, r->successor.b, sizeof r->successor.b);
    }
}

void statement_encode(struct wbuf *w, const struct statement *s)
{
    if (s->revoke) {
        put_revocation(w, &s->revocation);
        return;
    }
    put_opening(w, &s->opening, 1);
    pack_write_uint(w, OPENING_CARD);
    pack_write_str(w, s->card);
}

/* ---- identity ---- */

static void hash_body(const char *domain, const struct wbuf *w, struct tris_hash *out)
{
    const struct span body = wbuf_span(w);
    tris_assert(w->err == TRIS_OK);
    hash_parts(domain, NULL, &body, 1, out);
}

void opening_id(const struct opening *o, struct tris_hash *out)
{
    uint8_t bytes[ID_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    put_opening(&w, o, 0);
    hash_body(opening_domain, &w, out);
}

void revocation_id(const struct revocation *r, struct tris_hash *out)
{
    uint8_t bytes[ID_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    put_revocation(&w, r);
    hash_body(revoke_domain, &w, out);
}

void opening_log_ref(const struct opening *o, enum tris_topic topic, struct tris_log_ref *out)
{
    *out = (struct tris_log_ref){
        .house = o->house, .topic = topic, .epoch = o->epoch, .seal_key = o->key};
}

void opening_of_line(const struct house_line *line, struct opening *out)
{
    tris_assert(line->epoch == 0);
    *out = (struct opening){.house = line->id, .key = line->key, .role = line->role};
    memcpy(out->region, line->region, sizeof out->region);
}
