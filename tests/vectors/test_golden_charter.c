/* Golden vectors of house lines and charters: charter.json. */
#include "proto/charter.h"
#include "proto/hash.h"
#include "tests/vectors/golden.h"

static const struct {
    uint8_t seed;
    enum tris_role role;
    const char *region, *slug, *name, *addr;
    uint64_t time_ms;
} people[] = {
    {1, TRIS_ROLE_HOUSE, "05315", "koeln", "Haus Köln", "127.0.0.1:8747", 1763905200000},
    {2, TRIS_ROLE_HOUSE, "14713", "leipzig", "Haus der Kooperation Leipzig", "[::1]:8748", 1},
    {3, TRIS_ROLE_COORDINATION, "DE", "bund", "100 % – ~ok_.-", "", UINT64_MAX},
    {4, TRIS_ROLE_OBSERVER, "DE", "blick", "Überblick", "blick.example:1", 0},
};
enum { PEOPLE = sizeof people / sizeof people[0], LATER_KEY = 5, LATER_EPOCH = 1 };

static json_t *line_json(const struct house_line *line, const char *text)
{
    static const char *const roles[] = {"", "house", "observer", "coordination"};
    json_t *out = json_object(), *addr = json_array();
    for (uint32_t i = 0; i < line->addr_count; i++) {
        append(addr, json_string(line->addr[i]));
    }
    set(out, "text", json_string(text));
    set(out, "role", json_string(roles[line->role]));
    set(out, "region", json_string(line->region));
    set(out, "slug", json_string(line->slug));
    set(out, "name", json_string(line->name));
    set(out, "id", hex_json(line->id.b, sizeof line->id.b));
    if (line->epoch > 0) {
        set(out, "epoch", json_integer(line->epoch));
        set(out, "key", hex_json(line->key.b, sizeof line->key.b));
    }
    set(out, "noise", hex_json(line->transport.b, sizeof line->transport.b));
    set(out, "addr", addr);
    set(out, "time_ms", number_json(line->time_ms));
    return out;
}

static void make_person(size_t i, struct house_line *line, struct tris_sign_secret *key,
                        char text[TRIS_HOUSE_LINE_BYTES_MAX + 1])
{
    struct tris_sign_pub pub;
    memset(line, 0, sizeof *line);
    line->role = people[i].role;
    (void)snprintf(line->region, sizeof line->region, "%s", people[i].region);
    (void)snprintf(line->slug, sizeof line->slug, "%s", people[i].slug);
    (void)snprintf(line->name, sizeof line->name, "%s", people[i].name);
    if (people[i].addr[0] != '\0') {
        (void)snprintf(line->addr[0], sizeof line->addr[0], "%s", people[i].addr);
        line->addr_count = 1;
    }
    memset(line->transport.b, 0x30 + (int)i, sizeof line->transport.b);
    line->time_ms = people[i].time_ms;
    key_from(people[i].seed, key, &pub);
    enum tris_err err = house_line_make(line, key, text, TRIS_HOUSE_LINE_BYTES_MAX + 1);
    tris_assert(err == TRIS_OK);
}

/* The first house once more, with the key of its next epoch. */
static void make_later(struct house_line *line, struct tris_sign_secret *key,
                       char text[TRIS_HOUSE_LINE_BYTES_MAX + 1])
{
    struct tris_sign_pub pub;
    make_person(0, line, key, text);
    key_from(LATER_KEY, key, &pub);
    line->epoch = LATER_EPOCH;
    enum tris_err err = house_line_make(line, key, text, TRIS_HOUSE_LINE_BYTES_MAX + 1);
    tris_assert(err == TRIS_OK);
}

static json_t *charter_json(const struct charter *c)
{
    char *text;
    size_t len;
    enum tris_err err = charter_print(c, &text, &len);
    tris_assert(err == TRIS_OK);
    json_t *out = json_object();
    set(out, "text", json_string(text));
    set(out, "name", json_string(c->name));
    set(out, "federation", hex_json(c->fed.b, sizeof c->fed.b));
    set(out, "admit", json_integer(c->admit));
    set(out, "revoke", json_integer(c->revoke));
    set(out, "members", json_integer(c->member_count));
    set(out, "founders", json_integer(c->founder_count));
    set(out, "signatures", json_integer(c->sig_count));
    set(out, "complete", json_boolean(charter_complete(c)));
    free(text);
    return out;
}

