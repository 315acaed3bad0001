/* Control methods log.compare and log.take: logs out of a file, held against what is here and taken
 * through the writer like what a peer sends. */
#include <stdlib.h>

#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/logfile_fork.h"
#include "daemon/logpage.h"
#include "proto/assert.h"

/* What became of a page; never translated. */
static const char TAKEN[] = "taken";     /* all of it is here now, perhaps it was before */
static const char UNKNOWN[] = "unknown"; /* no log of a known house */
static const char GAP[] = "gap";         /* begins behind what is held */
static const char CLAIM[] = "claim";     /* of the own log: shows what the owner has sealed */
static const char FORK[] = "fork";       /* proven: the log ends where the two part */
static const char OTHER[] = "other";     /* contradicts what is here, and the file proves no fork */
static const char OWN[] = "own";         /* of the own log, whose entries nobody may give us now */
static const char REFUSED[] = "refused";

/* A page on its way through the writer; heap. */
struct take {
    uint64_t token;
    uint32_t log_no;
    uint64_t before; /* entries held when it came */
    const char *state;
    enum tris_err err; /* the writer's first one */
    uint32_t pending;
};

/* ---- answering ---- */

static void put_log(struct out *o, const struct store_log *log)
{
    out_uint(o, "held", logpage_held(o->d, log));
    out_bool(o, "own", log->own);
    if (log->forked) {
        out_uint(o, "end", log->end);
    }
}

static void put_answer(struct out *o, const struct store_log *log, const char *state)
{
    out_text(o, "state", state);
    if (log != NULL) {
        put_log(o, log);
    }
}

static void take_answer(struct daemon *d, struct take *t)
{
    struct store_log log;
    struct store_view *v = NULL;
    struct out *o = out_new_view(d, t->token, &v);
    if (o == NULL) {
        free(t);
        return;
    }
    enum tris_err err = store_log_get(v, t->log_no, &log);
    store_view_end(v);
    if (err == TRIS_OK && tris_err_class(t->err) == TRIS_CLASS_RESOURCE) {
        err = t->err;
    }
    if (err != TRIS_OK) {
        ctl_reply_error(d, t->token, err, NULL, "What was taken before stays.",
                        "the same import again: it goes on", NULL);
        free(o);
        free(t);
        return;
    }
    put_answer(o, &log, t->err == TRIS_OK ? t->state : REFUSED);
    const uint64_t held = logpage_held(d, &log);
    out_uint(o, "entries", held > t->before ? held - t->before : 0);
    if (t->err != TRIS_OK) {
        out_text(o, "reason", tris_err_name(t->err));
        out_text(o, "text", tris_err_text(t->err));
    }
    out_reply(o);
    free(t);
}

static void take_step(struct daemon *d, void *ctx, enum tris_err err)
{
    struct take *t = ctx;
    if (t->err == TRIS_OK) {
        t->err = err;
    }
    tris_assert(t->pending > 0);
    if (--t->pending == 0) {
        take_answer(d, t);
    }
}

static void answer_now(struct daemon *d, uint64_t token, const struct store_log *log,
                       const char *state)
{
    struct out *o = out_new(d, token);
    if (o != NULL) {
        put_answer(o, log, state);
        out_reply(o);
    }
}

/* ---- handing it to the writer ---- */

static struct take *take_new(struct daemon *d, uint64_t token, const struct store_log *log,
                             const char *state)
{
    struct take *t = calloc(1, sizeof *t);
    if (t != NULL) {
        t->token = token;
        t->log_no = log->no;
        t->before = logpage_held(d, log);
        t->state = state;
        t->pending = 1; /* until all of the page is handed over */
    }
    return t;
}

