/* proto/logfile: files of logs, read strictly and in pieces. */
#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdlib.h>

#include "proto/pack.h"
#include "tests/lib/logsample.h"

struct fixture {
    uint8_t file[SAMPLE_FILE_BYTES];
    size_t len;
    struct logfile_reader reader;
    struct logfile_item item;
    uint8_t bytes[2 * LOGFILE_ITEM_BYTES_MAX], run[TRIS_SEGMENT_BYTES_MAX + 1024];
    struct wbuf w; /* into bytes */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL || sodium_init() < 0) {
        return -1;
    }
    struct wbuf w = wbuf_of(f->file, sizeof f->file);
    sample_file(&w);
    f->len = w.len;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* Feeds the reader; stops at an error or when the next step wants more than is there. Returns how
 * much was not taken. */
static size_t feed(struct fixture *f, struct span bytes)
{
    size_t pos = 0;
    while (f->reader.err == TRIS_OK && logfile_wants(&f->reader) > 0) {
        const size_t step = logfile_wants(&f->reader);
        if (step > bytes.len - pos) {
            return bytes.len - pos;
        }
        enum tris_err err = logfile_step(&f->reader, span_of(bytes.ptr + pos, step), &f->item);
        assert_int_equal(err, f->reader.err);
        pos += step;
    }
    return bytes.len - pos;
}

static enum tris_err verdict(struct fixture *f, struct span bytes)
{
    logfile_reader_init(&f->reader);
    const size_t left = feed(f, bytes);
    /* what is left of a file that is cut is the beginning of a step, nothing behind the end */
    return logfile_finish(&f->reader, logfile_wants(&f->reader) > 0 ? 0 : left);
}

static void test_a_file_with_everything_is_taken(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(verdict(f, span_of(f->file, f->len)), TRIS_OK);
    assert_int_equal(f->item.type, LOGFILE_END);
    assert_int_equal(f->item.end.logs, SAMPLE_LOGS);
    assert_int_equal(f->item.end.segments, 9);
    assert_int_equal(f->item.end.entries, 3 + 1 + 3 + 2 + 3 + 3 + 3);
    assert_int_equal(f->reader.pos, f->len);
}

/* Whatever the reader gives, the writer makes the same bytes of it. */
static void test_items_are_written_as_they_were_read(void **state)
{
    struct fixture *f = *state;
    struct logfile_reader *r = &f->reader;
    struct tree before;
    size_t pos = 0, items = 0;
    logfile_reader_init(r);
    while (logfile_wants(r) > 0) {
        const size_t step = logfile_wants(r);
        const struct logfile_reader was = *r;
        before = r->tree;
        assert_int_equal(logfile_step(r, span_of(f->file + pos, step), &f->item), TRIS_OK);
        pos += step;
        f->w = wbuf_of(f->bytes, sizeof f->bytes);
        switch (f->item.type) {
        case LOGFILE_NOTHING:
            continue;
        case LOGFILE_HEAD:
            logfile_put_head(&f->w, &f->item.head);
            break;
        case LOGFILE_STATE:
            logfile_put_state(&f->w, f->item.state.row, f->item.state.count);
            break;
        case LOGFILE_LOG:
            assert_int_equal(f->item.log.first, r->tree.size);
            logfile_put_log(&f->w, &f->item.log.ref, &r->tree);
            break;
        case LOGFILE_FORK:
            logfile_put_fork(&f->w, f->item.fork.bytes);
            break;
        case LOGFILE_SEGMENT:
            assert_int_equal(f->item.segment.first, before.size);
            logfile_put_segment(&f->w, f->item.segment.count, &f->item.segment.seal,
                                f->item.segment.wire);
            break;
        case LOGFILE_END:
            logfile_put_end(&f->w, &was);
            break;
        }
        assert_int_equal(f->w.err, TRIS_OK);
        assert_memory_equal(f->bytes, f->file + f->item.at, f->w.len);
        assert_int_equal(f->item.at + f->w.len, pos);
        items++;
    }
    assert_int_equal(items, 1 + 1 + SAMPLE_LOGS + 1 + 9 + 1);
}

