/* Strict reading of a charter's text; see charter.h and FORMAT.md section "Charter".
 *
 * Every line is read in its canonical form only, so that printing gives the same bytes back. */
#include <stdlib.h>

#include "proto/charter_int.h"
#include "proto/plain.h"

enum { MEMBERS_AT_FIRST = 16 };

struct reader {
    struct rbuf text;
    uint32_t line_no; /* of the line that next_line gave last */
    struct charter *c;
    uint32_t members_room;
};

/* The next line without its LF, which must be there. */
static struct rbuf next_line(struct reader *r)
{
    r->line_no++;
    struct span line = plain_until(&r->text, '\n');
    plain_expect(&r->text, "\n");
    struct rbuf out = rbuf_of(line);
    out.err = r->text.err;
    return out;
}

static struct span rest_of(struct rbuf *line)
{
    return rbuf_take(line, rbuf_left(line));
}

static struct span value_of(struct reader *r, const char *word, struct rbuf *line)
{
    *line = next_line(r);
    plain_expect(line, word);
    return rest_of(line);
}

static enum tris_err verdict(const struct rbuf *line, bool good)
{
    return line->err != TRIS_OK ? line->err : good ? TRIS_OK : TRIS_ERR_BAD_VALUE;
}

static enum tris_err read_number(struct reader *r, const char *word, uint32_t *out)
{
    struct rbuf line;
    uint64_t value = 0;
    struct span text = value_of(r, word, &line);
    enum tris_err err = verdict(&line, plain_decimal(text, UINT32_MAX, &value));
    *out = (uint32_t)value;
    return err;
}

static enum tris_err read_head(struct reader *r)
{
    struct rbuf line;
    struct charter *c = r->c;
    struct span text = value_of(r, "tris-charter-", &line);
    enum tris_err err = verdict(&line, text.len > 0);
    if (err == TRIS_OK && !span_eq(text, span_str("1"))) {
        err = TRIS_ERR_BAD_VERSION;
    }
    if (err == TRIS_OK) {
        text = value_of(r, "name ", &line);
        err = verdict(&line, plain_name(text, c->name));
    }
    if (err == TRIS_OK) {
        text = value_of(r, "nonce ", &line);
        err = verdict(&line, plain_hex(text, c->nonce, sizeof c->nonce));
    }
    if (err == TRIS_OK) {
        err = read_number(r, "rules ", &c->rules);
    }
    if (err == TRIS_OK && c->rules != CHARTER_RULES) {
        err = TRIS_ERR_BAD_VERSION;
    }
    if (err == TRIS_OK) {
        err = read_number(r, "admit ", &c->admit);
    }
    return err == TRIS_OK ? read_number(r, "revoke ", &c->revoke) : err;
}

/* Grows by what was proved good so far, not by what the text claims. */
static enum tris_err make_room(struct reader *r)
{
    if (r->c->member_count < r->members_room) {
        return TRIS_OK;
    }
    uint32_t room = r->members_room == 0 ? MEMBERS_AT_FIRST : r->members_room * 2;
    struct house_line *grown = realloc(r->c->member, room * sizeof grown[0]);
    if (grown == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    r->c->member = grown;
    r->members_room = room;
    return TRIS_OK;
}

static enum tris_err read_member(struct reader *r)
{
    struct rbuf line;
    struct charter *c = r->c;
    struct span text = value_of(r, "member ", &line);
    enum tris_err err = verdict(&line, true);
    if (err == TRIS_OK) {
        err = make_room(r);
    }
    if (err != TRIS_OK) {
        return err;
    }
    struct house_line *member = &c->member[c->member_count];
    err = house_line_parse(text, member);
    if (err != TRIS_OK) {
        return err;
    }
    if (member->epoch > 0) {
        return TRIS_ERR_BAD_VALUE; /* a federation begins with everybody's first key */
    }
    bool founder = member->role != TRIS_ROLE_OBSERVER;
    if (founder && c->founder_count < c->member_count) {
        return TRIS_ERR_NOT_CANONICAL; /* a founder behind an observer */
    }
    uint32_t first_of_group = founder ? 0 : c->founder_count;
    if (c->member_count > first_of_group) {
        int cmp = tris_house_id_cmp(&member[-1].id, &member->id);
        if (cmp >= 0) {
            return cmp == 0 ? TRIS_ERR_EXISTS : TRIS_ERR_NOT_CANONICAL;
        }
    }
    if (!founder && charter_find(c, &member->id) != NULL) {
        return TRIS_ERR_EXISTS; /* founder and observer at once */
    }
    c->member_count++;
    c->founder_count += founder;
    return TRIS_OK;
}

static enum tris_err read_sign(struct reader *r)
{
    struct charter *c = r->c;
    struct charter_sig sig;
    struct rbuf line = next_line(r);
    plain_expect(&line, "sign ");
    bool good = plain_hex(plain_until(&line, ' '), sig.id.b, sizeof sig.id.b);
    plain_expect(&line, " ");
    good = plain_hex(rest_of(&line), sig.sig.b, sizeof sig.sig.b) && good;
    enum tris_err err = verdict(&line, good);
    if (err != TRIS_OK) {
        return err;
    }
    if (charter_founder(c, &sig.id) == NULL) {
        return TRIS_ERR_NOT_FOUND;
    }
    if (c->sig_count > 0 && tris_house_id_cmp(&c->sig[c->sig_count - 1].id, &sig.id) >= 0) {
        return TRIS_ERR_NOT_CANONICAL;
    }
    if (!charter_sig_good(c, &sig)) {
        return TRIS_ERR_BAD_SIGNATURE;
    }
    c->sig[c->sig_count++] = sig; /* fits: founders only, each once */
    return TRIS_OK;
}

static bool next_is(const struct reader *r, const char *word)
{
    return span_begins(span_of(r->text.ptr + r->text.pos, rbuf_left(&r->text)), word);
}

/* What can only be judged once all members are known. */
static enum tris_err close_body(struct reader *r)
{
    struct charter *c = r->c;
    if (c->founder_count == 0) {
        return TRIS_ERR_REQUIRED;
    }
    if (!charter_thresholds_ok(c->admit, c->revoke, c->founder_count)) {
        return TRIS_ERR_BAD_VALUE;
    }
    charter_fed_id(span_of(r->text.ptr, r->text.pos), &c->fed);
    return charter_alloc_sigs(c);
}

enum tris_err charter_parse(struct span text, struct charter *out, uint32_t *line_no)
{
    struct reader r = {rbuf_of(text), 0, out, 0};
    memset(out, 0, sizeof *out);
    *line_no = 1;
    if (text.len > TRIS_CHARTER_BYTES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    enum tris_err err = read_head(&r);
    while (err == TRIS_OK && rbuf_left(&r.text) > 0 && !next_is(&r, "sign ")) {
        err = read_member(&r);
    }
    if (err == TRIS_OK) {
        err = close_body(&r);
    }
    while (err == TRIS_OK && rbuf_left(&r.text) > 0) {
        err = read_sign(&r);
    }
    if (err != TRIS_OK) {
        *line_no = r.line_no;
        charter_fini(out);
    }
    return err;
}
