/* Golden vectors of membership: member.json. */
#include "proto/entry.h"
#include "proto/member.h"
#include "proto/pack.h"
#include "tests/vectors/golden.h"

enum { FOUNDERS_MAX = 6, STEPS_MAX = 24, PAYLOAD_ROOM = 4096, CLOSES = 10 };

/* Houses are numbers from 0, the founders first; OBS is the charter's observer. */
enum { OBS = 30 };

struct party {
    uint8_t house, epoch, other_key;
};

/* One statement: verb 0 ends the list. */
struct step {
    uint32_t verb;
    uint64_t seq;
    struct party by, of;
    enum tris_role role; /* endorse; 0: house */
    uint64_t closes;     /* endorse; 0: CLOSES */
    uint64_t card_ms;
    uint64_t gov, data; /* revoke */
    bool successor;     /* revoke: the house behind `of` */
};

#define ENDORSE VERB_ENDORSE
#define REVOKE VERB_REVOKE

/* clang-format off: a case is its text and figures, then a line for each statement */
static const struct golden_case {
    const char *what;
    uint32_t founders, admit, revoke;
    bool observer;
    struct step step[STEPS_MAX];
} cases[] = {
    {"admitted by exactly admit, another by one too few, cards differ",
     3,
     2,
     3,
     true,
     {{ENDORSE, 0, .by = {.house = 0}, .of = {.house = 3}, .card_ms = 5},
      {ENDORSE, 0, .by = {.house = 1}, .of = {.house = 3}, .card_ms = 9},
      {ENDORSE, 1, .by = {.house = 0}, .of = {.house = 4}},
      {ENDORSE, 2, .by = {.house = 0}, .of = {.house = 4}},
      {ENDORSE, 0, .by = {.house = 4}, .of = {.house = 4}},
      {ENDORSE, 0, .by = {.house = OBS}, .of = {.house = 4}},
      {ENDORSE, 0, .by = {.house = 20}, .of = {.house = 21}},
      {ENDORSE, 0, .by = {.house = 3}, .of = {.house = 5}, .role = TRIS_ROLE_OBSERVER},
      {ENDORSE, 1, .by = {.house = 1}, .of = {.house = 5}, .role = TRIS_ROLE_OBSERVER}}},
    {"all founders, who are fewer than admit; one of them cannot be rotated so",
     2,
     4,
     5,
     false,
     {{ENDORSE, 0, .by = {.house = 0}, .of = {.house = 2}},
      {ENDORSE, 0, .by = {.house = 1}, .of = {.house = 2}},
      {ENDORSE, 1, .by = {.house = 0}, .of = {.house = 3}},
      {ENDORSE, 0, .by = {.house = 2}, .of = {.house = 3}},
      {ENDORSE, 2, .by = {.house = 1}, .of = {0, 1, 0}},
      {ENDORSE, 1, .by = {.house = 2}, .of = {0, 1, 0}}}},
    {"a circle and its key to the door",
     2,
     2,
     3,
     false,
     {{ENDORSE, 0, .by = {.house = 0}, .of = {.house = 2}},
      {ENDORSE, 0, .by = {.house = 3}, .of = {.house = 2}},
      {ENDORSE, 1, .by = {.house = 0}, .of = {.house = 3}},
      {ENDORSE, 0, .by = {.house = 2}, .of = {.house = 3}},
      {ENDORSE, 2, .by = {.house = 1}, .of = {.house = 4}},
      {ENDORSE, 0, .by = {.house = 5}, .of = {.house = 4}},
      {ENDORSE, 3, .by = {.house = 1}, .of = {.house = 5}},
      {ENDORSE, 0, .by = {.house = 4}, .of = {.house = 5}},
      {ENDORSE, 4, .by = {.house = 0}, .of = {.house = 5}}}},
    {"rotated twice, then endorsed by each of the three keys, which are one house",
     3,
     2,
     3,
     false,
     {{ENDORSE, 0, .by = {.house = 1}, .of = {0, 1, 0}, .closes = 77},
      {ENDORSE, 0, .by = {.house = 2}, .of = {0, 1, 0}, .closes = 77},
      {ENDORSE, 1, .by = {.house = 1}, .of = {0, 2, 0}},
      {ENDORSE, 1, .by = {.house = 2}, .of = {0, 2, 0}},
      {ENDORSE, 0, .by = {.house = 0}, .of = {.house = 3}},
      {ENDORSE, 0, .by = {0, 1, 0}, .of = {.house = 3}},
      {ENDORSE, 0, .by = {0, 2, 0}, .of = {.house = 3}}}},
    {"revoked: what was endorsed behind the cut falls, with all that hangs on it",
     4,
     2,
     3,
     false,
     {{REVOKE, 0, .by = {.house = 0}, .of = {.house = 3}, .gov = 5, .data = 9},
      {REVOKE, 0, .by = {.house = 1}, .of = {.house = 3}, .gov = 5, .data = 9},
      {REVOKE, 0, .by = {.house = 2}, .of = {.house = 3}, .gov = 5, .data = 9},
      {REVOKE, 1, .by = {.house = 2}, .of = {.house = 3}, .gov = 1, .data = 1},
      {ENDORSE, 4, .by = {.house = 3}, .of = {.house = 4}},
      {ENDORSE, 1, .by = {.house = 0}, .of = {.house = 4}},
      {ENDORSE, 5, .by = {.house = 3}, .of = {.house = 5}},
      {ENDORSE, 2, .by = {.house = 0}, .of = {.house = 5}},
      {ENDORSE, 0, .by = {.house = 5}, .of = {.house = 6}},
      {ENDORSE, 3, .by = {.house = 0}, .of = {.house = 6}},
      {REVOKE, 1, .by = {.house = 6}, .of = {.house = 2}, .gov = 3, .data = 0},
      {REVOKE, 4, .by = {.house = 0}, .of = {.house = 2}, .gov = 3, .data = 0},
      {REVOKE, 4, .by = {.house = 1}, .of = {.house = 2}, .gov = 3, .data = 0}}},
    {"two revoke each other, and one of them is admitted again in epoch 1",
     6,
     2,
     4,
     false,
     {{REVOKE, 0, .by = {.house = 0}, .of = {.house = 1}, .gov = 1, .data = 8},
      {REVOKE, 0, .by = {.house = 2}, .of = {.house = 1}, .gov = 1, .data = 8},
      {REVOKE, 0, .by = {.house = 3}, .of = {.house = 1}, .gov = 1, .data = 8},
      {REVOKE, 0, .by = {.house = 4}, .of = {.house = 1}, .gov = 1, .data = 8},
      {REVOKE, 0, .by = {.house = 1}, .of = {.house = 0}, .gov = 0, .data = 7, .successor = true},
      {REVOKE, 1, .by = {.house = 2}, .of = {.house = 0}, .gov = 0, .data = 7, .successor = true},
      {REVOKE, 1, .by = {.house = 3}, .of = {.house = 0}, .gov = 0, .data = 7, .successor = true},
      {REVOKE, 1, .by = {.house = 4}, .of = {.house = 0}, .gov = 0, .data = 7, .successor = true},
      {ENDORSE, 2, .by = {.house = 2}, .of = {0, 1, 0}, .closes = 12},
      {ENDORSE, 2, .by = {.house = 3}, .of = {0, 1, 0}, .closes = 12}}},
    {"two keys of one epoch: epoch 2 with fewer than revoke does not settle it, epoch 3 does",
     5,
     2,
     4,
     false,
     {{ENDORSE, 0, .by = {.house = 1}, .of = {0, 1, 0}},
      {ENDORSE, 0, .by = {.house = 2}, .of = {0, 1, 0}},
      {ENDORSE, 1, .by = {.house = 2}, .of = {0, 1, 1}},
      {ENDORSE, 1, .by = {.house = 3}, .of = {0, 1, 1}},
      {ENDORSE, 1, .by = {.house = 1}, .of = {0, 2, 0}},
      {ENDORSE, 2, .by = {.house = 2}, .of = {0, 2, 0}},
      {ENDORSE, 2, .by = {.house = 3}, .of = {0, 2, 0}},
      {ENDORSE, 3, .by = {.house = 1}, .of = {0, 3, 0}},
      {ENDORSE, 3, .by = {.house = 2}, .of = {0, 3, 0}},
      {ENDORSE, 3, .by = {.house = 3}, .of = {0, 3, 0}},
      {ENDORSE, 0, .by = {.house = 4}, .of = {0, 3, 0}}}},
    {"one key with two closings, and a house that becomes an observer",
     4,
     2,
     3,
     false,
     {{ENDORSE, 0, .by = {.house = 1}, .of = {0, 1, 0}, .closes = 7},
      {ENDORSE, 0, .by = {.house = 2}, .of = {0, 1, 0}, .closes = 7},
      {ENDORSE, 1, .by = {.house = 2}, .of = {0, 1, 0}, .closes = 8},
      {ENDORSE, 0, .by = {.house = 3}, .of = {0, 1, 0}, .closes = 8},
      {ENDORSE, 0, .by = {.house = 0}, .of = {1, 1, 0}, .role = TRIS_ROLE_OBSERVER},
      {ENDORSE, 2, .by = {.house = 2}, .of = {1, 1, 0}, .role = TRIS_ROLE_OBSERVER},
      {ENDORSE, 0, .by = {0, 1, 0}, .of = {.house = 4}},
      {ENDORSE, 3, .by = {.house = 2}, .of = {.house = 4}}}},
};
/* clang-format on */
enum { CASES = sizeof cases / sizeof cases[0] };