static void test_a_file_that_ends_too_early_is_noticed_at_every_byte(void **state)
{
    struct fixture *f = *state;
    for (size_t len = 0; len < f->len; len++) {
        assert_int_equal(verdict(f, span_of(f->file, len)), TRIS_ERR_TRUNCATED);
        assert_true(f->reader.pos <= len);
    }
    f->file[f->len] = 0;
    assert_int_equal(verdict(f, span_of(f->file, f->len + 1)), TRIS_ERR_TRAILING);
}

static void test_a_flipped_bit_is_found_and_its_place_named(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->len; i++) {
        const uint8_t bit = (uint8_t)(1U << i % 8);
        f->file[i] ^= bit;
        assert_int_not_equal(verdict(f, span_of(f->file, f->len)), TRIS_OK);
        assert_true(f->reader.pos <= f->len);
        f->file[i] ^= bit;
    }
}

static void test_after_an_error_nothing_more_is_taken(void **state)
{
    struct fixture *f = *state;
    f->file[60] ^= 1; /* the house of the head: found by the checksum at the end */
    assert_int_equal(verdict(f, span_of(f->file, f->len)), TRIS_ERR_BAD_VALUE);
    const uint64_t pos = f->reader.pos;
    assert_int_equal(logfile_step(&f->reader, span_of(f->file, 1), &f->item), TRIS_ERR_BAD_VALUE);
    assert_int_equal(f->item.type, LOGFILE_NOTHING);
    assert_int_equal(f->reader.pos, pos);
    assert_int_equal(f->file[pos], LOGFILE_END);
}

/* ---- files by hand ---- */

static void begin(struct fixture *f)
{
    struct logfile_head head = {.time_ms = 1};
    sample_fed(&head.fed);
    logfile_reader_init(&f->reader);
    f->w = wbuf_of(f->bytes, sizeof f->bytes);
    logfile_put_magic(&f->w);
    logfile_put_head(&f->w, &head);
    assert_int_equal(feed(f, wbuf_span(&f->w)), 0);
    assert_int_equal(f->reader.err, TRIS_OK);
    f->w.len = 0;
}

/* Gives the reader what was put since, and takes its verdict. */
static enum tris_err give(struct fixture *f)
{
    assert_int_equal(f->w.err, TRIS_OK);
    (void)feed(f, wbuf_span(&f->w));
    f->w.len = 0;
    return f->reader.err;
}

static enum tris_err give_log(struct fixture *f, const struct sample_log *l)
{
    logfile_put_log(&f->w, &l->ref, &l->tree);
    return give(f);
}

static enum tris_err give_run(struct fixture *f, struct sample_log *l, uint32_t count,
                              size_t payload_bytes)
{
    struct wbuf run = wbuf_of(f->run, sizeof f->run);
    sample_entries(l, 0, count, payload_bytes, &run, NULL);
    const struct seal seal = sample_seal(l, 7);
    logfile_put_segment(&f->w, count, &seal, wbuf_span(&run));
    return give(f);
}

static enum tris_err give_state(struct fixture *f, uint32_t from, uint32_t count)
{
    struct logfile_row rows[LOGFILE_ROWS_MAX + 1];
    memset(rows, 0, sizeof rows);
    for (uint32_t i = 0; i < count; i++) {
        rows[i].id.b[0] = (uint8_t)((from + i) >> 8);
        rows[i].id.b[1] = (uint8_t)(from + i);
    }
    logfile_put_state(&f->w, rows, count);
    return give(f);
}

static void test_states_are_full_and_in_order(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(give_state(f, 0, LOGFILE_ROWS_MAX), TRIS_OK);
    assert_int_equal(give_state(f, 256, LOGFILE_ROWS_MAX), TRIS_OK);
    assert_int_equal(give_state(f, 512, 1), TRIS_OK);
    assert_int_equal(give_state(f, 513, 1), TRIS_ERR_BAD_VALUE); /* the one before is not full */
    begin(f);
    assert_int_equal(give_state(f, 0, LOGFILE_ROWS_MAX + 1), TRIS_ERR_TOO_LARGE);
    begin(f);
    assert_int_equal(give_state(f, 0, 0), TRIS_ERR_BAD_VALUE);
    begin(f);
    assert_int_equal(give_state(f, 0, LOGFILE_ROWS_MAX), TRIS_OK);
    assert_int_equal(give_state(f, 255, 1), TRIS_ERR_NOT_CANONICAL);
    begin(f);
    f->reader.rows = LOGFILE_LOGS_MAX - LOGFILE_ROWS_MAX;
    assert_int_equal(give_state(f, 0, LOGFILE_ROWS_MAX), TRIS_OK);
    assert_int_equal(give_state(f, 256, 1), TRIS_ERR_TOO_LARGE);
}

