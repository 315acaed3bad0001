/* daemon/logpage, daemon/logfile_fork: pages out of log files against what the store holds. */
#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdlib.h>

#include "daemon/logfile_fork.h"
#include "daemon/logpage.h"
#include "tests/lib/logsample.h"

enum { RUN_BYTES = 256 * 1024, PAGE_BYTES = 512 * 1024, SIZES = 4, LOG_ENTRIES = 12 };

struct fixture {
    char dir[256];
    struct store *s;
    struct tris_fed_id fed;
    struct logpage page;
    struct verified_segment verified;
    uint8_t run[RUN_BYTES], bytes[PAGE_BYTES];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char detail[256];
    assert_non_null(f);
    assert_true(sodium_init() >= 0);
    test_dir_make(f->dir, sizeof f->dir);
    sample_fed(&f->fed);
    struct store_opts opts = {.dir = f->dir, .map_bytes = 64 << 20, .create = true, .fed = f->fed};
    opts.own.b[0] = 9;
    assert_int_equal(store_open(&opts, &f->s, detail, sizeof detail), TRIS_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->s);
    test_dir_remove(f->dir);
    free(f);
    return 0;
}

/* The entries up to `size`, of the second history from `part` on. */
static struct wbuf grow(struct fixture *f, struct sample_log *l, uint64_t size, uint64_t part)
{
    struct wbuf w = wbuf_of(f->run, sizeof f->run);
    const uint64_t first = l->tree.size, common = part < first ? first : part > size ? size : part;
    sample_entries(l, 0, (uint32_t)(common - first), 4, &w, NULL);
    sample_entries(l, 1, (uint32_t)(size - common), 4, &w, NULL);
    return w;
}

/* Stores the first history, sealed at these sizes (0 ends the list). */
static uint32_t store_history(struct fixture *f, uint8_t house, const uint64_t sizes[SIZES])
{
    struct sample_log l;
    struct store_txn *t;
    uint32_t no = 0;
    sample_log_init(&l, house, TRIS_TOPIC_DATA, 0, 0);
    assert_int_equal(store_txn_begin(f->s, &t), TRIS_OK);
    assert_int_equal(store_log_ensure(t, &l.ref, &no), TRIS_OK);
    for (size_t i = 0; i < SIZES && sizes[i] > 0; i++) {
        struct store_log log;
        const uint64_t first = l.tree.size;
        const struct wbuf run = grow(f, &l, sizes[i], UINT64_MAX);
        const struct seal seal = sample_seal(&l, 1000 + i);
        assert_int_equal(store_log_get(store_txn_view(t), no, &log), TRIS_OK);
        assert_int_equal(store_segment_judge(&log, first, (uint32_t)(sizes[i] - first),
                                             wbuf_span(&run), &seal, &f->verified),
                         TRIS_OK);
        assert_int_equal(store_append_segment(t, no, &f->verified, 1), TRIS_OK);
    }
    assert_int_equal(store_commit(t), TRIS_OK);
    return no;
}

static struct wbuf page_begin(struct fixture *f)
{
    struct wbuf w = wbuf_of(f->bytes, sizeof f->bytes);
    logfile_put_magic(&w);
    logfile_put_head(&w, &(struct logfile_head){.fed = f->fed});
    return w;
}

/* Reads a page of a history that parts at `part`, behind `first` entries. */
static void page_of(struct fixture *f, uint8_t house, uint64_t first, const uint64_t sizes[SIZES],
                    uint64_t part)
{
    struct sample_log l;
    struct wbuf w = page_begin(f);
    sample_log_init(&l, house, TRIS_TOPIC_DATA, 0, 0);
    (void)grow(f, &l, first, part);
    logfile_put_log(&w, &l.ref, &l.tree);
    for (size_t i = 0; i < SIZES && sizes[i] > 0; i++) {
        const uint64_t before = l.tree.size;
        if (sizes[i] > before) {
            const struct wbuf run = grow(f, &l, sizes[i], part);
            const struct seal seal = sample_seal(&l, 2000 + i);
            logfile_put_segment(&w, (uint32_t)(sizes[i] - before), &seal, wbuf_span(&run));
        }
    }
    assert_int_equal(w.err, TRIS_OK);
    assert_int_equal(logpage_read(&f->page, wbuf_span(&w)), TRIS_OK);
}

static uint64_t last_of(const uint64_t sizes[SIZES])
{
    uint64_t last = 0;
    for (size_t i = 0; i < SIZES && sizes[i] > 0; i++) {
        last = sizes[i];
    }
    return last;
}