/* ---- keys, lines, the charter ---- */

static void party_key(struct party p, struct tris_sign_secret *secret, struct tris_sign_pub *pub)
{
    key_from((uint8_t)(1 + p.house + 64 * p.epoch + 32 * p.other_key), secret, pub);
}

static struct tris_house_id party_id(struct party p)
{
    struct tris_sign_secret secret;
    struct tris_sign_pub pub;
    struct tris_house_id id;
    party_key((struct party){p.house, 0, 0}, &secret, &pub);
    memcpy(id.b, pub.b, sizeof id.b);
    return id;
}

static void make_line(struct party p, enum tris_role role, uint64_t time_ms,
                      struct house_line *line, char text[TRIS_HOUSE_LINE_BYTES_MAX + 1])
{
    struct tris_sign_secret secret;
    struct tris_sign_pub pub;
    *line = (struct house_line){
        .role = role, .region = "05315", .id = party_id(p), .epoch = p.epoch, .time_ms = time_ms};
    (void)snprintf(line->slug, sizeof line->slug, "haus-%u", p.house);
    (void)snprintf(line->name, sizeof line->name, "Haus %u", p.house);
    party_key(p, &secret, &pub);
    enum tris_err err = house_line_make(line, &secret, text, TRIS_HOUSE_LINE_BYTES_MAX + 1);
    tris_assert(err == TRIS_OK);
}

