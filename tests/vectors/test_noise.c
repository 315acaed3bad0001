/* Noise handshakes and transport messages against vectors in cacophony's and its relatives' form.
 */
#include "proto/noise.h"
#include "tests/vectors/vectors.h"

struct pattern_name {
    const char *name;
    enum noise_pattern pattern;
};

static const struct pattern_name patterns[] = {
    {"Noise_IK_25519_ChaChaPoly_BLAKE2b", NOISE_IK},
    {"Noise_IKpsk1_25519_ChaChaPoly_BLAKE2b", NOISE_IKPSK1},
    {"Noise_XX_25519_ChaChaPoly_BLAKE2b", NOISE_XX},
};

struct side {
    struct noise_handshake hs;
    struct noise_transport transport;
};

/* 0 if this pattern, suite or hash is not one of ours. */
static enum noise_pattern pattern_find(const char *name)
{
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        if (strcmp(name, patterns[i].name) == 0) {
            return patterns[i].pattern;
        }
    }
    return (enum noise_pattern)0;
}

static bool load_keypair(const json_t *test, const char *key, struct noise_keypair *out)
{
    struct tris_dh_secret secret;
    if (!vectors_exact(test, key, secret.b, sizeof secret.b)) {
        return false;
    }
    noise_keypair_from_secret(&secret, out);
    return true;
}

/* "init_psks": [hex] or "init_psk": hex */
static bool load_psk(const json_t *test, const char *prefix, uint8_t out[32])
{
    char key[32];
    (void)snprintf(key, sizeof key, "%s_psks", prefix);
    const json_t *list = json_object_get(test, key);
    size_t len = 0;
    if (json_array_size(list) == 1) {
        uint8_t *psk = vectors_unhex(json_string_value(json_array_get(list, 0)), &len);
        bool ok = psk != NULL && len == 32;
        if (ok) {
            memcpy(out, psk, 32);
        }
        free(psk);
        return ok;
    }
    (void)snprintf(key, sizeof key, "%s_psk", prefix);
    return vectors_exact(test, key, out, 32);
}

static bool side_start(const json_t *test, enum noise_pattern pattern, bool initiator,
                       struct side *side)
{
    const char *prefix = initiator ? "init" : "resp";
    char key[32];
    struct noise_keypair s, e, responder;
    struct tris_dh_pub rs;
    uint8_t psk[32];
    bool needs_rs = initiator && pattern != NOISE_XX, needs_psk = pattern == NOISE_IKPSK1;

    (void)snprintf(key, sizeof key, "%s_static", prefix);
    bool ok = load_keypair(test, key, &s);
    (void)snprintf(key, sizeof key, "%s_ephemeral", prefix);
    ok = ok && load_keypair(test, key, &e);
    if (ok && needs_rs && !vectors_exact(test, "init_remote_static", rs.b, sizeof rs.b)) {
        ok = load_keypair(test, "resp_static", &responder);
        rs = responder.pub;
    }
    ok = ok && (!needs_psk || load_psk(test, prefix, psk));
    (void)snprintf(key, sizeof key, "%s_prologue", prefix);
    size_t prologue_len = 0;
    uint8_t *prologue = vectors_bytes(test, key, &prologue_len);
    ok = ok && prologue != NULL &&
         noise_init(&side->hs, pattern, initiator, span_of(prologue, prologue_len), &s, &e,
                    needs_rs ? &rs : NULL, needs_psk ? psk : NULL) == TRIS_OK;
    free(prologue);
    return ok;
}

/* One message from `from` to `to`: the ciphertext must be the expected one, and open again. */
static bool exchange(struct side *from, struct side *to, struct span plain, struct span expected)
{
    size_t cap = plain.len + 256;
    uint8_t *sealed = malloc(cap), *opened = malloc(cap);
    bool ok = sealed != NULL && opened != NULL;
    if (ok && !noise_done(&from->hs) && from->hs.pattern != 0) {
        struct wbuf out = wbuf_of(sealed, cap), in = wbuf_of(opened, cap);
        ok = noise_write(&from->hs, plain, &out) == TRIS_OK && span_eq(wbuf_span(&out), expected) &&
             noise_read(&to->hs, expected, &in) == TRIS_OK && span_eq(wbuf_span(&in), plain);
    } else if (ok) {
        ok = noise_encrypt(&from->transport.send, plain, sealed) == TRIS_OK &&
             span_eq(span_of(sealed, plain.len + TRIS_AEAD_TAG_BYTES), expected) &&
             noise_decrypt(&to->transport.recv, expected, opened) == TRIS_OK &&
             span_eq(span_of(opened, plain.len), plain);
    }
    free(sealed);
    free(opened);
    return ok;
}

