/* Two stores of one house, as a restore leaves them: the original goes on, the copy gets its log
 * back, and what was written to the copy meanwhile becomes drafts. */
#ifndef TRIS_TEST_DRAFT_WORLD_H
#define TRIS_TEST_DRAFT_WORLD_H

#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/daemon.h"
#include "daemon/draft_write.h"
#include "daemon/writer_batch.h"
#include "daemon/writer_first.h"

enum { SEGMENTS_MAX = 32 };

/* Two stores of one house: the original, and what a backup made of it. */
struct side {
    char dir[256];
    struct daemon d;
    struct batch b;
};
struct fixture {
    struct side original, copy;
};

/* The house that all this happens to, and one that vouches for its next key. */
enum who { KOELN, LEIPZIG, HOUSES };

static inline void make_line(enum who who, struct tris_sign_secret *secret, struct house_line *line,
                             char text[TRIS_HOUSE_LINE_BYTES_MAX + 1])
{
    const uint8_t seed[32] = {(uint8_t)(9 + who)};
    struct tris_sign_pub pub;
    assert_int_equal(crypto_sign_seed_keypair(pub.b, secret->b, seed), 0);
    *line = (struct house_line){.role = TRIS_ROLE_HOUSE, .time_ms = 1000};
    (void)snprintf(line->region, sizeof line->region, "%s", who == KOELN ? "05315" : "14713");
    (void)snprintf(line->slug, sizeof line->slug, "%s", who == KOELN ? "koeln" : "leipzig");
    (void)snprintf(line->name, sizeof line->name, "%s", who == KOELN ? "Haus Köln" : "Leipzig");
    memset(line->transport.b, 9 + (int)who, sizeof line->transport.b);
    assert_int_equal(house_line_make(line, secret, text, TRIS_HOUSE_LINE_BYTES_MAX + 1), TRIS_OK);
}

static inline void make_identity(struct daemon *d, enum who who)
{
    static const uint8_t nonce[32] = {7};
    struct house_line lines[HOUSES];
    struct tris_sign_secret secret;
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    for (int i = 0; i < HOUSES; i++) {
        make_line((enum who)i, &secret, &lines[i], text);
    }
    make_line(who, &d->identity, &d->own_line, d->own_line_text);
    assert_int_equal(charter_new("Test", nonce, lines, HOUSES, 1, 2, &d->charter), TRIS_OK);
    d->own = d->own_line.id;
    d->role = TRIS_ROLE_HOUSE;
}

static inline void side_open(struct side *s, enum who who, bool may_seal)
{
    char detail[256];
    test_dir_make(s->dir, sizeof s->dir);
    log_init(&s->d.log, LOG_ERROR, LOG_TEXT);
    make_identity(&s->d, who);
    atomic_store(&s->d.confirm.may_seal, may_seal);
    atomic_store(&s->d.confirm.tail_open, !may_seal);
    struct store_opts opts = {.dir = s->dir,
                              .map_bytes = 64 << 20,
                              .create = true,
                              .fed = s->d.charter.fed,
                              .own = s->d.own};
    assert_int_equal(store_open(&opts, &s->d.store, detail, sizeof detail), TRIS_OK);
    struct store_members *members;
    assert_int_equal(first_logs(&s->d, &members), TRIS_OK);
    members_free(members);
    assert_int_equal(batch_init(&s->b, &s->d), TRIS_OK);
}

static inline void side_close(struct side *s)
{
    batch_fini(&s->b);
    store_close(s->d.store);
    charter_fini(&s->d.charter);
    test_dir_remove(s->dir);
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    side_open(&f->original, KOELN, true);
    assert_int_equal(first_entries(&f->original.d, &f->original.b), TRIS_OK);
    side_open(&f->copy, KOELN, false);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    side_close(&f->original);
    side_close(&f->copy);
    free(f);
    return 0;
}

/* ---- writing, and carrying the log over ---- */