static void make_charter(const struct golden_case *g, struct charter *c)
{
    static const uint8_t nonce[32] = {7};
    static struct house_line lines[FOUNDERS_MAX + 1];
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    uint32_t count = 0;
    for (; count < g->founders; count++) {
        make_line((struct party){(uint8_t)count, 0, 0}, TRIS_ROLE_HOUSE, 1, &lines[count], text);
    }
    if (g->observer) {
        make_line((struct party){OBS, 0, 0}, TRIS_ROLE_OBSERVER, 1, &lines[count++], text);
    }
    enum tris_err err = charter_new("Verbund", nonce, lines, count, g->admit, g->revoke, c);
    tris_assert(err == TRIS_OK);
}

/* ---- statements ---- */

static struct log_cut cut_of(uint64_t size, uint8_t byte)
{
    struct log_cut cut = {.size = size};
    memset(cut.root.b, size > 0 ? byte : 0, sizeof cut.root.b);
    return cut;
}

/* Appends the payload that a step states. */
static void put_step(const struct step *s, struct wbuf *w)
{
    char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct statement out = {.revoke = s->verb == VERB_REVOKE};
    if (out.revoke) {
        out.revocation = (struct revocation){.house = party_id(s->of),
                                             .epoch = s->of.epoch,
                                             .gov = cut_of(s->gov, 0x60),
                                             .data = cut_of(s->data, 0x70),
                                             .has_successor = s->successor};
        if (s->successor) {
            out.revocation.successor = party_id((struct party){(uint8_t)(s->of.house + 1), 0, 0});
        }
    } else {
        struct house_line line;
        enum tris_role role = s->role != 0 ? s->role : TRIS_ROLE_HOUSE;
        make_line(s->of, role, s->card_ms, &line, card);
        out.opening =
            (struct opening){.house = line.id, .epoch = line.epoch, .key = line.key, .role = role};
        memcpy(out.opening.region, line.region, sizeof out.opening.region);
        out.opening.has_closes = line.epoch > 0 && role != TRIS_ROLE_OBSERVER;
        if (out.opening.has_closes) {
            out.opening.closes = cut_of(s->closes != 0 ? s->closes : CLOSES, 0x50);
        }
        out.card = span_str(card);
    }
    statement_encode(w, &out);
    tris_assert(w->err == TRIS_OK);
}

