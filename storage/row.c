/* Encoding of table rows; see row.h and SCHEMA.md. */
#include "storage/row.h"

#include "proto/assert.h"

enum { LOG_HAS_SEAL = 1, LOG_OWN = 2, LOG_FORKED = 4, LOG_BOUND = 8 };

/* The last bit of both: log numbers stand at the end, because not all entries are of one log. */
enum { RECORD_ENDED = 1, RECORD_ELSEWHERE = 2, INERT_NAMES = 1, INERT_ELSEWHERE = 2 };

static enum tris_err finish(struct rbuf *r)
{
    return rbuf_finish(r) == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
}

static void put_cut(struct wbuf *w, const struct log_cut *cut)
{
    wbuf_u64(w, cut->size);
    wbuf_bytes(w, cut->root.b, sizeof cut->root.b);
}

static void read_cut(struct rbuf *r, struct log_cut *out)
{
    out->size = rbuf_u64(r);
    rbuf_copy(r, out->root.b, sizeof out->root.b);
}

static void put_seal(struct wbuf *w, const struct seal *seal)
{
    wbuf_bytes(w, seal->root.b, sizeof seal->root.b);
    wbuf_u64(w, seal->time_ms);
    wbuf_bytes(w, seal->sig.b, sizeof seal->sig.b);
}

void row_log_encode(struct wbuf *w, const struct log_row *row)
{
    const struct store_log *log = &row->log;
    wbuf_bytes(w, log->ref.house.b, sizeof log->ref.house.b);
    wbuf_u8(w, (uint8_t)log->ref.topic);
    wbuf_u32(w, log->ref.epoch);
    wbuf_bytes(w, log->ref.seal_key.b, sizeof log->ref.seal_key.b);
    wbuf_bytes(w, log->id.b, sizeof log->id.b);
    wbuf_u8(w, (uint8_t)((log->has_seal ? LOG_HAS_SEAL : 0) | (log->own ? LOG_OWN : 0) |
                         (log->forked ? LOG_FORKED : 0) |
                         (row->bound != STORE_END_NONE ? LOG_BOUND : 0)));
    wbuf_u64(w, row->bytes);
    wbuf_u64(w, row->open_bytes);
    wbuf_u64(w, row->arrived_ms);
    wbuf_u64(w, row->first_hole);
    wbuf_bytes(w, row->hole_root.b, sizeof row->hole_root.b);
    if (log->has_seal) {
        wbuf_u64(w, log->seal.size);
        put_seal(w, &log->seal);
    }
    if (log->forked) {
        put_cut(w, &row->fork);
    }
    if (row->bound != STORE_END_NONE) {
        wbuf_u8(w, (uint8_t)row->bound);
        put_cut(w, &row->bounds);
    }
    tree_encode(w, &log->tree);
}

static void read_seal(struct rbuf *r, struct seal *seal)
{
    rbuf_copy(r, seal->root.b, sizeof seal->root.b);
    seal->time_ms = rbuf_u64(r);
    rbuf_copy(r, seal->sig.b, sizeof seal->sig.b);
}

