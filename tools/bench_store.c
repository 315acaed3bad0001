/* How fast the store takes entries: verified segments of a foreign log, and own entries, both with
 * views, counters and durable commits. Prints the machine's own commit rate beside it.
 *
 * bench_store [entries [entries a commit [directory [parts]]]]
 * parts: letters of s (segments), m (the same from many houses), o (own), l (own, looked up first),
 * w (words), a (audit). */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench_log.h"

enum { PAYLOADS = 4096, SEGMENT_ENTRIES = 512, COMMITS_TRIED = 200, HOUSES_MANY = 400 };

struct bench {
    char dir[512];
    struct store *s;
    struct tris_fed_id fed;
    struct tris_sign_secret own_key;
    struct tris_house_id own;
    uint8_t *bytes; /* payloads, one after the other */
    struct span payload[PAYLOADS];
    uint64_t entries, batch;
};

static double now_s(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void set(struct record *r, struct wbuf *scratch, const char *name, const char *text)
{
    const struct field *field = schema_field_by_name(r->kind, span_str(name));
    if (field != NULL) {
        bench_must(record_set_text(r, field, span_str(text), scratch, NULL), name);
    }
}

/* Partners of about 400 bytes, spread over 16 districts. */
static void make_payloads(struct bench *b)
{
    static const char *const regions[] = {"05315", "14713", "13003", "05314", "05111", "09184",
                                          "06412", "11000", "02000", "03241", "04011", "07111",
                                          "08111", "10041", "12054", "16051"};
    static const char *const sectors[] = {"W", "S", "Z"};
    static const char *const topics[] = {"diversity", "diversity|work_life", "digital_cohesion"};
    static uint8_t scratch_bytes[8192];
    struct record *r = bench_memory(sizeof *r);
    b->bytes = bench_memory((size_t)PAYLOADS * 1024);
    struct wbuf w = wbuf_of(b->bytes, (size_t)PAYLOADS * 1024);
    for (int i = 0; i < PAYLOADS; i++) {
        struct wbuf scratch = wbuf_of(scratch_bytes, sizeof scratch_bytes);
        char text[400];
        record_init(r, schema_kind(KIND_PARTNER));
        (void)snprintf(text, sizeof text, "Verein für Nachbarschaft Nr. %d e.V.",
                       i * 7919 % 100003);
        set(r, &scratch, "name", text);
        set(r, &scratch, "sector", sectors[i % 3]);
        set(r, &scratch, "legal_form", i % 3 == 0 ? "gmbh" : "ev");
        set(r, &scratch, "topics", topics[i % 3]);
        set(r, &scratch, "region", regions[i % 16]);
        set(r, &scratch, "status", "active");
        set(r, &scratch, "source", "liste-2026");
        (void)snprintf(text, sizeof text, "P-%06d", i);
        set(r, &scratch, "source_id", text);
        set(r, &scratch, "description",
            "Wir bringen Unternehmen, Verwaltung und Vereine im Kreis zusammen, beraten zu "
            "gemeinsamen Vorhaben, vermitteln Räume und Zeit und begleiten die Absprachen, bis "
            "sie erfüllt sind. Wer mitmachen will, meldet sich in der Sprechstunde am Dienstag.");
        size_t start = w.len;
        bench_must(record_encode(r, &w), "payload");
        b->payload[i] = span_of(w.ptr + start, w.len - start);
    }
    free(r);
}

static void report(const char *what, uint64_t entries, double wall, double cpu)
{
    printf("%-22s %9.0f entries/s  %6.2f s wall  %6.2f s cpu  %5.2f us cpu an entry\n", what,
           (double)entries / wall, wall, cpu, cpu * 1e6 / (double)entries);
}

static void bench_commits(struct bench *b)
{
    double start = now_s();
    for (int i = 0; i < COMMITS_TRIED; i++) {
        struct store_txn *t;
        bench_must(store_txn_begin(b->s, &t), "begin");
        bench_must(store_setting_put(t, "bench", span_of(&i, sizeof i)), "put");
        bench_must(store_commit(t), "commit");
    }
    printf("%-22s %9.0f commits/s (durable, one small row each)\n", "machine",
           COMMITS_TRIED / (now_s() - start));
}

static void append_segments(struct bench *b, const struct bench_house *writers, uint32_t houses,
                            uint32_t first, const struct verified_segment *segment, uint64_t count)
{
    struct store_txn *t;
    bench_must(store_txn_begin(b->s, &t), "begin");
    for (uint64_t i = 0; i < count; i++) {
        uint32_t no;
        bench_must(store_log_ensure(t, &writers[(first + i) % houses].ref, &no), "log");
        bench_must(store_append_segment(t, no, &segment[i], 1), "append");
    }
    bench_must(store_commit(t), "commit");
}

static void print_disk(struct bench *b, uint64_t wire_bytes)
{
    struct store_view *v;
    struct store_info info;
    bench_must(store_view_begin(b->s, &v), "view");
    bench_must(store_info(v, &info), "info");
    store_view_end(v);
    printf("%-22s %9.1f bytes an entry (wire: %.1f)\n", "disk",
           (double)info.used_bytes / (double)info.entries, (double)wire_bytes / (double)b->entries);
}

/* Entries of several houses, whose segments take turns. */
static void bench_segments(struct bench *b, uint32_t houses)
{
    const uint64_t segments_max = b->batch / SEGMENT_ENTRIES + 1;
    struct verified_segment *segment = bench_memory((size_t)segments_max * sizeof *segment);
    struct bench_house *writers = bench_memory(houses * sizeof *writers);
    const size_t cap = (size_t)(b->batch + SEGMENT_ENTRIES) * 1024;
    uint8_t *bytes = bench_memory(cap);
    double wall = 0;
    double cpu = 0;
    uint64_t wire_bytes = 0;
    uint64_t done = 0;
    uint32_t turn = 0;
    for (uint32_t i = 0; i < houses; i++) {
        bench_house_init(&b->fed, &writers[i], i + houses);
    }
    while (done < b->entries) {
        struct wbuf wire = wbuf_of(bytes, cap);
        const uint32_t first = turn;
        uint64_t left = b->entries - done < b->batch ? b->entries - done : b->batch;
        done += left;
        while (left > 0) {
            uint32_t size = (uint32_t)(left < SEGMENT_ENTRIES ? left : SEGMENT_ENTRIES);
            bench_segment(&writers[turn % houses], b->payload, PAYLOADS, size, &wire,
                          &segment[turn - first]);
            turn++;
            left -= size;
        }
        wire_bytes += wire.len;
        double wall_start = now_s();
        double cpu_start = cpu_s();
        append_segments(b, writers, houses, first, segment, turn - first);
        wall += now_s() - wall_start;
        cpu += cpu_s() - cpu_start;
    }
    report(houses == 1 ? "verified segments" : "of 400 houses, by turns", b->entries, wall, cpu);
    print_disk(b, wire_bytes);
    free(segment);
    free(writers);
    free(bytes);
}

/* Own texts differ from record to record, as imports do: names and source ids fill the indexes. */
static struct span own_payload(struct bench *b, struct record *r, uint64_t i, uint8_t *bytes,
                               size_t size)
{
    char name[64];
    char id[32];
    bench_must(record_decode(schema_kind(KIND_PARTNER), b->payload[i % PAYLOADS], r, NULL),
               "decode");
    (void)snprintf(name, sizeof name, "Verein Nr. %llu", (unsigned long long)(i * 7919 % 10000019));
    (void)snprintf(id, sizeof id, "P-%08llu", (unsigned long long)i);
    record_value_mut(r, PARTNER_NAME)->text = span_str(name);
    record_value_mut(r, PARTNER_SOURCE_ID)->text = span_str(id);
    struct wbuf w = wbuf_of(bytes, size);
    bench_must(record_encode(r, &w), "encode");
    return wbuf_span(&w);
}

static void own_seal(struct bench *b, struct store_txn *t, uint32_t no)
{
    struct store_log log;
    bench_must(store_log_get(store_txn_view(t), no, &log), "log");
    struct seal seal = {.log = log.id, .size = log.held, .time_ms = 2};
    tree_root(&log.tree, &seal.root);
    seal_make(&seal, &b->own_key);
    bench_must(store_seal_own(t, no, &seal), "seal");
}

/* What an import asks before it writes a row. */
static void look_for_duplicates(struct store_txn *t, struct span payload, struct record *r)
{
    struct record_ref ref;
    bench_must(record_decode(schema_kind(KIND_PARTNER), payload, r, NULL), "decode");
    enum tris_err err =
        store_find_source(store_txn_view(t), KIND_PARTNER, record_value(r, PARTNER_SOURCE)->text,
                          record_value(r, PARTNER_SOURCE_ID)->text, &ref);
    if (err == TRIS_ERR_NOT_FOUND) {
        err = store_find_name(store_txn_view(t), KIND_PARTNER, record_value(r, PARTNER_NAME)->text,
                              record_value(r, PARTNER_REGION)->text, &ref);
    }
    if (err != TRIS_ERR_NOT_FOUND) {
        bench_must(err == TRIS_OK ? TRIS_ERR_EXISTS : err, "duplicates");
    }
}

static void bench_own(struct bench *b, bool look)
{
    struct tris_log_ref ref = bench_ref(&b->own);
    struct record *r = bench_memory(sizeof *r);
    uint8_t *bytes = bench_memory((size_t)b->batch * 1024);
    struct span *payload = bench_memory((size_t)b->batch * sizeof *payload);
    double wall = 0;
    double cpu = 0;
    for (uint64_t done = 0; done < b->entries;) {
        uint64_t count = b->batch < b->entries - done ? b->batch : b->entries - done;
        for (uint64_t i = 0; i < count; i++) {
            payload[i] = own_payload(b, r, look ? UINT64_C(1) << 32 | (done + i) : done + i,
                                     bytes + i * 1024, 1024);
        }
        double wall_start = now_s();
        double cpu_start = cpu_s();
        struct store_txn *t;
        uint32_t no;
        bench_must(store_txn_begin(b->s, &t), "begin");
        bench_must(store_log_ensure(t, &ref, &no), "log");
        for (uint64_t i = 0; i < count; i++) {
            struct entry_header header = bench_header();
            struct tris_salt salt;
            uint64_t seq;
            memset(salt.b, (int)(i & 0xff), sizeof salt.b);
            if (look) {
                look_for_duplicates(t, payload[i], r);
            }
            bench_must(store_append_own(t, no, &header, &salt, payload[i], 1, &seq), "append");
            if ((seq + 1) % SEGMENT_ENTRIES == 0) {
                own_seal(b, t, no);
            }
        }
        bench_must(store_commit(t), "commit");
        wall += now_s() - wall_start;
        cpu += cpu_s() - cpu_start;
        done += count;
    }
    report(look ? "own, looked up first" : "own entries", b->entries, wall, cpu);
    free(r);
    free(bytes);
    free(payload);
}

static void bench_words(struct bench *b)
{
    double wall = now_s();
    double cpu = cpu_s();
    struct store_view *v;
    bench_must(store_view_begin(b->s, &v), "view");
    const uint64_t indexed = store_word_behind(v);
    store_view_end(v);
    uint64_t behind = indexed;
    while (behind > 0) {
        struct store_txn *t;
        bench_must(store_txn_begin(b->s, &t), "begin");
        bench_must(store_word_follow(t, 32768, &behind), "words");
        bench_must(store_commit(t), "commit");
    }
    report("search index", indexed, now_s() - wall, cpu_s() - cpu);
}

static void bench_audit(struct bench *b)
{
    for (int fast = 1; fast >= 0; fast--) {
        struct audit_report audit;
        double wall = now_s();
        double cpu = cpu_s();
        bench_must(store_audit(b->s, fast != 0, NULL, NULL, &audit), "audit");
        report(fast != 0 ? "audit, fast" : "audit", audit.entries, now_s() - wall, cpu_s() - cpu);
        if (audit.problems > 0) {
            printf("audit: %s\n", audit.first_problem);
        }
    }
}

static void remove_dir(const struct bench *b)
{
    static const char *const names[] = {"/store/data.mdb", "/store/lock.mdb", "/store", "/lock",
                                        ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[600];
        (void)snprintf(path, sizeof path, "%s%s", b->dir, names[i]);
        if (unlink(path) != 0 && rmdir(path) != 0) {
            fprintf(stderr, "bench_store: cannot remove %s\n", path);
        }
    }
}

static void run_part(struct bench *b, char part)
{
    if (part == 's' || part == 'm') {
        bench_segments(b, part == 's' ? 1 : HOUSES_MANY);
    } else if (part == 'o' || part == 'l') {
        bench_own(b, part == 'l');
    } else if (part == 'w') {
        bench_words(b);
    } else if (part == 'a') {
        bench_audit(b);
    }
}

int main(int argc, char **argv)
{
    static struct bench b;
    b.entries = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
    b.batch = argc > 2 ? strtoull(argv[2], NULL, 10) : 32768;
    const char *base = argc > 3 ? argv[3] : "/tmp";
    if (b.entries == 0 || b.batch == 0 || sodium_init() < 0) {
        fprintf(stderr, "usage: bench_store [entries [entries a commit [directory [parts]]]]\n");
        return 2;
    }
    (void)snprintf(b.dir, sizeof b.dir, "%s/bench-store-XXXXXX", base);
    if (mkdtemp(b.dir) == NULL) {
        fprintf(stderr, "bench_store: cannot make a directory in %s\n", base);
        return 1;
    }
    uint8_t seed[32] = {1};
    (void)crypto_sign_seed_keypair(b.own.b, b.own_key.b, seed);
    make_payloads(&b);
    char detail[256];
    struct store_opts opts = {.dir = b.dir, .create = true, .fed = b.fed, .own = b.own};
    bench_must(store_open(&opts, &b.s, detail, sizeof detail), "open");
    printf("%llu entries, %llu a commit, payloads of %zu bytes\n", (unsigned long long)b.entries,
           (unsigned long long)b.batch, b.payload[1].len);
    bench_commits(&b);
    for (const char *part = argc > 4 ? argv[4] : "smolwa"; *part != '\0'; part++) {
        run_part(&b, *part);
    }
    store_close(b.s);
    remove_dir(&b);
    free(b.bytes);
    return 0;
}