static uint8_t *copy_of(struct span bytes)
{
    uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    if (copy != NULL && bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    return copy;
}

static void take_fork(struct daemon *d, struct take *t, struct span proof, uint64_t at)
{
    struct session_fork fork = {
        .log_no = t->log_no, .at = at, .bytes = copy_of(proof), .len = proof.len};
    t->pending++;
    if (fork.bytes == NULL) {
        take_step(d, t, TRIS_ERR_NO_MEMORY);
    } else {
        writer_take_fork(d->writer, &fork, take_step, t);
    }
}

/* A newer seal over exactly what is held counts as one of no entries. */
static bool is_sealed_anew(const struct store_log *log, const struct seal *seal)
{
    return log->has_seal && seal->size == log->seal.size && log->held == seal->size &&
           seal_cmp(seal, &log->seal) > 0;
}

static void take_segment(struct daemon *d, struct take *t, const struct logfile_segment *from,
                         bool anew)
{
    const struct span wire = anew ? span_of(NULL, 0) : from->wire;
    struct session_segment segment = {
        .log_no = t->log_no,
        .first = anew ? from->seal.size : from->first,
        .count = anew ? 0 : from->count,
        .bytes = copy_of(wire),
        .len = wire.len,
        .seal = from->seal,
    };
    t->pending++;
    if (segment.bytes == NULL) {
        take_step(d, t, TRIS_ERR_NO_MEMORY);
    } else {
        writer_take_segment(d->writer, &segment, take_step, t);
    }
}

static void take_segments(struct daemon *d, struct take *t, const struct logpage *p,
                          const struct store_log *log)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct seal *seal = &p->segment[i].seal;
        if (seal->size > t->before || is_sealed_anew(log, seal)) {
            take_segment(d, t, &p->segment[i], seal->size <= t->before);
        }
    }
}

/* ---- log.take ---- */

static void refuse(struct daemon *d, uint64_t token, enum tris_err err, const char *message,
                   const char *next)
{
    ctl_reply_error(d, token, err, message, "Nothing of this page was taken.", next, "page");
}

/* Both branches are at hand: a proof, unless one of them has no seal that may be shown. */
static void take_contradiction(struct daemon *d, uint64_t token, struct store_view *v,
                               const struct logpage *p, const struct store_log *log,
                               const struct logpage_contradiction *c)
{
    uint8_t bytes[FORK_PROOF_BYTES_MAX];
    struct wbuf proof = wbuf_of(bytes, sizeof bytes);
    enum tris_err err = logfile_fork_make(v, &d->charter.fed, log, logpage_held(d, log),
                                          &p->segment[c->segment], c->at, &proof);
    struct take *t = err == TRIS_OK ? take_new(d, token, log, FORK) : NULL;
    if (t == NULL) {
        answer_now(d, token, log, OTHER);
        return;
    }
    LOG(&d->log, LOG_WARN, "fork_in_file", log_number("log", log->no), log_number("at", c->at));
    take_fork(d, t, wbuf_span(&proof), c->at);
    take_step(d, t, TRIS_OK);
}

/* Whether the proof says more than what is known. */
static bool fork_is_new(const struct logpage *p, const struct store_log *log)
{
    return p->has_fork &&
           (!log->forked || p->proof.at < log->end ||
            (p->proof.at == log->end && tris_hash_cmp(&p->proof.root_at, &log->end_root) < 0));
}

/* Own entries come back only while the guard wants them; what proves them is shown to it first. */
static bool own_may_come(struct daemon *d, const struct logpage *p, const struct store_log *log)
{
    if (p->count > 0 && !seal_is_cut(&p->segment[p->count - 1].seal)) {
        confirm_file_seal(d, log->no, &p->segment[p->count - 1].seal);
    }
    return log->forked || atomic_load(&d->confirm.tail_open);
}

/* What a page leads to whose segments are not taken; NULL: they are. */
static const char *page_verdict(struct daemon *d, struct store_view *v, const struct logpage *p,
                                const struct store_log *log, struct logpage_contradiction *c,
                                enum tris_err *err)
{
    const uint64_t held = logpage_held(d, log);
    const bool own_open = log->own && own_may_come(d, p, log);
    bool other = false;
    c->found = false;
    if (p->log.first > held) {
        return own_open ? CLAIM : log->own ? OWN : GAP;
    }
    *err = logpage_differs(v, log->no, p->log.first, &p->log.root, &other);
    if (*err == TRIS_OK && !other) {
        *err = logpage_contradicts(v, p, log, held, c);
    }
    if (*err != TRIS_OK || other || c->found) {
        return OTHER;
    }
    return log->own && p->size > held && !own_open ? OWN : NULL;
}

/* A page of a log that is here. */
static void take_log(struct daemon *d, uint64_t token, struct store_view *v,
                     const struct logpage *p, const struct store_log *log)
{
    struct logpage_contradiction c = {.found = false};
    struct take *t = NULL;
    const char *verdict = NULL;
    enum tris_err err = TRIS_OK;
    if (fork_is_new(p, log)) { /* alone: what follows is judged behind it */
        t = take_new(d, token, log, FORK);
    } else {
        verdict = page_verdict(d, v, p, log, &c, &err);
        t = err == TRIS_OK && verdict == NULL ? take_new(d, token, log, TAKEN) : NULL;
    }
    if (err != TRIS_OK) {
        refuse(d, token, err, NULL, "tris audit");
    } else if (c.found) {
        take_contradiction(d, token, v, p, log, &c);
    } else if (verdict != NULL) {
        answer_now(d, token, log, verdict);
    } else if (t == NULL) {
        refuse(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL);
    } else {
        if (t->state == FORK) {
            take_fork(d, t, p->proof_bytes, p->proof.at);
        } else {
            take_segments(d, t, p, log);
        }
        take_step(d, t, TRIS_OK);
    }
}