enum tris_err row_log_decode(struct span bytes, struct log_row *out)
{
    struct rbuf r = rbuf_of(bytes);
    struct store_log *log = &out->log;
    memset(out, 0, offsetof(struct log_row, log) + offsetof(struct store_log, tree));
    out->fork = (struct log_cut){0};
    out->bounds = (struct log_cut){0};
    out->bound = STORE_END_NONE;
    rbuf_copy(&r, log->ref.house.b, sizeof log->ref.house.b);
    uint8_t topic = rbuf_u8(&r);
    log->ref.topic = topic <= TRIS_TOPIC_LOCAL ? (enum tris_topic)topic : TRIS_TOPIC_LOCAL;
    log->ref.epoch = rbuf_u32(&r);
    rbuf_copy(&r, log->ref.seal_key.b, sizeof log->ref.seal_key.b);
    rbuf_copy(&r, log->id.b, sizeof log->id.b);
    uint8_t flags = rbuf_u8(&r);
    log->has_seal = (flags & LOG_HAS_SEAL) != 0;
    log->own = (flags & LOG_OWN) != 0;
    log->forked = (flags & LOG_FORKED) != 0;
    out->bytes = rbuf_u64(&r);
    out->open_bytes = rbuf_u64(&r);
    out->arrived_ms = rbuf_u64(&r);
    out->first_hole = rbuf_u64(&r);
    rbuf_copy(&r, out->hole_root.b, sizeof out->hole_root.b);
    memset(&log->seal, 0, sizeof log->seal);
    if (log->has_seal) {
        log->seal.log = log->id;
        log->seal.size = rbuf_u64(&r);
        read_seal(&r, &log->seal);
    }
    if (log->forked) {
        read_cut(&r, &out->fork);
    }
    uint8_t bound = (flags & LOG_BOUND) != 0 ? rbuf_u8(&r) : (uint8_t)STORE_END_NONE;
    if (bound != STORE_END_NONE) {
        read_cut(&r, &out->bounds);
    }
    tree_decode(&r, &log->tree);
    enum tris_err err = finish(&r);
    if (err != TRIS_OK || topic > TRIS_TOPIC_LOCAL || bound > STORE_END_OUTSIDE ||
        log->seal.size > log->tree.size) {
        return TRIS_ERR_CORRUPT;
    }
    out->bound = (enum store_end)bound;
    log->held = log->tree.size;
    row_log_settle(out);
    return TRIS_OK;
}

void row_fork_encode(struct wbuf *w, const struct fork_row *row)
{
    wbuf_u64(w, row->end);
    wbuf_bytes(w, row->root.b, sizeof row->root.b);
    wbuf_span_put(w, row->proof);
}

enum tris_err row_fork_decode(struct span bytes, struct fork_row *out)
{
    struct rbuf r = rbuf_of(bytes);
    out->end = rbuf_u64(&r);
    rbuf_copy(&r, out->root.b, sizeof out->root.b);
    out->proof = rbuf_take(&r, rbuf_left(&r));
    return finish(&r);
}

void row_seal_encode(struct wbuf *w, const struct seal_row *row)
{
    put_seal(w, &row->seal);
    wbuf_u64(w, row->bytes);
}

enum tris_err row_seal_decode(struct span bytes, const struct tris_log_id *id, uint64_t size,
                              struct seal_row *out)
{
    struct rbuf r = rbuf_of(bytes);
    out->seal.log = *id;
    out->seal.size = size;
    read_seal(&r, &out->seal);
    out->bytes = rbuf_u64(&r);
    return finish(&r);
}

void row_record_encode(struct wbuf *w, uint32_t log_no, const struct record_row *row)
{
    const struct partner_dims *dims = &row->dims;
    const bool elsewhere =
        row->put.log_no != log_no || row->effective.log_no != log_no || row->named.log_no != log_no;
    wbuf_u16(w, (uint16_t)row->kind);
    wbuf_u8(w, (uint8_t)row->scope);
    wbuf_u8(w, (uint8_t)((row->ended ? RECORD_ENDED : 0) | (elsewhere ? RECORD_ELSEWHERE : 0)));
    wbuf_u32(w, row->end_reason);
    wbuf_u64(w, row->put.seq);
    wbuf_u64(w, row->effective.seq);
    wbuf_u64(w, row->named.seq);
    wbuf_u64(w, row->created_ms);
    wbuf_u64(w, row->updated_ms);
    wbuf_u32(w, row->changes);
    wbuf_bytes(w, dims->region, 5);
    wbuf_u8(w, dims->sector);
    wbuf_u8(w, dims->status);
    wbuf_u8(w, dims->legal_form);
    wbuf_u8(w, dims->topic_count);
    wbuf_bytes(w, dims->topic, sizeof dims->topic);
    wbuf_u16(w, 0);
    if (elsewhere) {
        wbuf_u32(w, row->put.log_no);
        wbuf_u32(w, row->effective.log_no);
        wbuf_u32(w, row->named.log_no);
    }
}