static void test_logs_are_in_order_and_each_has_something(void **state)
{
    struct fixture *f = *state;
    struct sample_log gov, data, later;
    sample_log_init(&gov, 1, TRIS_TOPIC_GOV, 0, 0);
    sample_log_init(&data, 1, TRIS_TOPIC_DATA, 0, 0);
    sample_log_init(&later, 1, TRIS_TOPIC_DATA, 1, 9);
    begin(f);
    assert_int_equal(give_log(f, &gov), TRIS_OK);
    assert_int_equal(give_run(f, &gov, 1, 0), TRIS_OK);
    assert_int_equal(give_log(f, &data), TRIS_OK);
    assert_int_equal(give_run(f, &data, 1, 0), TRIS_OK);
    assert_int_equal(give_log(f, &later), TRIS_OK);
    assert_int_equal(give_run(f, &later, 1, 0), TRIS_OK);
    assert_int_equal(give_log(f, &later), TRIS_ERR_NOT_CANONICAL);
    begin(f);
    assert_int_equal(give_log(f, &data), TRIS_OK);
    assert_int_equal(give_run(f, &data, 1, 0), TRIS_OK);
    assert_int_equal(give_log(f, &gov), TRIS_ERR_NOT_CANONICAL);
    begin(f);
    assert_int_equal(give_log(f, &gov), TRIS_OK);
    assert_int_equal(give_log(f, &data), TRIS_ERR_BAD_VALUE); /* gov has nothing */
    begin(f);
    f->reader.logs = LOGFILE_LOGS_MAX - 1;
    assert_int_equal(give_log(f, &gov), TRIS_OK);
    assert_int_equal(give_run(f, &gov, 1, 0), TRIS_OK);
    assert_int_equal(give_log(f, &data), TRIS_ERR_TOO_LARGE);
    sample_log_init(&data, 1, TRIS_TOPIC_LOCAL, 0, 0);
    begin(f);
    assert_int_equal(give_log(f, &data), TRIS_ERR_BAD_VALUE);
}

static void test_a_log_begins_anywhere_up_to_the_limit(void **state)
{
    struct fixture *f = *state;
    struct sample_log l;
    sample_log_init(&l, 1, TRIS_TOPIC_DATA, 0, 0);
    begin(f);
    l.tree.size = LOGFILE_FIRST_MAX;
    assert_int_equal(give_log(f, &l), TRIS_OK);
    assert_int_equal(give_run(f, &l, 1, 0), TRIS_OK);
    begin(f);
    l.tree.size = LOGFILE_FIRST_MAX + 1;
    assert_int_equal(give_log(f, &l), TRIS_ERR_BAD_VALUE);
}

static void test_other_peaks_do_not_lead_to_the_sealed_root(void **state)
{
    struct fixture *f = *state;
    struct sample_log l;
    sample_log_init(&l, 1, TRIS_TOPIC_DATA, 0, 0);
    struct wbuf run = wbuf_of(f->run, sizeof f->run);
    sample_entries(&l, 0, 5, 0, &run, NULL);
    begin(f);
    l.tree.peak[2].b[0] ^= 1;
    assert_int_equal(give_log(f, &l), TRIS_OK);
    l.tree.peak[2].b[0] ^= 1;
    assert_int_equal(give_run(f, &l, 1, 0), TRIS_ERR_FORK); /* its owner did not seal that */
}

