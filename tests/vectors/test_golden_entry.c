/* Golden vectors of log ids, headers, commitments, leaves, wire and erased forms: entry.json. */
#include "proto/entry.h"
#include "tests/vectors/golden.h"

enum { WIRE_BYTES_MAX = 1024 };

static const struct tris_log_id vector_log = {{0x01, 0x02, 0x03, 0xff}};

struct entry_sample {
    const char *name;
    struct entry_header header;
    uint64_t seq;
    const char *payload_hex;
    const char *unknown_hex; /* one trailing element, or NULL */
};

static const struct entry_sample entry_samples[] = {
    {"creates a record",
     {.version = 1, .verb = VERB_PUT, .kind = 2, .time_ms = 1763905200000},
     0,
     "8101a54bc3b66c6e",
     NULL},
    {"changes it",
     {.version = 1,
      .verb = VERB_PUT,
      .kind = 2,
      .time_ms = 1763905200001,
      .has_record = true,
      .has_prev = true},
     1,
     "80",
     NULL},
    {"ends a record of an earlier epoch",
     {.version = 1,
      .verb = VERB_END,
      .kind = 2,
      .time_ms = 1,
      .has_record = true,
      .has_record_epoch = true,
      .record_epoch = 3,
      .record_seq = 70000},
     255,
     "810103",
     NULL},
    {"largest numbers",
     {.version = 1,
      .verb = UINT32_MAX,
      .kind = UINT32_MAX,
      .time_ms = UINT64_MAX,
      .has_record = true,
      .has_record_epoch = true,
      .record_epoch = UINT32_MAX,
      .record_seq = UINT64_MAX,
      .has_prev = true,
      .prev = UINT64_MAX},
     UINT64_MAX,
     "",
     NULL},
    {"unknown trailing element",
     {.version = 1, .verb = VERB_CARD, .kind = 0, .time_ms = 128},
     65536,
     "81a0c0",
     "a3787878"},
};

/* A wire form with one more element than our encoder writes. */
static size_t with_unknown(const struct entry_sample *s, uint8_t *wire, size_t len)
{
    uint8_t extra[64], out[512];
    size_t extra_len = strlen(s->unknown_hex) / 2;
    bool good = tris_unhex(span_str(s->unknown_hex), extra, extra_len);
    tris_assert(good);
    struct wbuf w = wbuf_of(out, sizeof out);
    size_t head = 2 + (size_t)wire[1];
    wbuf_u8(&w, wire[0]);
    wbuf_u8(&w, (uint8_t)(wire[1] + extra_len));
    wbuf_u8(&w, wire[2] + 1);
    wbuf_bytes(&w, wire + 3, head - 3);
    wbuf_bytes(&w, extra, extra_len);
    wbuf_bytes(&w, wire + head, len - head);
    tris_assert(w.err == TRIS_OK);
    memcpy(wire, out, w.len);
    return w.len;
}

static json_t *header_json(const struct entry_header *h)
{
    json_t *out = json_object();
    set(out, "version", json_integer(h->version));
    set(out, "verb", json_integer(h->verb));
    set(out, "kind", json_integer(h->kind));
    set(out, "time_ms", number_json(h->time_ms));
    set(out, "record_epoch", h->has_record_epoch ? json_integer(h->record_epoch) : json_null());
    set(out, "record_seq", h->has_record ? number_json(h->record_seq) : json_null());
    set(out, "prev", h->has_prev ? number_json(h->prev) : json_null());
    set(out, "commit", hex_json(h->commit.b, sizeof h->commit.b));
    return out;
}