static json_t *step_json(const struct step *s)
{
    uint8_t bytes[PAYLOAD_ROOM];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    struct tris_sign_secret secret;
    struct tris_sign_pub key;
    json_t *out = json_object();
    const struct tris_house_id by = party_id(s->by);
    party_key(s->by, &secret, &key);
    put_step(s, &w);
    set(out, "house", hex_json(by.b, sizeof by.b));
    set(out, "epoch", json_integer(s->by.epoch));
    set(out, "key", hex_json(key.b, sizeof key.b));
    set(out, "seq", number_json(s->seq));
    set(out, "verb", json_integer(s->verb));
    set(out, "payload", hex_json(w.ptr, w.len));
    return out;
}

/* ---- payloads that have no effect ---- */

enum { EDITS = 13 };

/* One thing that is wrong; the card stays as it was and agrees with the house's first opening. */
static const char *edit(size_t i, struct statement *s)
{
    struct opening *o = &s->opening;
    switch (i) {
    case 0:
        o->key.b[0] ^= 1;
        return "epoch 0 with another key than the house";
    case 1:
        o->has_closes = true;
        return "epoch 0 that closes something";
    case 2:
        o->epoch = 1;
        return "epoch 1 that closes nothing, with the card of epoch 0";
    case 3:
        o->role = TRIS_ROLE_OBSERVER;
        return "role that is not the card's";
    case 4:
        o->role = TRIS_ROLE_COORDINATION + 1;
        return "unknown role";
    case 5:
        memcpy(o->region, "05314", 6);
        return "region that is not the card's";
    case 6:
        s->card.len--;
        return "card that is cut";
    case 7:
        o->house.b[0] ^= 1;
        o->key.b[0] ^= 1;
        return "card of another house";
    default:
        break;
    }
    *s = (struct statement){.revoke = true};
    s->revocation.gov = cut_of(5, 0x60);
    s->revocation.data = cut_of(9, 0x70);
    switch (i) {
    case 8:
        s->revocation.gov.size = 0;
        return "size 0 with a root";
    case 9:
        s->revocation.data.root = (struct tris_hash){{0}};
        return "size without a root";
    case 10:
        s->revocation.gov.size = LOG_CUT_SIZE_MAX + 1;
        return "size over its limit";
    default:
        return i == EDITS - 2 ? "field 6" : "field 127";
    }
}

static json_t *refused_json(size_t i)
{
    uint8_t bytes[PAYLOAD_ROOM];
    char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    struct house_line line;
    struct statement s = {.revoke = false};
    json_t *out = json_object();
    make_line((struct party){3, 0, 0}, TRIS_ROLE_HOUSE, 1, &line, card);
    opening_of_line(&line, &s.opening);
    s.card = span_str(card);
    set(out, "what", json_string(edit(i, &s)));
    statement_encode(&w, &s);
    if (i >= EDITS - 2) {
        bytes[0]++; /* pairs of the map */
        pack_write_uint(&w, i == EDITS - 2 ? 6 : 127);
        pack_write_uint(&w, 0);
    }
    tris_assert(w.err == TRIS_OK);
    set(out, "verb", json_integer(s.revoke ? VERB_REVOKE : VERB_ENDORSE));
    set(out, "payload", hex_json(w.ptr, w.len));
    return out;
}

/* ---- results ---- */

static json_t *end_json(const struct log_cut *cut)
{
    return cut->size == UINT64_MAX ? json_null() : number_json(cut->size);
}

static json_t *opening_json(const struct member_opening *o)
{
    json_t *out = json_object();
    set(out, "id", hex_json(o->id.b, sizeof o->id.b));
    set(out, "epoch", json_integer(o->opening.epoch));
    set(out, "ever", json_boolean(o->ever));
    set(out, "counts", json_boolean(o->counts));
    set(out, "houses", json_integer(o->counted));
    set(out, "revoked", json_boolean(o->revoked));
    set(out, "gov_cut", end_json(&o->gov_end));
    set(out, "data_end", end_json(&o->data_end));
    set(out, "card", json_stringn(o->card.len > 0 ? (const char *)o->card.ptr : "", o->card.len));
    return out;
}

static json_t *house_json(const struct member_set *all, const struct member_house *h)
{
    static const char *const states[] = {"candidate", "active", "revoked"};
    json_t *out = json_object(), *openings = json_array(), *revocations = json_array();
    for (uint32_t i = 0; i < h->opening_count; i++) {
        append(openings, opening_json(&all->opening[h->opening_first + i]));
    }
    for (uint32_t i = 0; i < h->revocation_count; i++) {
        const struct member_revocation *r = &all->revocation[h->revocation_first + i];
        json_t *one = json_object();
        set(one, "id", hex_json(r->id.b, sizeof r->id.b));
        set(one, "houses", json_integer(r->counted));
        set(one, "complete", json_boolean(r->complete));
        append(revocations, one);
    }
    set(out, "house", hex_json(h->id.b, sizeof h->id.b));
    set(out, "state", json_string(states[h->state]));
    set(out, "current",
        h->current == UINT32_MAX ? json_null()
                                 : json_integer(all->opening[h->current].opening.epoch));
    set(out, "openings", openings);
    set(out, "revocations", revocations);
    return out;
}