enum tris_err row_record_decode(struct span bytes, uint32_t log_no, struct record_row *out)
{
    struct rbuf r = rbuf_of(bytes);
    struct partner_dims *dims = &out->dims;
    out->kind = rbuf_u16(&r);
    uint8_t scope = rbuf_u8(&r);
    out->scope = scope == SCOPE_LOCAL ? SCOPE_LOCAL : SCOPE_NATIONAL;
    const uint8_t flags = rbuf_u8(&r);
    out->ended = (flags & RECORD_ENDED) != 0;
    out->end_reason = rbuf_u32(&r);
    out->put = (struct record_ref){log_no, rbuf_u64(&r)};
    out->effective = (struct record_ref){log_no, rbuf_u64(&r)};
    out->named = (struct record_ref){log_no, rbuf_u64(&r)};
    out->created_ms = rbuf_u64(&r);
    out->updated_ms = rbuf_u64(&r);
    out->changes = rbuf_u32(&r);
    rbuf_copy(&r, dims->region, 5);
    dims->region[5] = '\0';
    dims->sector = rbuf_u8(&r);
    dims->status = rbuf_u8(&r);
    dims->legal_form = rbuf_u8(&r);
    dims->topic_count = rbuf_u8(&r);
    rbuf_copy(&r, dims->topic, sizeof dims->topic);
    (void)rbuf_u16(&r);
    if ((flags & RECORD_ELSEWHERE) != 0) {
        out->put.log_no = rbuf_u32(&r);
        out->effective.log_no = rbuf_u32(&r);
        out->named.log_no = rbuf_u32(&r);
    }
    if (dims->topic_count > sizeof dims->topic) {
        return TRIS_ERR_CORRUPT;
    }
    return finish(&r);
}

/* Numbers of reasons are part of the store's format; errors outside the list count as "value". */
static const enum tris_err reasons[] = {
    TRIS_OK,
    TRIS_ERR_BAD_VALUE,
    TRIS_ERR_BAD_VERSION,
    TRIS_ERR_NOT_FOUND,
    TRIS_ERR_ENDED,
    TRIS_ERR_NOT_NEXT,
    TRIS_ERR_NOT_READY,
    TRIS_ERR_TRUNCATED,
    TRIS_ERR_TRAILING,
    TRIS_ERR_NOT_CANONICAL,
    TRIS_ERR_BAD_TYPE,
    TRIS_ERR_BAD_UTF8,
    TRIS_ERR_TOO_DEEP,
    TRIS_ERR_TOO_LARGE,
    TRIS_ERR_REQUIRED,
    TRIS_ERR_BAD_SIGNATURE,
    TRIS_ERR_NOT_OWNER,
    TRIS_ERR_INVALID,
    TRIS_ERR_EXISTS,
    TRIS_ERR_AMBIGUOUS,
    TRIS_ERR_PERSONAL,
    TRIS_ERR_FORK,
    TRIS_ERR_CONFLICT,
    TRIS_ERR_ROLE,
};
enum { REASONS = sizeof reasons / sizeof reasons[0], REASON_OTHER = 1 };

static uint8_t reason_code(enum tris_err reason)
{
    uint8_t code = REASON_OTHER;
    for (size_t i = 0; i < REASONS; i++) {
        if (reasons[i] == reason) {
            code = (uint8_t)i;
        }
    }
    return code;
}

static enum tris_err reason_of(uint8_t code)
{
    return code < REASONS ? reasons[code] : TRIS_ERR_BAD_VALUE;
}

void row_inert_encode(struct wbuf *w, uint32_t log_no, const struct inert_row *row)
{
    const bool elsewhere = row->names && (row->prev.log_no != log_no || row->put.log_no != log_no);
    wbuf_u8(w, reason_code(row->reason));
    wbuf_u8(w, (uint8_t)((row->names ? INERT_NAMES : 0) | (elsewhere ? INERT_ELSEWHERE : 0)));
    wbuf_u64(w, row->prev.seq);
    wbuf_u64(w, row->put.seq);
    if (elsewhere) {
        wbuf_u32(w, row->prev.log_no);
        wbuf_u32(w, row->put.log_no);
    }
}

enum tris_err row_inert_decode(struct span bytes, uint32_t log_no, struct inert_row *out)
{
    struct rbuf r = rbuf_of(bytes);
    out->reason = reason_of(rbuf_u8(&r));
    const uint8_t flags = rbuf_u8(&r);
    out->names = (flags & INERT_NAMES) != 0;
    out->prev = (struct record_ref){log_no, rbuf_u64(&r)};
    out->put = (struct record_ref){log_no, rbuf_u64(&r)};
    if ((flags & INERT_ELSEWHERE) != 0) {
        out->prev.log_no = rbuf_u32(&r);
        out->put.log_no = rbuf_u32(&r);
    }
    return finish(&r);
}

