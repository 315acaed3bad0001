/* Control methods member.endorse and member.revoke: statements in the own gov log.
 *
 * What several houses state in identical bytes counts, so that whoever joins in repeats what others
 * have stated already; a first statement says what this node knows now. */
#include <stdlib.h>

#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_member.h"
#include "daemon/ctl_out.h"
#include "daemon/invites.h"
#include "proto/assert.h"

enum {
    STATEMENT_BYTES = TRIS_HOUSE_LINE_BYTES_MAX + 512,
    ID_CHARS_MIN = 6, /* of a house id in hex, as people may shorten it */
};

/* One statement on its way: what it says, and how it is answered. */
struct saying {
    uint64_t token;
    uint32_t verb;
    struct statement what;
    struct tris_hash id;
    bool repeated; /* others have stated the same */
    uint32_t missing;
    struct house_line line; /* endorse: who is meant */
    char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
};

static bool is_by_us(const struct daemon *d, uint32_t first, uint32_t count)
{
    const struct store_members *now = d->members.now;
    for (uint32_t i = 0; i < count; i++) {
        const struct member_statement *s = &now->statement[now->set.by[first + i].statement];
        if (tris_house_id_eq(&s->by.house, &d->own)) {
            return true;
        }
    }
    return false;
}

static bool hex_begins(const struct tris_hash *id, struct span prefix)
{
    char hex[65];
    tris_hex(id->b, sizeof id->b, hex);
    return prefix.len <= 64 && memcmp(hex, prefix.ptr, prefix.len) == 0;
}

/* ---- endorse ---- */

static void take_opening(struct saying *x, const struct daemon *d, const struct member_opening *o)
{
    x->what.opening = o->opening;
    x->id = o->id;
    x->repeated = true;
    x->missing = member_missing(&d->charter, o);
    span_copy(o->card, x->card, sizeof x->card);
    x->what.card = span_str(x->card);
}

/* What of the house can be endorsed: what is not complete before what is, the newest epoch first.
 * TRIS_ERR_AMBIGUOUS if two of one epoch compete and `wanted` does not say which. */
static enum tris_err find_opening(struct daemon *d, const struct tris_house_id *house,
                                  struct span wanted, struct saying *x)
{
    const struct store_members *now = d->members.now;
    uint32_t at = now != NULL ? member_find(&now->set, house) : UINT32_MAX;
    const struct member_opening *best = NULL;
    bool rival = false, ours = false;
    if (at == UINT32_MAX) {
        return TRIS_ERR_NOT_FOUND;
    }
    const struct member_house *h = &now->set.house[at];
    for (uint32_t i = h->opening_count; i-- > 0;) {
        const struct member_opening *o = &now->set.opening[h->opening_first + i];
        bool stated = is_by_us(d, o->by_first, o->by_count);
        ours = ours || stated;
        if (o->by_charter || o->revoked || stated || o->card.len == 0 ||
            (wanted.len > 0 && !hex_begins(&o->id, wanted))) {
            continue;
        }
        if (best == NULL || (best->counts && !o->counts)) {
            rival = false;
            best = o;
        } else if (best->counts == o->counts && best->opening.epoch == o->opening.epoch) {
            rival = true;
        }
    }
    if (best == NULL || rival) {
        return rival ? TRIS_ERR_AMBIGUOUS : ours ? TRIS_ERR_EXISTS : TRIS_ERR_NOT_FOUND;
    }
    take_opening(x, d, best);
    return TRIS_OK;
}

/* The former epoch's data log as it is here: what the new epoch closes. */
static enum tris_err find_closes(struct daemon *d, const struct house_line *line,
                                 struct opening *out)
{
    uint32_t index = members_find(&d->members, &line->id);
    uint32_t no =
        index != UINT32_MAX ? members_data_log(&d->members, index, line->epoch - 1) : UINT32_MAX;
    struct store_view *v;
    struct store_log log;
    if (no == UINT32_MAX) {
        return TRIS_ERR_NOT_READY;
    }
    enum tris_err err = daemon_view(d, &v);
    if (err != TRIS_OK) {
        return err;
    }
    err = store_log_get(v, no, &log);
    store_view_end(v);
    if (err == TRIS_OK) {
        out->has_closes = true;
        out->closes = (struct log_cut){log.whole, log.whole_root};
        if (log.whole == 0) {
            memset(out->closes.root.b, 0, sizeof out->closes.root.b);
        }
    }
    return err;
}

