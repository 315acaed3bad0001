/* Control methods record.set, record.end, record.publish: one's own changes, answered after the
 * commit. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/rules.h"
#include "proto/assert.h"

enum { PROBLEMS_MAX = 16 };

/* One write on its way. Heap; freed when answered. */
struct change {
    uint64_t token;
    bool publish;
    struct record_ref was;
    uint32_t warnings_count;
    char warnings[PROBLEMS_MAX][200];
    struct record record;
    uint8_t former[TRIS_PAYLOAD_BYTES_MAX]; /* the values of `record` point here and to scratch */
    uint8_t payload[TRIS_PAYLOAD_BYTES_MAX];
    size_t payload_len;
    uint8_t within[RECORD_WITHIN_BYTES_MAX];
    uint8_t scratch[2 * TRIS_PAYLOAD_BYTES_MAX];
};

static struct change *change_new(struct daemon *d, uint64_t token)
{
    struct change *c = malloc(sizeof *c);
    if (c == NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, "Nothing was written.", NULL, NULL);
        return NULL;
    }
    c->token = token;
    c->publish = false;
    c->was = (struct record_ref){LOG_NO_NONE, 0};
    c->warnings_count = 0;
    c->payload_len = 0;
    return c;
}

static struct span within_of(struct change *c)
{
    struct wbuf w = wbuf_of(c->within, sizeof c->within);
    return record_within(&c->record, &w);
}

static void refuse(struct daemon *d, struct change *c, enum tris_err err, const char *message,
                   const char *next, const char *field)
{
    ctl_reply_error(d, c->token, err, message, "Nothing was written.", next, field);
    free(c);
}

/* Another record stands in the way: `next` names it. */
static void reply_other(struct daemon *d, struct change *c, enum tris_err err,
                        struct record_ref record)
{
    struct store_view *v = NULL;
    const struct kind *kind = c->record.kind;
    const struct field *title = schema_title(kind);
    const bool alike = err == TRIS_ERR_EXISTS;
    char id[OUT_ID_BYTES] = "";
    char message[200];
    char next[128];
    struct out *o = out_new(d, c->token);
    if (o != NULL) {
        if (daemon_view(d, &v) == TRIS_OK) {
            (void)out_record_id(o, v, record, id);
            store_view_end(v);
        }
        (void)snprintf(
            message, sizeof message,
            "%.90s has the same name, and the same district or partner: perhaps the same one", id);
        (void)snprintf(next, sizeof next, "tris %s show %.90s",
                       kind->number == KIND_LISTING ? "offer" : kind->name, id);
        ctl_reply_error(d, c->token, err,
                        alike ? message : "this region is running in another step already",
                        "Nothing was written.", next, alike && title != NULL ? title->name : NULL);
        free(o);
    }
    free(c);
}

static void refuse_write(struct daemon *d, struct change *c, enum tris_err err)
{
    static const struct {
        enum tris_err err;
        const char *message, *next;
    } words[] = {
        {TRIS_ERR_NOT_READY, "somebody else changed the record in the meantime",
         "repeat the command"},
        {TRIS_ERR_INCOMPLETE, NULL, "tris sync status"},
        {TRIS_ERR_FORK, OWN_FORK_TEXT, "tris log forks"},
        {TRIS_ERR_ROLE, NULL, "tris house list"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].err == err) {
            refuse(d, c, err, words[i].message, words[i].next, NULL);
            return;
        }
    }
    refuse(d, c, err, NULL, "tris status", NULL);
}

static void change_done(struct daemon *d, void *ctx, enum tris_err err,
                        const struct writer_result *results, size_t count)
{
    struct change *c = ctx;
    struct store_view *v = NULL;
    if (err == TRIS_OK && count == 1 && results[0].change == WRITER_REJECTED) {
        err = results[0].err;
        if (err == TRIS_ERR_EXISTS || err == TRIS_ERR_CONFLICT) {
            reply_other(d, c, err, results[0].record);
            return;
        }
    }
    if (err != TRIS_OK || count != 1) {
        refuse_write(d, c, err);
        return;
    }
    struct out *o = out_new(d, c->token);
    if (o == NULL) {
        free(c);
        return;
    }
    if (daemon_view(d, &v) == TRIS_OK) {
        out_id(o, "id", v, results[0].record);
        if (c->publish) {
            out_id(o, "was", v, c->was);
        }
        store_view_end(v);
    }
    out_confirmed(o, results[0].record);
    out_bool(o, "changed", results[0].change != WRITER_UNCHANGED);
    out_list(o, "warnings");
    for (uint32_t i = 0; i < c->warnings_count; i++) {
        out_text(o, NULL, c->warnings[i]);
    }
    out_end(o);
    out_reply(o);
    free(c);
}

