/* Headers and wire forms of entries: what is read is written again alike, and the erased form has
 * the leaf of the whole one. */
#include "proto/entry.h"
#include "proto/pack.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 0;

void fuzz_setup(void)
{
}

static bool has_more_items(struct span header)
{
    return header.ptr[0] != 0x97;
}

static void check_header(struct span bytes)
{
    struct entry_header header;
    if (entry_header_decode(bytes, &header) != TRIS_OK) {
        return;
    }
    REQUIRE(pack_check(bytes, PACK_CANONICAL) == TRIS_OK);
    if (header.version != ENTRY_VERSION || has_more_items(bytes)) {
        return; /* of a later version: kept as it is */
    }
    uint8_t out[TRIS_HEADER_BYTES_MAX];
    struct wbuf w = wbuf_of(out, sizeof out);
    entry_header_encode(&w, &header);
    REQUIRE(w.err == TRIS_OK && span_eq(wbuf_span(&w), bytes));
}

static void check_whole(const struct entry *entry, const struct entry_header *header,
                        struct span complete)
{
    static uint8_t out[TRIS_ENTRY_WIRE_BYTES_MAX];
    struct wbuf w = wbuf_of(out, sizeof out);
    struct tris_salt salt;
    memcpy(salt.b, entry->salt.ptr, sizeof salt.b);
    struct tris_hash commit;
    entry_commit(entry->payload, &salt, &commit);
    REQUIRE(tris_hash_eq(&commit, &header->commit));
    if (header->version == ENTRY_VERSION && !has_more_items(complete)) {
        entry_wire_encode(&w, header, &salt, entry->payload);
        REQUIRE(w.err == TRIS_OK && span_eq(wbuf_span(&w), entry->wire));
    }
}

/* The erased form of any entry is one that opens to the same header and leaf. */
static void check_erased(const struct entry *entry, const struct tris_log_id *log, uint64_t seq,
                         struct span complete, const struct tris_hash *leaf)
{
    uint8_t bytes[2 + TRIS_HEADER_BYTES_MAX], again[TRIS_HEADER_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes), head = wbuf_of(again, sizeof again);
    entry_wire_encode_erased(&w, entry);
    REQUIRE(w.err == TRIS_OK);
    struct rbuf run = rbuf_of(wbuf_span(&w));
    struct entry erased;
    struct entry_header header;
    struct tris_hash erased_leaf;
    REQUIRE(entry_wire_next(&run, &erased) == TRIS_OK && rbuf_left(&run) == 0);
    REQUIRE(!erased.whole && erased.payload.len == 0);
    REQUIRE(entry_open(&erased, log, seq, &head, &header, &erased_leaf) == TRIS_OK);
    REQUIRE(span_eq(wbuf_span(&head), complete) && tris_hash_eq(&erased_leaf, leaf));
    REQUIRE(entry->whole || span_eq(erased.wire, entry->wire));
}

static void check_entry(const struct entry *entry, uint64_t seq)
{
    static const struct tris_log_id log = {{7}};
    uint8_t bytes[TRIS_HEADER_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    struct entry_header header, peeked;
    struct tris_hash leaf, again;
    if (entry_open(entry, &log, seq, &w, &header, &leaf) != TRIS_OK) {
        return;
    }
    struct span complete = wbuf_span(&w);
    REQUIRE(pack_check(complete, PACK_CANONICAL) == TRIS_OK);
    entry_leaf(&log, seq, complete, &again);
    REQUIRE(tris_hash_eq(&leaf, &again));
    REQUIRE(entry_peek_header(entry, &peeked) == TRIS_OK);
    REQUIRE(peeked.version == header.version && peeked.verb == header.verb &&
            peeked.record_seq == header.record_seq && peeked.prev == header.prev);
    if (entry->whole) {
        check_whole(entry, &header, complete);
    }
    check_erased(entry, &log, seq, complete, &leaf);
}

void fuzz_one(struct span input)
{
    struct rbuf run = rbuf_of(input);
    uint64_t seq = 0;
    check_header(input);
    while (rbuf_left(&run) > 0) {
        struct entry entry;
        size_t start = run.pos;
        if (entry_wire_next(&run, &entry) != TRIS_OK) {
            break;
        }
        REQUIRE(entry.wire.len == run.pos - start && entry.wire.len <= TRIS_ENTRY_WIRE_BYTES_MAX);
        check_entry(&entry, seq++);
    }
}
