/* Golden vectors of invitations: invite.json. */
#include "proto/invite.h"
#include "tests/vectors/golden.h"

static const struct {
    const char *addr[INVITE_ADDRESSES_MAX];
    const char *name;
    uint64_t expires_ms;
} rows[] = {
    {{"127.0.0.1:8747"}, "Häuser der Kooperation", 1763905200000},
    {{"haus.example:1", "[::1]:8748"}, "", 0},
    {{"a:65535", "b:1", "[fe80::1]:2"}, "100 % – ~ok_.-", UINT64_MAX},
};

static json_t *invite_json(size_t i)
{
    struct invite v = {.expires_ms = rows[i].expires_ms};
    char text[INVITE_TEXT_BYTES_MAX + 1];
    uint8_t psk[32];
    json_t *out = json_object(), *addr = json_array();
    memset(v.fed.b, 0x10 + (int)i, sizeof v.fed.b);
    memset(v.house.b, 0x20 + (int)i, sizeof v.house.b);
    memset(v.transport.b, 0x30 + (int)i, sizeof v.transport.b);
    for (size_t k = 0; k < sizeof v.secret; k++) {
        v.secret[k] = (uint8_t)(16 * i + k);
    }
    for (size_t k = 0; k < INVITE_ADDRESSES_MAX && rows[i].addr[k] != NULL; k++) {
        (void)snprintf(v.addr[v.addr_count++], sizeof v.addr[0], "%s", rows[i].addr[k]);
        append(addr, json_string(rows[i].addr[k]));
    }
    (void)snprintf(v.name, sizeof v.name, "%s", rows[i].name);
    enum tris_err err = invite_print(&v, text, sizeof text);
    tris_assert(err == TRIS_OK);
    invite_psk(v.secret, psk);
    set(out, "text", json_string(text));
    set(out, "federation", hex_json(v.fed.b, sizeof v.fed.b));
    set(out, "house", hex_json(v.house.b, sizeof v.house.b));
    set(out, "noise", hex_json(v.transport.b, sizeof v.transport.b));
    set(out, "secret", hex_json(v.secret, sizeof v.secret));
    set(out, "expires_ms", number_json(v.expires_ms));
    set(out, "addr", addr);
    set(out, "name", json_string(v.name));
    set(out, "psk", hex_json(psk, sizeof psk));
    set(out, "number", number_json(invite_id(v.secret)));
    return out;
}

static json_t *make_invite_file(void)
{
    json_t *out = json_object(), *list = json_array();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        append(list, invite_json(i));
    }
    set(out, "invitations", list);
    return out;
}

static void check_invite_file(struct check *check, const json_t *file)
{
    size_t index;
    json_t *one;
    json_array_foreach(json_object_get(file, "invitations"), index, one)
    {
        struct invite v;
        char again[INVITE_TEXT_BYTES_MAX + 1];
        const char *text = json_string_value(json_object_get(one, "text"));
        EXPECT(check, text != NULL && invite_parse(span_str(text), &v) == TRIS_OK);
        EXPECT(check, invite_print(&v, again, sizeof again) == TRIS_OK && strcmp(again, text) == 0);
        EXPECT(check, hex_is(one, "secret", span_of(v.secret, sizeof v.secret)));
        EXPECT(check, hex_is(one, "noise", span_of(v.transport.b, sizeof v.transport.b)));
        EXPECT(check, number_get(one, "expires_ms") == v.expires_ms);
    }
}

static const struct golden_file files[] = {
    {"invite.json", make_invite_file, check_invite_file},
};

int main(int argc, char **argv)
{
    return golden_main(argc, argv, files, sizeof files / sizeof files[0]);
}
