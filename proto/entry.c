/* Entries of a log; see entry.h and FORMAT.md sections "Entry" and "Wire form".
 *
 * entry_open is the hot path of every sync: one walk over the header, one contiguous block for the
 * leaf, no allocation. */
#include "proto/entry.h"

#include <sodium.h>

#include "proto/assert.h"
#include "proto/hash.h"
#include "proto/pack.h"

enum {
    HEADER_ITEMS = 7,      /* those that every version has; the seventh is the commitment */
    COMMIT_BYTES = 2 + 32, /* bin 8 of 32 bytes */
    LEAF_PREFIX = 32 + 8,  /* log id, seq */
    CUT_HEADER_BYTES_MAX = TRIS_HEADER_BYTES_MAX - COMMIT_BYTES,
    FIXARRAY = 0x90,
    ARRAY16 = 0xdc,
    BIN8 = 0xc4,
    FORM_WHOLE = 0,
    FORM_ERASED = 1,
};

static const uint8_t commit_personal[crypto_generichash_blake2b_PERSONALBYTES] = "tris-commit-v1";
static const uint8_t leaf_personal[crypto_generichash_blake2b_PERSONALBYTES] = "tris-leaf-v1";

_Static_assert(sizeof(struct tris_salt) == crypto_generichash_blake2b_SALTBYTES, "BLAKE2b salt");

void log_id_derive(const struct tris_fed_id *fed, const struct tris_log_ref *ref,
                   struct tris_log_id *out)
{
    uint8_t number[5];
    struct wbuf w = wbuf_of(number, sizeof number);
    wbuf_u8(&w, (uint8_t)ref->topic);
    wbuf_u32(&w, ref->epoch);
    tris_assert(w.err == TRIS_OK);
    const struct span parts[] = {
        span_of(fed->b, sizeof fed->b),
        span_of(ref->house.b, sizeof ref->house.b),
        wbuf_span(&w),
        span_of(ref->seal_key.b, sizeof ref->seal_key.b),
    };
    struct tris_hash hash;
    hash_parts("tris-log-v1", NULL, parts, sizeof parts / sizeof parts[0], &hash);
    memcpy(out->b, hash.b, sizeof out->b);
}

void entry_commit(struct span payload, const struct tris_salt *salt, struct tris_hash *out)
{
    (void)crypto_generichash_blake2b_salt_personal(out->b, sizeof out->b, payload.ptr, payload.len,
                                                   NULL, 0, salt->b, commit_personal);
}

void entry_leaf(const struct tris_log_id *log, uint64_t seq, struct span header,
                struct tris_hash *out)
{
    tris_assert(header.len <= TRIS_HEADER_BYTES_MAX);
    uint8_t block[LEAF_PREFIX + TRIS_HEADER_BYTES_MAX];
    struct wbuf w = wbuf_of(block, sizeof block);
    wbuf_bytes(&w, log->b, sizeof log->b);
    wbuf_u64(&w, seq);
    wbuf_span_put(&w, header);
    (void)crypto_generichash_blake2b_salt_personal(out->b, sizeof out->b, block, w.len, NULL, 0,
                                                   NULL, leaf_personal);
}

/* ---- header ---- */

static void header_encode_cut(struct wbuf *w, const struct entry_header *h)
{
    pack_write_array(w, HEADER_ITEMS);
    pack_write_uint(w, h->version);
    pack_write_uint(w, h->verb);
    pack_write_uint(w, h->kind);
    pack_write_uint(w, h->time_ms);
    if (!h->has_record) {
        pack_write_nil(w);
    } else if (!h->has_record_epoch) {
        pack_write_uint(w, h->record_seq);
    } else {
        pack_write_array(w, 2);
        pack_write_uint(w, h->record_epoch);
        pack_write_uint(w, h->record_seq);
    }
    if (h->has_prev) {
        pack_write_uint(w, h->prev);
    } else {
        pack_write_nil(w);
    }
}

void entry_header_encode(struct wbuf *w, const struct entry_header *header)
{
    header_encode_cut(w, header);
    pack_write_bin(w, header->commit.b, sizeof header->commit.b);
}

/* Not pack_read_array: the count of a cut header includes the commitment that is not there, and
 * the elements are read one by one anyway. */
static uint32_t read_items(struct rbuf *r)
{
    uint32_t first = rbuf_u8(r);
    uint32_t items = 0;
    if ((first & 0xf0) == FIXARRAY) {
        items = first & 0x0f;
    } else if (first == ARRAY16) {
        items = rbuf_u16(r);
        if (r->err == TRIS_OK && items <= 0x0f) {
            rbuf_fail(r, TRIS_ERR_NOT_CANONICAL);
        }
    } else if (r->err == TRIS_OK) {
        rbuf_fail(r, TRIS_ERR_BAD_TYPE);
    }
    if (r->err == TRIS_OK && items < HEADER_ITEMS) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
    if (r->err == TRIS_OK && items > TRIS_CONTAINER_ITEMS_MAX) {
        rbuf_fail(r, TRIS_ERR_TOO_LARGE);
    }
    return items;
}

