/* Federations of a size that nobody wants to type: a charter of many houses whose keys follow from
 * their numbers, and a store that holds their records as if they had been synced.
 *
 *   bench_world charter LINE HOUSES OUT [KEYS]   the house of file LINE and HOUSES made ones, whose
 *                                                signatures are on it; keys of each in KEYS/<n>/
 *   bench_world fill DIR HOUSES ENTRIES          into the store of the data directory DIR */
#include <string.h>
#include <sys/stat.h>

#include "proto/district.h"
#include "proto/keyfile.h"
#include "tools/bench_log.h"

enum {
    PAYLOADS = 8192,
    PAYLOAD_BYTES_MAX = 512,
    SEGMENT_ENTRIES = 1024,
    COMMIT_SEGMENTS = 64,
    PATH_BYTES = 512,
    TIME_MS = 1, /* of made house lines: whatever comes later is newer */
};

/* ---- files ---- */

static struct span read_all(const char *path, size_t max)
{
    FILE *f = fopen(path, "rb");
    char *bytes = bench_memory(max + 1);
    size_t len = f != NULL ? fread(bytes, 1, max + 1, f) : 0;
    if (f == NULL || len > max || fclose(f) != 0) {
        fprintf(stderr, "bench_world: cannot read %s\n", path);
        exit(1);
    }
    return span_of(bytes, len);
}

static void write_all(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(text, 1, len, f) != len || fclose(f) != 0) {
        fprintf(stderr, "bench_world: cannot write %s\n", path);
        exit(1);
    }
}

/* ---- the charter ---- */

static void make_line(uint32_t number, struct bench_house *house, struct noise_keypair *transport,
                      struct house_line *line)
{
    const struct tris_fed_id none = {{0}};
    const struct district *district = district_at(number % district_count());
    struct tris_dh_secret secret = {{3}};
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    bench_house_init(&none, house, number);
    memcpy(secret.b + 1, &number, sizeof number);
    noise_keypair_from_secret(&secret, transport);
    *line = (struct house_line){.role = TRIS_ROLE_HOUSE, .time_ms = TIME_MS};
    (void)snprintf(line->region, sizeof line->region, "%s", district->ags);
    (void)snprintf(line->slug, sizeof line->slug, "haus-%u", number);
    (void)snprintf(line->name, sizeof line->name, "Haus %u", number);
    line->transport = transport->pub;
    bench_must(house_line_make(line, &house->key, text, sizeof text), "house line");
}

static void write_keys(const char *dir, uint32_t number, const struct bench_house *house,
                       const struct noise_keypair *transport)
{
    char path[PATH_BYTES], text[KEYFILE_BYTES_MAX];
    (void)snprintf(path, sizeof path, "%s/%u", dir, number);
    if (mkdir(path, 0700) != 0) {
        fprintf(stderr, "bench_world: cannot make %s\n", path);
        exit(1);
    }
    bench_must(keyfile_identity_print(&house->key, text, sizeof text), "key");
    (void)snprintf(path, sizeof path, "%s/%u/identity.key", dir, number);
    write_all(path, text, strlen(text));
    bench_must(keyfile_transport_print(transport, text, sizeof text), "key");
    (void)snprintf(path, sizeof path, "%s/%u/transport.key", dir, number);
    write_all(path, text, strlen(text));
}

static void make_charter(const char *line_path, uint32_t houses, const char *out, const char *keys)
{
    static const uint8_t nonce[32] = {4};
    struct house_line *line = bench_memory((houses + 1) * sizeof *line);
    struct bench_house *house = bench_memory(houses * sizeof *house);
    struct span own = read_all(line_path, TRIS_HOUSE_LINE_BYTES_MAX);
    struct charter charter;
    char *text;
    size_t len;
    while (own.len > 0 && own.ptr[own.len - 1] == '\n') {
        own.len--;
    }
    bench_must(house_line_parse(own, &line[houses]), line_path);
    for (uint32_t i = 0; i < houses; i++) {
        struct noise_keypair transport;
        make_line(i, &house[i], &transport, &line[i]);
        if (keys != NULL) {
            write_keys(keys, i, &house[i], &transport);
        }
    }
    bench_must(charter_new("Bench", nonce, line, houses + 1, 3, 4, &charter), "charter");
    for (uint32_t i = 0; i < houses; i++) {
        bench_must(charter_sign(&charter, &house[i].key), "signature");
    }
    bench_must(charter_print(&charter, &text, &len), "charter");
    write_all(out, text, len);
    free(text);
    charter_fini(&charter);
    free((void *)(uintptr_t)own.ptr);
    free(house);
    free(line);
}

/* ---- the store ---- */

static void set(struct record *r, struct wbuf *scratch, const char *name, const char *text)
{
    const struct field *field = schema_field_by_name(r->kind, span_str(name));
    if (field != NULL) {
        bench_must(record_set_text(r, field, span_str(text), scratch, NULL), name);
    }
}