static void take_page(struct daemon *d, uint64_t token, const struct logpage *p)
{
    struct store_view *v = NULL;
    struct store_log log;
    uint32_t no = 0;
    enum tris_err err = daemon_view(d, &v);
    if (err != TRIS_OK) {
        refuse(d, token, err, NULL, NULL);
        return;
    }
    err = store_log_find(v, &p->log.id, &no);
    if (err == TRIS_ERR_NOT_FOUND) {
        answer_now(d, token, NULL, UNKNOWN);
    } else {
        err = err == TRIS_OK ? store_log_get(v, no, &log) : err;
        if (err == TRIS_OK) {
            take_log(d, token, v, p, &log);
        } else {
            refuse(d, token, err, NULL, "tris audit");
        }
    }
    store_view_end(v);
}

void ctl_log_take(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"page", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct rbuf r = rbuf_of(ctl_map_get(params, "page"));
    struct span bytes = pack_read_bin(&r, TRIS_CTL_BYTES_MAX);
    if (rbuf_finish(&r) != TRIS_OK) {
        ctl_in_refuse(&in, TRIS_ERR_INVALID, "page", "the beginning of a log file, as bytes");
    }
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct logpage *p = malloc(sizeof *p);
    enum tris_err err = p != NULL ? logpage_read(p, bytes) : TRIS_ERR_NO_MEMORY;
    if (err != TRIS_OK) {
        refuse(d, token, err, NULL, NULL);
    } else if (!tris_fed_id_eq(&p->fed, &d->charter.fed)) {
        refuse(d, token, TRIS_ERR_STRANGER, "these logs are of another federation",
               "tris charter show");
    } else {
        take_page(d, token, p);
    }
    free(p);
}

/* ---- log.compare ---- */

/* "same", "other", or "more": so much is not held. */
static const char *relation(struct out *o, struct store_view *v, const struct store_log *log,
                            uint64_t size, struct span root, enum tris_err *err)
{
    struct tris_hash theirs;
    bool other = false;
    if (size > logpage_held(o->d, log)) {
        return "more";
    }
    if (!tris_unhex(root, theirs.b, sizeof theirs.b)) {
        *err = TRIS_ERR_INVALID;
        return "";
    }
    if (*err == TRIS_OK) {
        *err = logpage_differs(v, log->no, size, &theirs, &other);
    }
    return other ? "other" : "same";
}

void ctl_log_compare(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"log", "first", "first_root", "size", "root", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span hex = ctl_in_need_text(&in, "log", 64);
    struct span first_root = ctl_in_need_text(&in, "first_root", 64);
    struct span root = ctl_in_need_text(&in, "root", 64);
    const uint64_t first = ctl_in_uint(&in, "first", 0, UINT64_MAX);
    const uint64_t size = ctl_in_uint(&in, "size", 0, UINT64_MAX);
    struct store_view *v = NULL;
    struct store_log log;
    struct tris_log_id id;
    uint32_t no = 0;
    if (hex.len > 0 && !tris_unhex(hex, id.b, sizeof id.b)) {
        ctl_in_refuse(&in, TRIS_ERR_INVALID, "log", "64 hex digits are needed");
    }
    struct out *o = ctl_in_ok(d, token, &in) ? out_new_view(d, token, &v) : NULL;
    if (o == NULL) {
        return;
    }
    enum tris_err err = store_log_find(v, &id, &no);
    out_bool(o, "known", err == TRIS_OK);
    if (err == TRIS_OK) {
        err = store_log_get(v, no, &log);
        if (err == TRIS_OK) {
            put_log(o, &log);
            out_text(o, "beginning", relation(o, v, &log, first, first_root, &err));
            out_text(o, "ending", relation(o, v, &log, size, root, &err));
            out_uint(o, "sealed_ms", log.has_seal ? log.seal.time_ms : 0);
        }
    } else if (err == TRIS_ERR_NOT_FOUND) {
        err = TRIS_OK;
    }
    store_view_end(v);
    if (err != TRIS_OK) {
        out_reply_error(o, err, NULL, NULL);
        return;
    }
    out_reply(o);
}
