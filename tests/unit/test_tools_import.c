/* What stands before the first row: encodings, map files, rows for one record. */
#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/encoding.h"
#include "tools/import_map.h"
#include "tools/import_seen.h"

/* ---- encodings ---- */

struct sniffed {
    enum tris_err err;
    enum csv_encoding encoding;
    struct csv_error error;
};

static struct sniffed sniff(const char *bytes, size_t len, const enum csv_encoding *wanted)
{
    struct sniffed s;
    struct csv_info info = {.encoding = CSV_UTF8};
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    s.err = encoding_find(file, wanted, &info, &s.error);
    s.encoding = info.encoding;
    (void)fclose(file);
    return s;
}

static struct sniffed sniff_text(const char *text)
{
    return sniff(text, strlen(text), NULL);
}

static void plain_and_valid_text_is_utf8(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "name;x\n", "n\xc3\xa4me;\xe2\x82\xac\n",
                                        "\xef\xbb\xbfname\n", "\xf0\x9f\x98\x80\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sniffed s = sniff_text(texts[i]);
        assert_int_equal(s.err, TRIS_OK);
        assert_int_equal(s.encoding, CSV_UTF8);
    }
}

static void german_bytes_are_windows_1252(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Stra\xdf\x65\n", /* an e would belong to the escape */
        "\x84GR\xdc\x93;Spa\xdf\x93\n",
        "\x80 5\n",
        "\xdf",
        "a\xfc",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sniffed s = sniff_text(texts[i]);
        assert_int_equal(s.err, TRIS_OK);
        assert_int_equal(s.encoding, CSV_WINDOWS_1252);
    }
}

static void a_fault_has_line_column_and_byte(void **state)
{
    (void)state;
    struct sniffed s = sniff_text("a;b\n\"x\ny\";\xc3\xa4\nc;d\xe4\n");
    assert_int_equal(s.err, TRIS_ERR_BAD_UTF8);
    assert_int_equal(s.error.line, 4);
    assert_int_equal(s.error.column, 2);
    assert_int_equal(s.error.byte, 16);
    s = sniff_text("a,b\nx,\x81\n");
    assert_int_equal(s.err, TRIS_ERR_BAD_UTF8);
    assert_int_equal(s.error.byte, 6);
    s = sniff("a\tb\nc\t\0", 7, NULL);
    assert_int_equal(s.err, TRIS_ERR_BAD_UTF8);
    assert_int_equal(s.error.line, 2);
    assert_int_equal(s.error.column, 2);
    s = sniff("\xfe\xff\0a", 4, NULL);
    assert_int_equal(s.err, TRIS_ERR_BAD_UTF8);
    assert_int_equal(s.error.byte, 0);
}

static void what_a_person_names_decides(void **state)
{
    (void)state;
    enum csv_encoding wanted = CSV_UTF8;
    assert_int_equal(sniff("a\xe4", 2, &wanted).err, TRIS_ERR_BAD_UTF8);
    assert_true(encoding_by_name("Windows-1252", &wanted));
    struct sniffed s = sniff("\xc3\xa4\xe4", 3, &wanted);
    assert_int_equal(s.err, TRIS_OK);
    assert_int_equal(s.encoding, CSV_WINDOWS_1252);
    assert_false(encoding_by_name("ebcdic", &wanted));
}

/* A sequence that a block of the file cuts in two is no fault. */
static void sequences_across_blocks_are_seen_whole(void **state)
{
    (void)state;
    enum { BYTES = 64 * 1024 + 8 };
    char *text = malloc(BYTES);
    assert_non_null(text);
    for (size_t shift = 0; shift < 8; shift++) {
        memset(text, 'x', BYTES);
        memcpy(text + BYTES - 16 + shift, "\xe2\x82\xac", 3);
        struct sniffed s = sniff(text, BYTES, NULL);
        assert_int_equal(s.err, TRIS_OK);
        assert_int_equal(s.encoding, CSV_UTF8);
    }
    free(text);
}

/* ---- map files ---- */

static enum tris_err read_map(const char *text, struct list_map **map, char *fault)
{
    char path[] = "/tmp/test_tools_import.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
    enum tris_err err = list_map_read(path, NULL, map, fault);
    (void)unlink(path);
    return err;
}

static struct span means(const struct list_map *map, const char *field, const char *text,
                         bool *known)
{
    const struct field *f = schema_field_by_name(list_map_kind(map), span_str(field));
    return list_map_value(map, f, span_str(text), known);
}