static void submit(struct daemon *d, struct change *c, const struct writer_op *op)
{
    struct writer_group group = {.ops = op, .count = 1, .done = change_done, .ctx = c};
    enum tris_err err = writer_submit(d->writer, &group);
    if (err != TRIS_OK) {
        refuse(d, c, err, NULL, err == TRIS_ERR_OBSERVER ? NULL : "tris status", NULL);
    }
}

static void warn_of_others(struct daemon *d, struct change *c)
{
    struct store_view *v = NULL;
    char text[RULES_TEXT_BYTES] = "";
    if (c->warnings_count < PROBLEMS_MAX && daemon_view(d, &v) == TRIS_OK) {
        rules_warn(d, v, &c->record, text);
        store_view_end(v);
    }
    if (text[0] != '\0') {
        (void)snprintf(c->warnings[c->warnings_count++], sizeof c->warnings[0], "%s", text);
    }
}

/* Checks and encodes c->record for `scope`; false if the change was refused. */
static bool check_and_encode(struct daemon *d, struct change *c, enum schema_scope scope)
{
    struct record_problem problems[PROBLEMS_MAX];
    size_t found = record_check_own(&c->record, scope, problems, PROBLEMS_MAX);
    for (size_t i = 0; i < found && i < PROBLEMS_MAX; i++) {
        const char *field = problems[i].field != NULL ? problems[i].field->name : "";
        if (!problems[i].warning) {
            refuse(d, c, problems[i].err, problems[i].text,
                   scope == SCOPE_NATIONAL && problems[i].err == TRIS_ERR_PERSONAL
                       ? "keep it local: without --listed"
                       : NULL,
                   field);
            return false;
        }
        struct span text = span_cut(span_str(problems[i].text), sizeof c->warnings[0] - 44);
        (void)snprintf(c->warnings[c->warnings_count++], sizeof c->warnings[0], "%.40s%s%.*s",
                       field, field[0] != '\0' ? ": " : "", (int)text.len, (const char *)text.ptr);
    }
    warn_of_others(d, c);
    struct wbuf w = wbuf_of(c->payload, sizeof c->payload);
    enum tris_err err = record_encode(&c->record, &w);
    if (err != TRIS_OK) {
        refuse(d, c, err, NULL, NULL, NULL);
        return false;
    }
    c->payload_len = w.len;
    return true;
}

/* Sets the fields that `map` names; text is copied to c->scratch by record_set_text. */
static bool set_fields(struct daemon *d, struct change *c, struct span map)
{
    struct rbuf r = rbuf_of(map);
    struct wbuf scratch = wbuf_of(c->scratch, sizeof c->scratch);
    uint32_t pairs = pack_read_map(&r, RECORD_FIELDS_MAX);
    char message[160];
    for (uint32_t i = 0; i < pairs; i++) {
        struct span name = pack_read_str(&r, 80);
        struct span text = pack_read_str(&r, TRIS_PAYLOAD_BYTES_MAX);
        if (r.err != TRIS_OK) {
            break;
        }
        const struct field *field = schema_field_by_name(c->record.kind, name);
        if (field == NULL || (field->flags & FIELD_HIDDEN) != 0) {
            (void)snprintf(message, sizeof message, "a %s has no field \"%.*s\"",
                           c->record.kind->name, (int)name.len,
                           name.len > 0 ? (const char *)name.ptr : "");
            refuse(d, c, TRIS_ERR_INVALID, message, NULL, NULL);
            return false;
        }
        char ref[REF_BYTES];
        const char *why = NULL;
        enum tris_err err = TRIS_OK;
        if (field->type == FIELD_REF) {
            err = resolve_ref(d, field, text, ref, &why);
            text = span_str(ref);
        }
        if (err != TRIS_OK) {
            refuse(d, c, err, why, NULL, field->name);
            return false;
        }
        err = record_set_text(&c->record, field, text, &scratch, NULL);
        if (err != TRIS_OK) {
            char explained[512];
            record_explain_text(field, text, err, explained, sizeof explained);
            refuse(d, c, err, explained, NULL, field->name);
            return false;
        }
    }
    if (r.err != TRIS_OK) {
        refuse(d, c, r.err, "fields must be a map of name to text", NULL, "fields");
        return false;
    }
    return true;
}