static inline struct span partner(uint8_t *bytes, size_t cap, const char *name, const char *text)
{
    const struct kind *kind = schema_kind(KIND_PARTNER);
    uint8_t scratch_bytes[4096];
    struct wbuf scratch = wbuf_of(scratch_bytes, sizeof scratch_bytes);
    struct record *r = malloc(sizeof *r);
    const char *fields[][2] = {{"name", name},         {"sector", "W"},     {"legal_form", "gmbh"},
                               {"intermediary", "no"}, {"region", "05315"}, {"status", "active"},
                               {"description", text}};
    assert_non_null(r);
    record_init(r, kind);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const struct field *field = schema_field_by_name(kind, span_str(fields[i][0]));
        bool changed;
        assert_non_null(field);
        assert_int_equal(record_set_text(r, field, span_str(fields[i][1]), &scratch, &changed),
                         TRIS_OK);
    }
    struct wbuf w = wbuf_of(bytes, cap);
    assert_int_equal(record_encode(r, &w), TRIS_OK);
    free(r);
    return wbuf_span(&w);
}

static inline struct writer_result run(struct side *s, struct writer_op op)
{
    struct writer_result r;
    struct work work = {.type = WORK_GROUP, .ops = &op, .results = &r, .count = 1};
    struct work_list list;
    work_list_init(&list);
    work_list_push(&list, &work);
    assert_int_equal(batch_run(&s->b, &list), TRIS_OK);
    assert_int_equal(work.err, TRIS_OK);
    return r;
}

static inline uint64_t create(struct side *s, const char *name)
{
    uint8_t bytes[1024];
    struct writer_op op = {.type = WRITER_PUT,
                           .topic = TRIS_TOPIC_DATA,
                           .kind = KIND_PARTNER,
                           .payload = partner(bytes, sizeof bytes, name, "one")};
    struct writer_result r = run(s, op);
    assert_int_equal(r.change, WRITER_NEW);
    return r.record.seq;
}

/* An offer of an own partner, national or at home. */
static inline uint64_t offer(struct side *s, enum tris_topic topic, uint64_t partner_seq)
{
    const struct kind *kind = schema_kind(KIND_LISTING);
    uint8_t scratch_bytes[4096], bytes[1024];
    struct wbuf scratch = wbuf_of(scratch_bytes, sizeof scratch_bytes);
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    struct record *r = malloc(sizeof *r);
    char hex[65], ref[90];
    tris_hex(s->d.own.b, sizeof s->d.own.b, hex);
    snprintf(ref, sizeof ref, "%s-%llu", hex, (unsigned long long)partner_seq);
    const char *fields[][2] = {{"type", "offer"},
                               {"title", "Raum"},
                               {"topics", "other"},
                               {"contribution", "rooms"},
                               {"valid_from", "2026-01-01"},
                               {"valid_to", "2026-12-31"},
                               {"partner", ref}};
    assert_non_null(r);
    record_init(r, kind);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const struct field *field = schema_field_by_name(kind, span_str(fields[i][0]));
        bool changed;
        assert_non_null(field);
        if (record_set_text(r, field, span_str(fields[i][1]), &scratch, &changed) != TRIS_OK) {
            char text[512];
            record_explain_text(field, span_str(fields[i][1]), TRIS_ERR_INVALID, text, sizeof text);
            fail_msg("%s", text);
        }
    }
    assert_int_equal(record_encode(r, &w), TRIS_OK);
    free(r);
    struct writer_op op = {
        .type = WRITER_PUT, .topic = topic, .kind = KIND_LISTING, .payload = wbuf_span(&w)};
    struct writer_result result = run(s, op);
    assert_int_equal(result.change, WRITER_NEW);
    return result.record.seq;
}

/* Whom an offer names. */
static inline uint64_t offerer(struct side *s, uint32_t log_no, uint64_t seq)
{
    struct store_view *v;
    struct store_record record;
    struct record *r = malloc(sizeof *r);
    assert_non_null(r);
    assert_int_equal(store_view_begin(s->d.store, &v), TRIS_OK);
    assert_int_equal(store_record_get(v, (struct record_ref){log_no, seq}, &record), TRIS_OK);
    assert_int_equal(record_decode(schema_kind(KIND_LISTING), record.payload, r, NULL), TRIS_OK);
    uint64_t number = record_value(r, LISTING_PARTNER)->number;
    store_view_end(v);
    free(r);
    return number;
}

