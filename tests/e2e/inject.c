/* Test tool: writes entries into the own data log of a stopped house that no command would write.
 *
 *   e2e_inject DATA-DIR IDENTITY-KEY-FILE [large]
 *
 * Unknown kind, unknown verb, unknown fields, payloads that break their schema: as a newer or a
 * careless house might seal them. They go through the door for foreign entries (segment_verify,
 * store_append_segment), so nothing of the own-write checks is in the way. One line an entry:
 * "<seq> <what>".
 *
 * large: one run of good partners instead that no segment can carry, because whoever made it did
 * not seal often enough. Prints its wire bytes. Not part of the product. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/keyfile.h"
#include "proto/pack.h"
#include "proto/schema.h"
#include "storage/store.h"

enum {
    WIRE_BYTES = 1024 * 1024,
    LARGE_ENTRIES = 900,
    LARGE_BYTES = 600, /* of an extension field of each */
    PAYLOAD_BYTES = 4096,
    UNKNOWN_KIND = 77,
    UNKNOWN_VERB = 200,
    UNKNOWN_FIELD = 100,   /* below 128: the entry has no effect */
    EXTENSION_FIELD = 200, /* from 128 up: kept, the entry has its effect */
    FIELD_TOO_LONG = 161,  /* characters; a partner's name has at most 160 */
    LATER_VERSION = 9,
    LATER_CODE = 250, /* in no list of this version: the entry has its effect */
};

static _Noreturn void die(const char *what, enum tris_err err)
{
    fprintf(stderr, "e2e_inject: %s: %s\n", what, tris_err_name(err));
    exit(1);
}

static void check(enum tris_err err, const char *what)
{
    if (err != TRIS_OK) {
        die(what, err);
    }
}

struct fault_entry {
    const char *what;
    uint32_t verb, kind;
    bool has_record;
    uint64_t record_seq;
    void (*payload)(struct wbuf *w);
    void (*header)(struct wbuf *cut, uint64_t time_ms); /* without the commitment; NULL: ours */
};

/* What a partner must have, and `extra` more pairs that the caller writes. */
static void partner_begin(struct wbuf *w, uint32_t extra, const char *name)
{
    pack_write_map(w, 6 + extra);
    pack_write_uint(w, PARTNER_NAME);
    pack_write_str(w, span_str(name));
    pack_write_uint(w, PARTNER_SECTOR);
    pack_write_uint(w, 1);
    pack_write_uint(w, PARTNER_LEGAL_FORM);
    pack_write_uint(w, 1);
    pack_write_uint(w, PARTNER_INTERMEDIARY);
    pack_write_bool(w, false);
    pack_write_uint(w, PARTNER_REGION);
    pack_write_str(w, span_str("05315"));
    pack_write_uint(w, PARTNER_STATUS);
    pack_write_uint(w, 1);
}

static void payload_partner(struct wbuf *w)
{
    partner_begin(w, 0, "Injected partner without effect");
}

static void payload_unknown_field(struct wbuf *w)
{
    partner_begin(w, 1, "Injected partner with an unknown field");
    pack_write_uint(w, UNKNOWN_FIELD);
    pack_write_str(w, span_str("from the future"));
}

static void payload_extension(struct wbuf *w)
{
    partner_begin(w, 1, "Injected partner with an extension");
    pack_write_uint(w, EXTENSION_FIELD);
    pack_write_str(w, span_str("from the future"));
}

static void payload_too_long(struct wbuf *w)
{
    char name[FIELD_TOO_LONG + 1];
    memset(name, 'x', FIELD_TOO_LONG);
    name[FIELD_TOO_LONG] = '\0';
    partner_begin(w, 0, name);
}

static void payload_lacks_field(struct wbuf *w)
{
    pack_write_map(w, 1);
    pack_write_uint(w, PARTNER_NAME);
    pack_write_str(w, span_str("Injected partner without a sector"));
}

static void payload_no_msgpack(struct wbuf *w)
{
    const uint8_t never_used = 0xc1;
    wbuf_bytes(w, &never_used, 1);
}

static void payload_trailing(struct wbuf *w)
{
    partner_begin(w, 0, "Injected partner with a trailing byte");
    payload_no_msgpack(w);
}

static void payload_empty_map(struct wbuf *w)
{
    pack_write_map(w, 0);
}

static void payload_longer_header(struct wbuf *w)
{
    partner_begin(w, 0, "Injected partner with a longer header");
}

/* An open offer whose second topic, contribution and radius only a later version knows. */
static void payload_later_codes(struct wbuf *w)
{
    const struct {
        uint32_t field;
        uint64_t number;
    } rest[] = {{LISTING_CONTRIBUTION, LATER_CODE},
                {LISTING_VALID_FROM, 20260101},
                {LISTING_VALID_TO, 99991231},
                {LISTING_STATUS, LISTING_STATE_OPEN},
                {LISTING_RADIUS, LATER_CODE}};
    const uint32_t count = sizeof rest / sizeof rest[0];
    pack_write_map(w, 3 + count);
    pack_write_uint(w, LISTING_TYPE);
    pack_write_uint(w, LISTING_TYPE_OFFER);
    pack_write_uint(w, LISTING_TITLE);
    pack_write_str(w, span_str("Injected offer with later codes"));
    pack_write_uint(w, LISTING_TOPICS);
    pack_write_array(w, 2);
    pack_write_uint(w, TOPIC_DIVERSITY);
    pack_write_uint(w, LATER_CODE);
    for (uint32_t i = 0; i < count; i++) {
        pack_write_uint(w, rest[i].field);
        pack_write_uint(w, rest[i].number);
    }
}

