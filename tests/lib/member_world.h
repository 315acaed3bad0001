/* Federations out of short texts, for the tests of membership: who states what, and what follows.
 *
 * Houses are letters; the first ones are founders, the last ones (z, y) the charter's observers.
 * A text of statements, separated by blanks, each log's in the order of its positions from 0:
 *   a>d      house a endorses the opening of house d at epoch 0
 *   a1>d2=7  a in its epoch 1 endorses d's epoch 2, which closes the former data log at 7 (else 10)
 *   b>d1'    ... d's epoch 1 with another key; b1'>c is written with such a key
 *   a>x@     as an observer
 *   a!d      a states that epoch 0 of d is revoked, its gov log cut at 5 and its data log at 9
 *   a!d1:3,4 the same of epoch 1 with other cuts
 *   a!d>b    the same with b as successor
 *   a+7      the next position in a's log is 7
 * The result is a text again, one word a house in the order of letters:
 *   d1 current epoch, d- once a member, d? candidate; then * disputed, ~ brittle,
 *   [0:10c] epochs whose data log ends, c: closed by the next one
 * Ids and keys are made up: nothing here is signed. */
#ifndef TRIS_TESTS_LIB_MEMBER_WORLD_H
#define TRIS_TESTS_LIB_MEMBER_WORLD_H

#include <stdio.h>

#include "proto/member.h"
#include "tests/lib/testlib.h"

enum { LETTERS = 26, EPOCHS = 4, KEYS = 2, WORLD_STATEMENTS = 1024, RESULT_BYTES = 32 * 1024 };

struct world {
    struct charter charter;
    struct house_line line[LETTERS];
    struct member_statement statement[WORLD_STATEMENTS];
    uint32_t count;
    uint64_t next_seq[LETTERS][EPOCHS][KEYS];
};

/* One incarnation of a house. */
struct party {
    uint8_t letter; /* 0 to 25 */
    uint8_t epoch;
    uint8_t key;
};

static inline struct tris_house_id house_of(uint8_t letter)
{
    struct tris_house_id id = {{(uint8_t)(letter + 1), 0xaa}};
    return id;
}

static inline uint8_t letter_of(const struct tris_house_id *id)
{
    return (uint8_t)(id->b[0] - 1);
}

static inline struct tris_sign_pub key_of(struct party p)
{
    const struct tris_house_id id = house_of(p.letter);
    struct tris_sign_pub key = {{0x80, p.letter, p.epoch, p.key}};
    if (p.epoch == 0 && p.key == 0) {
        memcpy(key.b, id.b, sizeof key.b);
    }
    return key;
}

static inline struct opening opening_of(struct party p, bool observer, uint64_t closes)
{
    struct opening o = {.house = house_of(p.letter),
                        .epoch = p.epoch,
                        .key = key_of(p),
                        .role = observer ? TRIS_ROLE_OBSERVER : TRIS_ROLE_HOUSE,
                        .region = "05315"};
    o.has_closes = p.epoch > 0 && !observer;
    if (o.has_closes) {
        o.closes.size = closes;
        memset(o.closes.root.b, closes > 0 ? 0x11 : 0, sizeof o.closes.root.b);
    }
    return o;
}

static inline void world_init(struct world *w, uint32_t founders, uint32_t observers,
                              uint32_t admit, uint32_t revoke)
{
    memset(w, 0, sizeof *w);
    for (uint32_t i = 0; i < founders + observers; i++) {
        struct house_line *line = &w->line[i];
        line->id = house_of((uint8_t)(i < founders ? i : LETTERS + founders - 1 - i));
        memcpy(line->key.b, line->id.b, sizeof line->key.b);
        line->role = i < founders ? TRIS_ROLE_HOUSE : TRIS_ROLE_OBSERVER;
        memcpy(line->region, "05315", 6);
    }
    w->charter = (struct charter){.admit = admit,
                                  .revoke = revoke,
                                  .member = w->line,
                                  .member_count = founders + observers,
                                  .founder_count = founders};
}

static inline struct member_statement *world_add(struct world *w, struct party by)
{
    assert_true(w->count < WORLD_STATEMENTS);
    struct member_statement *s = &w->statement[w->count++];
    *s = (struct member_statement){.by = {.house = house_of(by.letter),
                                          .topic = TRIS_TOPIC_GOV,
                                          .epoch = by.epoch,
                                          .seal_key = key_of(by)},
                                   .seq = w->next_seq[by.letter][by.epoch][by.key]++};
    return s;
}

static inline void world_endorse(struct world *w, struct party by, const struct opening *o)
{
    world_add(w, by)->what.opening = *o;
}

