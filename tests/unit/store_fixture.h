/* What the store's tests share: a store in a fresh directory, houses with keys that write logs, and
 * payloads. Header only, since each test is a program of its own. */
#ifndef TRIS_TESTS_UNIT_STORE_FIXTURE_H
#define TRIS_TESTS_UNIT_STORE_FIXTURE_H

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/store.h"
#include "tests/lib/testlib.h"

#define ok(call) assert_int_equal((call), TRIS_OK)
#define fails(err, call) assert_int_equal((call), (err))

enum { FIX_WIRE_BYTES = 4 * 1024 * 1024, FIX_TIME_MS = 1700000000 };

/* A house as its own process would be: its key and one log that it writes in memory. */
struct writer {
    struct tris_sign_secret key;
    struct tris_log_ref ref;
    struct tris_log_id id;
    struct tree sealed; /* at the last seal */
    uint32_t count;     /* entries since then */
    uint8_t *wire;
    size_t len;
    uint64_t time_ms;
};

struct fix {
    char dir[256];
    struct store *s;
    struct tris_fed_id fed;
    struct tris_sign_secret key; /* of the own house */
    struct tris_house_id own;
    struct record *record;
    uint8_t *payload;
    uint8_t *scratch;
};

static inline struct tris_house_id fix_key(uint8_t number, struct tris_sign_secret *key)
{
    uint8_t seed[32];
    struct tris_house_id id;
    memset(seed, number, sizeof seed);
    assert_int_equal(crypto_sign_seed_keypair(id.b, key->b, seed), 0);
    return id;
}

static inline struct store_opts fix_opts(const struct fix *f, bool create)
{
    return (struct store_opts){.dir = f->dir,
                               .map_bytes = UINT64_C(1) << 30,
                               .create = create,
                               .fed = f->fed,
                               .own = f->own};
}

static inline void fix_open(struct fix *f)
{
    char detail[256];
    struct store_opts opts = fix_opts(f, false);
    ok(store_open(&opts, &f->s, detail, sizeof detail));
}

static inline void fix_init(struct fix *f)
{
    char detail[256];
    assert_true(sodium_init() >= 0);
    memset(f, 0, sizeof *f);
    test_dir_make(f->dir, sizeof f->dir);
    memset(f->fed.b, 0xfe, sizeof f->fed.b);
    f->own = fix_key(1, &f->key);
    f->record = malloc(sizeof *f->record);
    f->payload = malloc(TRIS_PAYLOAD_BYTES_MAX);
    f->scratch = malloc(TRIS_PAYLOAD_BYTES_MAX);
    assert_true(f->record != NULL && f->payload != NULL && f->scratch != NULL);
    struct store_opts opts = fix_opts(f, true);
    ok(store_open(&opts, &f->s, detail, sizeof detail));
}

static inline void fix_fini(struct fix *f)
{
    store_close(f->s);
    test_dir_remove(f->dir);
    free(f->record);
    free(f->payload);
    free(f->scratch);
}

static inline void fix_set(struct fix *f, struct wbuf *scratch, const char *field, const char *text)
{
    const struct field *found = schema_field_by_name(f->record->kind, span_str(field));
    assert_non_null(found);
    ok(record_set_text(f->record, found, span_str(text), scratch, NULL));
}

/* A partner; valid until the next one is made. NULL leaves a field out. */
static inline struct span fix_partner(struct fix *f, const char *name, const char *sector,
                                      const char *region, const char *source_id)
{
    struct wbuf scratch = wbuf_of(f->scratch, TRIS_PAYLOAD_BYTES_MAX);
    struct wbuf w = wbuf_of(f->payload, TRIS_PAYLOAD_BYTES_MAX);
    record_init(f->record, schema_kind(KIND_PARTNER));
    fix_set(f, &scratch, "name", name);
    fix_set(f, &scratch, "sector", sector);
    fix_set(f, &scratch, "legal_form", "ev");
    fix_set(f, &scratch, "topics", "diversity|other");
    fix_set(f, &scratch, "region", region);
    fix_set(f, &scratch, "status", "active");
    if (source_id != NULL) {
        fix_set(f, &scratch, "source", "liste");
        fix_set(f, &scratch, "source_id", source_id);
    }
    ok(record_encode(f->record, &w));
    return wbuf_span(&w);
}

/* ---- foreign logs ---- */

static inline void writer_init(struct writer *w, const struct fix *f, uint8_t number,
                               enum tris_topic topic)
{
    memset(w, 0, sizeof *w);
    w->ref.house = fix_key(number, &w->key);
    w->ref.topic = topic;
    memcpy(w->ref.seal_key.b, w->ref.house.b, sizeof w->ref.seal_key.b);
    log_id_derive(&f->fed, &w->ref, &w->id);
    tree_init(&w->sealed);
    w->wire = malloc(FIX_WIRE_BYTES);
    assert_non_null(w->wire);
    w->time_ms = FIX_TIME_MS;
}

static inline void writer_fini(struct writer *w)
{
    free(w->wire);
}

static inline struct entry_header header_create(uint32_t kind)
{
    return (struct entry_header){
        .version = ENTRY_VERSION, .verb = VERB_PUT, .kind = kind, .time_ms = FIX_TIME_MS};
}

static inline struct entry_header header_change(uint32_t verb, uint32_t kind, uint64_t record,
                                                uint64_t prev)
{
    return (struct entry_header){.version = ENTRY_VERSION,
                                 .verb = verb,
                                 .kind = kind,
                                 .time_ms = FIX_TIME_MS + 1,
                                 .has_record = true,
                                 .record_seq = record,
                                 .has_prev = true,
                                 .prev = prev};
}