static void read_record(struct rbuf *r, struct entry_header *out)
{
    switch (pack_peek(r)) {
    case PACK_NIL:
        pack_read_nil(r);
        return;
    case PACK_ARRAY:
        if (pack_read_array(r, TRIS_CONTAINER_ITEMS_MAX) != 2) {
            if (r->err == TRIS_OK) {
                rbuf_fail(r, TRIS_ERR_BAD_VALUE);
            }
            return;
        }
        out->has_record_epoch = true;
        out->record_epoch = (uint32_t)pack_read_uint_max(r, UINT32_MAX);
        break;
    case PACK_BOOL:
    case PACK_UINT:
    case PACK_NEGATIVE:
    case PACK_STR:
    case PACK_BIN:
    case PACK_MAP:
    case PACK_INVALID:
        break;
    }
    out->has_record = true;
    out->record_seq = pack_read_uint(r);
}

static void read_prev(struct rbuf *r, struct entry_header *out)
{
    if (pack_peek(r) == PACK_NIL) {
        pack_read_nil(r);
        return;
    }
    out->has_prev = true;
    out->prev = pack_read_uint(r);
}

/* The first six elements. Those of a version that is not ours are skipped, not interpreted. */
static uint32_t read_fields(struct rbuf *r, struct entry_header *out)
{
    memset(out, 0, sizeof *out);
    uint32_t items = read_items(r);
    out->version = (uint32_t)pack_read_uint_max(r, UINT32_MAX);
    if (r->err == TRIS_OK && out->version != ENTRY_VERSION) {
        for (uint32_t i = 1; i < HEADER_ITEMS - 1; i++) {
            (void)pack_read_any(r, PACK_CANONICAL);
        }
        return items;
    }
    out->verb = (uint32_t)pack_read_uint_max(r, UINT32_MAX);
    out->kind = (uint32_t)pack_read_uint_max(r, UINT32_MAX);
    out->time_ms = pack_read_uint(r);
    read_record(r, out);
    read_prev(r, out);
    return items;
}

/* Whatever read_fields has not looked into is proved by a second walk; it is rare. */
static enum tris_err check_rest(struct rbuf *r, uint32_t items, uint32_t version,
                                struct span complete)
{
    if (r->err != TRIS_OK) {
        return r->err;
    }
    if (items == HEADER_ITEMS && version == ENTRY_VERSION) {
        return rbuf_finish(r);
    }
    return pack_check(complete, PACK_CANONICAL);
}

enum tris_err entry_header_decode(struct span bytes, struct entry_header *out)
{
    struct rbuf r = rbuf_of(bytes);
    if (bytes.len > TRIS_HEADER_BYTES_MAX) {
        memset(out, 0, sizeof *out);
        return TRIS_ERR_TOO_LARGE;
    }
    uint32_t items = read_fields(&r, out);
    pack_read_bin_exact(&r, out->commit.b, sizeof out->commit.b);
    return check_rest(&r, items, out->version, bytes);
}

/* ---- wire form ---- */

void entry_wire_encode(struct wbuf *w, const struct entry_header *header,
                       const struct tris_salt *salt, struct span payload)
{
    uint8_t bytes[CUT_HEADER_BYTES_MAX];
    struct wbuf cut = wbuf_of(bytes, sizeof bytes);
    header_encode_cut(&cut, header);
    tris_assert(cut.err == TRIS_OK);
    if (payload.len > TRIS_PAYLOAD_BYTES_MAX) {
        wbuf_fail(w, TRIS_ERR_TOO_LARGE);
        return;
    }
    wbuf_u8(w, FORM_WHOLE);
    wbuf_u8(w, (uint8_t)cut.len);
    wbuf_span_put(w, wbuf_span(&cut));
    wbuf_bytes(w, salt->b, sizeof salt->b);
    wbuf_u16(w, (uint16_t)payload.len);
    wbuf_span_put(w, payload);
}

enum tris_err entry_wire_next(struct rbuf *run, struct entry *out)
{
    size_t start = run->pos;
    memset(out, 0, sizeof *out);
    uint8_t form = rbuf_u8(run);
    uint8_t header_len = rbuf_u8(run);
    if (run->err == TRIS_OK && form != FORM_WHOLE && form != FORM_ERASED) {
        rbuf_fail(run, TRIS_ERR_BAD_VALUE);
    }
    out->whole = form == FORM_WHOLE;
    size_t header_max = out->whole ? CUT_HEADER_BYTES_MAX : TRIS_HEADER_BYTES_MAX;
    if (run->err == TRIS_OK && header_len > header_max) {
        rbuf_fail(run, TRIS_ERR_TOO_LARGE);
    }
    out->header_wire = rbuf_take(run, header_len);
    if (out->whole) {
        out->salt = rbuf_take(run, sizeof(struct tris_salt));
        uint16_t payload_len = rbuf_u16(run);
        if (run->err == TRIS_OK && payload_len > TRIS_PAYLOAD_BYTES_MAX) {
            rbuf_fail(run, TRIS_ERR_TOO_LARGE);
        }
        out->payload = rbuf_take(run, payload_len);
    }
    if (run->err != TRIS_OK) {
        memset(out, 0, sizeof *out);
        return run->err;
    }
    out->wire = span_of(run->ptr + start, run->pos - start);
    return TRIS_OK;
}

