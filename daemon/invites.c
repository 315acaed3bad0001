/* Invitations and candidates of this house; see invites.h. */
#include "daemon/invites.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "proto/assert.h"
#include "proto/plain.h"

#define INVITE_PREFIX "invite/"
#define CANDIDATE_PREFIX "candidate/"

enum { KEY_BYTES = 96, INVITE_VALUE_BYTES = 160, CANDIDATE_VALUE_BYTES = 2100 };

_Static_assert(TRIS_HOUSE_LINE_BYTES_MAX + 21 < CANDIDATE_VALUE_BYTES, "a time and a line");

/* ---- storing ---- */

static void stored(struct daemon *d, void *ctx, enum tris_err err,
                   const struct writer_result *results, size_t count)
{
    (void)ctx;
    (void)results;
    (void)count;
    if (err != TRIS_OK) { /* it holds in this process */
        LOG(&d->log, LOG_WARN, "invites_not_stored", log_text("error", tris_err_name(err)));
    }
}

/* An empty value deletes. `done` NULL: nobody waits. */
static enum tris_err setting_put(struct daemon *d, const char *key, struct span value,
                                 writer_done_fn *done, void *ctx)
{
    struct writer_op op = {.type = WRITER_SETTING, .key = span_str(key), .payload = value};
    struct writer_group group = {
        .ops = &op, .count = 1, .done = done != NULL ? done : stored, .ctx = ctx};
    enum tris_err err = writer_submit(d->writer, &group);
    if (err != TRIS_OK && done == NULL) {
        stored(d, NULL, err, NULL, 0);
    }
    return err;
}

void invite_number(uint64_t id, char out[INVITE_NUMBER_BYTES])
{
    (void)snprintf(out, INVITE_NUMBER_BYTES, "%016llx", (unsigned long long)id);
}

static void invite_key(uint64_t id, char key[KEY_BYTES])
{
    char number[INVITE_NUMBER_BYTES];
    invite_number(id, number);
    (void)snprintf(key, KEY_BYTES, INVITE_PREFIX "%s", number);
}

/* "<made> <expires> <secret or -> <house or ->" */
static size_t invite_value(const struct invite_row *row, char value[INVITE_VALUE_BYTES])
{
    char secret[2 * INVITE_SECRET_BYTES + 1] = "-", house[65] = "-";
    if (row->used) {
        tris_hex(row->used_by.b, sizeof row->used_by.b, house);
    } else {
        tris_hex(row->secret, sizeof row->secret, secret);
    }
    int len =
        snprintf(value, INVITE_VALUE_BYTES, "%llu %llu %s %s", (unsigned long long)row->made_ms,
                 (unsigned long long)row->expires_ms, secret, house);
    tris_assert(len > 0 && len < INVITE_VALUE_BYTES);
    return (size_t)len;
}

static bool invite_value_get(struct span value, struct invite_row *row)
{
    struct rbuf r = rbuf_of(value);
    bool good = plain_decimal(plain_until(&r, ' '), UINT64_MAX, &row->made_ms);
    plain_expect(&r, " ");
    good = plain_decimal(plain_until(&r, ' '), UINT64_MAX, &row->expires_ms) && good;
    plain_expect(&r, " ");
    struct span secret = plain_until(&r, ' ');
    plain_expect(&r, " ");
    struct span house = plain_until(&r, ' ');
    row->used = span_eq(secret, span_str("-"));
    if (row->used) {
        good = plain_hex(house, row->used_by.b, sizeof row->used_by.b) && good;
    } else {
        good = plain_hex(secret, row->secret, sizeof row->secret) &&
               span_eq(house, span_str("-")) && invite_id(row->secret) == row->id && good;
    }
    return rbuf_finish(&r) == TRIS_OK && good;
}

static enum tris_err invite_store(struct daemon *d, const struct invite_row *row,
                                  writer_done_fn *done, void *ctx)
{
    char key[KEY_BYTES], value[INVITE_VALUE_BYTES];
    invite_key(row->id, key);
    size_t len = invite_value(row, value);
    enum tris_err err = setting_put(d, key, span_of(value, len), done, ctx);
    sodium_memzero(value, sizeof value);
    return err;
}