/* A house that has asked here, in so many words as its line. */
static enum tris_err take_asked(struct daemon *d, struct span text, struct saying *x)
{
    if (house_line_parse(text, &x->line) != TRIS_OK) {
        return TRIS_ERR_NOT_FOUND;
    }
    struct opening *o = &x->what.opening;
    *o = (struct opening){
        .house = x->line.id, .epoch = x->line.epoch, .key = x->line.key, .role = x->line.role};
    memcpy(o->region, x->line.region, sizeof o->region);
    enum tris_err err = TRIS_OK;
    if (o->epoch > 0 && o->role != TRIS_ROLE_OBSERVER) {
        err = find_closes(d, &x->line, o);
    }
    opening_id(o, &x->id);
    x->missing = d->charter.admit;
    span_copy(text, x->card, sizeof x->card);
    x->what.card = span_str(x->card);
    return err;
}

/* What others have stated of the key that was asked with: it is repeated in their bytes. */
static enum tris_err take_same_key(struct daemon *d, struct saying *x)
{
    const struct store_members *now = d->members.now;
    uint32_t at = now != NULL ? member_find(&now->set, &x->line.id) : UINT32_MAX;
    for (uint32_t i = 0; at != UINT32_MAX && i < now->set.house[at].opening_count; i++) {
        const struct member_opening *o = &now->set.opening[now->set.house[at].opening_first + i];
        if (o->opening.epoch != x->line.epoch || !tris_sign_pub_eq(&o->opening.key, &x->line.key)) {
            continue;
        }
        if (o->by_charter || is_by_us(d, o->by_first, o->by_count)) {
            return TRIS_ERR_EXISTS;
        }
        if (o->card.len > 0) {
            take_opening(x, d, o);
            return TRIS_OK;
        }
    }
    return TRIS_OK;
}

/* The line of a house that has asked here, by its name or the beginning of its id. */
static struct span asked_line(struct daemon *d, struct span name)
{
    const struct candidate_house *at, *found = NULL;
    char hex[65];
    for (uint32_t i = 0; (at = candidates_at(d, i)) != NULL; i++) {
        tris_hex(at->line.id.b, sizeof at->line.id.b, hex);
        if (span_eq(name, span_str(at->line.slug)) ||
            (name.len >= ID_CHARS_MIN && name.len <= 64 && memcmp(hex, name.ptr, name.len) == 0)) {
            if (found != NULL) {
                return span_of(NULL, 0); /* several: people have to say the id */
            }
            found = at;
        }
    }
    return found != NULL ? span_str(found->text) : span_of(NULL, 0);
}

/* Who is meant: a house that has asked here, else one that others have endorsed. */
static enum tris_err find_endorsed(struct daemon *d, struct span name, struct span wanted,
                                   struct saying *x)
{
    uint32_t index = UINT32_MAX;
    struct span asked = wanted.len == 0 ? asked_line(d, name) : span_of(NULL, 0);
    enum tris_err err;
    if (asked.len > 0) {
        err = take_asked(d, asked, x);
        err = err == TRIS_OK ? take_same_key(d, x) : err;
    } else {
        err = resolve_house(&d->members, name, &index);
        err = err == TRIS_OK ? find_opening(d, &d->members.list[index].id, wanted, x) : err;
    }
    if (err == TRIS_OK && house_line_parse(span_str(x->card), &x->line) != TRIS_OK) {
        err = TRIS_ERR_CORRUPT; /* it was accepted with the entry */
    }
    return err == TRIS_OK && tris_house_id_eq(&x->what.opening.house, &d->own) ? TRIS_ERR_SELF
                                                                               : err;
}

/* ---- revoke ---- */

static struct log_cut cut_of(struct store_view *v, uint32_t log_no)
{
    struct store_log log;
    struct log_cut cut = {0};
    if (log_no != UINT32_MAX && store_log_get(v, log_no, &log) == TRIS_OK && log.has_seal) {
        cut = (struct log_cut){log.seal.size, log.seal.root};
    }
    return cut;
}