static inline struct revocation *world_revoke(struct world *w, struct party by, struct party of,
                                              uint64_t gov, uint64_t data)
{
    struct statement *s = &world_add(w, by)->what;
    s->revoke = true;
    s->revocation = (struct revocation){.house = house_of(of.letter),
                                        .epoch = of.epoch,
                                        .gov = {.size = gov},
                                        .data = {.size = data}};
    memset(s->revocation.gov.root.b, gov > 0 ? 0x22 : 0, sizeof s->revocation.gov.root.b);
    memset(s->revocation.data.root.b, data > 0 ? 0x33 : 0, sizeof s->revocation.data.root.b);
    return &s->revocation;
}

/* ---- reading ---- */

static inline uint64_t read_decimal(const char **text)
{
    uint64_t value = 0;
    assert_true(**text >= '0' && **text <= '9');
    while (**text >= '0' && **text <= '9') {
        value = value * 10 + (uint64_t)(*(*text)++ - '0');
    }
    return value;
}

static inline bool read_sign(const char **text, char sign)
{
    bool there = **text == sign;
    *text += there;
    return there;
}

static inline struct party read_party(const char **text)
{
    struct party p = {0};
    assert_true(**text >= 'a' && **text <= 'z');
    p.letter = (uint8_t)(*(*text)++ - 'a');
    if (**text >= '0' && **text < '0' + EPOCHS) {
        p.epoch = (uint8_t)(*(*text)++ - '0');
    }
    p.key = read_sign(text, '\'');
    return p;
}

static inline void read_statement(struct world *w, const char **text)
{
    struct party by = read_party(text);
    if (read_sign(text, '+')) {
        w->next_seq[by.letter][by.epoch][by.key] = read_decimal(text);
    } else if (read_sign(text, '>')) {
        struct party of = read_party(text);
        bool observer = read_sign(text, '@');
        uint64_t closes = read_sign(text, '=') ? read_decimal(text) : 10;
        struct opening o = opening_of(of, observer, closes);
        world_endorse(w, by, &o);
    } else {
        assert_true(read_sign(text, '!'));
        struct party of = read_party(text);
        uint64_t gov = read_sign(text, ':') ? read_decimal(text) : 5;
        uint64_t data = read_sign(text, ',') ? read_decimal(text) : 9;
        struct revocation *r = world_revoke(w, by, of, gov, data);
        r->has_successor = read_sign(text, '>');
        if (r->has_successor) {
            r->successor = house_of(read_party(text).letter);
        }
    }
}

static inline void world_read(struct world *w, const char *text)
{
    while (*text != '\0') {
        read_statement(w, &text);
        assert_true(*text == ' ' || *text == '\0');
        while (read_sign(&text, ' ')) {
        }
    }
}

/* ---- the result ---- */

struct result {
    char text[RESULT_BYTES];
    size_t len;
};

static inline void put(struct result *r, const char *text)
{
    size_t len = strlen(text);
    assert_true(len < sizeof r->text - r->len);
    memcpy(r->text + r->len, text, len + 1);
    r->len += len;
}

static inline void put_number(struct result *r, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    put(r, text);
}

static inline void put_letter(struct result *r, const struct tris_house_id *house)
{
    const char text[] = {(char)('a' + letter_of(house)), '\0'};
    put(r, text);
}

static inline void put_house(struct result *r, const struct member_set *set,
                             const struct member_house *h)
{
    put(r, r->len > 0 ? " " : "");
    put_letter(r, &h->id);
    if (h->state == MEMBER_ACTIVE) {
        put_number(r, set->opening[h->current].opening.epoch);
    } else {
        put(r, h->state == MEMBER_REVOKED ? "-" : "?");
    }
    put(r, h->disputed ? "*" : "");
    put(r, h->brittle ? "~" : "");
    uint32_t shown = UINT32_MAX; /* all openings of an epoch end at one place */
    for (uint32_t i = h->opening_first; i < h->opening_first + h->opening_count; i++) {
        const struct member_opening *o = &set->opening[i];
        if (o->ever && o->data_end.size != UINT64_MAX && o->opening.epoch != shown) {
            shown = o->opening.epoch;
            put(r, "[");
            put_number(r, shown);
            put(r, ":");
            put_number(r, o->data_end.size);
            put(r, o->closed ? "c]" : "]");
        }
    }
}

static inline struct member_set world_evaluate(const struct world *w)
{
    struct member_set set;
    assert_int_equal(member_evaluate(&w->charter, w->statement, w->count, &set), TRIS_OK);
    return set;
}

static inline void world_result(const struct world *w, struct result *r)
{
    struct member_set set = world_evaluate(w);
    *r = (struct result){.len = 0};
    for (uint32_t i = 0; i < set.house_count; i++) {
        put_house(r, &set, &set.house[i]);
    }
    member_set_fini(&set);
}

#endif
