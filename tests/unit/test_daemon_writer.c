/* What a batch of own writes does to the store: import rules, duplicates, dry runs, sealing, and
 * that one bad segment costs nothing else. */
#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/writer_batch.h"
#include "daemon/writer_first.h"
#include "daemon/writer_held.h"
#include "daemon/writer_op.h"
#include "proto/pack.h"

struct fixture {
    char dir[256];
    struct daemon d;
    struct batch b;
};

static void make_identity(struct daemon *d)
{
    static const uint8_t nonce[32] = {7};
    struct tris_sign_pub pub;
    assert_int_equal(crypto_sign_keypair(pub.b, d->identity.b), 0);
    d->own_line = (struct house_line){.role = TRIS_ROLE_HOUSE,
                                      .region = "05315",
                                      .slug = "koeln",
                                      .name = "Haus Köln",
                                      .time_ms = 1000};
    memset(d->own_line.transport.b, 9, sizeof d->own_line.transport.b);
    assert_int_equal(
        house_line_make(&d->own_line, &d->identity, d->own_line_text, sizeof d->own_line_text),
        TRIS_OK);
    assert_int_equal(charter_new("Test", nonce, &d->own_line, 1, 1, 2, &d->charter), TRIS_OK);
    d->own = d->own_line.id;
    d->role = TRIS_ROLE_HOUSE;
}

static int setup_empty(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char detail[256];
    assert_non_null(f);
    test_dir_make(f->dir, sizeof f->dir);
    log_init(&f->d.log, LOG_ERROR, LOG_TEXT);
    make_identity(&f->d);
    atomic_store(&f->d.confirm.may_seal, true); /* a single founder's start is confirmed */
    struct store_opts opts = {.dir = f->dir,
                              .map_bytes = 64 << 20,
                              .create = true,
                              .fed = f->d.charter.fed,
                              .own = f->d.own};
    assert_int_equal(store_open(&opts, &f->d.store, detail, sizeof detail), TRIS_OK);
    struct store_members *members;
    assert_int_equal(first_logs(&f->d, &members), TRIS_OK);
    members_free(members);
    assert_int_equal(batch_init(&f->b, &f->d), TRIS_OK);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    assert_int_equal(setup_empty(state), 0);
    struct fixture *f = *state;
    assert_int_equal(first_entries(&f->d, &f->b), TRIS_OK);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    batch_fini(&f->b);
    store_close(f->d.store);
    charter_fini(&f->d.charter);
    test_dir_remove(f->dir);
    free(f);
    return 0;
}