struct line_edit {
    const char *what, *from, *to;
};
/* Bodies of the first line that are signed correctly, yet must be refused. */
static const struct line_edit line_edits[] = {
    {"unknown version", "tris-house-1", "tris-house-2"},
    {"unknown role", "role=house", "role=hous"},
    {"role in capitals", "role=house", "role=House"},
    {"a house of the whole country", "region=05315", "region=DE"},
    {"region of four digits", "region=05315", "region=5315"},
    {"slug with a capital", "slug=koeln", "slug=Koeln"},
    {"slug that ends with a dash", "slug=koeln", "slug=koeln-"},
    {"no slug", "slug=koeln", "slug="},
    {"lower-case percent code", "%C3%B6", "%c3%b6"},
    {"percent code of a letter", "Haus", "%48aus"},
    {"raw byte that needs a percent code", "K%C3%B6ln", "K\xc3\xb6ln"},
    {"plus for a blank", "Haus%20", "Haus+"},
    {"control character", "Haus%20", "Haus%0A"},
    {"zero byte", "Haus%20", "Haus%00"},
    {"invalid UTF-8", "%C3%B6", "%C3%28"},
    {"no name", "name=Haus%20K%C3%B6ln", "name="},
    {"upper-case hex", "noise=30", "noise=3A"},
    {"key of 31 bytes", "noise=3030", "noise=30"},
    {"comma behind the last address", ":8747", ":8747,"},
    {"port 0", ":8747", ":0"},
    {"port with a leading zero", ":8747", ":08747"},
    {"no port", ":8747", ""},
    {"time with a leading zero", "time=1", "time=01"},
    {"time over 64 bits", "time=1763905200000", "time=18446744073709551616"},
    {"two blanks", " slug", "  slug"},
    {"unknown field", " time", " mail=x time"},
    {"fields in another order", "region=05315 slug=koeln", "slug=koeln region=05315"},
    {"carriage return", "time=1763905200000", "time=1763905200000\r"},
};
/* The same of the line of a later epoch. */
static const struct line_edit later_edits[] = {
    {"epoch 0", "epoch=1", "epoch=0"},
    {"epoch with a leading zero", "epoch=1", "epoch=01"},
    {"epoch over 32 bits", "epoch=1", "epoch=4294967296"},
    {"no epoch", " epoch=1", ""},
    {"key of 65 digits", " key=", " key=0"},
};

static json_t *refused_json(const char *line, const struct line_edit *edit,
                            const struct tris_sign_secret *key)
{
    char body[TRIS_HOUSE_LINE_BYTES_MAX], hex[129];
    struct tris_sig sig;
    const char *from = edit->from;
    const char *at = strstr(line, from), *end = strstr(line, " sig=");
    tris_assert(at != NULL && at < end);
    const char *rest = at + strlen(from);
    int len = snprintf(body, sizeof body, "%.*s%s%.*s", (int)(at - line), line, edit->to,
                       (int)(end - rest), rest);
    tris_assert(len > 0 && (size_t)len < sizeof body);
    sign_with_context("tris-house-v1", span_of(body, (size_t)len), key, &sig);
    tris_hex(sig.b, sizeof sig.b, hex);
    json_t *out = json_object();
    set(out, "what", json_string(edit->what));
    set(out, "text", json_sprintf("%s sig=%s", body, hex));
    return out;
}

static json_t *make_charter_file(void)
{
    static const uint8_t nonce[32] = {0x0c, 0xff};
    struct house_line lines[PEOPLE];
    struct tris_sign_secret keys[PEOPLE];
    struct charter c;
    json_t *out = json_object(), *list = json_array(), *charters = json_array();
    json_t *refused = json_array();
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    for (size_t i = 0; i < PEOPLE; i++) {
        make_person(i, &lines[i], &keys[i], text);
        append(list, line_json(&lines[i], text));
    }
    struct house_line later;
    struct tris_sign_secret later_key;
    make_later(&later, &later_key, text);
    append(list, line_json(&later, text));
    for (size_t i = 0; i < sizeof later_edits / sizeof later_edits[0]; i++) {
        append(refused, refused_json(text, &later_edits[i], &later_key));
    }
    make_person(0, &lines[0], &keys[0], text);
    for (size_t i = 0; i < sizeof line_edits / sizeof line_edits[0]; i++) {
        append(refused, refused_json(text, &line_edits[i], &keys[0]));
    }
    enum tris_err err = charter_new("Verbund Süd & Nord", nonce, lines, PEOPLE, 1, 2, &c);
    tris_assert(err == TRIS_OK);
    for (size_t i = 0; i < 4; i++) {
        append(charters, charter_json(&c));
        if (i < 3) {
            err = charter_sign(&c, &keys[i]);
            tris_assert(err == TRIS_OK);
        }
    }
    charter_fini(&c);
    set(out, "lines", list);
    set(out, "refused_lines", refused);
    set(out, "charters", charters);
    return out;
}

static void check_charter_file(struct check *check, const json_t *file)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(file, "lines"), i, v)
    {
        struct house_line line;
        char again[TRIS_HOUSE_LINE_BYTES_MAX + 1] = "";
        const char *text = json_string_value(json_object_get(v, "text"));
        EXPECT(check, house_line_parse(span_str(text), &line) == TRIS_OK);
        EXPECT(check, house_line_print(&line, again, sizeof again) == TRIS_OK);
        json_t *fields = line_json(&line, again);
        EXPECT(check, json_equal(fields, v));
        json_decref(fields);
    }
    json_array_foreach(json_object_get(file, "refused_lines"), i, v)
    {
        struct house_line line;
        const char *text = json_string_value(json_object_get(v, "text"));
        enum tris_err err = house_line_parse(span_str(text), &line);
        EXPECT(check, err != TRIS_OK);
        EXPECT(check, err != TRIS_ERR_BAD_SIGNATURE); /* refused for its form */
    }
    json_array_foreach(json_object_get(file, "charters"), i, v)
    {
        struct charter c;
        uint32_t line_no;
        const char *text = json_string_value(json_object_get(v, "text"));
        enum tris_err err = charter_parse(span_str(text), &c, &line_no);
        EXPECT(check, err == TRIS_OK);
        if (err == TRIS_OK) {
            json_t *fields = charter_json(&c);
            EXPECT(check, json_equal(fields, v));
            json_decref(fields);
            charter_fini(&c);
        }
    }
}

static const struct golden_file files[] = {
    {"charter.json", make_charter_file, check_charter_file},
};

int main(int argc, char **argv)
{
    return golden_main(argc, argv, files, sizeof files / sizeof files[0]);
}
