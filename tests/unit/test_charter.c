/* proto/charter and proto/house_line: strict texts that print back byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/charter.h"

enum { PEOPLE = 5, NEW_KEY = 3, LINE_ROOM = TRIS_HOUSE_LINE_BYTES_MAX + 1 };

static const uint8_t nonce[32] = {0xab, 1};

struct fixture {
    struct tris_sign_secret key[PEOPLE];
    struct house_line line[PEOPLE]; /* three houses, the coordination, an observer */
    char text[PEOPLE][LINE_ROOM];
};

static void fill_line(struct house_line *line, int i)
{
    static const char *const regions[PEOPLE] = {"05315", "14713", "13003", "DE", "DE"};
    static const char *const slugs[PEOPLE] = {"koeln", "leipzig", "rostock", "bund", "blick"};
    static const char *const names[PEOPLE] = {"Haus Köln", "Haus Leipzig", "Haus – 100 % ~_.-",
                                              "Koordination", "Beobachter"};
    memset(line, 0, sizeof *line);
    line->role = i < 3 ? TRIS_ROLE_HOUSE : i == 3 ? TRIS_ROLE_COORDINATION : TRIS_ROLE_OBSERVER;
    (void)snprintf(line->region, sizeof line->region, "%s", regions[i]);
    (void)snprintf(line->slug, sizeof line->slug, "%s", slugs[i]);
    (void)snprintf(line->name, sizeof line->name, "%s", names[i]);
    memset(line->transport.b, 0x40 + i, sizeof line->transport.b);
    line->addr_count = (uint32_t)i;
    static const char *const addrs[] = {"127.0.0.1:8747", "[::1]:8747", "haus.example:1",
                                        "[fe80::1:2]:65535"};
    for (int k = 0; k < i; k++) {
        (void)snprintf(line->addr[k], sizeof line->addr[k], "%s", addrs[k]);
    }
    line->time_ms = i == 0 ? 0 : UINT64_MAX / (uint64_t)i;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return -1;
    }
    for (int i = 0; i < PEOPLE; i++) {
        uint8_t seed[crypto_sign_SEEDBYTES] = {(uint8_t)(i + 1)};
        uint8_t pub[crypto_sign_PUBLICKEYBYTES];
        crypto_sign_seed_keypair(pub, f->key[i].b, seed);
        fill_line(&f->line[i], i);
        if (house_line_make(&f->line[i], &f->key[i], f->text[i], LINE_ROOM) != TRIS_OK) {
            return -1;
        }
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void test_house_line_prints_back_what_was_parsed(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < PEOPLE; i++) {
        struct house_line line;
        char again[LINE_ROOM];
        assert_int_equal(house_line_parse(span_str(f->text[i]), &line), TRIS_OK);
        assert_memory_equal(&line, &f->line[i], sizeof line);
        assert_int_equal(house_line_print(&line, again, sizeof again), TRIS_OK);
        assert_string_equal(again, f->text[i]);
        assert_int_equal(house_line_print(&line, again, strlen(f->text[i])), TRIS_ERR_NO_SPACE);
    }
}

static void test_house_line_is_refused_when_cut_extended_or_flipped(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < PEOPLE; i++) {
        struct house_line line;
        char text[LINE_ROOM];
        size_t len = strlen(f->text[i]);
        memcpy(text, f->text[i], len + 1);
        for (size_t cut = 0; cut < len; cut++) {
            assert_int_not_equal(house_line_parse(span_of(text, cut), &line), TRIS_OK);
        }
        assert_int_not_equal(house_line_parse(span_of(text, len + 1), &line), TRIS_OK);
        for (size_t bit = 0; bit < len * 8; bit++) {
            text[bit / 8] ^= (char)(1 << bit % 8);
            assert_int_not_equal(house_line_parse(span_of(text, len), &line), TRIS_OK);
            text[bit / 8] ^= (char)(1 << bit % 8);
        }
    }
}

