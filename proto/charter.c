/* The charter: parsing, founding, signing, merging, printing; see charter.h and FORMAT.md section
 * "Charter". House lines are in house_line.c. */
#include "proto/charter_int.h"

#include <sodium.h>
#include <stdlib.h>

#include "proto/assert.h"
#include "proto/hash.h"
#include "proto/plain.h"

static const char charter_domain[] = "tris-charter-v1";

/* ---- members and thresholds ---- */

static bool is_founder(const struct house_line *line)
{
    return line->role != TRIS_ROLE_OBSERVER;
}

/* Founders by id, then observers by id. */
static int member_cmp(const struct house_line *a, const struct house_line *b)
{
    int cmp = (int)is_founder(b) - (int)is_founder(a);
    return cmp != 0 ? cmp : tris_house_id_cmp(&a->id, &b->id);
}

static int member_qsort(const void *a, const void *b)
{
    return member_cmp(a, b);
}

bool charter_thresholds_ok(uint32_t admit, uint32_t revoke, uint32_t founders)
{
    if (admit < 1 || revoke < 1 || founders < 1) {
        return false;
    }
    return founders == 1 || revoke > admit || revoke == founders - 1;
}

static const struct house_line *find_in(const struct house_line *member, uint32_t count,
                                        const struct tris_house_id *id)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int cmp = tris_house_id_cmp(id, &member[middle].id);
        if (cmp == 0) {
            return &member[middle];
        }
        if (cmp < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const struct house_line *charter_founder(const struct charter *c, const struct tris_house_id *id)
{
    return find_in(c->member, c->founder_count, id);
}

const struct house_line *charter_find(const struct charter *c, const struct tris_house_id *id)
{
    const struct house_line *founder = charter_founder(c, id);
    return founder != NULL
               ? founder
               : find_in(c->member + c->founder_count, c->member_count - c->founder_count, id);
}

/* One identity cannot be founder and observer at once. */
static bool ids_are_distinct(const struct charter *c)
{
    for (uint32_t i = 1; i < c->member_count; i++) {
        if (member_cmp(&c->member[i - 1], &c->member[i]) == 0) {
            return false;
        }
    }
    for (uint32_t i = c->founder_count; i < c->member_count; i++) {
        if (charter_founder(c, &c->member[i].id) != NULL) {
            return false;
        }
    }
    return true;
}

void charter_fini(struct charter *c)
{
    free(c->member);
    free(c->sig);
    memset(c, 0, sizeof *c);
}

/* ---- federation id and signatures ---- */

void charter_fed_id(struct span text, struct tris_fed_id *out)
{
    struct rbuf r = rbuf_of(text);
    size_t body = 0;
    while (rbuf_left(&r) > 0) {
        struct span line = plain_until(&r, '\n');
        if (span_begins(line, "sign ")) {
            break;
        }
        (void)rbuf_take(&r, rbuf_left(&r) > 0 ? 1 : 0);
        body = r.pos;
    }
    struct tris_hash hash;
    const struct span part = span_of(text.ptr, body);
    hash_parts(charter_domain, NULL, &part, 1, &hash);
    memcpy(out->b, hash.b, sizeof out->b);
}

bool charter_sig_good(const struct charter *c, const struct charter_sig *sig)
{
    struct tris_sign_pub key;
    memcpy(key.b, sig->id.b, sizeof key.b);
    struct span body = span_of(c->fed.b, sizeof c->fed.b);
    return verify_with_context(charter_domain, body, &key, &sig->sig);
}

/* Keeps the order by id; a founder that has signed already keeps its signature. */
static void insert_sig(struct charter *c, const struct charter_sig *sig)
{
    uint32_t at = 0;
    while (at < c->sig_count && tris_house_id_cmp(&c->sig[at].id, &sig->id) < 0) {
        at++;
    }
    if (at < c->sig_count && tris_house_id_eq(&c->sig[at].id, &sig->id)) {
        return;
    }
    tris_assert(c->sig_count < c->founder_count);
    memmove(c->sig + at + 1, c->sig + at, (c->sig_count - at) * sizeof c->sig[0]);
    c->sig[at] = *sig;
    c->sig_count++;
}

enum tris_err charter_alloc_sigs(struct charter *c)
{
    c->sig = calloc(c->founder_count, sizeof c->sig[0]);
    return c->sig != NULL ? TRIS_OK : TRIS_ERR_NO_MEMORY;
}

enum tris_err charter_sign(struct charter *c, const struct tris_sign_secret *key)
{
    struct charter_sig sig;
    memcpy(sig.id.b, key->b + crypto_sign_SEEDBYTES, sizeof sig.id.b);
    if (charter_founder(c, &sig.id) == NULL) {
        return TRIS_ERR_NOT_FOUND;
    }
    sign_with_context(charter_domain, span_of(c->fed.b, sizeof c->fed.b), key, &sig.sig);
    if (!charter_sig_good(c, &sig)) {
        return TRIS_ERR_BAD_KEY;
    }
    insert_sig(c, &sig);
    return TRIS_OK;
}

enum tris_err charter_merge(struct charter *c, const struct charter *other)
{
    if (!tris_fed_id_eq(&c->fed, &other->fed)) {
        return TRIS_ERR_INVALID;
    }
    for (uint32_t i = 0; i < other->sig_count; i++) {
        if (charter_founder(c, &other->sig[i].id) == NULL) {
            return TRIS_ERR_INVALID;
        }
        insert_sig(c, &other->sig[i]);
    }
    return TRIS_OK;
}

bool charter_complete(const struct charter *c)
{
    return c->founder_count > 0 && c->sig_count == c->founder_count;
}

/* ---- printing ---- */

static enum tris_err put_body(struct wbuf *w, const struct charter *c)
{
    plain_put(w, "tris-charter-1\nname ");
    plain_put_name(w, c->name);
    plain_put(w, "\nnonce ");
    plain_put_hex(w, c->nonce, sizeof c->nonce);
    plain_put(w, "\nrules ");
    plain_put_decimal(w, c->rules);
    plain_put(w, "\nadmit ");
    plain_put_decimal(w, c->admit);
    plain_put(w, "\nrevoke ");
    plain_put_decimal(w, c->revoke);
    plain_put(w, "\n");
    for (uint32_t i = 0; i < c->member_count; i++) {
        char line[TRIS_HOUSE_LINE_BYTES_MAX + 1];
        enum tris_err err = house_line_print(&c->member[i], line, sizeof line);
        if (err != TRIS_OK) {
            return err;
        }
        plain_put(w, "member ");
        plain_put(w, line);
        plain_put(w, "\n");
    }
    return w->err;
}

static void put_sigs(struct wbuf *w, const struct charter *c)
{
    for (uint32_t i = 0; i < c->sig_count; i++) {
        plain_put(w, "sign ");
        plain_put_hex(w, c->sig[i].id.b, sizeof c->sig[i].id.b);
        plain_put(w, " ");
        plain_put_hex(w, c->sig[i].sig.b, sizeof c->sig[i].sig.b);
        plain_put(w, "\n");
    }
}

/* An upper bound of the text's size, for one allocation. */
static size_t text_bound(const struct charter *c)
{
    enum {
        HEAD = 256 + 3 * PLAIN_NAME_BYTES_MAX,
        MEMBER = sizeof "member \n" + TRIS_HOUSE_LINE_BYTES_MAX,
        SIGN = sizeof "sign  \n" + 64 + 128,
    };
    size_t bound = HEAD + (size_t)c->member_count * MEMBER + (size_t)c->sig_count * SIGN + 1;
    return bound < TRIS_CHARTER_BYTES_MAX ? bound : TRIS_CHARTER_BYTES_MAX + 1;
}

enum tris_err charter_print(const struct charter *c, char **text, size_t *len)
{
    size_t size = text_bound(c);
    char *bytes = malloc(size);
    *text = NULL;
    *len = 0;
    if (bytes == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    struct wbuf w = wbuf_of(bytes, size - 1);
    enum tris_err err = put_body(&w, c);
    put_sigs(&w, c);
    if (err == TRIS_OK && w.err != TRIS_OK) {
        err = TRIS_ERR_TOO_LARGE;
    }
    if (err != TRIS_OK) {
        free(bytes);
        return err;
    }
    bytes[w.len] = '\0';
    *text = bytes;
    *len = w.len;
    return TRIS_OK;
}

/* ---- founding ---- */

static bool line_good(const struct house_line *line)
{
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct house_line parsed;
    return line->epoch == 0 && house_line_print(line, text, sizeof text) == TRIS_OK &&
           house_line_parse(span_str(text), &parsed) == TRIS_OK;
}

static enum tris_err new_members(const struct house_line *lines, uint32_t count,
                                 struct charter *out)
{
    out->member = calloc(count > 0 ? count : 1, sizeof out->member[0]);
    if (out->member == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!line_good(&lines[i])) {
            return TRIS_ERR_INVALID;
        }
        out->member[i] = lines[i];
        out->founder_count += is_founder(&lines[i]);
    }
    out->member_count = count;
    qsort(out->member, count, sizeof out->member[0], member_qsort);
    if (!ids_are_distinct(out)) {
        return TRIS_ERR_EXISTS;
    }
    return out->founder_count > 0 ? TRIS_OK : TRIS_ERR_REQUIRED;
}

static enum tris_err new_fed_id(struct charter *c)
{
    char *text;
    size_t len;
    enum tris_err err = charter_print(c, &text, &len);
    if (err == TRIS_OK) {
        charter_fed_id(span_of(text, len), &c->fed);
        free(text);
    }
    return err;
}

enum tris_err charter_new(const char *name, const uint8_t nonce[32], const struct house_line *lines,
                          uint32_t lines_count, uint32_t admit, uint32_t revoke,
                          struct charter *out)
{
    memset(out, 0, sizeof *out);
    if (!plain_name_ok(span_str(name))) {
        return TRIS_ERR_INVALID;
    }
    memcpy(out->name, name, strlen(name));
    memcpy(out->nonce, nonce, sizeof out->nonce);
    out->rules = CHARTER_RULES;
    out->admit = admit;
    out->revoke = revoke;
    enum tris_err err = new_members(lines, lines_count, out);
    if (err == TRIS_OK && !charter_thresholds_ok(admit, revoke, out->founder_count)) {
        err = TRIS_ERR_INVALID;
    }
    if (err == TRIS_OK) {
        err = charter_alloc_sigs(out);
    }
    if (err == TRIS_OK) {
        err = new_fed_id(out);
    }
    if (err != TRIS_OK) {
        charter_fini(out);
    }
    return err;
}