/* What the statements of a case, read from their JSON, come to. */
static json_t *result_json(const struct charter *c, const json_t *statements)
{
    static struct member_statement list[STEPS_MAX];
    static uint8_t bytes[STEPS_MAX][PAYLOAD_ROOM];
    struct member_set members;
    json_t *out = json_array(), *v;
    size_t i;
    tris_assert(json_array_size(statements) <= STEPS_MAX);
    json_array_foreach(statements, i, v)
    {
        struct member_statement *s = &list[i];
        *s = (struct member_statement){.seq = number_get(v, "seq")};
        hex_get_exact(v, "house", s->by.house.b, sizeof s->by.house.b);
        hex_get_exact(v, "key", s->by.seal_key.b, sizeof s->by.seal_key.b);
        s->by.epoch = (uint32_t)json_integer_value(json_object_get(v, "epoch"));
        uint32_t verb = (uint32_t)json_integer_value(json_object_get(v, "verb"));
        struct span payload = hex_get(v, "payload", bytes[i], sizeof bytes[i]);
        enum tris_err err = statement_decode(verb, payload, true, &s->what);
        tris_assert(err == TRIS_OK);
    }
    enum tris_err err = member_evaluate(c, list, (uint32_t)i, &members);
    tris_assert(err == TRIS_OK);
    for (uint32_t k = 0; k < members.house_count; k++) {
        append(out, house_json(&members, &members.house[k]));
    }
    member_set_fini(&members);
    return out;
}

static json_t *case_json(const struct golden_case *g)
{
    struct charter c;
    char *text;
    size_t len;
    json_t *out = json_object(), *statements = json_array();
    make_charter(g, &c);
    enum tris_err err = charter_print(&c, &text, &len);
    tris_assert(err == TRIS_OK);
    for (size_t i = 0; i < STEPS_MAX && g->step[i].verb != 0; i++) {
        append(statements, step_json(&g->step[i]));
    }
    set(out, "what", json_string(g->what));
    set(out, "charter", json_string(text));
    set(out, "statements", statements);
    set(out, "result", result_json(&c, statements));
    free(text);
    charter_fini(&c);
    return out;
}

static json_t *make_member_file(void)
{
    json_t *out = json_object(), *list = json_array(), *refused = json_array();
    for (size_t i = 0; i < CASES; i++) {
        append(list, case_json(&cases[i]));
    }
    for (size_t i = 0; i < EDITS; i++) {
        append(refused, refused_json(i));
    }
    set(out, "cases", list);
    set(out, "refused_payloads", refused);
    return out;
}

static void check_cases(struct check *check, const json_t *file)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(file, "cases"), i, v)
    {
        struct charter c;
        uint32_t line_no;
        const char *text = json_string_value(json_object_get(v, "charter"));
        enum tris_err err = charter_parse(span_str(text), &c, &line_no);
        EXPECT(check, err == TRIS_OK);
        if (err == TRIS_OK) {
            json_t *result = result_json(&c, json_object_get(v, "statements"));
            EXPECT(check, json_equal(result, json_object_get(v, "result")));
            json_decref(result);
            charter_fini(&c);
        }
    }
}

static void check_refused(struct check *check, const json_t *file)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(file, "refused_payloads"), i, v)
    {
        uint8_t bytes[PAYLOAD_ROOM];
        struct statement s;
        uint32_t verb = (uint32_t)json_integer_value(json_object_get(v, "verb"));
        struct span payload = hex_get(v, "payload", bytes, sizeof bytes);
        EXPECT(check, pack_check(payload, PACK_CANONICAL) == TRIS_OK); /* refused for its content */
        EXPECT(check, statement_decode(verb, payload, true, &s) != TRIS_OK);
    }
}

static void check_member_file(struct check *check, const json_t *file)
{
    check_cases(check, file);
    check_refused(check, file);
}

static const struct golden_file files[] = {
    {"member.json", make_member_file, check_member_file},
};

int main(int argc, char **argv)
{
    return golden_main(argc, argv, files, sizeof files / sizeof files[0]);
}