static void test_key_whose_halves_do_not_fit_signs_nothing(void **state)
{
    struct fixture *f = *state;
    static const struct tris_sig none;
    struct tris_sign_secret key = f->key[0];
    struct house_line line = f->line[0];
    struct charter c;
    char text[LINE_ROOM];
    memcpy(key.b + crypto_sign_SEEDBYTES, f->line[1].id.b, sizeof f->line[1].id.b);
    assert_int_equal(house_line_make(&line, &key, text, sizeof text), TRIS_ERR_BAD_KEY);
    assert_memory_equal(&line.sig, &none, sizeof none);
    assert_int_equal(charter_new("x", nonce, f->line, 3, 1, 2, &c), TRIS_OK);
    assert_int_equal(charter_sign(&c, &key), TRIS_ERR_BAD_KEY);
    assert_int_equal(c.sig_count, 0);
    charter_fini(&c);
}

typedef void (*break_fn)(struct house_line *line);

static void break_role(struct house_line *l)
{
    l->role = 0;
}
static void break_role_region(struct house_line *l)
{
    l->role = TRIS_ROLE_COORDINATION;
}
static void break_region_letters(struct house_line *l)
{
    memcpy(l->region, "0531x", 6);
}
static void break_region_short(struct house_line *l)
{
    memcpy(l->region, "0531", 5);
}
static void break_region_germany(struct house_line *l)
{
    memcpy(l->region, "DE", 3);
}
static void break_slug_empty(struct house_line *l)
{
    l->slug[0] = '\0';
}
static void break_slug_upper(struct house_line *l)
{
    l->slug[0] = 'K';
}
static void break_slug_dash(struct house_line *l)
{
    l->slug[0] = '-';
}
static void break_name_empty(struct house_line *l)
{
    l->name[0] = '\0';
}
static void break_name_control(struct house_line *l)
{
    l->name[1] = '\n';
}
static void break_name_c1(struct house_line *l)
{
    memcpy(l->name, "\xc2\x9b", 3);
}
static void break_name_utf8(struct house_line *l)
{
    memcpy(l->name, "\xff", 2);
}
static void break_name_long(struct house_line *l)
{
    memset(l->name, 'a', TRIS_NAME_CHARS_MAX + 1);
    l->name[TRIS_NAME_CHARS_MAX + 1] = '\0';
}
static void break_addr_count(struct house_line *l)
{
    l->addr_count = TRIS_ADDRESSES_MAX + 1;
}
static void break_addr_empty(struct house_line *l)
{
    l->addr_count = 1;
    l->addr[0][0] = '\0';
}

static void test_house_line_with_a_broken_field_is_not_made(void **state)
{
    struct fixture *f = *state;
    static const break_fn breaks[] = {
        break_role,           break_role_region,  break_region_letters, break_region_short,
        break_region_germany, break_slug_empty,   break_slug_upper,     break_slug_dash,
        break_name_empty,     break_name_control, break_name_c1,        break_name_utf8,
        break_name_long,      break_addr_count,   break_addr_empty,
    };
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        struct house_line line = f->line[0];
        char text[LINE_ROOM];
        breaks[i](&line);
        if (house_line_make(&line, &f->key[0], text, sizeof text) != TRIS_ERR_INVALID) {
            fail_msg("break %zu was made", i);
        }
    }
}