/* A partner of a list ("" = typed by hand) whose description makes payloads differ. */
static struct span partner_of(uint8_t *bytes, size_t cap, const char *name, const char *text,
                              const char *source, const char *source_id)
{
    const struct kind *kind = schema_kind(KIND_PARTNER);
    uint8_t scratch_bytes[4096];
    struct wbuf scratch = wbuf_of(scratch_bytes, sizeof scratch_bytes);
    struct record *r = malloc(sizeof *r);
    const char *fields[][2] = {
        {"name", name},         {"sector", "W"},     {"legal_form", "gmbh"},
        {"intermediary", "no"}, {"region", "05315"}, {"status", "active"},
        {"description", text},  {"source", source},  {"source_id", source_id}};
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

static struct span partner(uint8_t *bytes, size_t cap, const char *name, const char *text)
{
    return partner_of(bytes, cap, name, text, "", "");
}

static void run(struct fixture *f, struct writer_op *ops, size_t count, bool dry,
                struct writer_result *results)
{
    struct work work = {
        .type = WORK_GROUP, .ops = ops, .results = results, .count = count, .dry_run = dry};
    struct work_list list;
    if (dry) {
        batch_dry_run(&f->b, &work);
    } else {
        work_list_init(&list);
        work_list_push(&list, &work);
        assert_int_equal(batch_run(&f->b, &list), TRIS_OK);
    }
    assert_int_equal(work.err, TRIS_OK);
}

static struct writer_op import_op(enum tris_topic topic, const char *name, struct span payload)
{
    return (struct writer_op){.type = WRITER_IMPORT,
                              .topic = topic,
                              .kind = KIND_PARTNER,
                              .payload = payload,
                              .name = span_str(name),
                              .within = span_str("05315")};
}

/* A row of a list: "Muster" in Köln under this source id. */
static void import_row(struct fixture *f, enum tris_topic topic, const char *source,
                       const char *source_id, struct writer_result *r)
{
    uint8_t bytes[1024];
    struct writer_op op = import_op(
        topic, "Muster", partner_of(bytes, sizeof bytes, "Muster", "row", source, source_id));
    op.source = span_str(source);
    op.source_id = span_str(source_id);
    run(f, &op, 1, false, r);
}

static void head(struct fixture *f, uint32_t no, struct store_log *out)
{
    struct store_view *v;
    assert_int_equal(store_view_begin(f->d.store, &v), TRIS_OK);
    assert_int_equal(store_log_get(v, no, out), TRIS_OK);
    store_view_end(v);
}

static void a_first_start_writes_card_and_house_record_once(void **state)
{
    struct fixture *f = *state;
    struct store_log gov, data;
    struct span card;
    struct store_view *v;
    head(f, f->d.gov_no, &gov);
    head(f, f->d.data_no, &data);
    assert_int_equal(gov.held, 1);
    assert_int_equal(data.held, 1);
    assert_true(gov.has_seal && gov.seal.size == 1 && data.has_seal && data.seal.size == 1);
    assert_int_equal(store_view_begin(f->d.store, &v), TRIS_OK);
    const struct tris_log_ref own_gov = tris_log_ref_first(&f->d.own, TRIS_TOPIC_GOV);
    assert_int_equal(store_house_card(v, &own_gov, &card), TRIS_OK);
    assert_true(span_eq(card, span_str(f->d.own_line_text)));
    store_view_end(v);
    assert_int_equal(first_entries(&f->d, &f->b), TRIS_OK);
    head(f, f->d.gov_no, &gov);
    head(f, f->d.data_no, &data);
    assert_int_equal(gov.held, 1);
    assert_int_equal(data.held, 1);
    char detail[256];
    assert_int_equal(store_mark_check(f->d.store, detail, sizeof detail), TRIS_OK);
}

static void a_first_start_that_cannot_write_the_mark_seals_nothing(void **state)
{
    struct fixture *f = *state;
    struct store_log log;
    char path[300], detail[256];
    snprintf(path, sizeof path, "%s/mark.tmp", f->dir);
    assert_int_equal(mkdir(path, 0700), 0); /* in the way of the temporary file */
    assert_int_not_equal(first_entries(&f->d, &f->b), TRIS_OK);
    head(f, f->d.gov_no, &log);
    assert_int_equal(log.held, 0);
    assert_int_equal(store_mark_check(f->d.store, detail, sizeof detail), TRIS_OK);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(first_entries(&f->d, &f->b), TRIS_OK);
    assert_int_equal(store_mark_check(f->d.store, detail, sizeof detail), TRIS_OK);
}

static void mark_text(struct fixture *f, char *out, size_t size)
{
    char path[300];
    snprintf(path, sizeof path, "%s/mark", f->dir);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(out, (int)size, file));
    fclose(file);
}

static void a_start_brings_the_mark_up_to_what_a_killed_process_sealed(void **state)
{
    struct fixture *f = *state;
    uint8_t a[1024];
    char mark[2048];
    struct writer_op op =
        import_op(TRIS_TOPIC_DATA, "Muster", partner(a, sizeof a, "Muster", "one"));
    struct writer_result r;
    run(f, &op, 1, false, &r); /* committed and sealed; killed before the mark */
    mark_text(f, mark, sizeof mark);
    assert_non_null(strstr(mark, " data=1:"));
    assert_int_equal(first_entries(&f->d, &f->b), TRIS_OK);
    mark_text(f, mark, sizeof mark);
    assert_non_null(strstr(mark, " data=2:"));
}

static uint64_t head_size(const struct batch *b, uint32_t log_no)
{
    return b->head_of[log_no] == 0 ? 0 : b->heads[b->head_of[log_no] - 1].item.held;
}

