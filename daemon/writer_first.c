/* What a start writes before anything else; see writer_first.h. */
#include "daemon/writer_first.h"

#include <stdlib.h>

#include "daemon/daemon.h"
#include "daemon/writer_members.h"
#include "proto/assert.h"

enum { FIRST_OPS_MAX = 2, FIRST_SCRATCH_BYTES = 8192, FIRST_PAYLOAD_BYTES = 8192 };

static enum tris_err ensure(struct daemon *d, struct store_txn *t, enum tris_topic topic,
                            uint32_t *no)
{
    struct tris_log_ref ref;
    daemon_own_log(d, topic, &ref);
    return store_log_ensure(t, &ref, no);
}

static enum tris_err ensure_own(struct daemon *d, struct store_txn *t)
{
    enum tris_err err = TRIS_OK;
    d->gov_no = LOG_NO_NONE;
    d->data_no = LOG_NO_NONE;
    if (d->role != TRIS_ROLE_OBSERVER) {
        err = ensure(d, t, TRIS_TOPIC_GOV, &d->gov_no);
        if (err == TRIS_OK) {
            err = ensure(d, t, TRIS_TOPIC_DATA, &d->data_no);
        }
        if (err == TRIS_OK) {
            err = store_former_take_back(t);
        }
    }
    return err == TRIS_OK ? ensure(d, t, TRIS_TOPIC_LOCAL, &d->local_no) : err;
}

/* Alarms and claims are about what one key has sealed: with a new one they are over. In the
 * transaction that first knows the key, so that no start sees half of it. */
static enum tris_err forget_former(struct daemon *d, struct store_txn *t)
{
    static const char *const kept[] = {CONFIRM_ALARM, CONFIRM_ACCEPTED, CONFIRM_PROVEN "gov",
                                       CONFIRM_PROVEN "data"};
    const struct tris_sign_pub *key = &d->own_line.key;
    struct span noted;
    enum tris_err err = store_setting_get(store_txn_view(t), CONFIRM_KEY, &noted);
    if (err == TRIS_ERR_NOT_FOUND && d->own_line.epoch == 0) {
        return TRIS_OK;
    }
    if (err == TRIS_OK && span_eq(noted, span_of(key->b, sizeof key->b))) {
        return TRIS_OK;
    }
    err = err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0] && err == TRIS_OK; i++) {
        err = store_setting_put(t, kept[i], span_of(NULL, 0));
    }
    return err == TRIS_OK ? store_setting_put(t, CONFIRM_KEY, span_of(key->b, sizeof key->b)) : err;
}

enum tris_err first_logs(struct daemon *d, struct store_members **members)
{
    struct store_txn *t;
    *members = NULL;
    enum tris_err err = store_txn_begin(d->store, &t);
    if (err != TRIS_OK) {
        return err;
    }
    err = forget_former(d, t);
    if (err == TRIS_OK) {
        err = ensure_own(d, t);
    }
    if (err == TRIS_OK) {
        err = members_first(d, t, members);
    }
    if (err != TRIS_OK) {
        store_abort(t);
        return err;
    }
    err = store_commit(t);
    if (err != TRIS_OK) {
        members_free(*members);
        *members = NULL;
    }
    return err;
}

/* ---- card and house record ---- */