static void test_addresses_are_judged_by_shape(void **state)
{
    struct fixture *f = *state;
    static const char *const good[] = {"a:1",    "example.org:8747",   "192.0.2.1:65535",
                                       "[::]:1", "[2001:db8::1]:8747", "[::ffff:192.0.2.1]:5",
                                       "A-b.c:9"};
    static const char *const bad[] = {
        "",       "a",         "a:",
        ":1",     "a:0",       "a:65536",
        "a:01",   "a:1x",      "a:-1",
        "a b:1",  "a,b:1",     "[::1]",
        "[::1]:", "[::1:5",    "::1:5",
        "[a]:1",  "[::g]:1",   "[]:1",
        "-a:1",   ".a:1",      "a_b:1",
        "a:1:2",  "[::1]x:1",  "a:1 ",
        "ä:1",    "[::1]8747", "a:184467440737095516160",
    };
    struct house_line line = f->line[0];
    char text[LINE_ROOM];
    line.addr_count = 1;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        (void)snprintf(line.addr[0], sizeof line.addr[0], "%s", good[i]);
        assert_int_equal(house_line_make(&line, &f->key[0], text, sizeof text), TRIS_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(line.addr[0], sizeof line.addr[0], "%s", bad[i]);
        if (house_line_make(&line, &f->key[0], text, sizeof text) != TRIS_ERR_INVALID) {
            fail_msg("'%s' was accepted", bad[i]);
        }
    }
}

static void test_the_later_line_counts_then_the_smaller_text(void **state)
{
    (void)state;
    const struct span a = span_str("tris-house-1 a"), b = span_str("tris-house-1 b");
    const struct span longer = span_str("tris-house-1 ab");
    assert_true(house_line_newer(2, b, 1, a));
    assert_false(house_line_newer(1, a, 2, b));
    assert_true(house_line_newer(2, a, 2, b));
    assert_false(house_line_newer(2, b, 2, a));
    assert_true(house_line_newer(2, a, 2, longer));
    assert_false(house_line_newer(2, a, 2, a));
}

static void test_house_line_limits_hold(void **state)
{
    struct fixture *f = *state;
    struct house_line line = f->line[0], back;
    char text[LINE_ROOM];
    memset(line.slug, 's', TRIS_SLUG_BYTES_MAX);
    memset(line.name, 'n', TRIS_NAME_CHARS_MAX);
    line.name[TRIS_NAME_CHARS_MAX] = '\0';
    line.addr_count = TRIS_ADDRESSES_MAX;
    for (int i = 0; i < TRIS_ADDRESSES_MAX; i++) {
        memset(line.addr[i], 0, sizeof line.addr[i]);
        memset(line.addr[i], 'h', 100);
        memcpy(line.addr[i] + 100, ":65535", 7);
    }
    assert_int_equal(house_line_make(&line, &f->key[0], text, sizeof text), TRIS_OK);
    assert_int_equal(house_line_parse(span_str(text), &back), TRIS_OK);
    for (int i = 0; i < TRIS_ADDRESSES_MAX; i++) {
        memset(line.addr[i], 'h', 253);
        memcpy(line.addr[i] + 253, ":65535", 7);
    }
    assert_int_equal(house_line_make(&line, &f->key[0], text, sizeof text), TRIS_ERR_INVALID);
    char big[LINE_ROOM + 1];
    memset(big, 'a', sizeof big);
    assert_int_equal(house_line_parse(span_of(big, LINE_ROOM), &back), TRIS_ERR_TOO_LARGE);
}

/* A house of a later epoch: the id is that of before, the key another one. */
static void later_line(struct fixture *f, uint32_t epoch, struct house_line *line, char *text)
{
    *line = f->line[0];
    line->epoch = epoch;
    assert_int_equal(house_line_make(line, &f->key[NEW_KEY], text, LINE_ROOM), TRIS_OK);
}