static void test_runs_are_within_the_limits(void **state)
{
    struct fixture *f = *state;
    struct sample_log l;
    sample_log_init(&l, 1, TRIS_TOPIC_DATA, 0, 0);
    begin(f);
    assert_int_equal(give_log(f, &l), TRIS_OK);
    assert_int_equal(give_run(f, &l, TRIS_SEAL_SPACING_MAX, 0), TRIS_OK);
    assert_int_equal(give_run(f, &l, TRIS_SEAL_SPACING_MAX + 1, 0), TRIS_ERR_BAD_VALUE);
    /* as many bytes as may be: entries of 40,960 bytes and one that fills up */
    for (size_t over = 0; over < 2; over++) {
        struct wbuf run = wbuf_of(f->run, sizeof f->run);
        sample_log_init(&l, 1, TRIS_TOPIC_DATA, 0, 0);
        begin(f);
        assert_int_equal(give_log(f, &l), TRIS_OK);
        sample_entries(&l, 0, 7, 40000, &run, NULL);
        const size_t empty = run.len / 7 - 40000;
        sample_entries(&l, 0, 1, TRIS_SEGMENT_BYTES_MAX + over - run.len - empty, &run, NULL);
        assert_int_equal(run.len, TRIS_SEGMENT_BYTES_MAX + over);
        const struct seal seal = sample_seal(&l, 7);
        logfile_put_segment(&f->w, 8, &seal, wbuf_span(&run));
        assert_int_equal(give(f), over == 0 ? TRIS_OK : TRIS_ERR_TOO_LARGE);
    }
}

static void test_items_are_no_longer_than_the_limit(void **state)
{
    struct fixture *f = *state;
    for (uint32_t over = 0; over < 2; over++) {
        begin(f);
        wbuf_u8(&f->w, LOGFILE_LOG);
        wbuf_u32(&f->w, LOGFILE_BODY_BYTES_MAX + over);
        assert_int_equal(give(f), over == 0 ? TRIS_OK : TRIS_ERR_TOO_LARGE);
    }
    begin(f);
    wbuf_u8(&f->w, LOGFILE_LOG);
    wbuf_u32(&f->w, 0);
    assert_int_equal(give(f), TRIS_ERR_TRUNCATED);
    for (uint8_t type = LOGFILE_END + 1; type != 0; type++) {
        begin(f);
        wbuf_u8(&f->w, type);
        wbuf_u32(&f->w, 1);
        assert_int_equal(give(f), TRIS_ERR_BAD_VALUE);
    }
}

static void test_sealed_anew_stands_alone(void **state)
{
    struct fixture *f = *state;
    struct sample_log l;
    struct wbuf run = wbuf_of(f->run, sizeof f->run);
    sample_log_init(&l, 1, TRIS_TOPIC_DATA, 0, 0);
    begin(f);
    assert_int_equal(give_log(f, &l), TRIS_OK);
    assert_int_equal(give_run(f, &l, 1, 0), TRIS_OK);
    assert_int_equal(give_run(f, &l, 0, 0), TRIS_ERR_BAD_VALUE); /* that seal belongs to the run */
    sample_log_init(&l, 1, TRIS_TOPIC_DATA, 0, 0);
    begin(f);
    assert_int_equal(give_log(f, &l), TRIS_OK);
    struct seal none = {.log = l.id, .time_ms = 7};
    memset(&none.sig, 1, sizeof none.sig);
    logfile_put_segment(&f->w, 0, &none, span_of(NULL, 0));
    assert_int_equal(give(f), TRIS_ERR_BAD_VALUE); /* nothing is never sealed */
    sample_entries(&l, 0, 2, 0, &run, NULL);
    begin(f);
    assert_int_equal(give_log(f, &l), TRIS_OK);
    assert_int_equal(give_run(f, &l, 0, 0), TRIS_OK);
    assert_int_equal(give_run(f, &l, 1, 0), TRIS_ERR_BAD_VALUE);
}

/* ---- cut logs ---- */

/* A cut log up to its fork proof; it begins behind `first` entries. */
static enum tris_err give_fork(struct fixture *f, struct sample_log *l, uint32_t first)
{
    uint8_t bytes[FORK_PROOF_BYTES_MAX];
    struct wbuf run = wbuf_of(f->run, sizeof f->run);
    sample_log_init(l, 2, TRIS_TOPIC_DATA, 0, 0);
    sample_entries(l, 0, first, 4, &run, NULL);
    begin(f);
    assert_int_equal(give_log(f, l), TRIS_OK);
    logfile_put_fork(&f->w, sample_proof(2, bytes));
    return give(f);
}

static enum tris_err give_cut(struct fixture *f, struct sample_log *l, uint32_t count,
                              uint64_t time_ms)
{
    struct wbuf run = wbuf_of(f->run, sizeof f->run);
    sample_entries(l, 0, count, 4, &run, NULL);
    struct seal seal = sample_seal(l, time_ms);
    memset(&seal.sig, 0, sizeof seal.sig);
    logfile_put_segment(&f->w, count, &seal, wbuf_span(&run));
    return give(f);
}