static void values_mean_what_the_table_says(void **state)
{
    (void)state;
    struct list_map *map;
    char fault[MAP_FAULT_BYTES];
    bool known;
    assert_int_equal(read_map("[values sector]\nKdöR = S\nchurch = Z\n* = W\n[columns]\n"
                              "sector = a | b\n[constants]\nregion = 5315\n",
                              &map, fault),
                     TRIS_OK);
    assert_true(span_eq(means(map, "sector", "kdör", &known), span_str("S")));
    assert_true(known);
    assert_true(span_eq(means(map, "sector", "trade; Church|x", &known), span_str("Z")));
    assert_true(known);
    assert_true(span_eq(means(map, "sector", "trade", &known), span_str("trade")));
    assert_false(known);
    const struct field *sector = schema_field_by_name(list_map_kind(map), span_str("sector"));
    assert_true(span_eq(list_map_rest(map, sector, &known), span_str("W")));
    assert_true(known);
    assert_true(list_map_fills(map, sector));
    assert_int_equal(list_map_rule(map, 0)->count, 2);
    assert_string_equal(list_map_rule(map, 0)->source[1], "b");
    assert_null(list_map_rule(map, 1));
    list_map_free(map);
}

static void every_cut_of_a_map_is_read_or_refused_with_its_line(void **state)
{
    (void)state;
    static const char text[] = "[import]\nsource = x\nkind = partner\nscope = national\n[columns]\n"
                               "name = Titel\n[values sector]\nchurch = Z\n[constants]\n"
                               "region = 05315\n";
    char cut[sizeof text], fault[MAP_FAULT_BYTES];
    struct list_map *map;
    for (size_t len = 0; len < sizeof text; len++) {
        memcpy(cut, text, len);
        cut[len] = '\0';
        enum tris_err err = read_map(cut, &map, fault);
        if (err == TRIS_OK) {
            list_map_free(map);
        } else {
            assert_null(map);
            assert_non_null(strstr(fault, ":"));
        }
    }
}

static void limits_of_map_lines_hold(void **state)
{
    (void)state;
    char text[512], fault[MAP_FAULT_BYTES];
    struct list_map *map;
    static const struct {
        int bytes;
        enum tris_err err;
    } rows[] = {{MAP_LINE_BYTES_MAX, TRIS_OK}, {MAP_LINE_BYTES_MAX + 1, TRIS_ERR_INVALID}};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(text, sizeof text, "[columns]\nname = %0*d\n",
                       rows[i].bytes - (int)strlen("name = "), 1);
        assert_int_equal(read_map(text, &map, fault), rows[i].err);
        list_map_free(map);
    }
}

/* ---- rows for one record ---- */

static void a_second_row_for_one_record_is_found(void **state)
{
    (void)state;
    struct seen *s = seen_new();
    bool same;
    struct span koeln = span_str("05315"), bonn = span_str("05314");
    assert_non_null(s);
    assert_int_equal(seen_add(s, SEEN_NAME, span_str("Haus e.V."), koeln, koeln, 2, &same), 0);
    assert_int_equal(seen_add(s, SEEN_NAME, span_str("HAUS e. V."), koeln, koeln, 3, &same), 2);
    assert_true(same);
    assert_int_equal(seen_add(s, SEEN_NAME, span_str("Haus gGmbH"), koeln, bonn, 4, &same), 2);
    assert_false(same);
    assert_int_equal(seen_add(s, SEEN_NAME, span_str("Haus"), bonn, bonn, 5, &same), 0);
    assert_int_equal(seen_add(s, SEEN_SOURCE, span_str("Haus"), bonn, bonn, 6, &same), 0);
    char id[16];
    for (uint64_t i = 0; i < 20000; i++) {
        (void)snprintf(id, sizeof id, "%d", (int)i);
        assert_int_equal(seen_add(s, SEEN_SOURCE, span_str(id), bonn, bonn, i + 10, &same), 0);
    }
    for (uint64_t i = 0; i < 20000; i++) {
        (void)snprintf(id, sizeof id, "%d", (int)i);
        assert_int_equal(seen_add(s, SEEN_SOURCE, span_str(id), bonn, bonn, 1, &same), i + 10);
    }
    seen_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_valid_text_is_utf8),
        cmocka_unit_test(german_bytes_are_windows_1252),
        cmocka_unit_test(a_fault_has_line_column_and_byte),
        cmocka_unit_test(what_a_person_names_decides),
        cmocka_unit_test(sequences_across_blocks_are_seen_whole),
        cmocka_unit_test(values_mean_what_the_table_says),
        cmocka_unit_test(every_cut_of_a_map_is_read_or_refused_with_its_line),
        cmocka_unit_test(limits_of_map_lines_hold),
        cmocka_unit_test(a_second_row_for_one_record_is_found),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