static inline void change(struct side *s, uint64_t seq, const char *name, const char *text)
{
    uint8_t bytes[1024];
    struct writer_op op = {.type = WRITER_PUT,
                           .kind = KIND_PARTNER,
                           .has_record = true,
                           .record = {s->d.data_no, seq},
                           .payload = partner(bytes, sizeof bytes, name, text)};
    assert_int_equal(run(s, op).change, WRITER_CHANGED);
}

static inline void end(struct side *s, uint64_t seq)
{
    struct writer_op op = {.type = WRITER_END, .has_record = true, .record = {s->d.data_no, seq}};
    assert_int_equal(run(s, op).change, WRITER_CHANGED);
}

static inline uint64_t sealed(struct side *s, uint32_t no, uint64_t *held)
{
    struct store_view *v;
    struct store_log log;
    assert_int_equal(store_view_begin(s->d.store, &v), TRIS_OK);
    assert_int_equal(store_log_get(v, no, &log), TRIS_OK);
    store_view_end(v);
    *held = log.held;
    return log.has_seal ? log.seal.size : 0;
}

/* Brings one run of what `from` has sealed of its log `no` to log `to` of the copy, as a session
 * would. */
static inline enum tris_err carry_from(struct fixture *f, struct side *from, uint32_t no,
                                       uint64_t first, uint32_t to)
{
    uint8_t *bytes = malloc(TRIS_SEGMENT_BYTES_MAX);
    struct work work = {.type = WORK_SEGMENT, .session_no = 1};
    struct wbuf w = wbuf_of(bytes, TRIS_SEGMENT_BYTES_MAX);
    struct store_view *v;
    struct work_list list;
    assert_non_null(bytes);
    assert_int_equal(store_view_begin(from->d.store, &v), TRIS_OK);
    assert_int_equal(store_segment_read(v, no, first, &w, &work.segment.count, &work.segment.seal),
                     TRIS_OK);
    store_view_end(v);
    work.segment.log_no = to;
    work.segment.first = first;
    work.segment.bytes = bytes;
    work.segment.len = w.len;
    work_list_init(&list);
    work_list_push(&list, &work);
    assert_int_equal(batch_run(&f->copy.b, &list), TRIS_OK);
    free(bytes);
    return work.err;
}

static inline enum tris_err carry_run(struct fixture *f, uint32_t no, uint64_t first)
{
    return carry_from(f, &f->original, no, first, no);
}

/* Brings all of it. */
static inline void carry(struct fixture *f, uint32_t no)
{
    uint64_t held, to = sealed(&f->original, no, &held);
    for (uint32_t i = 0; i < SEGMENTS_MAX && sealed(&f->copy, no, &held) < to; i++) {
        assert_int_equal(carry_run(f, no, sealed(&f->copy, no, &held)), TRIS_OK);
    }
    assert_int_equal(sealed(&f->copy, no, &held), to);
}

static inline void carry_all(struct fixture *f)
{
    carry(f, f->original.d.gov_no);
    carry(f, f->original.d.data_no);
}

static inline void write_drafts(struct fixture *f)
{
    atomic_store(&f->copy.d.confirm.tail_open, false);
    struct writer_op op = {.type = WRITER_DRAFTS};
    struct writer_result r = run(&f->copy, op);
    while (r.change == WRITER_CHANGED) {
        op.base_seq = r.seq;
        r = run(&f->copy, op);
    }
    assert_int_equal(r.change, WRITER_UNCHANGED);
}

static inline struct store_draft draft(struct fixture *f, uint64_t no)
{
    struct store_view *v;
    struct store_draft out;
    assert_int_equal(store_view_begin(f->copy.d.store, &v), TRIS_OK);
    assert_int_equal(store_draft_get(v, no, &out), TRIS_OK);
    store_view_end(v);
    return out;
}

static inline void assert_draft(struct fixture *f, uint64_t no, enum draft_state state,
                                enum tris_err reason)
{
    struct store_draft d = draft(f, no);
    if (d.state != state || d.reason != reason) {
        fail_msg("draft %d: state %d, reason %s", (int)no, (int)d.state, tris_err_name(d.reason));
    }
}

static inline void assert_clean(struct fixture *f)
{
    struct audit_report report;
    assert_int_equal(store_audit(f->copy.d.store, false, NULL, NULL, &report), TRIS_OK);
    if (report.problems > 0) {
        fail_msg("%s", report.first_problem);
    }
}

#endif