/* An element more than this version knows: allowed, and ignored. */
static void header_longer(struct wbuf *cut, uint64_t time_ms)
{
    pack_write_array(cut, 8);
    pack_write_uint(cut, ENTRY_VERSION);
    pack_write_uint(cut, VERB_PUT);
    pack_write_uint(cut, KIND_PARTNER);
    pack_write_uint(cut, time_ms);
    pack_write_nil(cut);
    pack_write_nil(cut);
    pack_write_str(cut, span_str("future")); /* the commitment stands before it */
}

/* Of a version that this one cannot read: nothing but the first element is looked at. */
static void header_later(struct wbuf *cut, uint64_t time_ms)
{
    pack_write_array(cut, 7);
    pack_write_uint(cut, LATER_VERSION);
    pack_write_str(cut, span_str("put"));
    pack_write_nil(cut);
    pack_write_uint(cut, time_ms);
    pack_write_bool(cut, true);
    pack_write_map(cut, 0);
}

static const struct fault_entry entries[] = {
    {"unknown-kind", VERB_PUT, UNKNOWN_KIND, false, 0, payload_partner, NULL},
    {"unknown-verb", UNKNOWN_VERB, KIND_PARTNER, false, 0, payload_partner, NULL},
    {"reserved-verb", VERB_PROPOSE, KIND_AGREEMENT, false, 0, payload_empty_map, NULL},
    {"unknown-field", VERB_PUT, KIND_PARTNER, false, 0, payload_unknown_field, NULL},
    {"too-long-field", VERB_PUT, KIND_PARTNER, false, 0, payload_too_long, NULL},
    {"lacks-field", VERB_PUT, KIND_PARTNER, false, 0, payload_lacks_field, NULL},
    {"no-msgpack", VERB_PUT, KIND_PARTNER, false, 0, payload_no_msgpack, NULL},
    {"trailing-byte", VERB_PUT, KIND_PARTNER, false, 0, payload_trailing, NULL},
    {"no-such-record", VERB_PUT, KIND_PARTNER, true, 4000000000u, payload_partner, NULL},
    {"ends-nothing", VERB_END, KIND_PARTNER, true, 4000000001u, payload_empty_map, NULL},
    {"later-version", 0, 0, false, 0, payload_partner, header_later},
    {"longer-header", 0, 0, false, 0, payload_longer_header, header_longer},
    {"extension", VERB_PUT, KIND_PARTNER, false, 0, payload_extension, NULL},
    {"later-codes", VERB_PUT, KIND_LISTING, false, 0, payload_later_codes, NULL},
};

enum { ENTRIES = sizeof entries / sizeof entries[0] };

static void key_read(const char *path, struct tris_sign_secret *key)
{
    char text[KEYFILE_BYTES_MAX];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        die(path, TRIS_ERR_NOT_FOUND);
    }
    size_t len = fread(text, 1, sizeof text, f);
    fclose(f);
    check(keyfile_identity_parse(span_of(text, len), key), path);
}

/* The wire form of an entry whose header is not one that this version would write. */
static void wire_put(struct wbuf *w, struct span cut, const struct tris_salt *salt,
                     struct span payload)
{
    wbuf_u8(w, 0);
    wbuf_u8(w, (uint8_t)cut.len);
    wbuf_span_put(w, cut);
    wbuf_bytes(w, salt->b, sizeof salt->b);
    wbuf_u16(w, (uint16_t)payload.len);
    wbuf_span_put(w, payload);
}

static void run_build(struct wbuf *run, uint64_t first, uint64_t time_ms)
{
    uint8_t bytes[PAYLOAD_BYTES];
    for (size_t i = 0; i < ENTRIES; i++) {
        struct wbuf payload = wbuf_of(bytes, sizeof bytes);
        entries[i].payload(&payload);
        struct entry_header header = {
            .version = ENTRY_VERSION,
            .verb = entries[i].verb,
            .kind = entries[i].kind,
            .time_ms = time_ms,
            .has_record = entries[i].has_record,
            .record_seq = entries[i].record_seq,
        };
        struct tris_salt salt;
        randombytes_buf(salt.b, sizeof salt.b);
        if (entries[i].header != NULL) {
            uint8_t cut_bytes[TRIS_HEADER_BYTES_MAX];
            struct wbuf cut = wbuf_of(cut_bytes, sizeof cut_bytes);
            entries[i].header(&cut, time_ms);
            wire_put(run, wbuf_span(&cut), &salt, wbuf_span(&payload));
        } else {
            entry_wire_encode(run, &header, &salt, wbuf_span(&payload));
        }
        printf("%llu %s\n", (unsigned long long)(first + i), entries[i].what);
    }
}