/* Once both are done: split, and compare the handshake hash if the vector has one. */
static bool finish(const json_t *test, struct side side[2])
{
    uint8_t expected[64];
    for (int i = 0; i < 2; i++) {
        if (!noise_done(&side[i].hs)) {
            return true;
        }
    }
    noise_split(&side[0].hs, &side[0].transport);
    noise_split(&side[1].hs, &side[1].transport);
    if (json_object_get(test, "handshake_hash") == NULL) {
        return true;
    }
    return vectors_exact(test, "handshake_hash", expected, sizeof expected) &&
           memcmp(side[0].transport.handshake_hash, expected, sizeof expected) == 0 &&
           memcmp(side[1].transport.handshake_hash, expected, sizeof expected) == 0;
}

static const char *run_case(const json_t *test, enum noise_pattern pattern)
{
    const json_t *messages = json_object_get(test, "messages");
    struct side side[2];
    const char *why = NULL;
    memset(side, 0, sizeof side);
    if (!side_start(test, pattern, true, &side[0]) || !side_start(test, pattern, false, &side[1])) {
        return "keys are missing or malformed";
    }
    if (json_array_size(messages) == 0) {
        return "there are no messages";
    }
    for (size_t i = 0; why == NULL && i < json_array_size(messages); i++) {
        const json_t *message = json_array_get(messages, i);
        size_t plain_len = 0, sealed_len = 0;
        uint8_t *plain = vectors_bytes(message, "payload", &plain_len);
        uint8_t *sealed = vectors_bytes(message, "ciphertext", &sealed_len);
        if (plain == NULL || sealed == NULL) {
            why = "a message is malformed";
        } else if (!exchange(&side[i % 2], &side[1 - i % 2], span_of(plain, plain_len),
                             span_of(sealed, sealed_len))) {
            why = "a message differs";
        } else if (!finish(test, side)) {
            why = "the handshake hash differs";
        }
        free(plain);
        free(sealed);
    }
    for (int i = 0; i < 2; i++) {
        noise_handshake_fini(&side[i].hs);
        noise_transport_fini(&side[i].transport);
    }
    return why;
}

/* Our own vectors also carry the gate before message 1. */
static bool gate_holds(const json_t *test, enum noise_pattern pattern)
{
    uint8_t secret[32], expected[NOISE_GATE_BYTES], gate[NOISE_GATE_BYTES];
    size_t len = 0;
    if (json_object_get(test, "gate") == NULL) {
        return true;
    }
    const json_t *first = json_array_get(json_object_get(test, "messages"), 0);
    uint8_t *message = vectors_bytes(first, "ciphertext", &len);
    bool ok = message != NULL && vectors_exact(test, "gate_secret", secret, sizeof secret) &&
              vectors_exact(test, "gate", expected, sizeof expected);
    if (ok) {
        noise_gate((uint8_t)pattern, span_of(message, len), secret, gate);
        ok = memcmp(gate, expected, sizeof gate) == 0;
    }
    free(message);
    return ok;
}

static void judge_case(struct vectors *v, const json_t *test)
{
    const char *name = vectors_text(test, "protocol_name");
    if (name == NULL) {
        name = vectors_text(test, "name");
    }
    if (name == NULL) {
        vectors_result(v, "case without a name", false, "protocol_name is missing");
        return;
    }
    enum noise_pattern pattern = pattern_find(name);
    if (pattern == 0 || json_is_true(json_object_get(test, "fallback")) ||
        json_is_true(json_object_get(test, "fail"))) {
        v->skipped++;
        return;
    }
    const char *why = run_case(test, pattern);
    if (why == NULL && !gate_holds(test, pattern)) {
        why = "the gate differs";
    }
    vectors_result(v, name, why == NULL, why);
}

/* {"vectors": [...]} or the array alone */
static bool judge(struct vectors *v, const json_t *document)
{
    const json_t *list = json_is_array(document) ? document : json_object_get(document, "vectors");
    for (size_t i = 0; i < json_array_size(list); i++) {
        judge_case(v, json_array_get(list, i));
    }
    return json_is_array(list);
}

static void put_hex(json_t *object, const char *key, const void *bytes, size_t len)
{
    char hex[2 * 512 + 1];
    (void)sodium_bin2hex(hex, sizeof hex, bytes, len);
    (void)json_object_set_new(object, key, json_string(hex));
}