static void test_a_cut_log_ends_where_its_proof_says(void **state)
{
    struct fixture *f = *state;
    struct sample_log l;
    for (uint32_t first = 0; first <= SAMPLE_FORK_AT; first++) {
        assert_int_equal(give_fork(f, &l, first), TRIS_OK);
        if (first < SAMPLE_FORK_AT) {
            assert_int_equal(give_cut(f, &l, SAMPLE_FORK_AT - first, 0), TRIS_OK);
        }
        assert_int_equal(give_run(f, &l, 1, 4), TRIS_ERR_BAD_VALUE); /* nothing behind the end */
    }
    assert_int_equal(give_fork(f, &l, SAMPLE_FORK_AT + 1), TRIS_ERR_BAD_VALUE);
    assert_int_equal(give_fork(f, &l, 0), TRIS_OK);
    assert_int_equal(give_run(f, &l, SAMPLE_FORK_AT + 1, 4), TRIS_ERR_BAD_VALUE);
    assert_int_equal(give_fork(f, &l, 0), TRIS_OK);
    assert_int_equal(give_cut(f, &l, SAMPLE_FORK_AT, 1), TRIS_ERR_BAD_VALUE); /* of no time */
    assert_int_equal(give_fork(f, &l, 0), TRIS_OK);
    assert_int_equal(give_cut(f, &l, SAMPLE_FORK_AT - 1, 0), TRIS_ERR_BAD_VALUE); /* short of it */
}

static void test_a_cut_needs_a_proof_of_this_log(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[FORK_PROOF_BYTES_MAX];
    struct sample_log l;
    sample_log_init(&l, 2, TRIS_TOPIC_DATA, 0, 0);
    begin(f);
    assert_int_equal(give_log(f, &l), TRIS_OK);
    assert_int_equal(give_cut(f, &l, SAMPLE_FORK_AT, 0), TRIS_ERR_BAD_VALUE); /* no proof */
    sample_log_init(&l, 1, TRIS_TOPIC_DATA, 0, 0);
    begin(f);
    assert_int_equal(give_log(f, &l), TRIS_OK);
    logfile_put_fork(&f->w, sample_proof(2, bytes));
    assert_int_equal(give(f), TRIS_ERR_BAD_VALUE); /* of another house */
    sample_log_init(&l, 2, TRIS_TOPIC_DATA, 0, 0);
    begin(f);
    assert_int_equal(give_log(f, &l), TRIS_OK);
    const struct span proof = sample_proof(2, bytes);
    bytes[proof.len - 100] ^= 1;
    logfile_put_fork(&f->w, proof);
    assert_int_not_equal(give(f), TRIS_OK); /* proves nothing */
    begin(f);
    assert_int_equal(give_log(f, &l), TRIS_OK);
    assert_int_equal(give_run(f, &l, 1, 4), TRIS_OK);
    logfile_put_fork(&f->w, sample_proof(2, bytes));
    assert_int_equal(give(f), TRIS_ERR_BAD_VALUE); /* it comes before the runs */
}

static void test_the_end_counts_and_sums_up(void **state)
{
    struct fixture *f = *state;
    for (int wrong = 0; wrong < 5; wrong++) {
        struct logfile_reader told;
        begin(f);
        told = f->reader;
        told.logs += wrong == 1;
        told.segments += wrong == 2;
        told.entries += wrong == 3;
        told.sum.b[31] ^= wrong == 4;
        logfile_put_end(&f->w, &told);
        assert_int_equal(give(f), wrong == 0 ? TRIS_OK : TRIS_ERR_BAD_VALUE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_file_with_everything_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_items_are_written_as_they_were_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_that_ends_too_early_is_noticed_at_every_byte,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_flipped_bit_is_found_and_its_place_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_after_an_error_nothing_more_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_states_are_full_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_logs_are_in_order_and_each_has_something, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_log_begins_anywhere_up_to_the_limit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_other_peaks_do_not_lead_to_the_sealed_root, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_runs_are_within_the_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_items_are_no_longer_than_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sealed_anew_stands_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_cut_log_ends_where_its_proof_says, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_cut_needs_a_proof_of_this_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end_counts_and_sums_up, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