/* What others have stated of this epoch already: joining in needs the same bytes. */
static bool take_revocation(struct daemon *d, const struct member_house *house, uint32_t epoch,
                            struct saying *x)
{
    const struct store_members *now = d->members.now;
    const struct member_revocation *best = NULL;
    for (uint32_t i = 0; i < house->revocation_count; i++) {
        const struct member_revocation *r = &now->set.revocation[house->revocation_first + i];
        if (r->revocation.epoch == epoch && !r->complete &&
            (best == NULL || r->counted > best->counted)) {
            best = r;
        }
    }
    if (best == NULL) {
        return false;
    }
    x->what.revocation = best->revocation;
    x->id = best->id;
    x->repeated = true;
    x->missing = d->charter.revoke - best->counted;
    return true;
}

static enum tris_err find_revoked(struct daemon *d, uint32_t index, struct saying *x)
{
    const struct store_members *now = d->members.now;
    const struct member *m = &d->members.list[index];
    uint32_t at = now != NULL ? member_find(&now->set, &m->id) : UINT32_MAX;
    struct store_view *v;
    if (tris_house_id_eq(&m->id, &d->own)) {
        return TRIS_ERR_SELF;
    }
    if (at == UINT32_MAX || now->set.house[at].current == UINT32_MAX) {
        return TRIS_ERR_ENDED;
    }
    uint32_t epoch = now->set.opening[now->set.house[at].current].opening.epoch;
    if (take_revocation(d, &now->set.house[at], epoch, x)) {
        for (uint32_t i = 0; i < now->set.house[at].revocation_count; i++) {
            const struct member_revocation *r =
                &now->set.revocation[now->set.house[at].revocation_first + i];
            if (tris_hash_eq(&r->id, &x->id) && is_by_us(d, r->by_first, r->by_count)) {
                return TRIS_ERR_EXISTS;
            }
        }
        return TRIS_OK;
    }
    enum tris_err err = daemon_view(d, &v);
    if (err != TRIS_OK) {
        return err;
    }
    x->what.revocation = (struct revocation){
        .house = m->id, .epoch = epoch, .gov = cut_of(v, m->gov_no), .data = cut_of(v, m->data_no)};
    store_view_end(v);
    revocation_id(&x->what.revocation, &x->id);
    x->missing = d->charter.revoke;
    return TRIS_OK;
}

/* ---- writing and answering ---- */

static void put_saying(struct out *o, const struct saying *x, bool stated)
{
    const struct tris_house_id *house =
        x->what.revoke ? &x->what.revocation.house : &x->what.opening.house;
    out_hex(o, "id", house->b, sizeof house->b);
    out_hex(o, x->what.revoke ? "revocation" : "opening", x->id.b, sizeof x->id.b);
    out_uint(o, "epoch", x->what.revoke ? x->what.revocation.epoch : x->what.opening.epoch);
    out_bool(o, "repeated", x->repeated);
    out_bool(o, "stated", stated);
    out_uint(o, "missing", stated && x->missing > 0 ? x->missing - 1 : x->missing);
    if (x->what.revoke) {
        out_house(o, "slug", house);
        out_uint(o, "gov", x->what.revocation.gov.size);
        out_uint(o, "data", x->what.revocation.data.size);
        return;
    }
    out_text(o, "slug", x->line.slug);
    out_text(o, "name", x->line.name);
    out_text(o, "region", x->what.opening.region);
    out_text(o, "role", tris_role_name(x->what.opening.role));
    out_hex(o, "key", x->line.key.b, sizeof x->line.key.b);
    out_hex(o, "transport", x->line.transport.b, sizeof x->line.transport.b);
    if (x->what.opening.has_closes) {
        out_uint(o, "closes", x->what.opening.closes.size);
    }
}

static void saying_done(struct daemon *d, void *ctx, enum tris_err err,
                        const struct writer_result *results, size_t count)
{
    struct saying *x = ctx;
    if (err == TRIS_OK && count == 1 && results[0].change == WRITER_REJECTED) {
        err = results[0].err;
    }
    if (err != TRIS_OK) {
        ctl_reply_error(d, x->token, err, NULL, "Nothing was stated.", "tris status", NULL);
        free(x);
        return;
    }
    struct out *o = out_new(d, x->token);
    if (o != NULL) {
        put_saying(o, x, true);
        out_reply(o);
    }
    free(x);
}