static void held_heads_go_out_once_and_never_over_a_newer_one(void **state)
{
    struct fixture *f = *state;
    struct held_heads held = {0};
    uint8_t a[1024], b[1024];
    struct writer_op card = {.type = WRITER_CARD, .payload = span_str(f->d.own_line_text)};
    struct writer_op op =
        import_op(TRIS_TOPIC_DATA, "Muster", partner(a, sizeof a, "Muster", "one"));
    struct writer_result r;
    run(f, &card, 1, false, &r);
    held_take(&held, &f->b);
    assert_int_equal(f->b.heads_count, 0);
    run(f, &op, 1, false, &r);
    held_take(&held, &f->b);
    assert_int_equal(held.count, 2);
    op.payload = partner(b, sizeof b, "Muster", "two");
    run(f, &op, 1, false, &r);
    held_release(&held, &f->b);
    assert_int_equal(held.count, 0);
    assert_int_equal(f->b.heads_count, 2);
    assert_int_equal(head_size(&f->b, f->d.gov_no), 2);
    assert_int_equal(head_size(&f->b, f->d.data_no), 3);
    held_release(&held, &f->b);
    assert_int_equal(f->b.heads_count, 2);
}

static void importing_twice_is_new_then_unchanged_then_changed(void **state)
{
    struct fixture *f = *state;
    uint8_t a[1024], b[1024];
    struct writer_op op =
        import_op(TRIS_TOPIC_DATA, "Muster", partner(a, sizeof a, "Muster", "one"));
    struct writer_result first, r;
    run(f, &op, 1, false, &first);
    assert_int_equal(first.change, WRITER_NEW);
    run(f, &op, 1, false, &r);
    assert_int_equal(r.change, WRITER_UNCHANGED);
    assert_int_equal(f->b.entries_written, 0);
    op.payload = partner(b, sizeof b, "Muster", "two");
    run(f, &op, 1, false, &r);
    assert_int_equal(r.change, WRITER_CHANGED);
    assert_int_equal(r.record.seq, first.record.seq);
    assert_int_equal(r.record.log_no, f->d.data_no);
}

static void rows_of_one_group_see_each_other_dry_or_not(void **state)
{
    struct fixture *f = *state;
    uint8_t a[1024], b[1024];
    struct writer_op ops[] = {
        import_op(TRIS_TOPIC_DATA, "Muster", partner(a, sizeof a, "Muster", "one")),
        import_op(TRIS_TOPIC_DATA, "Muster", partner(a, sizeof a, "Muster", "one")),
        import_op(TRIS_TOPIC_DATA, "Muster", partner(b, sizeof b, "Muster", "two")),
    };
    static const enum writer_change want[] = {WRITER_NEW, WRITER_UNCHANGED, WRITER_CHANGED};
    struct writer_result r[3];
    struct store_log before, after;
    head(f, f->d.data_no, &before);
    for (int round = 0; round < 3; round++) {
        run(f, ops, 3, round < 2, r); /* two dry runs leave nothing behind */
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(r[i].change, want[i]);
        }
        head(f, f->d.data_no, &after);
        assert_int_equal(after.held, before.held + (round < 2 ? 0 : 2));
    }
}

static void a_local_import_never_lands_on_a_national_record(void **state)
{
    struct fixture *f = *state;
    uint8_t a[1024];
    struct writer_op op =
        import_op(TRIS_TOPIC_DATA, "Muster", partner(a, sizeof a, "Muster", "one"));
    struct writer_result r;
    run(f, &op, 1, false, &r);
    uint8_t b[1024];
    op.topic = TRIS_TOPIC_LOCAL;
    op.payload = partner(b, sizeof b, "Muster", "secret");
    run(f, &op, 1, false, &r);
    assert_int_equal(r.change, WRITER_REJECTED);
    assert_int_equal(r.err, TRIS_ERR_EXISTS);
    assert_int_equal(f->b.entries_written, 0);
}

static void a_row_takes_over_what_was_typed_by_hand(void **state)
{
    struct fixture *f = *state;
    uint8_t a[1024];
    struct writer_op op =
        import_op(TRIS_TOPIC_DATA, "Muster", partner(a, sizeof a, "Muster", "typed"));
    struct writer_result typed, row;
    run(f, &op, 1, false, &typed);
    import_row(f, TRIS_TOPIC_DATA, "chamber", "1", &row);
    assert_int_equal(row.change, WRITER_CHANGED);
    assert_int_equal(row.record.seq, typed.record.seq);
    import_row(f, TRIS_TOPIC_DATA, "chamber", "1", &row);
    assert_int_equal(row.change, WRITER_UNCHANGED);
    import_row(f, TRIS_TOPIC_LOCAL, "council", "7", &row);
    assert_int_equal(row.err, TRIS_ERR_EXISTS);
}