/* ---- loading ---- */

static int row_cmp(const void *a, const void *b)
{
    const struct invite_row *x = a, *y = b;
    return (x->made_ms > y->made_ms) - (x->made_ms < y->made_ms);
}

static enum tris_err invites_read(struct invites *v, struct store_view *view)
{
    char key[256] = INVITE_PREFIX;
    struct span value;
    enum tris_err err;
    while ((err = store_setting_next(view, INVITE_PREFIX, key, sizeof key, &value)) == TRIS_OK) {
        struct invite_row row = {0};
        uint8_t id[8];
        if (!plain_hex(span_str(key + sizeof INVITE_PREFIX - 1), id, sizeof id) ||
            v->count == INVITES_KEPT_MAX) {
            continue;
        }
        struct rbuf r = rbuf_of(span_of(id, sizeof id));
        row.id = rbuf_u64(&r);
        if (invite_value_get(value, &row)) {
            v->row[v->count++] = row;
        }
    }
    qsort(v->row, v->count, sizeof v->row[0], row_cmp);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

/* Index of the first candidate whose id is not below `house`. */
static uint32_t candidate_lower(const struct invites *v, const struct tris_house_id *house)
{
    uint32_t at = 0;
    while (at < v->candidates && tris_house_id_cmp(&v->candidate[at]->line.id, house) < 0) {
        at++;
    }
    return at;
}

static void candidate_insert(struct invites *v, struct candidate_house *c)
{
    uint32_t at = candidate_lower(v, &c->line.id);
    tris_assert(v->candidates < CANDIDATES_MAX);
    for (uint32_t i = v->candidates++; i > at; i--) {
        v->candidate[i] = v->candidate[i - 1];
    }
    v->candidate[at] = c;
}

static enum tris_err candidates_read(struct invites *v, struct store_view *view)
{
    char key[256] = CANDIDATE_PREFIX;
    struct span value;
    enum tris_err err;
    while ((err = store_setting_next(view, CANDIDATE_PREFIX, key, sizeof key, &value)) == TRIS_OK) {
        struct rbuf r = rbuf_of(value);
        struct candidate_house *c = calloc(1, sizeof *c);
        if (c == NULL) {
            return TRIS_ERR_NO_MEMORY;
        }
        bool good = plain_decimal(plain_until(&r, ' '), UINT64_MAX, &c->heard_ms);
        plain_expect(&r, " ");
        struct span text = rbuf_take(&r, rbuf_left(&r));
        if (good && r.err == TRIS_OK && house_line_parse(text, &c->line) == TRIS_OK &&
            v->candidates < CANDIDATES_MAX) {
            memcpy(c->text, text.ptr, text.len);
            candidate_insert(v, c);
        } else {
            free(c);
        }
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

enum tris_err invites_load(struct daemon *d)
{
    struct store_view *view;
    enum tris_err err = daemon_view(d, &view);
    if (err != TRIS_OK) {
        return err;
    }
    err = invites_read(&d->invites, view);
    if (err == TRIS_OK) {
        err = candidates_read(&d->invites, view);
    }
    store_view_end(view);
    return err;
}

void invites_fini(struct invites *v)
{
    for (uint32_t i = 0; i < v->candidates; i++) {
        free(v->candidate[i]);
    }
    free(v->charter);
    sodium_memzero(v, sizeof *v);
}

/* ---- invitations ---- */

bool invite_is_open(const struct invite_row *row, uint64_t now_ms)
{
    return !row->used && now_ms < row->expires_ms;
}

static uint32_t open_count(const struct invites *v, uint64_t now_ms)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        count += invite_is_open(&v->row[i], now_ms) ? 1 : 0;
    }
    return count;
}

const struct session_invite *invites_gate(struct daemon *d, uint32_t *count)
{
    struct invites *v = &d->invites;
    const uint64_t now = clock_wall_ms();
    *count = 0;
    for (uint32_t i = 0; i < v->count && *count < INVITES_OPEN_MAX; i++) {
        if (!invite_is_open(&v->row[i], now)) {
            continue;
        }
        struct session_invite *open = &v->open[*count];
        if (open->id != v->row[i].id) { /* two hashes each, only when the list has changed */
            open->id = v->row[i].id;
            invite_psk(v->row[i].secret, open->psk);
            noise_gate_key(open->psk, open->gate_key);
        }
        ++*count;
    }
    return v->open;
}

static void row_remove(struct invites *v, uint32_t at)
{
    v->count--;
    memmove(&v->row[at], &v->row[at + 1], (v->count - at) * sizeof v->row[0]);
    sodium_memzero(&v->row[v->count], sizeof v->row[0]);
}

/* The oldest one that is not open makes room. */
static void rows_make_room(struct daemon *d, uint64_t now_ms)
{
    struct invites *v = &d->invites;
    uint32_t at = 0;
    if (v->count < INVITES_KEPT_MAX) {
        return;
    }
    while (invite_is_open(&v->row[at], now_ms)) {
        at++;
        tris_assert(at < v->count); /* fewer can be open than are kept */
    }
    char key[KEY_BYTES];
    invite_key(v->row[at].id, key);
    (void)!setting_put(d, key, span_of(NULL, 0), NULL, NULL);
    row_remove(v, at);
}

enum tris_err invites_make(struct daemon *d, uint64_t expires_ms, writer_done_fn *done, void *ctx,
                           struct invite_row *made)
{
    struct invites *v = &d->invites;
    struct invite_row row = {.made_ms = clock_wall_ms(), .expires_ms = expires_ms};
    if (open_count(v, row.made_ms) >= INVITES_OPEN_MAX) {
        return TRIS_ERR_NOT_READY;
    }
    randombytes_buf(row.secret, sizeof row.secret);
    row.id = invite_id(row.secret);
    rows_make_room(d, row.made_ms);
    enum tris_err err = invite_store(d, &row, done, ctx);
    if (err == TRIS_OK) {
        v->row[v->count++] = row;
        *made = row;
    }
    sodium_memzero(&row, sizeof row);
    return err;
}

bool invites_consume(struct daemon *d, uint64_t id, const struct tris_house_id *house)
{
    struct invites *v = &d->invites;
    for (uint32_t i = 0; i < v->count; i++) {
        struct invite_row *row = &v->row[i];
        if (row->id == id && invite_is_open(row, clock_wall_ms())) {
            char hex[65], number[INVITE_NUMBER_BYTES];
            row->used = true;
            row->used_by = *house;
            sodium_memzero(row->secret, sizeof row->secret);
            (void)!invite_store(d, row, NULL, NULL);
            tris_hex(house->b, sizeof house->b, hex);
            invite_number(id, number);
            LOG(&d->log, LOG_INFO, "invitation_used", log_text("invitation", number),
                log_text("house", hex));
            return true;
        }
    }
    return false;
}

enum tris_err invites_cancel(struct daemon *d, struct span prefix, writer_done_fn *done, void *ctx,
                             uint64_t *id)
{
    struct invites *v = &d->invites;
    uint32_t found = UINT32_MAX, matches = 0;
    char number[INVITE_NUMBER_BYTES], key[KEY_BYTES];
    for (uint32_t i = 0; i < v->count; i++) {
        invite_number(v->row[i].id, number);
        if (prefix.len > 0 && prefix.len < sizeof number &&
            memcmp(number, prefix.ptr, prefix.len) == 0) {
            found = i;
            matches++;
        }
    }
    if (matches != 1) {
        return matches == 0 ? TRIS_ERR_NOT_FOUND : TRIS_ERR_AMBIGUOUS;
    }
    *id = v->row[found].id;
    invite_key(*id, key);
    enum tris_err err = setting_put(d, key, span_of(NULL, 0), done, ctx);
    if (err == TRIS_OK) {
        row_remove(v, found);
    }
    return err;
}

/* ---- candidates ---- */

static void candidate_key(const struct tris_house_id *house, char key[KEY_BYTES])
{
    char hex[65];
    tris_hex(house->b, sizeof house->b, hex);
    (void)snprintf(key, KEY_BYTES, CANDIDATE_PREFIX "%s", hex);
}

const struct candidate_house *candidates_find(const struct daemon *d,
                                              const struct tris_house_id *house)
{
    const struct invites *v = &d->invites;
    uint32_t at = candidate_lower(v, house);
    bool found = at < v->candidates && tris_house_id_eq(&v->candidate[at]->line.id, house);
    return found ? v->candidate[at] : NULL;
}

struct penalty *candidates_penalty(struct daemon *d, const struct tris_house_id *house)
{
    const uint32_t at = candidate_lower(&d->invites, house);
    return candidates_find(d, house) != NULL ? &d->invites.candidate[at]->penalty : NULL;
}

const struct candidate_house *candidates_at(const struct daemon *d, uint32_t index)
{
    return index < d->invites.candidates ? d->invites.candidate[index] : NULL;
}

void candidates_remove(struct daemon *d, const struct tris_house_id *house)
{
    struct invites *v = &d->invites;
    char key[KEY_BYTES];
    uint32_t at = candidate_lower(v, house);
    if (at == v->candidates || !tris_house_id_eq(&v->candidate[at]->line.id, house)) {
        return;
    }
    candidate_key(house, key);
    free(v->candidate[at]);
    v->candidates--;
    for (uint32_t i = at; i < v->candidates; i++) {
        v->candidate[i] = v->candidate[i + 1];
    }
    (void)!setting_put(d, key, span_of(NULL, 0), NULL, NULL);
}

static void candidates_make_room(struct daemon *d)
{
    const struct invites *v = &d->invites;
    const struct candidate_house *oldest = v->candidate[0];
    if (v->candidates < CANDIDATES_MAX) {
        return;
    }
    for (uint32_t i = 1; i < v->candidates; i++) {
        oldest = v->candidate[i]->heard_ms < oldest->heard_ms ? v->candidate[i] : oldest;
    }
    const struct tris_house_id house = oldest->line.id;
    candidates_remove(d, &house);
}

static void candidate_store(struct daemon *d, const struct candidate_house *c)
{
    char key[KEY_BYTES], value[CANDIDATE_VALUE_BYTES];
    candidate_key(&c->line.id, key);
    int len = snprintf(value, sizeof value, "%llu %s", (unsigned long long)c->heard_ms, c->text);
    tris_assert(len > 0 && (size_t)len < sizeof value);
    (void)!setting_put(d, key, span_of(value, (size_t)len), NULL, NULL);
}

enum tris_err candidates_put(struct daemon *d, const char *text)
{
    struct candidate_house *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    enum tris_err err = house_line_parse(span_str(text), &c->line);
    tris_assert(err == TRIS_OK); /* the session has checked it */
    const struct candidate_house *old = candidates_find(d, &c->line.id);
    c->heard_ms = clock_wall_ms();
    if (old != NULL && !house_line_newer(c->line.time_ms, span_str(text), old->line.time_ms,
                                         span_str(old->text))) {
        d->invites.candidate[candidate_lower(&d->invites, &c->line.id)]->heard_ms = c->heard_ms;
        free(c);
        return TRIS_OK;
    }
    memcpy(c->text, text, strlen(text) + 1);
    if (old != NULL) { /* the same key, written once */
        uint32_t at = candidate_lower(&d->invites, &c->line.id);
        c->penalty = old->penalty;
        free(d->invites.candidate[at]);
        d->invites.candidate[at] = c;
    } else {
        candidates_make_room(d);
        candidate_insert(&d->invites, c);
    }
    candidate_store(d, c);
    LOG(&d->log, LOG_INFO, "candidate", log_text("house", c->line.slug));
    return TRIS_OK;
}

/* ---- charter ---- */

enum tris_err invites_charter(struct daemon *d, struct span *text)
{
    struct invites *v = &d->invites;
    if (v->charter == NULL) {
        enum tris_err err = charter_print(&d->charter, &v->charter, &v->charter_len);
        if (err != TRIS_OK) {
            v->charter = NULL;
            return err;
        }
    }
    *text = span_of(v->charter, v->charter_len);
    return TRIS_OK;
}