static void state(struct daemon *d, struct saying *x, bool dry_run)
{
    if (dry_run) {
        struct out *o = out_new(d, x->token);
        if (o != NULL) {
            put_saying(o, x, false);
            out_reply(o);
        }
        free(x);
        return;
    }
    uint8_t bytes[STATEMENT_BYTES];
    struct wbuf payload = wbuf_of(bytes, sizeof bytes);
    statement_encode(&payload, &x->what);
    tris_assert(payload.err == TRIS_OK);
    struct writer_op op = {
        .type = WRITER_STATEMENT, .kind = x->verb, .payload = wbuf_span(&payload)};
    struct writer_group group = {.ops = &op, .count = 1, .done = saying_done, .ctx = x};
    enum tris_err err = writer_submit(d->writer, &group);
    if (err != TRIS_OK) {
        saying_done(d, x, err, NULL, 0);
    }
}

/* Errors of both methods in words. */
static void refuse(struct daemon *d, struct saying *x, enum tris_err err)
{
    static const struct {
        enum tris_err err;
        const char *endorse, *revoke, *next;
    } rows[] = {
        {TRIS_ERR_NOT_FOUND, "nobody of this name has asked, and no house has endorsed it",
         "no house of the federation has this name", "tris member candidates"},
        {TRIS_ERR_AMBIGUOUS,
         "this house has two keys of one epoch, or the name fits several houses",
         "more than one house has this name", "tris member show HOUSE, then --opening ID"},
        {TRIS_ERR_EXISTS, "this house has endorsed it already",
         "this house has stated this revocation already", "tris member show HOUSE"},
        {TRIS_ERR_SELF, "no house endorses itself", "no house revokes itself",
         "tris key rotate (for a new key)"},
        {TRIS_ERR_ENDED, NULL, "this house is no member (any more)", "tris member list"},
        {TRIS_ERR_NOT_READY, "the log of its former key is not here yet", NULL,
         "tris sync status --wait 30s"},
        {TRIS_ERR_OBSERVER, "an observer endorses nobody", "an observer revokes nobody",
         "tris member list"},
    };
    const char *text = NULL, *next = "tris status";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].err == err) {
            text = x->what.revoke ? rows[i].revoke : rows[i].endorse;
            next = rows[i].next;
        }
    }
    ctl_reply_error(d, x->token, err == TRIS_ERR_SELF ? TRIS_ERR_INVALID : err, text,
                    "Nothing was stated.", next, "house");
    free(x);
}

static struct saying *saying_new(struct daemon *d, uint64_t token, uint32_t verb)
{
    struct saying *x = calloc(1, sizeof *x);
    if (x == NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, "Nothing was stated.", NULL, NULL);
        return NULL;
    }
    x->token = token;
    x->verb = verb;
    x->what.revoke = verb == VERB_REVOKE;
    return x;
}

void ctl_member_endorse(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", "opening", "dry_run", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span name = ctl_in_need_text(&in, "house", 127);
    struct span wanted = ctl_in_text(&in, "opening", 64);
    bool dry_run = ctl_in_bool(&in, "dry_run");
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct saying *x = saying_new(d, token, VERB_ENDORSE);
    if (x == NULL) {
        return;
    }
    enum tris_err err =
        d->role == TRIS_ROLE_OBSERVER ? TRIS_ERR_OBSERVER : find_endorsed(d, name, wanted, x);
    if (err != TRIS_OK) {
        refuse(d, x, err);
        return;
    }
    state(d, x, dry_run);
}

void ctl_member_revoke(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", "dry_run", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    bool dry_run = ctl_in_bool(&in, "dry_run");
    uint32_t index = 0;
    if (!in_house(d, token, &in, "house", &index)) {
        return;
    }
    struct saying *x = saying_new(d, token, VERB_REVOKE);
    if (x == NULL) {
        return;
    }
    enum tris_err err =
        d->role == TRIS_ROLE_OBSERVER ? TRIS_ERR_OBSERVER : find_revoked(d, index, x);
    if (err != TRIS_OK) {
        refuse(d, x, err);
        return;
    }
    state(d, x, dry_run);
}
