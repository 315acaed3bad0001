/* Files of lines that the store reads back, with right sums and wrong words: the mark, the manifest
 * of a backup. What is not exactly as it is written is refused. And when the disk counts as full.
 */
#include <sys/resource.h>

#include "proto/hash.h"
#include "storage/backup_int.h"
#include "storage/txn.h"
#include "tests/unit/store_fixture.h"

enum { LINE_BYTES = BACKUP_MANIFEST_BYTES_MAX };

/* What happens to a text at one place. */
enum { CUT_HERE, GONE, SPACE, LINE_FEED, LETTER, DIGIT, DOUBLED, WAYS };

/* The text without its sum, changed at `at`; its length, 0 if that changes nothing. */
static size_t change(const char *text, size_t len, size_t at, int way, char out[LINE_BYTES])
{
    static const char with[WAYS] = {
        [SPACE] = ' ', [LINE_FEED] = '\n', [LETTER] = 'x', [DIGIT] = '9'};
    assert_true(len + 2 < LINE_BYTES);
    memcpy(out, text, len);
    switch (way) {
    case CUT_HERE:
        return at;
    case GONE:
        memmove(out + at, out + at + 1, len - at - 1);
        return len - 1;
    case DOUBLED:
        memmove(out + at + 1, out + at, len - at);
        return len + 1;
    default:
        out[at] = with[way];
        return text[at] == with[way] ? 0 : len;
    }
}

static size_t add_sum(const char *personal, const char *word, char *text, size_t len)
{
    struct tris_hash hash;
    char hex[65];
    const struct span part = span_of(text, len);
    hash_parts(personal, NULL, &part, 1, &hash);
    tris_hex(hash.b, sizeof hash.b, hex);
    return len + (size_t)snprintf(text + len, LINE_BYTES - len, "%s%s\n", word, hex);
}

static void put_file(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* A mark of other words is bad, foreign or of another size; it is never this store's mark. */
static void test_a_mark_is_taken_only_as_it_is_written(void **state)
{
    (void)state;
    struct fix f;
    char path[400], detail[256], line[LINE_BYTES];
    size_t len, bad = 0;
    struct store_txn *t;
    uint64_t seq;
    struct store_mark mark;
    struct store_view *v;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_DATA);
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "A", "Z", "05315", NULL),
                  &seq));
    own_seal(&f, t, no, 9);
    ok(store_commit(t));
    ok(store_view_begin(f.s, &v));
    ok(store_own_tip(v, &mark));
    store_view_end(v);
    ok(store_mark_write(f.s, &mark));
    ok(store_mark_check(f.s, detail, sizeof detail));
    (void)snprintf(path, sizeof path, "%s/mark", f.dir);
    char *text = test_file_read(path, &len);
    assert_non_null(text);
    const size_t body = len - 5 - 64 - 1;
    for (size_t at = 0; at < body; at++) {
        for (int way = 0; way < WAYS; way++) {
            size_t changed = change(text, body, at, way, line);
            if (changed == 0 || (changed == body && memcmp(line, text, body) == 0)) {
                continue;
            }
            changed = add_sum("tris-mark-v1", " sum=", line, changed);
            put_file(path, line, changed);
            struct store_mark_state look;
            ok(store_mark_look(f.s, &look, detail, sizeof detail));
            if (look.verdict == TRIS_OK) { /* a number written otherwise, or none of a log */
                assert_true(memcmp(&look.tip, &mark, sizeof mark) != 0);
                continue;
            }
            assert_true(detail[0] != '\0' && !(look.tip_is_here && !look.has_tip));
            bad += look.verdict == TRIS_ERR_BAD_MARK;
        }
    }
    assert_true(bad > body);
    put_file(path, text, len);
    ok(store_mark_check(f.s, detail, sizeof detail));
    free(text);
    fix_fini(&f);
}