static void rows_of_one_list_that_share_a_name_stay_two(void **state)
{
    struct fixture *f = *state;
    struct writer_result one, two, three, again;
    import_row(f, TRIS_TOPIC_DATA, "chamber", "1", &one);
    import_row(f, TRIS_TOPIC_DATA, "chamber", "2", &two);
    import_row(f, TRIS_TOPIC_DATA, "chamber", "3", &three); /* two namesakes are no question */
    assert_int_equal(one.change, WRITER_NEW);
    assert_int_equal(two.change, WRITER_NEW);
    assert_int_equal(three.change, WRITER_NEW);
    import_row(f, TRIS_TOPIC_DATA, "chamber", "2", &again);
    assert_int_equal(again.change, WRITER_UNCHANGED);
    assert_int_equal(again.record.seq, two.record.seq);
    import_row(f, TRIS_TOPIC_DATA, "council", "9", &again); /* which of the three is not known */
    assert_int_equal(again.err, TRIS_ERR_AMBIGUOUS);
}

static void a_duplicate_is_refused_unless_forced(void **state)
{
    struct fixture *f = *state;
    uint8_t a[1024];
    struct writer_op op = {.type = WRITER_PUT,
                           .topic = TRIS_TOPIC_LOCAL,
                           .kind = KIND_PARTNER,
                           .refuse_duplicate = true,
                           .payload = partner(a, sizeof a, "Muster", "x"),
                           .name = span_str("Muster"),
                           .within = span_str("05315")};
    struct writer_result first, r;
    run(f, &op, 1, false, &first);
    assert_int_equal(first.change, WRITER_NEW);
    run(f, &op, 1, false, &r);
    assert_int_equal(r.err, TRIS_ERR_EXISTS);
    assert_int_equal(r.record.seq, first.record.seq);
    op.refuse_duplicate = false;
    run(f, &op, 1, false, &r);
    assert_int_equal(r.change, WRITER_NEW);
}

static void a_write_over_a_newer_state_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t a[1024], b[1024];
    struct writer_op op =
        import_op(TRIS_TOPIC_DATA, "Muster", partner(a, sizeof a, "Muster", "one"));
    struct writer_result first, r;
    run(f, &op, 1, false, &first);
    op = (struct writer_op){.type = WRITER_PUT,
                            .kind = KIND_PARTNER,
                            .has_record = true,
                            .record = first.record,
                            .has_base = true,
                            .base_log = first.record.log_no,
                            .base_seq = first.seq,
                            .payload = partner(b, sizeof b, "Muster", "two")};
    run(f, &op, 1, false, &r);
    assert_int_equal(r.change, WRITER_CHANGED);
    op.payload = partner(b, sizeof b, "Muster", "three");
    run(f, &op, 1, false, &r);
    assert_int_equal(r.err, TRIS_ERR_NOT_READY);
    op.base_seq = first.seq + 1; /* right, but of another epoch's log */
    op.base_log++;
    run(f, &op, 1, false, &r);
    assert_int_equal(r.err, TRIS_ERR_NOT_READY);
    op.base_log--;
    run(f, &op, 1, false, &r);
    assert_int_equal(r.change, WRITER_CHANGED);
}

static void publishing_ends_the_local_record_and_makes_a_national_one(void **state)
{
    struct fixture *f = *state;
    uint8_t a[1024];
    struct writer_op op =
        import_op(TRIS_TOPIC_LOCAL, "Muster", partner(a, sizeof a, "Muster", "one"));
    struct writer_result local, r;
    struct store_record record;
    struct store_view *v;
    run(f, &op, 1, false, &local);
    assert_int_equal(local.record.log_no, f->d.local_no);
    op = (struct writer_op){.type = WRITER_PUBLISH,
                            .kind = KIND_PARTNER,
                            .has_record = true,
                            .record = local.record,
                            .payload = partner(a, sizeof a, "Muster", "one")};
    run(f, &op, 1, false, &r);
    assert_int_equal(r.change, WRITER_NEW);
    assert_int_equal(r.record.log_no, f->d.data_no);
    assert_int_equal(store_view_begin(f->d.store, &v), TRIS_OK);
    assert_int_equal(store_record_get(v, local.record, &record), TRIS_OK);
    assert_true(record.ended);
    assert_int_equal(store_record_get(v, r.record, &record), TRIS_OK);
    assert_false(record.ended);
    store_view_end(v);
    run(f, &op, 1, false, &r);
    assert_int_equal(r.err, TRIS_ERR_ENDED);
    assert_int_equal(f->b.entries_written, 0);
}