static void test_line_of_a_later_epoch_is_of_the_id_and_signed_with_the_key(void **state)
{
    struct fixture *f = *state;
    static const uint32_t epochs[] = {1, 2, UINT32_MAX};
    struct house_line line, back;
    char text[LINE_ROOM], again[LINE_ROOM];
    for (size_t i = 0; i < sizeof epochs / sizeof epochs[0]; i++) {
        later_line(f, epochs[i], &line, text);
        assert_true(tris_house_id_eq(&line.id, &f->line[0].id));
        assert_memory_equal(line.key.b, f->line[NEW_KEY].id.b, sizeof line.key.b);
        assert_int_equal(house_line_parse(span_str(text), &back), TRIS_OK);
        assert_memory_equal(&back, &line, sizeof line);
        assert_int_equal(house_line_print(&back, again, sizeof again), TRIS_OK);
        assert_string_equal(again, text);
        size_t len = strlen(text);
        for (size_t bit = 0; bit < len * 8; bit++) {
            text[bit / 8] ^= (char)(1 << bit % 8);
            assert_int_not_equal(house_line_parse(span_of(text, len), &back), TRIS_OK);
            text[bit / 8] ^= (char)(1 << bit % 8);
        }
    }
    assert_int_equal(house_line_parse(span_str(f->text[0]), &back), TRIS_OK);
    assert_int_equal(back.epoch, 0);
    assert_memory_equal(back.key.b, back.id.b, sizeof back.key.b);
}

/* ---- charter ---- */

static struct charter found(struct fixture *f, uint32_t signers)
{
    struct charter c;
    struct house_line lines[PEOPLE];
    for (int i = 0; i < PEOPLE; i++) {
        lines[i] = f->line[PEOPLE - 1 - i];
    }
    assert_int_equal(charter_new("Häuser & Höfe", nonce, lines, PEOPLE, 2, 3, &c), TRIS_OK);
    for (uint32_t i = 0; i < signers; i++) {
        assert_int_equal(charter_sign(&c, &f->key[i]), TRIS_OK);
    }
    return c;
}

static char *print(const struct charter *c, size_t *len)
{
    char *text;
    assert_int_equal(charter_print(c, &text, len), TRIS_OK);
    assert_int_equal(strlen(text), *len);
    return text;
}

static void test_charter_prints_back_what_was_parsed_signed_partly_or_fully(void **state)
{
    struct fixture *f = *state;
    for (uint32_t signers = 0; signers <= 4; signers++) {
        struct charter c = found(f, signers), back;
        size_t len, again_len;
        uint32_t line_no;
        struct tris_fed_id fed;
        char *text = print(&c, &len);
        assert_int_equal(charter_parse(span_of(text, len), &back, &line_no), TRIS_OK);
        char *again = print(&back, &again_len);
        assert_string_equal(text, again);
        assert_true(tris_fed_id_eq(&c.fed, &back.fed));
        charter_fed_id(span_of(text, len), &fed);
        assert_true(tris_fed_id_eq(&c.fed, &fed));
        assert_int_equal(back.sig_count, signers);
        assert_int_equal(back.founder_count, 4);
        assert_int_equal(back.member_count, PEOPLE);
        assert_int_equal(charter_complete(&back), signers == 4);
        for (int i = 0; i < PEOPLE; i++) {
            const struct house_line *line = charter_find(&back, &f->line[i].id);
            assert_non_null(line);
            assert_string_equal(line->slug, f->line[i].slug);
        }
        struct tris_house_id none = {{0}};
        assert_null(charter_find(&back, &none));
        free(text);
        free(again);
        charter_fini(&c);
        charter_fini(&back);
    }
}

static void test_signatures_do_not_change_the_federation_id_and_merge(void **state)
{
    struct fixture *f = *state;
    struct charter a = found(f, 0), b = found(f, 0), other;
    assert_int_equal(charter_sign(&a, &f->key[3]), TRIS_OK);
    assert_int_equal(charter_sign(&a, &f->key[0]), TRIS_OK);
    assert_int_equal(charter_sign(&a, &f->key[0]), TRIS_OK);
    assert_int_equal(a.sig_count, 2);
    assert_int_equal(charter_sign(&b, &f->key[1]), TRIS_OK);
    assert_int_equal(charter_sign(&b, &f->key[2]), TRIS_OK);
    assert_int_equal(charter_sign(&b, &f->key[0]), TRIS_OK);
    assert_int_equal(charter_sign(&b, &f->key[4]), TRIS_ERR_NOT_FOUND);
    assert_true(tris_fed_id_eq(&a.fed, &b.fed));
    assert_int_equal(charter_merge(&a, &b), TRIS_OK);
    assert_true(charter_complete(&a));
    assert_int_equal(charter_merge(&b, &a), TRIS_OK);
    size_t len_a, len_b;
    char *text_a = print(&a, &len_a);
    char *text_b = print(&b, &len_b);
    assert_string_equal(text_a, text_b);
    assert_int_equal(charter_new("Andere", nonce, f->line, 3, 2, 3, &other), TRIS_OK);
    assert_int_equal(charter_merge(&a, &other), TRIS_ERR_INVALID);
    free(text_a);
    free(text_b);
    charter_fini(&a);
    charter_fini(&b);
    charter_fini(&other);
}