static enum tris_err card_is_newest(struct daemon *d, struct store_view *v, bool *newest)
{
    struct span card;
    struct tris_log_ref gov;
    daemon_own_log(d, TRIS_TOPIC_GOV, &gov);
    enum tris_err err = store_house_card(v, &gov, &card);
    *newest = err == TRIS_OK && span_eq(card, span_str(d->own_line_text));
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

static enum tris_err has_house_record(struct daemon *d, struct store_view *v, bool *has)
{
    struct record_filter filter = {
        .kind = KIND_HOUSE, .with_ended = true, .by_house = true, .house = d->own};
    struct record_ref cursor = {UINT32_MAX, 0};
    struct store_record record;
    enum tris_err err;
    do {
        err = store_record_next(v, &filter, &cursor, &record);
    } while (err == TRIS_ERR_NOT_READY);
    *has = err == TRIS_OK;
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

/* Nothing can be written to a log that has an end; the house works without. */
static bool has_ended(struct daemon *d, struct store_view *v, uint32_t log_no)
{
    struct store_log log;
    bool ended = store_log_get(v, log_no, &log) == TRIS_OK && log.ends != STORE_END_NONE;
    if (ended) {
        LOG(&d->log, LOG_WARN, "own_log_has_ended", log_number("log", log_no),
            log_number("end", log.end), log_text("next", "tris log forks"));
    }
    return ended;
}

/* Nor to one that lacks a payload: peers are asked for it, the next start writes. */
static bool has_hole(struct daemon *d, struct store_view *v, uint32_t log_no)
{
    struct store_log log;
    bool hole = store_log_get(v, log_no, &log) == TRIS_OK && log.has_seal &&
                log.whole < log.seal.size && !log.forked;
    if (hole) {
        LOG(&d->log, LOG_WARN, "own_log_lacks_payloads", log_number("log", log_no),
            log_number("first", log.whole), log_text("next", "tris sync status"));
    }
    return hole;
}

/* Nor to one of a new key while the records of the former one are not all here: they are fetched
 * first, the house's own record among them. */
static bool waits_for_former(struct daemon *d, struct store_view *v)
{
    struct store_log log;
    bool waits = store_log_get(v, d->data_no, &log) == TRIS_OK && log.waits;
    if (waits) {
        LOG(&d->log, LOG_INFO, "former_records_awaited", log_number("log", d->data_no),
            log_text("next", "tris sync status"));
    }
    return waits;
}

static enum tris_err set_field(struct record *r, uint32_t number, const char *text,
                               struct wbuf *scratch)
{
    const struct field *field = schema_field(r->kind, number);
    bool changed;
    tris_assert(field != NULL);
    return record_set_text(r, field, span_str(text), scratch, &changed);
}

/* The house's own record as its line says it. */
static enum tris_err house_payload(const struct house_line *line, struct wbuf *out)
{
    const struct kind *kind = schema_kind(KIND_HOUSE);
    uint8_t *scratch_bytes = malloc(FIRST_SCRATCH_BYTES);
    struct record *r = malloc(sizeof *r);
    enum tris_err err = TRIS_ERR_NO_MEMORY;
    if (r == NULL || scratch_bytes == NULL) {
        goto out;
    }
    tris_assert(kind != NULL);
    record_init(r, kind);
    struct wbuf scratch = wbuf_of(scratch_bytes, FIRST_SCRATCH_BYTES);
    err = set_field(r, HOUSE_NAME, line->name, &scratch);
    if (err == TRIS_OK) {
        err = set_field(r, HOUSE_REGION, line->region, &scratch);
    }
    if (err == TRIS_OK) {
        err = set_field(r, HOUSE_COVERS, line->region, &scratch);
    }
    if (err == TRIS_OK) {
        err = set_field(r, HOUSE_STATUS, "active", &scratch);
    }
    if (err == TRIS_OK) {
        err = record_encode(r, out);
    }
out:
    free(r);
    free(scratch_bytes);
    return err;
}

static enum tris_err run_ops(struct batch *b, struct writer_op *ops, size_t count)
{
    struct writer_result results[FIRST_OPS_MAX];
    struct work work = {.type = WORK_GROUP, .ops = ops, .results = results, .count = count};
    struct work_list list;
    tris_assert(count <= FIRST_OPS_MAX);
    work_list_init(&list);
    if (count > 0) {
        work_list_push(&list, &work);
    }
    enum tris_err err = batch_run(b, &list);
    for (size_t i = 0; i < count && err == TRIS_OK; i++) {
        if (work.err != TRIS_OK || results[i].change == WRITER_REJECTED) {
            err = work.err != TRIS_OK ? work.err : results[i].err;
        }
    }
    if (err == TRIS_OK && b->own_sealed) {
        err = store_mark_renew(b->d->store);
    }
    return err;
}

enum tris_err first_entries(struct daemon *d, struct batch *b)
{
    if (d->role == TRIS_ROLE_OBSERVER) {
        return TRIS_OK;
    }
    /* A process that ended between commit and mark left the mark behind, or none at all: the
     * frontier is about to be read from the store, so the mark must cover it; and a first commit
     * needs one before it, or a crash behind it would look like a lost mark. */
    enum tris_err err = TRIS_OK;
    if (!atomic_load(&d->confirm.mark_doubtful)) {
        err = store_mark_renew(b->d->store);
    }
    if (err != TRIS_OK) {
        return err;
    }
    struct store_view *v;
    bool card = false, record = false;
    err = store_view_begin(d->store, &v);
    if (err != TRIS_OK) {
        return err;
    }
    err = card_is_newest(d, v, &card);
    if (err == TRIS_OK) {
        err = has_house_record(d, v, &record);
    }
    card = has_ended(d, v, d->gov_no) || has_hole(d, v, d->gov_no) || card;
    record = has_ended(d, v, d->data_no) || has_hole(d, v, d->data_no) || record ||
             waits_for_former(d, v);
    store_view_end(v);
    if (err != TRIS_OK) {
        return err;
    }
    struct writer_op ops[FIRST_OPS_MAX] = {0};
    size_t count = 0;
    if (!card) {
        ops[count++] =
            (struct writer_op){.type = WRITER_CARD, .payload = span_str(d->own_line_text)};
    }
    uint8_t bytes[FIRST_PAYLOAD_BYTES];
    struct wbuf payload = wbuf_of(bytes, sizeof bytes);
    if (!record) {
        err = house_payload(&d->own_line, &payload);
        if (err == TRIS_OK) {
            ops[count++] = (struct writer_op){.type = WRITER_PUT,
                                              .topic = TRIS_TOPIC_DATA,
                                              .kind = KIND_HOUSE,
                                              .payload = wbuf_span(&payload)};
        } else { /* the house works without it; people see the reason */
            LOG(&d->log, LOG_WARN, "house_record_failed", log_text("reason", tris_err_text(err)));
        }
    }
    /* runs without ops too: seals what a former process left unsealed */
    return run_ops(b, ops, count);
}