static void large_build(struct wbuf *run, uint64_t time_ms)
{
    static const uint8_t filler[LARGE_BYTES];
    uint8_t bytes[PAYLOAD_BYTES];
    for (size_t i = 0; i < LARGE_ENTRIES; i++) {
        char name[32];
        struct wbuf payload = wbuf_of(bytes, sizeof bytes);
        struct entry_header header = {
            .version = ENTRY_VERSION, .verb = VERB_PUT, .kind = KIND_PARTNER, .time_ms = time_ms};
        struct tris_salt salt;
        randombytes_buf(salt.b, sizeof salt.b);
        (void)snprintf(name, sizeof name, "Partner %zu", i);
        partner_begin(&payload, 1, name);
        pack_write_uint(&payload, EXTENSION_FIELD);
        pack_write_bin(&payload, filler, sizeof filler);
        entry_wire_encode(run, &header, &salt, wbuf_span(&payload));
    }
    check(run->err, "large run");
    printf("%zu\n", run->len);
}

/* The root after the run: what segment_verify will compute again. */
static void run_root(const struct store_log *log, struct span run, uint32_t count,
                     struct tris_hash *root)
{
    struct tree tree = log->tree;
    struct rbuf in = rbuf_of(run);
    for (size_t i = 0; i < count; i++) {
        struct entry entry;
        struct entry_header header;
        struct tris_hash leaf;
        uint8_t bytes[TRIS_HEADER_BYTES_MAX];
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        check(entry_wire_next(&in, &entry), "wire form");
        check(entry_open(&entry, &log->id, log->held + i, &w, &header, &leaf), "entry");
        tree_append(&tree, &leaf, TREE_STORED_LEVEL, NULL);
    }
    tree_root(&tree, root);
}

static void mark_write(struct store *s, const struct tris_fed_id *fed, struct tris_log_ref ref)
{
    struct store_view *v = NULL;
    struct store_mark mark = {0};
    check(store_view_begin(s, &v), "view");
    for (int topic = TRIS_TOPIC_GOV; topic <= TRIS_TOPIC_DATA; topic++) {
        struct tris_log_id id;
        struct store_log log;
        uint32_t no = 0;
        ref.topic = (enum tris_topic)topic;
        log_id_derive(fed, &ref, &id);
        if (store_log_find(v, &id, &no) != TRIS_OK) {
            continue;
        }
        check(store_log_get(v, no, &log), "log");
        if (!log.has_seal) {
            continue;
        }
        if (topic == TRIS_TOPIC_GOV) {
            mark.gov_size = log.seal.size;
            mark.gov_root = log.seal.root;
        } else {
            mark.data_size = log.seal.size;
            mark.data_root = log.seal.root;
        }
    }
    store_view_end(v);
    check(store_mark_write(s, &mark), "mark");
}

int main(int argc, char **argv)
{
    const bool large = argc == 4 && strcmp(argv[3], "large") == 0;
    const uint32_t count = large ? (uint32_t)LARGE_ENTRIES : (uint32_t)ENTRIES;
    if ((argc != 3 && !large) || sodium_init() < 0) {
        fputs("usage: e2e_inject DATA-DIR IDENTITY-KEY-FILE [large]\n", stderr);
        return 2;
    }
    struct store_opts opts = {.dir = argv[1]};
    struct tris_sign_secret key;
    struct store *s = NULL;
    char detail[256] = "";
    key_read(argv[2], &key);
    check(store_identify(opts.dir, &opts.fed, &opts.own), "identify");
    enum tris_err err = store_open(&opts, &s, detail, sizeof detail);
    if (err != TRIS_OK) {
        die(detail, err);
    }

    struct tris_log_ref ref = {.house = opts.own, .topic = TRIS_TOPIC_DATA, .epoch = 0};
    memcpy(ref.seal_key.b, opts.own.b, sizeof ref.seal_key.b);
    struct store_txn *t = NULL;
    struct store_log log;
    uint32_t no = 0;
    check(store_txn_begin(s, &t), "begin");
    check(store_log_ensure(t, &ref, &no), "log");
    check(store_log_get(store_txn_view(t), no, &log), "log");

    static uint8_t bytes[WIRE_BYTES];
    struct wbuf run = wbuf_of(bytes, sizeof bytes);
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    if (large) {
        large_build(&run, now_ms);
    } else {
        run_build(&run, log.held, now_ms);
    }
    struct span wire = wbuf_span(&run);
    struct seal seal = {.log = log.id, .size = log.held + count, .time_ms = now_ms};
    run_root(&log, wire, count, &seal.root);
    seal_make(&seal, &key);
    static struct verified_segment segment;
    struct tris_sign_pub pub;
    memcpy(pub.b, opts.own.b, sizeof pub.b);
    check(segment_verify(&log.id, &pub, &log.tree, wire, count, &seal, &segment), "verify");
    check(store_append_segment(t, no, &segment, now_ms), "append");
    check(store_commit(t), "commit");
    mark_write(s, &opts.fed, ref);
    store_close(s);
    sodium_memzero(&key, sizeof key);
    return 0;
}