/* Small partners of all districts, forms and topics. */
static void make_payloads(uint8_t *bytes, struct span *payload)
{
    static const char *const sectors[] = {"W", "S", "Z"};
    static const char *const forms[] = {"gmbh", "kommune", "ev"};
    static const char *const topics[] = {"diversity", "diversity|work_life", "digital_cohesion"};
    static uint8_t scratch_bytes[4096];
    static struct record r;
    for (uint32_t i = 0; i < PAYLOADS; i++) {
        struct wbuf scratch = wbuf_of(scratch_bytes, sizeof scratch_bytes);
        struct wbuf w = wbuf_of(bytes + (size_t)i * PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MAX);
        char name[64];
        (void)snprintf(name, sizeof name, "Verein Nr. %u", i);
        record_init(&r, schema_kind(KIND_PARTNER));
        set(&r, &scratch, "name", name);
        set(&r, &scratch, "sector", sectors[i % 3]);
        set(&r, &scratch, "legal_form", forms[i % 3]);
        set(&r, &scratch, "topics", topics[i / 3 % 3]);
        set(&r, &scratch, "region", district_at(i % district_count())->ags);
        set(&r, &scratch, "status", "active");
        bench_must(record_encode(&r, &w), "payload");
        payload[i] = wbuf_span(&w);
    }
}

struct filling {
    struct store *s;
    struct tris_fed_id fed;
    struct span payload[PAYLOADS];
    struct verified_segment segment[COMMIT_SEGMENTS];
    struct bench_house house[COMMIT_SEGMENTS];
    struct wbuf wire;
};

/* `runs` segments, all made before the transaction begins. */
static void commit_runs(struct filling *f, uint32_t runs)
{
    struct store_txn *t;
    bench_must(store_txn_begin(f->s, &t), "begin");
    for (uint32_t i = 0; i < runs; i++) {
        uint32_t no;
        bench_must(store_log_ensure(t, &f->house[i].ref, &no), "log");
        bench_must(store_append_segment(t, no, &f->segment[i], TIME_MS), "append");
    }
    bench_must(store_commit(t), "commit");
    f->wire.len = 0;
}

static void fill_logs(struct filling *f, uint32_t houses, uint64_t entries)
{
    uint32_t runs = 0;
    for (uint32_t h = 0; h < houses; h++) {
        uint64_t left = entries / houses + (h < entries % houses ? 1 : 0);
        struct bench_house house;
        bench_house_init(&f->fed, &house, h);
        while (left > 0) {
            uint32_t count = (uint32_t)(left < SEGMENT_ENTRIES ? left : SEGMENT_ENTRIES);
            bench_segment(&house, f->payload, PAYLOADS, count, &f->wire, &f->segment[runs]);
            f->house[runs++] = house;
            left -= count;
            if (runs == COMMIT_SEGMENTS) {
                commit_runs(f, runs);
                runs = 0;
            }
        }
    }
    commit_runs(f, runs);
}

static void fill(const char *dir, uint32_t houses, uint64_t entries)
{
    struct filling *f = bench_memory(sizeof *f);
    const size_t cap = (size_t)COMMIT_SEGMENTS * SEGMENT_ENTRIES * PAYLOAD_BYTES_MAX;
    uint8_t *bytes = bench_memory((size_t)PAYLOADS * PAYLOAD_BYTES_MAX);
    char path[PATH_BYTES], detail[256];
    (void)snprintf(path, sizeof path, "%s/charter", dir);
    struct span text = read_all(path, TRIS_CHARTER_BYTES_MAX);
    struct store_opts opts = {.dir = dir};
    bench_must(store_identify(dir, &opts.fed, &opts.own), dir);
    bench_must(store_open(&opts, &f->s, detail, sizeof detail), dir);
    charter_fed_id(text, &f->fed);
    f->wire = wbuf_of(bench_memory(cap), cap);
    make_payloads(bytes, f->payload);
    fill_logs(f, houses, entries);
    store_close(f->s);
    free(f->wire.ptr);
    free(bytes);
    free((void *)(uintptr_t)text.ptr);
    free(f);
}

int main(int argc, char **argv)
{
    uint32_t houses = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    if (sodium_init() >= 0 && houses > 0 && argc >= 5 && strcmp(argv[1], "charter") == 0) {
        make_charter(argv[2], houses, argv[4], argc > 5 ? argv[5] : NULL);
        return 0;
    }
    if (houses > 0 && argc == 5 && strcmp(argv[1], "fill") == 0) {
        fill(argv[2], houses, strtoull(argv[4], NULL, 10));
        return 0;
    }
    fprintf(stderr, "usage: bench_world charter LINE HOUSES OUT [KEYS]\n"
                    "       bench_world fill DIR HOUSES ENTRIES\n");
    return 2;
}