/* An own record by id, into c->record; *base is its present state. */
static bool load_own(struct daemon *d, struct change *c, struct span id, struct store_record *base)
{
    struct store_view *v = NULL;
    struct store_log log;
    struct record_ref ref;
    enum tris_err err = daemon_view(d, &v);
    if (err == TRIS_OK) {
        err = resolve_record(d, id, &ref);
    }
    if (err == TRIS_OK) {
        err = store_record_get(v, ref, base);
    }
    if (err == TRIS_OK) {
        err = store_log_get(v, ref.log_no, &log);
    }
    if (err == TRIS_OK && !log.own) {
        err = TRIS_ERR_NOT_OWNER;
    }
    if (err == TRIS_OK && base->ended) {
        err = TRIS_ERR_ENDED;
    }
    const struct kind *kind = err == TRIS_OK ? schema_kind(base->kind) : NULL;
    if (err == TRIS_OK) {
        /* values point into the payload: a copy of it outlives the view */
        tris_assert(base->payload.len <= sizeof c->former);
        memcpy(c->former, base->payload.ptr, base->payload.len);
        struct span former = span_of(c->former, base->payload.len);
        err = kind != NULL ? record_decode(kind, former, &c->record, NULL) : TRIS_ERR_BAD_VALUE;
    }
    if (v != NULL) {
        store_view_end(v);
    }
    if (err != TRIS_OK) {
        refuse(d, c, err, err == TRIS_ERR_NOT_FOUND ? "there is no such record here" : NULL,
               "tris partner list", "id");
        return false;
    }
    return true;
}

void ctl_record_set(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"kind", "id", "scope", "fields", "force", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    const struct kind *kind = ctl_in_kind(&in, "kind");
    struct span id = ctl_in_text(&in, "id", 127);
    enum schema_scope scope = ctl_in_scope(&in, "scope");
    bool force = ctl_in_bool(&in, "force");
    struct store_record base;
    if (!ctl_in_has(&in, "fields")) {
        ctl_in_refuse(&in, TRIS_ERR_REQUIRED, "fields", "a required parameter is missing");
    }
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct change *c = change_new(d, token);
    if (c == NULL) {
        return;
    }
    struct writer_op op = {.type = WRITER_PUT, .kind = kind->number};
    if (id.len > 0) {
        if (!load_own(d, c, id, &base)) {
            return;
        }
        if (c->record.kind != kind || (scope != 0 && scope != base.scope)) {
            refuse(d, c, TRIS_ERR_INVALID,
                   c->record.kind != kind ? "the record is of another kind"
                                          : "a record keeps its scope; publish makes a new one",
                   "tris partner publish ID", "id");
            return;
        }
        scope = base.scope;
        op.has_record = true;
        op.record = base.ref;
        op.has_base = true;
        op.base_log = base.last_log;
        op.base_seq = base.last_seq;
    } else {
        record_init(&c->record, kind);
        scope = scope != 0 ? scope : kind->scope_default;
        op.refuse_duplicate = !force;
    }
    op.topic = scope == SCOPE_LOCAL ? TRIS_TOPIC_LOCAL : TRIS_TOPIC_DATA;
    if (!set_fields(d, c, ctl_map_get(params, "fields"))) {
        return;
    }
    if (!check_and_encode(d, c, scope)) {
        return;
    }
    op.payload = span_of(c->payload, c->payload_len);
    op.name = record_title(&c->record);
    op.within = within_of(c);
    submit(d, c, &op);
}

void ctl_record_end(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"id", "reason", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span id = ctl_in_need_text(&in, "id", 127);
    struct span reason = ctl_in_text(&in, "reason", 80);
    const struct code_list *reasons = schema_code_list(span_str("end_reason"));
    const struct code *code =
        reason.len > 0 && reasons != NULL ? schema_code_by_name(reasons, reason) : NULL;
    struct store_record base;
    if (reason.len > 0 && code == NULL) {
        ctl_in_refuse(&in, TRIS_ERR_INVALID, "reason",
                      "allowed: expired terminated party_dissolved superseded no_agreement "
                      "no_capacity duplicate");
    }
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct change *c = change_new(d, token);
    if (c == NULL || !load_own(d, c, id, &base)) {
        return;
    }
    struct writer_op op = {.type = WRITER_END,
                           .kind = base.kind,
                           .has_record = true,
                           .record = base.ref,
                           .has_base = true,
                           .base_log = base.last_log,
                           .base_seq = base.last_seq,
                           .end_reason = code != NULL ? code->number : 0};
    submit(d, c, &op);
}

void ctl_record_publish(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"id", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span id = ctl_in_need_text(&in, "id", 127);
    struct store_record base;
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct change *c = change_new(d, token);
    if (c == NULL || !load_own(d, c, id, &base)) {
        return;
    }
    if (base.scope != SCOPE_LOCAL) {
        refuse(d, c, TRIS_ERR_EXISTS, "the record is national already", NULL, "id");
        return;
    }
    c->publish = true;
    c->was = base.ref;
    record_narrow(&c->record, SCOPE_NATIONAL);
    if (!check_and_encode(d, c, SCOPE_NATIONAL)) {
        return;
    }
    struct writer_op op = {.type = WRITER_PUBLISH,
                           .topic = TRIS_TOPIC_DATA,
                           .kind = base.kind,
                           .has_record = true,
                           .record = base.ref,
                           .has_base = true,
                           .base_log = base.last_log,
                           .base_seq = base.last_seq,
                           .payload = span_of(c->payload, c->payload_len),
                           .name = record_title(&c->record),
                           .within = within_of(c)};
    submit(d, c, &op);
}