/* Everything that follows from a wire form, or NULL if it does not open. */
static json_t *entry_json(const struct tris_log_id *log, uint64_t seq, struct span wire)
{
    uint8_t full[TRIS_HEADER_BYTES_MAX], erased[256];
    struct wbuf w = wbuf_of(full, sizeof full), we = wbuf_of(erased, sizeof erased);
    struct entry entry;
    struct entry_header header;
    struct tris_hash leaf;
    struct rbuf run = rbuf_of(wire);
    if (entry_wire_next(&run, &entry) != TRIS_OK || rbuf_finish(&run) != TRIS_OK ||
        entry_open(&entry, log, seq, &w, &header, &leaf) != TRIS_OK) {
        return NULL;
    }
    entry_wire_encode_erased(&we, &entry);
    json_t *out = json_object();
    set(out, "log_id", hex_json(log->b, sizeof log->b));
    set(out, "seq", number_json(seq));
    set(out, "wire", hex_json(wire.ptr, wire.len));
    set(out, "salt", hex_json(entry.salt.ptr, entry.salt.len));
    set(out, "payload", hex_json(entry.payload.ptr, entry.payload.len));
    set(out, "header", hex_json(full, w.len));
    set(out, "fields", header_json(&header));
    set(out, "leaf", hex_json(leaf.b, sizeof leaf.b));
    set(out, "erased", hex_json(erased, we.len));
    return out;
}

static json_t *entry_sample_json(const struct entry_sample *s)
{
    uint8_t wire[512], payload[64];
    struct wbuf w = wbuf_of(wire, sizeof wire);
    struct tris_salt salt;
    size_t payload_len = strlen(s->payload_hex) / 2;
    bool good = tris_unhex(span_str(s->payload_hex), payload, payload_len);
    tris_assert(good);
    for (size_t i = 0; i < sizeof salt.b; i++) {
        salt.b[i] = (uint8_t)(0xa0 + i);
    }
    entry_wire_encode(&w, &s->header, &salt, span_of(payload, payload_len));
    tris_assert(w.err == TRIS_OK);
    size_t len = s->unknown_hex == NULL ? w.len : with_unknown(s, wire, w.len);
    json_t *out = entry_json(&vector_log, s->seq, span_of(wire, len));
    tris_assert(out != NULL);
    set(out, "name", json_string(s->name));
    return out;
}

static const char *const refused_wires[] = {
    "",                                                                   /* nothing */
    "02079701000000c0c0",                                                 /* form 2 */
    "00079701000000c0c0a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0001",             /* payload cut */
    "00069601000000c0a0a1a2a3a4a5a6a7a8a9aaabacadaeaf000180",             /* 6 elements */
    "000997cc0101000000c0c0a0a1a2a3a4a5a6a7a8a9aaabacadaeaf000180",       /* 1 not minimal */
    "00079701000000c0c3a0a1a2a3a4a5a6a7a8a9aaabacadaeaf000180",           /* prev true */
    "00089701000000c0c000a0a1a2a3a4a5a6a7a8a9aaabacadaeaf000180",         /* trailing element */
    "000c9801000000c0c0ca00000000a0a1a2a3a4a5a6a7a8a9aaabacadaeaf000180", /* a float */
    "01079701000000c0c0",                                                 /* no commitment */
};

static json_t *log_id_json(uint8_t topic, uint32_t epoch, uint8_t seal_key)
{
    struct tris_sign_secret secret;
    struct tris_sign_pub house, seal;
    struct tris_fed_id fed;
    struct tris_log_id id;
    struct tris_log_ref ref = {.topic = (enum tris_topic)topic, .epoch = epoch};
    memset(fed.b, 0xfe, sizeof fed.b);
    key_from(1, &secret, &house);
    key_from(seal_key, &secret, &seal);
    memcpy(ref.house.b, house.b, sizeof house.b);
    ref.seal_key = seal;
    log_id_derive(&fed, &ref, &id);
    json_t *out = json_object();
    set(out, "federation", hex_json(fed.b, sizeof fed.b));
    set(out, "house", hex_json(ref.house.b, sizeof ref.house.b));
    set(out, "topic", json_integer(topic));
    set(out, "epoch", json_integer(epoch));
    set(out, "seal_key", hex_json(ref.seal_key.b, sizeof ref.seal_key.b));
    set(out, "log_id", hex_json(id.b, sizeof id.b));
    return out;
}