/* 32 bytes that only depend on the label; a secret key that anybody can derive. */
static void derive(const char *pattern, const char *label, uint8_t out[32])
{
    char text[128];
    (void)snprintf(text, sizeof text, "tris golden %s %s", pattern, label);
    (void)crypto_generichash(out, 32, (const uint8_t *)text, strlen(text), NULL, 0);
}

static void put_secret(json_t *test, const char *pattern, const char *key)
{
    uint8_t secret[32];
    derive(pattern, key, secret);
    put_hex(test, key, secret, sizeof secret);
}

/* The prologue of tris: major version 1 and a federation id. */
static void put_prologue(json_t *test)
{
    uint8_t prologue[33] = {1};
    derive("any", "federation", prologue + 1);
    put_hex(test, "init_prologue", prologue, sizeof prologue);
    put_hex(test, "resp_prologue", prologue, sizeof prologue);
}

static void put_gate(json_t *test, enum noise_pattern pattern, struct span message1,
                     const uint8_t secret[32])
{
    uint8_t gate[NOISE_GATE_BYTES];
    noise_gate((uint8_t)pattern, message1, secret, gate);
    put_hex(test, "gate_secret", secret, 32);
    put_hex(test, "gate", gate, sizeof gate);
}

/* Runs the handshake and two transport messages, and notes what is sent. */
static bool put_messages(json_t *test, enum noise_pattern pattern, const uint8_t gate_secret[32])
{
    static const char *const payloads[] = {"eins", "zwei", "", "vier"};
    struct side side[2];
    json_t *messages = json_array();
    memset(side, 0, sizeof side);
    bool ok =
        side_start(test, pattern, true, &side[0]) && side_start(test, pattern, false, &side[1]);
    for (size_t i = 0; ok && i < 4; i++) {
        uint8_t sealed[256], opened[256];
        struct span plain = span_str(payloads[i]);
        struct wbuf out = wbuf_of(sealed, sizeof sealed), in = wbuf_of(opened, sizeof opened);
        struct side *from = &side[i % 2], *to = &side[1 - i % 2];
        if (i < 2) {
            ok = noise_write(&from->hs, plain, &out) == TRIS_OK &&
                 noise_read(&to->hs, wbuf_span(&out), &in) == TRIS_OK;
        } else {
            ok = noise_encrypt(&from->transport.send, plain, sealed) == TRIS_OK;
            out.len = plain.len + TRIS_AEAD_TAG_BYTES;
        }
        json_t *message = json_object();
        put_hex(message, "payload", plain.ptr, plain.len);
        put_hex(message, "ciphertext", sealed, out.len);
        (void)json_array_append_new(messages, message);
        if (i == 0) {
            put_gate(test, pattern, wbuf_span(&out), gate_secret);
        } else if (ok && i == 1) {
            ok = finish(test, side);
            put_hex(test, "handshake_hash", side[0].transport.handshake_hash, 64);
        }
    }
    (void)json_object_set_new(test, "messages", messages);
    return ok;
}

static json_t *make_case(const struct pattern_name *row)
{
    json_t *test = json_object();
    struct noise_keypair responder;
    uint8_t psk[32];
    (void)json_object_set_new(test, "protocol_name", json_string(row->name));
    put_prologue(test);
    put_secret(test, row->name, "init_static");
    put_secret(test, row->name, "init_ephemeral");
    put_secret(test, row->name, "resp_static");
    put_secret(test, row->name, "resp_ephemeral");
    bool ok = load_keypair(test, "resp_static", &responder);
    put_hex(test, "init_remote_static", responder.pub.b, sizeof responder.pub.b);
    if (row->pattern == NOISE_IKPSK1) {
        char hex[65];
        derive(row->name, "psk", psk);
        (void)sodium_bin2hex(hex, sizeof hex, psk, sizeof psk);
        (void)json_object_set_new(test, "init_psks", json_pack("[s]", hex));
        (void)json_object_set_new(test, "resp_psks", json_pack("[s]", hex));
    }
    ok = ok &&
         put_messages(test, row->pattern, row->pattern == NOISE_IKPSK1 ? psk : responder.pub.b);
    if (!ok) {
        json_decref(test);
        return NULL;
    }
    return test;
}

static int write_golden(const char *path)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        if (patterns[i].pattern != NOISE_XX) {
            (void)json_array_append_new(list, make_case(&patterns[i]));
        }
    }
    json_t *document = json_pack("{s:o}", "vectors", list);
    int failed = json_array_size(list) != 2 || json_dump_file(document, path, JSON_INDENT(1)) != 0;
    json_decref(document);
    return failed ? 2 : 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        return sodium_init() < 0 ? 2 : write_golden(argv[2]);
    }
    return vectors_main(argc, argv, judge);
}