/* Decodes the header of either form and writes the complete header to `out`, which has
 * TRIS_HEADER_BYTES_MAX bytes; *len is set on success. */
static enum tris_err rebuild_header(const struct entry *entry, uint8_t *out, size_t *len,
                                    struct entry_header *header)
{
    struct span wire = entry->header_wire;
    if (!entry->whole) {
        enum tris_err err = entry_header_decode(wire, header);
        if (err == TRIS_OK) {
            memcpy(out, wire.ptr, wire.len);
            *len = wire.len;
        }
        return err;
    }
    if (wire.len > CUT_HEADER_BYTES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    tris_assert(entry->salt.len == sizeof(struct tris_salt));
    struct rbuf r = rbuf_of(wire);
    uint32_t items = read_fields(&r, header);
    if (r.err != TRIS_OK) {
        return r.err;
    }
    struct tris_salt salt;
    memcpy(salt.b, entry->salt.ptr, sizeof salt.b);
    entry_commit(entry->payload, &salt, &header->commit);
    size_t cut = r.pos;
    memcpy(out, wire.ptr, cut);
    out[cut] = BIN8;
    out[cut + 1] = sizeof header->commit.b;
    memcpy(out + cut + 2, header->commit.b, sizeof header->commit.b);
    memcpy(out + cut + COMMIT_BYTES, wire.ptr + cut, wire.len - cut);
    *len = wire.len + COMMIT_BYTES;
    return check_rest(&r, items, header->version, span_of(out, *len));
}

enum tris_err entry_open(const struct entry *entry, const struct tris_log_id *log, uint64_t seq,
                         struct wbuf *w, struct entry_header *header, struct tris_hash *leaf)
{
    /* The header is built right behind log id and seq, so that the leaf is one hash call. */
    uint8_t block[LEAF_PREFIX + TRIS_HEADER_BYTES_MAX];
    size_t len = 0;
    enum tris_err err = rebuild_header(entry, block + LEAF_PREFIX, &len, header);
    if (err != TRIS_OK) {
        return err;
    }
    wbuf_bytes(w, block + LEAF_PREFIX, len);
    if (leaf != NULL) {
        struct wbuf prefix = wbuf_of(block, LEAF_PREFIX);
        wbuf_bytes(&prefix, log->b, sizeof log->b);
        wbuf_u64(&prefix, seq);
        (void)crypto_generichash_blake2b_salt_personal(
            leaf->b, sizeof leaf->b, block, LEAF_PREFIX + len, NULL, 0, NULL, leaf_personal);
    }
    return w->err;
}

void entry_wire_encode_erased(struct wbuf *w, const struct entry *entry)
{
    uint8_t bytes[TRIS_HEADER_BYTES_MAX];
    size_t len = 0;
    struct entry_header header;
    enum tris_err err = rebuild_header(entry, bytes, &len, &header);
    if (err != TRIS_OK) {
        wbuf_fail(w, err);
        return;
    }
    wbuf_u8(w, FORM_ERASED);
    wbuf_u8(w, (uint8_t)len);
    wbuf_bytes(w, bytes, len);
}

enum tris_err entry_wire_fill(struct wbuf *w, const struct entry *erased,
                              const struct tris_salt *salt, struct span payload)
{
    struct entry_header header;
    struct tris_hash commit;
    struct rbuf r = rbuf_of(erased->header_wire);
    tris_assert(!erased->whole);
    (void)read_fields(&r, &header);
    const size_t cut = r.pos;
    pack_read_bin_exact(&r, header.commit.b, sizeof header.commit.b);
    if (r.err != TRIS_OK) {
        return r.err;
    }
    if (payload.len > TRIS_PAYLOAD_BYTES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    entry_commit(payload, salt, &commit);
    if (!tris_hash_eq(&commit, &header.commit)) {
        return TRIS_ERR_BAD_COMMIT;
    }
    wbuf_u8(w, FORM_WHOLE);
    wbuf_u8(w, (uint8_t)(erased->header_wire.len - COMMIT_BYTES));
    wbuf_bytes(w, erased->header_wire.ptr, cut);
    wbuf_span_put(w, rbuf_take(&r, rbuf_left(&r))); /* what a later version put behind it */
    wbuf_bytes(w, salt->b, sizeof salt->b);
    wbuf_u16(w, (uint16_t)payload.len);
    wbuf_span_put(w, payload);
    return w->err;
}

enum tris_err entry_peek_header(const struct entry *entry, struct entry_header *out)
{
    if (!entry->whole) {
        return entry_header_decode(entry->header_wire, out);
    }
    /* what lies behind the six fields was proved when the entry was accepted */
    struct rbuf r = rbuf_of(entry->header_wire);
    (void)read_fields(&r, out);
    return r.err;
}