static void an_ended_record_takes_no_more_writes(void **state)
{
    struct fixture *f = *state;
    uint8_t a[1024], b[1024];
    struct writer_op op =
        import_op(TRIS_TOPIC_DATA, "Muster", partner(a, sizeof a, "Muster", "one"));
    struct writer_result first, r;
    run(f, &op, 1, false, &first);
    struct writer_op end = {.type = WRITER_END, .has_record = true, .record = first.record};
    run(f, &end, 1, false, &r);
    assert_int_equal(r.change, WRITER_CHANGED);
    run(f, &end, 1, false, &r);
    assert_int_equal(r.err, TRIS_ERR_ENDED);
    struct writer_op put = {.type = WRITER_PUT,
                            .kind = KIND_PARTNER,
                            .has_record = true,
                            .record = first.record,
                            .payload = partner(b, sizeof b, "Muster", "two")};
    run(f, &put, 1, false, &r);
    assert_int_equal(r.err, TRIS_ERR_ENDED);
}

static void every_commit_leaves_own_shared_logs_sealed_to_the_end(void **state)
{
    struct fixture *f = *state;
    enum { ROWS = 2500 };
    struct writer_op *ops = calloc(ROWS, sizeof *ops);
    struct writer_result *results = calloc(ROWS, sizeof *results);
    uint8_t *bytes = malloc(ROWS * 512);
    char(*names)[24] = malloc(ROWS * sizeof *names);
    assert_true(ops != NULL && results != NULL && bytes != NULL && names != NULL);
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(names[i], sizeof names[i], "Muster %zu", i);
        ops[i] =
            import_op(TRIS_TOPIC_DATA, names[i], partner(bytes + i * 512, 512, names[i], "text"));
    }
    run(f, ops, ROWS, false, results);
    struct store_log log;
    struct store_view *v;
    struct seal seal;
    uint64_t entries, unsealed_bytes, at = 0;
    head(f, f->d.data_no, &log);
    assert_int_equal(log.held, ROWS + 1);
    assert_int_equal(log.seal.size, ROWS + 1);
    assert_int_equal(store_view_begin(f->d.store, &v), TRIS_OK);
    assert_int_equal(store_unsealed(v, f->d.data_no, &entries, &unsealed_bytes), TRIS_OK);
    assert_int_equal(entries, 0);
    while (at < log.held) { /* the spacing of seals is part of the format */
        assert_int_equal(store_seal_covering(v, f->d.data_no, at, &seal), TRIS_OK);
        assert_true(seal.size - at <= TRIS_SEAL_SPACING_MAX);
        at = seal.size;
    }
    store_view_end(v);
    free(names);
    free(bytes);
    free(results);
    free(ops);
}

static void a_bad_segment_is_refused_and_costs_own_writes_nothing(void **state)
{
    struct fixture *f = *state;
    uint8_t a[1024], junk[64] = {0};
    struct writer_op op =
        import_op(TRIS_TOPIC_DATA, "Muster", partner(a, sizeof a, "Muster", "one"));
    struct writer_result r;
    struct work own = {.type = WORK_GROUP, .ops = &op, .results = &r, .count = 1};
    struct work bad = {.type = WORK_SEGMENT, .session_no = 1};
    struct work unknown = bad;
    struct work_list list;
    bad.segment = (struct session_segment){
        .log_no = f->d.data_no, .first = 1, .count = 1, .bytes = junk, .len = sizeof junk};
    unknown.segment = bad.segment;
    unknown.segment.log_no = 4000;
    work_list_init(&list);
    work_list_push(&list, &bad);
    work_list_push(&list, &own);
    work_list_push(&list, &unknown);
    assert_int_equal(batch_run(&f->b, &list), TRIS_OK);
    assert_int_equal(bad.err, TRIS_ERR_NOT_READY); /* nobody writes into our log but us */
    assert_int_equal(unknown.err, TRIS_ERR_UNKNOWN_LOG);
    assert_int_equal(own.err, TRIS_OK);
    assert_int_equal(r.change, WRITER_NEW);
}