static void test_founding_refuses_doubles_no_founder_and_bad_thresholds(void **state)
{
    struct fixture *f = *state;
    struct charter c;
    struct house_line twice[2] = {f->line[0], f->line[0]};
    struct house_line both[2] = {f->line[0], f->line[0]};
    char text[LINE_ROOM];
    both[1].role = TRIS_ROLE_OBSERVER;
    assert_int_equal(house_line_make(&both[1], &f->key[0], text, sizeof text), TRIS_OK);
    assert_int_equal(charter_new("x", nonce, twice, 2, 1, 2, &c), TRIS_ERR_EXISTS);
    assert_int_equal(charter_new("x", nonce, both, 2, 1, 2, &c), TRIS_ERR_EXISTS);
    assert_int_equal(charter_new("x", nonce, &f->line[4], 1, 1, 2, &c), TRIS_ERR_REQUIRED);
    assert_int_equal(charter_new("x", nonce, NULL, 0, 1, 2, &c), TRIS_ERR_REQUIRED);
    assert_int_equal(charter_new("", nonce, f->line, 3, 2, 3, &c), TRIS_ERR_INVALID);
    struct house_line forged = f->line[0];
    forged.time_ms++;
    assert_int_equal(charter_new("x", nonce, &forged, 1, 1, 2, &c), TRIS_ERR_INVALID);
    struct house_line later;
    later_line(f, 1, &later, text);
    assert_int_equal(charter_new("x", nonce, &later, 1, 1, 2, &c), TRIS_ERR_INVALID);
    static const struct {
        uint32_t admit, revoke, founders;
        bool good;
    } cases[] = {
        {0, 1, 3, false}, {1, 0, 3, false}, {1, 2, 3, true},  {2, 2, 3, true},
        {3, 2, 3, true},  {3, 3, 3, false}, {3, 4, 3, true},  {3, 1, 3, false},
        {1, 1, 2, true},  {2, 1, 2, true},  {2, 2, 2, false}, {3, 4, 1, true},
        {1, 1, 1, true},  {9, 1, 1, true},  {0, 1, 1, false}, {1, 0, 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum tris_err err = charter_new("x", nonce, f->line, cases[i].founders, cases[i].admit,
                                        cases[i].revoke, &c);
        assert_int_equal(err, cases[i].good ? TRIS_OK : TRIS_ERR_INVALID);
        charter_fini(&c);
    }
}

static void test_charter_is_refused_when_cut_inside_a_line_extended_or_flipped(void **state)
{
    struct fixture *f = *state;
    struct charter c = found(f, 4), back;
    size_t len;
    uint32_t line_no;
    char *text = print(&c, &len);
    for (size_t cut = 0; cut < len; cut++) {
        enum tris_err err = charter_parse(span_of(text, cut), &back, &line_no);
        if (err == TRIS_OK) { /* a whole number of lines: another charter, or fewer signatures */
            assert_int_equal(text[cut - 1], '\n');
            assert_false(charter_complete(&back) && tris_fed_id_eq(&back.fed, &c.fed));
            charter_fini(&back);
        }
    }
    assert_int_not_equal(charter_parse(span_of(text, len + 1), &back, &line_no), TRIS_OK);
    for (size_t bit = 0; bit < len * 8; bit += 3) {
        text[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_not_equal(charter_parse(span_of(text, len), &back, &line_no), TRIS_OK);
        assert_null(back.member);
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
    free(text);
    charter_fini(&c);
}

/* Replaces the first `from` in the unsigned charter and parses; returns error and line. */
static enum tris_err parse_edited(const char *text, const char *from, const char *to,
                                  uint32_t *line_no)
{
    struct charter c;
    const char *at = strstr(text, from);
    assert_non_null(at);
    size_t size = strlen(text) + strlen(to) + 1;
    char *edited = malloc(size);
    assert_non_null(edited);
    (void)snprintf(edited, size, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    enum tris_err err = charter_parse(span_str(edited), &c, line_no);
    free(edited);
    charter_fini(&c);
    return err;
}

static void test_edited_charters_are_refused_with_their_line(void **state)
{
    struct fixture *f = *state;
    struct charter c = found(f, 0);
    size_t len;
    char *text = print(&c, &len);
    static const struct {
        const char *from, *to;
        enum tris_err err;
        uint32_t line_no;
    } edits[] = {
        {"tris-charter-1", "tris-charter-2", TRIS_ERR_BAD_VERSION, 1},
        {"tris-charter-1\n", "tris-charter-1\r\n", TRIS_ERR_BAD_VERSION, 1},
        {"name H", "name  H", TRIS_ERR_BAD_VALUE, 2},
        {"%C3%A4", "%c3%A4", TRIS_ERR_BAD_VALUE, 2},
        {"name H", "name %48", TRIS_ERR_BAD_VALUE, 2},
        {"nonce ab", "nonce AB", TRIS_ERR_BAD_VALUE, 3},
        {"rules 1", "rules 2", TRIS_ERR_BAD_VERSION, 4},
        {"rules 1", "rules 01", TRIS_ERR_BAD_VALUE, 4},
        {"admit 2", "admit 0", TRIS_ERR_BAD_VALUE, 11},
        {"admit 2", "admit 4294967296", TRIS_ERR_BAD_VALUE, 5},
        {"revoke 3\n", "revoke 3\ncolour blue\n", TRIS_ERR_BAD_VALUE, 7},
        {"revoke 3\n", "revoke 3\n\n", TRIS_ERR_TRUNCATED, 7},
        {"member tris-house-1", "member tris-house-2", TRIS_ERR_BAD_VALUE, 7},
    };
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        uint32_t line_no;
        enum tris_err err = parse_edited(text, edits[i].from, edits[i].to, &line_no);
        if (err != edits[i].err || line_no != edits[i].line_no) {
            fail_msg("'%s': %s in line %u", edits[i].to, tris_err_name(err), line_no);
        }
    }
    free(text);
    charter_fini(&c);
}

static void test_members_and_signatures_out_of_order_or_foreign_are_refused(void **state)
{
    struct fixture *f = *state;
    struct charter c = found(f, 4), back;
    uint32_t line_no;
    size_t len;
    struct house_line *m = c.member;
    struct charter_sig *s = c.sig;
    char *text;
    static const struct {
        int a, b; /* members to swap */
        enum tris_err err;
    } swaps[] = {{0, 1, TRIS_ERR_NOT_CANONICAL}, {3, 4, TRIS_ERR_NOT_CANONICAL}};
    for (size_t i = 0; i < 2; i++) {
        struct house_line keep = m[swaps[i].a];
        m[swaps[i].a] = m[swaps[i].b];
        m[swaps[i].b] = keep;
        text = print(&c, &len);
        assert_int_equal(charter_parse(span_of(text, len), &back, &line_no), swaps[i].err);
        free(text);
        m[swaps[i].b] = m[swaps[i].a];
        m[swaps[i].a] = keep;
    }
    struct charter_sig keep = s[0];
    s[0] = s[1];
    s[1] = keep;
    text = print(&c, &len);
    assert_int_equal(charter_parse(span_of(text, len), &back, &line_no), TRIS_ERR_NOT_CANONICAL);
    free(text);
    s[0] = s[1]; /* twice the same */
    text = print(&c, &len);
    assert_int_equal(charter_parse(span_of(text, len), &back, &line_no), TRIS_ERR_NOT_CANONICAL);
    free(text);
    s[0].id = f->line[4].id; /* an observer's */
    text = print(&c, &len);
    assert_int_equal(charter_parse(span_of(text, len), &back, &line_no), TRIS_ERR_NOT_FOUND);
    free(text);
    charter_fini(&c);
}

static void test_member_of_a_later_epoch_is_refused(void **state)
{
    struct fixture *f = *state;
    struct charter c = found(f, 0), back;
    struct house_line later;
    size_t len;
    uint32_t line_no;
    char line[LINE_ROOM];
    char *text = print(&c, &len);
    later_line(f, 1, &later, line);
    char *at = strstr(text, f->text[0]);
    assert_non_null(at);
    size_t head = (size_t)(at - text), old = strlen(f->text[0]), added = strlen(line) - old;
    char *edited = malloc(len + added + 1);
    assert_non_null(edited);
    memcpy(edited, text, head);
    memcpy(edited + head, line, old + added);
    memcpy(edited + head + old + added, at + old, len - head - old + 1);
    assert_int_equal(charter_parse(span_of(edited, len + added), &back, &line_no),
                     TRIS_ERR_BAD_VALUE);
    uint32_t at_line = 1;
    for (size_t i = 0; i < head; i++) {
        at_line += text[i] == '\n';
    }
    assert_int_equal(line_no, at_line);
    free(edited);
    free(text);
    charter_fini(&c);
}

static void test_random_texts_never_crash(void **state)
{
    struct fixture *f = *state;
    struct charter c = found(f, 2), back;
    size_t len;
    uint32_t line_no;
    char *text = print(&c, &len);
    uint8_t seed[randombytes_SEEDBYTES] = {9};
    uint32_t numbers[3000];
    randombytes_buf_deterministic(numbers, sizeof numbers, seed);
    for (size_t i = 0; i + 2 < 3000; i += 3) {
        char *at = text + numbers[i] % len;
        char keep = *at;
        *at = (char)numbers[i + 1];
        if (charter_parse(span_of(text, numbers[i + 2] % (len + 1)), &back, &line_no) == TRIS_OK) {
            charter_fini(&back);
        }
        *at = keep;
    }
    assert_int_equal(charter_parse(span_of(NULL, 0), &back, &line_no), TRIS_ERR_TRUNCATED);
    free(text);
    charter_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_house_line_prints_back_what_was_parsed),
        cmocka_unit_test(test_house_line_is_refused_when_cut_extended_or_flipped),
        cmocka_unit_test(test_key_whose_halves_do_not_fit_signs_nothing),
        cmocka_unit_test(test_house_line_with_a_broken_field_is_not_made),
        cmocka_unit_test(test_addresses_are_judged_by_shape),
        cmocka_unit_test(test_the_later_line_counts_then_the_smaller_text),
        cmocka_unit_test(test_house_line_limits_hold),
        cmocka_unit_test(test_line_of_a_later_epoch_is_of_the_id_and_signed_with_the_key),
        cmocka_unit_test(test_charter_prints_back_what_was_parsed_signed_partly_or_fully),
        cmocka_unit_test(test_signatures_do_not_change_the_federation_id_and_merge),
        cmocka_unit_test(test_founding_refuses_doubles_no_founder_and_bad_thresholds),
        cmocka_unit_test(test_charter_is_refused_when_cut_inside_a_line_extended_or_flipped),
        cmocka_unit_test(test_edited_charters_are_refused_with_their_line),
        cmocka_unit_test(test_members_and_signatures_out_of_order_or_foreign_are_refused),
        cmocka_unit_test(test_member_of_a_later_epoch_is_refused),
        cmocka_unit_test(test_random_texts_never_crash),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests_name("charter", tests, setup, teardown);
}