static void check_page(struct fixture *f, uint32_t no, uint64_t held, uint64_t first, uint64_t size,
                       uint64_t part)
{
    struct store_view *v;
    struct store_log log;
    struct logpage_contradiction c;
    bool other = false;
    assert_int_equal(store_view_begin(f->s, &v), TRIS_OK);
    assert_int_equal(store_log_get(v, no, &log), TRIS_OK);
    assert_int_equal(log.held, held);
    assert_int_equal(f->page.size, size);
    assert_int_equal(logpage_differs(v, no, first, &f->page.log.root, &other), TRIS_OK);
    assert_int_equal(other, part < first);
    if (!other) {
        const uint64_t both = held < size ? held : size;
        assert_int_equal(logpage_contradicts(v, &f->page, &log, held, &c), TRIS_OK);
        assert_int_equal(c.found, part < both);
        if (c.found) {
            uint8_t bytes[FORK_PROOF_BYTES_MAX];
            struct wbuf w = wbuf_of(bytes, sizeof bytes);
            struct fork_proof proof;
            assert_int_equal(c.at, part);
            assert_int_equal(
                logfile_fork_make(v, &f->fed, &log, held, &f->page.segment[c.segment], c.at, &w),
                TRIS_OK);
            assert_int_equal(fork_proof_verify(wbuf_span(&w), &proof), TRIS_OK);
            assert_int_equal(proof.at, part);
            assert_true(tris_log_id_eq(&proof.log, &log.id));
            /* a seal behind what may be shown is not shown */
            w.len = 0;
            assert_int_equal(
                logfile_fork_make(v, &f->fed, &log, part, &f->page.segment[c.segment], c.at, &w),
                TRIS_ERR_NO_PROOF);
        }
    }
    store_view_end(v);
}

static void test_where_two_histories_part_is_found_and_proven(void **state)
{
    static const uint64_t here[][SIZES] = {{10}, {3, 7, 10}, {1, 2, 3, 4}};
    static const uint64_t there[][SIZES] = {{4, 8, 12}, {12}, {2, 3}, {3, 7, 10}};
    static const uint64_t firsts[] = {0, 2};
    struct fixture *f = *state;
    for (size_t h = 0; h < sizeof here / sizeof here[0]; h++) {
        const uint8_t house = (uint8_t)(h + 1);
        const uint32_t no = store_history(f, house, here[h]);
        for (size_t t = 0; t < sizeof there / sizeof there[0]; t++) {
            for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
                for (uint64_t part = 0; part <= LOG_ENTRIES; part++) {
                    page_of(f, house, firsts[i], there[t], part);
                    check_page(f, no, last_of(here[h]), firsts[i], last_of(there[t]), part);
                }
            }
        }
    }
}

static void test_a_page_has_one_log_few_segments_and_no_end(void **state)
{
    struct fixture *f = *state;
    struct sample_log l, other;
    for (uint32_t over = 0; over < 2; over++) {
        struct wbuf w = page_begin(f);
        sample_log_init(&l, 1, TRIS_TOPIC_DATA, 0, 0);
        logfile_put_log(&w, &l.ref, &l.tree);
        for (uint32_t i = 0; i < LOGPAGE_SEGMENTS_MAX + over; i++) {
            const struct wbuf run = grow(f, &l, l.tree.size + 1, UINT64_MAX);
            const struct seal seal = sample_seal(&l, 7);
            logfile_put_segment(&w, 1, &seal, wbuf_span(&run));
        }
        assert_int_equal(w.err, TRIS_OK);
        assert_int_equal(logpage_read(&f->page, wbuf_span(&w)),
                         over == 0 ? TRIS_OK : TRIS_ERR_TOO_LARGE);
        if (over == 0) { /* cut anywhere but between two items it is none */
            assert_int_equal(logpage_read(&f->page, span_of(w.ptr, w.len - 1)), TRIS_ERR_TRUNCATED);
            sample_log_init(&other, 2, TRIS_TOPIC_DATA, 1, 3);
            other.ref.house = l.ref.house;
            logfile_put_log(&w, &other.ref, &other.tree);
            assert_int_equal(logpage_read(&f->page, wbuf_span(&w)), TRIS_ERR_TOO_LARGE);
        }
    }
    struct wbuf w = page_begin(f);
    assert_int_equal(logpage_read(&f->page, wbuf_span(&w)), TRIS_ERR_TRUNCATED); /* no log */
    assert_int_equal(logpage_read(&f->page, span_of(f->bytes, 0)), TRIS_ERR_TRUNCATED);
    struct logfile_reader r;
    logfile_reader_init(&r);
    logfile_put_end(&w, &r);
    assert_int_equal(logpage_read(&f->page, wbuf_span(&w)), TRIS_ERR_BAD_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_where_two_histories_part_is_found_and_proven, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_page_has_one_log_few_segments_and_no_end, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