static json_t *make_entry_file(void)
{
    json_t *out = json_object(), *ids = json_array(), *entries = json_array();
    json_t *refused = json_array();
    append(ids, log_id_json(TRIS_TOPIC_GOV, 0, 1));
    append(ids, log_id_json(TRIS_TOPIC_DATA, 0, 1));
    append(ids, log_id_json(TRIS_TOPIC_LOCAL, 0, 1));
    append(ids, log_id_json(TRIS_TOPIC_DATA, 0x01020304, 2));
    for (size_t i = 0; i < sizeof entry_samples / sizeof entry_samples[0]; i++) {
        append(entries, entry_sample_json(&entry_samples[i]));
    }
    for (size_t i = 0; i < sizeof refused_wires / sizeof refused_wires[0]; i++) {
        append(refused, json_string(refused_wires[i]));
    }
    set(out, "log_ids", ids);
    set(out, "entries", entries);
    set(out, "refused_wires", refused);
    return out;
}

static void check_log_id(struct check *check, const json_t *v)
{
    struct tris_fed_id fed;
    struct tris_log_id id;
    struct tris_log_ref ref = {0};
    hex_get_exact(v, "federation", fed.b, sizeof fed.b);
    hex_get_exact(v, "house", ref.house.b, sizeof ref.house.b);
    hex_get_exact(v, "seal_key", ref.seal_key.b, sizeof ref.seal_key.b);
    ref.topic = (enum tris_topic)json_integer_value(json_object_get(v, "topic"));
    ref.epoch = (uint32_t)json_integer_value(json_object_get(v, "epoch"));
    log_id_derive(&fed, &ref, &id);
    EXPECT(check, hex_is(v, "log_id", span_of(id.b, sizeof id.b)));
}

static void check_entry(struct check *check, const json_t *v)
{
    uint8_t wire[WIRE_BYTES_MAX], erased[512];
    struct tris_log_id log;
    uint64_t seq = number_get(v, "seq");
    hex_get_exact(v, "log_id", log.b, sizeof log.b);
    json_t *whole = entry_json(&log, seq, hex_get(v, "wire", wire, sizeof wire));
    EXPECT(check, whole != NULL);
    json_t *again = entry_json(&log, seq, hex_get(v, "erased", erased, sizeof erased));
    EXPECT(check, again != NULL);
    const char *const same_in_both[] = {"header", "fields", "leaf", "erased"};
    for (size_t i = 0; i < sizeof same_in_both / sizeof same_in_both[0]; i++) {
        const json_t *want = json_object_get(v, same_in_both[i]);
        EXPECT(check, json_equal(want, json_object_get(whole, same_in_both[i])));
        EXPECT(check, json_equal(want, json_object_get(again, same_in_both[i])));
    }
    EXPECT(check, json_equal(json_object_get(v, "payload"), json_object_get(whole, "payload")));
    EXPECT(check, json_equal(json_object_get(v, "salt"), json_object_get(whole, "salt")));
    json_decref(whole);
    json_decref(again);
}

static void check_entry_file(struct check *check, const json_t *file)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(file, "log_ids"), i, v) check_log_id(check, v);
    json_array_foreach(json_object_get(file, "entries"), i, v) check_entry(check, v);
    json_array_foreach(json_object_get(file, "refused_wires"), i, v)
    {
        uint8_t wire[512];
        const char *text = json_string_value(v);
        size_t len = strlen(text) / 2;
        EXPECT(check, len <= sizeof wire && tris_unhex(span_str(text), wire, len));
        json_t *opened = entry_json(&vector_log, 0, span_of(wire, len));
        EXPECT(check, opened == NULL);
        json_decref(opened);
    }
}

static const struct golden_file files[] = {
    {"entry.json", make_entry_file, check_entry_file},
};

int main(int argc, char **argv)
{
    return golden_main(argc, argv, files, sizeof files / sizeof files[0]);
}