/* Adds an entry to the run that the next seal covers; returns its seq. */
static inline uint64_t writer_add(struct writer *w, const struct entry_header *header,
                                  struct span payload)
{
    struct tris_salt salt;
    struct entry_header full = *header;
    memset(salt.b, (int)(w->count & 0xff), sizeof salt.b);
    entry_commit(payload, &salt, &full.commit);
    struct wbuf out = wbuf_of(w->wire + w->len, FIX_WIRE_BYTES - w->len);
    entry_wire_encode(&out, &full, &salt, payload);
    ok(out.err);
    w->len += out.len;
    return w->sealed.size + w->count++;
}

static inline uint64_t writer_put(struct writer *w, struct span payload)
{
    struct entry_header header = header_create(KIND_PARTNER);
    return writer_add(w, &header, payload);
}

/* Rewrites the pending run in erased form from entry `from` of it on. */
static inline void writer_erase_from(struct writer *w, uint32_t from)
{
    uint8_t *wire = malloc(FIX_WIRE_BYTES);
    struct wbuf out = wbuf_of(wire, FIX_WIRE_BYTES);
    struct rbuf run = rbuf_of(span_of(w->wire, w->len));
    for (uint32_t i = 0; i < w->count; i++) {
        struct entry entry;
        ok(entry_wire_next(&run, &entry));
        if (i < from) {
            wbuf_span_put(&out, entry.wire);
        } else {
            entry_wire_encode_erased(&out, &entry);
        }
    }
    ok(out.err);
    memcpy(w->wire, out.ptr, out.len);
    w->len = out.len;
    free(wire);
}

/* Seals the run and verifies it as a receiver would. Returns the segment in `out`. */
static inline void writer_seal(struct writer *w, struct verified_segment *out)
{
    struct tree tree = w->sealed;
    struct rbuf run = rbuf_of(span_of(w->wire, w->len));
    for (uint32_t i = 0; i < w->count; i++) {
        uint8_t bytes[TRIS_HEADER_BYTES_MAX];
        struct wbuf b = wbuf_of(bytes, sizeof bytes);
        struct entry entry;
        struct entry_header header;
        struct tris_hash leaf;
        ok(entry_wire_next(&run, &entry));
        ok(entry_open(&entry, &w->id, w->sealed.size + i, &b, &header, &leaf));
        (void)tree_append(&tree, &leaf, TREE_LEVELS_MAX, NULL);
    }
    struct seal seal = {.log = w->id, .size = tree.size, .time_ms = w->time_ms++};
    tree_root(&tree, &seal.root);
    seal_make(&seal, &w->key);
    ok(segment_verify(&w->id, &w->ref.seal_key, &w->sealed, span_of(w->wire, w->len), w->count,
                      &seal, out));
}

/* Begins a new run; `out` of the last seal still points into the old bytes, so use it before. */
static inline void writer_next(struct writer *w, const struct verified_segment *sealed)
{
    w->sealed = sealed->after;
    w->count = 0;
    w->len = 0;
}

/* Seals, appends in a transaction of its own, begins the next run. */
static inline uint32_t writer_deliver(struct writer *w, struct store *s)
{
    struct verified_segment segment;
    struct store_txn *t;
    uint32_t no;
    writer_seal(w, &segment);
    ok(store_txn_begin(s, &t));
    ok(store_log_ensure(t, &w->ref, &no));
    ok(store_append_segment(t, no, &segment, 5));
    ok(store_commit(t));
    writer_next(w, &segment);
    return no;
}

/* ---- the own house ---- */

static inline uint32_t own_log(struct fix *f, struct store_txn *t, enum tris_topic topic)
{
    struct tris_log_ref ref = {.house = f->own, .topic = topic};
    uint32_t no;
    memcpy(ref.seal_key.b, f->own.b, sizeof ref.seal_key.b);
    ok(store_log_ensure(t, &ref, &no));
    return no;
}

static inline enum tris_err own_append(struct store_txn *t, uint32_t no, struct entry_header header,
                                       struct span payload, uint64_t *seq)
{
    struct tris_salt salt;
    memset(salt.b, 7, sizeof salt.b);
    return store_append_own(t, no, &header, &salt, payload, 9, seq);
}

static inline void own_seal(struct fix *f, struct store_txn *t, uint32_t no, uint64_t time_ms)
{
    struct store_log log;
    ok(store_log_get(store_txn_view(t), no, &log));
    struct seal seal = {.log = log.id, .size = log.held, .time_ms = time_ms};
    tree_root(&log.tree, &seal.root);
    seal_make(&seal, &f->key);
    ok(store_seal_own(t, no, &seal));
}

/* Where a draft's place is now; all of it in the own log of a topic. */
static inline enum tris_err alias_of(struct store_view *v, enum tris_topic topic, uint64_t seq,
                                     uint64_t *now, uint64_t *draft)
{
    struct record_ref place = {0, 0};
    struct record_ref former = {0, seq};
    enum tris_err err = store_own_log(v, topic, &former.log_no);
    if (err == TRIS_OK) {
        err = store_alias_get(v, former, &place, draft);
    }
    *now = place.seq;
    return err;
}

static inline enum tris_err place_of(struct store_view *v, const struct store_draft *draft,
                                     uint64_t seq, uint64_t *now)
{
    struct record_ref place = {0, 0};
    enum tris_err err = store_draft_place(v, draft, seq, &place);
    *now = place.seq;
    return err;
}

static inline void audit_clean(struct store *s)
{
    for (int fast = 0; fast < 2; fast++) {
        struct audit_report report;
        ok(store_audit(s, fast != 0, NULL, NULL, &report));
        if (report.problems != 0) {
            print_message("audit: %s\n", report.first_problem);
        }
        assert_int_equal(report.problems, 0);
    }
}

#endif