/* A manifest is refused, or says what its text says: printed, it is the same text. */
static void test_a_manifest_is_taken_only_as_it_is_written(void **state)
{
    (void)state;
    static struct backup_manifest m, back;
    char text[LINE_BYTES], line[LINE_BYTES + 80], again[LINE_BYTES];
    size_t refused = 0;
    m = (struct backup_manifest){.time_ms = 12, .entries = 34, .file_count = BACKUP_FILES_MAX};
    m.tip.data_size = 5;
    for (uint32_t i = 0; i < BACKUP_FILES_MAX; i++) {
        (void)snprintf(m.file[i].name, sizeof m.file[i].name, "%s", backup_parts[i].name);
        m.file[i].bytes = 1000 + i;
        m.has_keys = m.has_keys || backup_parts[i].is_key;
    }
    const size_t len = backup_manifest_print(&m, text);
    ok(backup_manifest_parse(span_of(text, len), &back));
    assert_int_equal(back.file_count, m.file_count);
    assert_int_equal(back.entries, 34);
    const size_t body = len - 4 - 64 - 1;
    for (size_t at = 0; at < body; at++) {
        for (int way = 0; way < WAYS; way++) {
            size_t changed = change(text, body, at, way, line);
            if (changed == 0) {
                refused += at == 0;
                continue;
            }
            changed = add_sum("tris-backup-v1", "sum ", line, changed);
            if (backup_manifest_parse(span_of(line, changed), &back) != TRIS_OK) {
                refused++;
                continue;
            }
            size_t same = backup_manifest_print(&back, again);
            assert_true(span_eq(span_of(again, same), span_of(line, changed)));
        }
    }
    assert_true(refused > body);
    text[len - 1] = ' '; /* the sum's own line */
    fails(TRIS_ERR_CORRUPT, backup_manifest_parse(span_of(text, len), &back));
    text[len - 2] ^= 1;
    text[len - 1] = '\n';
    fails(TRIS_ERR_CORRUPT, backup_manifest_parse(span_of(text, len), &back));
    fails(TRIS_ERR_CORRUPT, backup_manifest_parse(span_of(text, 20), &back));
    text[3] = '\0';
    fails(TRIS_ERR_CORRUPT, backup_manifest_parse(span_of(text, len), &back));
}

/* A short write is a full disk if the file may not grow further, else a broken one. */
static void test_a_limit_of_file_sizes_is_a_full_disk(void **state)
{
    (void)state;
    struct fix f;
    struct rlimit before, limit;
    uint64_t all, left;
    fix_init(&f);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(room_is_out(f.s));
    room_of_disk(f.s, &all, &left);
    assert_true(all > 0 && left <= all);
    static const struct {
        rlim_t bytes;
        bool out;
    } limits[] = {{1, true}, {300 * 1024, true}, {(rlim_t)1 << 30, false}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        limit = before;
        limit.rlim_cur = limits[i].bytes;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(room_is_out(f.s), limits[i].out);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    struct store gone = {.dir = (char *)(uintptr_t) "/nowhere/at/all"};
    room_of_disk(&gone, &all, &left); /* not known */
    assert_true(all == 0 && left == 0 && !room_is_out(&gone));
    char longest[5000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    gone.dir = longest;
    assert_false(room_is_out(&gone));
    fix_fini(&f);
}

/* A term of which the index holds too many candidates: records are walked, their texts decide. */
static void test_a_common_term_finds_what_is_there(void **state)
{
    (void)state;
    enum { BLOCKS = 1100, RECORDS = 9 };
    struct fix f;
    struct store_txn *t;
    struct key key;
    uint8_t bytes[8];
    uint64_t seq, behind;
    char name[32];
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_DATA);
    for (int i = 0; i < RECORDS; i++) {
        (void)snprintf(name, sizeof name, i % 3 == 0 ? "Garten %d" : "Haus %d", i);
        ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, name, "Z", "05315", NULL),
                      &seq));
    }
    ok(store_word_follow(t, UINT32_MAX, &behind));
    memset(bytes, 0xff, sizeof bytes);
    for (uint64_t block = 1; block <= BLOCKS; block++) { /* of records that are no more */
        key_word(&key, span_str("haus"), no, block);
        txn_put(t, DB_WORD, key_span(&key), span_of(bytes, sizeof bytes));
    }
    ok(t->err);
    ok(store_commit(t));
    for (size_t page = 1; page <= RECORDS; page++) {
        struct store_view *v;
        struct record_ref cursor = {UINT32_MAX, 0}, found[RECORDS];
        size_t count = 0, all = 0;
        ok(store_view_begin(f.s, &v));
        do {
            ok(store_word_search(v, span_str("Haus"), &cursor, found, page, &count));
            for (size_t i = 0; i < count; i++, all++) {
                assert_int_equal(found[i].seq, all / 2 * 3 + all % 2 + 1);
            }
        } while (count == page);
        assert_int_equal(all, RECORDS / 3 * 2);
        cursor.log_no = UINT32_MAX;
        ok(store_word_search(v, span_str("haus garten"), &cursor, found, page, &count));
        assert_int_equal(count, 0);
        ok(store_word_search(v, span_str("haus"), &cursor, found, 0, &count));
        assert_int_equal(count, 0);
        store_view_end(v);
    }
    fix_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_mark_is_taken_only_as_it_is_written),
        cmocka_unit_test(test_a_manifest_is_taken_only_as_it_is_written),
        cmocka_unit_test(test_a_limit_of_file_sizes_is_a_full_disk),
        cmocka_unit_test(test_a_common_term_finds_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