static void never_done(struct daemon *d, void *ctx, enum tris_err err,
                       const struct writer_result *results, size_t count)
{
    (void)d;
    (void)ctx;
    (void)err;
    (void)results;
    (void)count;
    fail(); /* no thread runs: nothing is taken from the inbox */
}

static void segments_of_peers_leave_room_for_own_writes(void **state)
{
    struct fixture *f = *state;
    struct writer *w;
    assert_int_equal(writer_open(&f->d, &w), TRIS_OK);
    struct session_segment segment = {.len = WRITER_SEGMENTS_BYTES_MAX - sizeof(struct work)};
    segment.bytes = malloc(segment.len);
    assert_non_null(segment.bytes);
    writer_submit_segment(w, 1, &segment);
    struct writer_op op = {
        .type = WRITER_SETTING, .key = span_str("peer/00"), .payload = span_str("127.0.0.1:8747")};
    struct writer_group group = {.ops = &op, .count = 1, .done = never_done};
    assert_int_equal(writer_submit(w, &group), TRIS_OK);
    writer_free(w);
}

static void settings_are_kept_and_removed(void **state)
{
    struct fixture *f = *state;
    struct writer_op op = {
        .type = WRITER_SETTING, .key = span_str("peer/00"), .payload = span_str("127.0.0.1:8747")};
    struct writer_result r;
    struct store_view *v;
    struct span value;
    run(f, &op, 1, false, &r);
    assert_int_equal(store_view_begin(f->d.store, &v), TRIS_OK);
    assert_int_equal(store_setting_get(v, "peer/00", &value), TRIS_OK);
    assert_true(span_eq(value, span_str("127.0.0.1:8747")));
    store_view_end(v);
    op.payload = span_of(NULL, 0);
    run(f, &op, 1, false, &r);
    assert_int_equal(store_view_begin(f->d.store, &v), TRIS_OK);
    assert_int_equal(store_setting_get(v, "peer/00", &value), TRIS_ERR_NOT_FOUND);
    store_view_end(v);
}

static void work_lists_keep_order_and_sums(void **state)
{
    struct work w[3] = {{.bytes = 1, .entries = 10}, {.bytes = 2, .entries = 20}, {.bytes = 4}};
    struct work_list a, b;
    (void)state;
    work_list_init(&a);
    work_list_init(&b);
    work_list_push(&a, &w[2]);
    work_list_push(&b, &w[0]);
    work_list_push(&b, &w[1]);
    work_list_prepend(&a, &b);
    assert_null(b.first);
    assert_int_equal(a.bytes, 7);
    assert_int_equal(a.entries, 30);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(work_list_pop(&a), &w[i]);
    }
    assert_null(work_list_pop(&a));
    work_list_push(&a, &w[0]);
    assert_ptr_equal(work_list_pop(&a), &w[0]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_first_start_writes_card_and_house_record_once),
        cmocka_unit_test_setup_teardown(a_first_start_that_cannot_write_the_mark_seals_nothing,
                                        setup_empty, teardown),
        CASE(a_start_brings_the_mark_up_to_what_a_killed_process_sealed),
        CASE(held_heads_go_out_once_and_never_over_a_newer_one),
        CASE(importing_twice_is_new_then_unchanged_then_changed),
        CASE(rows_of_one_group_see_each_other_dry_or_not),
        CASE(a_local_import_never_lands_on_a_national_record),
        CASE(a_row_takes_over_what_was_typed_by_hand),
        CASE(rows_of_one_list_that_share_a_name_stay_two),
        CASE(a_duplicate_is_refused_unless_forced),
        CASE(a_write_over_a_newer_state_is_refused),
        CASE(publishing_ends_the_local_record_and_makes_a_national_one),
        CASE(an_ended_record_takes_no_more_writes),
        CASE(every_commit_leaves_own_shared_logs_sealed_to_the_end),
        CASE(a_bad_segment_is_refused_and_costs_own_writes_nothing),
        CASE(segments_of_peers_leave_room_for_own_writes),
        CASE(settings_are_kept_and_removed),
        cmocka_unit_test(work_lists_keep_order_and_sums),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