void row_cross_encode(struct wbuf *w, const struct cross_row *row)
{
    wbuf_u32(w, row->prev.log_no);
    wbuf_u64(w, row->prev.seq);
    wbuf_u32(w, row->put.log_no);
    wbuf_u64(w, row->put.seq);
}

enum tris_err row_cross_decode(struct span bytes, struct cross_row *out)
{
    struct rbuf r = rbuf_of(bytes);
    out->prev.log_no = rbuf_u32(&r);
    out->prev.seq = rbuf_u64(&r);
    out->put.log_no = rbuf_u32(&r);
    out->put.seq = rbuf_u64(&r);
    return finish(&r);
}

void row_feed_encode(struct wbuf *w, const struct feed_row *row)
{
    wbuf_u32(w, row->log_no);
    wbuf_u64(w, row->first_seq);
    wbuf_u32(w, row->count);
}

enum tris_err row_feed_decode(struct span bytes, struct feed_row *out)
{
    struct rbuf r = rbuf_of(bytes);
    out->log_no = rbuf_u32(&r);
    out->first_seq = rbuf_u64(&r);
    out->count = rbuf_u32(&r);
    return finish(&r);
}

void row_draft_encode(struct wbuf *w, const struct draft_row *row)
{
    wbuf_u8(w, (uint8_t)row->topic);
    wbuf_u32(w, row->at.log_no);
    wbuf_u64(w, row->at.seq);
    wbuf_u8(w, (uint8_t)row->state);
    wbuf_u8(w, reason_code(row->reason));
    wbuf_u32(w, row->now.log_no);
    wbuf_u64(w, row->now.seq);
    wbuf_u64(w, row->later);
    wbuf_u64(w, row->cut);
    wbuf_u8(w, (uint8_t)row->header.len);
    wbuf_span_put(w, row->header);
    wbuf_span_put(w, row->salt);
    wbuf_span_put(w, row->payload);
}

enum tris_err row_draft_decode(struct span bytes, struct draft_row *out)
{
    struct rbuf r = rbuf_of(bytes);
    uint8_t topic = rbuf_u8(&r);
    out->topic = topic <= TRIS_TOPIC_LOCAL ? (enum tris_topic)topic : TRIS_TOPIC_LOCAL;
    out->at.log_no = rbuf_u32(&r);
    out->at.seq = rbuf_u64(&r);
    uint8_t state = rbuf_u8(&r);
    out->state = state <= DRAFT_DROPPED ? (enum draft_state)state : DRAFT_DECISION;
    out->reason = reason_of(rbuf_u8(&r));
    out->now.log_no = rbuf_u32(&r);
    out->now.seq = rbuf_u64(&r);
    out->later = rbuf_u64(&r);
    out->cut = rbuf_u64(&r);
    out->header = rbuf_take(&r, rbuf_u8(&r));
    out->salt = rbuf_take(&r, rbuf_left(&r) > 0 ? sizeof(struct tris_salt) : 0);
    out->payload = rbuf_take(&r, rbuf_left(&r));
    return topic <= TRIS_TOPIC_LOCAL && state <= DRAFT_DROPPED ? finish(&r) : TRIS_ERR_CORRUPT;
}

void row_word_encode(uint8_t out[8], uint64_t bits)
{
    struct wbuf w = wbuf_of(out, 8);
    wbuf_u64(&w, bits);
    tris_assert(w.err == TRIS_OK);
}

enum tris_err row_word_decode(struct span bytes, uint64_t *bits)
{
    struct rbuf r = rbuf_of(bytes);
    *bits = rbuf_u64(&r);
    return finish(&r);
}

void row_count_encode(uint8_t out[8], int64_t value)
{
    struct wbuf w = wbuf_of(out, 8);
    wbuf_u64(&w, (uint64_t)value);
    tris_assert(w.err == TRIS_OK);
}

enum tris_err row_count_decode(struct span bytes, int64_t *out)
{
    struct rbuf r = rbuf_of(bytes);
    *out = (int64_t)rbuf_u64(&r);
    return finish(&r);
}
