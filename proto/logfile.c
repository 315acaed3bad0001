/* The strict reader of log files; see logfile.h and FORMAT.md section "Log file". */
#include "proto/logfile.h"

#include "proto/assert.h"
#include "proto/hash.h"
#include "proto/pack.h"

enum { HASH_BYTES = sizeof(struct tris_hash) };

static const char sum_domain[] = "tris-logfile-v1";

void logfile_reader_init(struct logfile_reader *r)
{
    memset(r, 0, sizeof *r);
    tree_init(&r->tree);
    r->wants = LOGFILE_MAGIC_BYTES;
}

size_t logfile_wants(const struct logfile_reader *r)
{
    return r->wants;
}

int logfile_order(const struct tris_log_ref *a, const struct tris_log_ref *b)
{
    if (a->topic != b->topic) {
        return a->topic < b->topic ? -1 : 1;
    }
    int order = tris_house_id_cmp(&a->house, &b->house);
    if (order == 0) {
        order = (a->epoch > b->epoch) - (a->epoch < b->epoch);
    }
    return order != 0 ? order : tris_sign_pub_cmp(&a->seal_key, &b->seal_key);
}

/* ---- what may follow what ---- */

static bool may_follow(const struct logfile_reader *r, enum logfile_type type)
{
    const bool between = r->last == LOGFILE_HEAD || r->last == LOGFILE_STATE ||
                         r->last == LOGFILE_FORK || r->last == LOGFILE_SEGMENT;
    switch (type) {
    case LOGFILE_NOTHING:
        return false;
    case LOGFILE_HEAD:
        return r->last == LOGFILE_NOTHING;
    case LOGFILE_STATE: /* all but the last one are full, so that there is one form only */
        return (r->last == LOGFILE_HEAD || r->last == LOGFILE_STATE) &&
               r->rows % LOGFILE_ROWS_MAX == 0;
    case LOGFILE_LOG:
    case LOGFILE_END:
        return between;
    case LOGFILE_FORK:
        return r->last == LOGFILE_LOG;
    case LOGFILE_SEGMENT:
        return !r->closed &&
               (r->last == LOGFILE_LOG || r->last == LOGFILE_FORK || r->last == LOGFILE_SEGMENT);
    }
    return false;
}

static enum tris_err take_lead(struct logfile_reader *r, struct span bytes)
{
    struct rbuf in = rbuf_of(bytes);
    const uint8_t type = rbuf_u8(&in);
    const uint32_t length = rbuf_u32(&in);
    if (type > LOGFILE_END || !may_follow(r, (enum logfile_type)type)) {
        return TRIS_ERR_BAD_VALUE;
    }
    if (length > LOGFILE_BODY_BYTES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    if (length == 0) {
        return TRIS_ERR_TRUNCATED;
    }
    memcpy(r->lead, bytes.ptr, sizeof r->lead);
    r->next = (enum logfile_type)type;
    r->wants = length;
    return TRIS_OK;
}

/* ---- bodies ---- */

static void need_items(struct rbuf *in, uint32_t items)
{
    if (pack_read_array(in, items) != items) {
        rbuf_fail(in, TRIS_ERR_BAD_VALUE);
    }
}

static enum tris_err take_head(struct logfile_reader *r, struct rbuf *in, struct logfile_item *out)
{
    need_items(in, 3);
    pack_read_bin_exact(in, out->head.fed.b, sizeof out->head.fed.b);
    pack_read_bin_exact(in, out->head.house.b, sizeof out->head.house.b);
    out->head.time_ms = pack_read_uint(in);
    r->head = out->head;
    return rbuf_finish(in);
}

static enum tris_err take_state(struct logfile_reader *r, struct rbuf *in, struct logfile_item *out)
{
    out->state.count = pack_read_array(in, LOGFILE_ROWS_MAX);
    if (out->state.count == 0) {
        rbuf_fail(in, TRIS_ERR_BAD_VALUE);
    }
    for (uint32_t i = 0; i < out->state.count && in->err == TRIS_OK; i++) {
        struct logfile_row *row = &out->state.row[i];
        need_items(in, 5);
        pack_read_bin_exact(in, row->id.b, sizeof row->id.b);
        row->size = pack_read_uint(in);
        pack_read_bin_exact(in, row->root.b, sizeof row->root.b);
        row->day = (uint32_t)pack_read_uint_max(in, UINT32_MAX);
        row->flags = (uint8_t)pack_read_uint_max(in, UINT8_MAX);
        if (r->has_row && tris_log_id_cmp(&row->id, &r->row_id) <= 0) {
            rbuf_fail(in, TRIS_ERR_NOT_CANONICAL);
        }
        r->row_id = row->id;
        r->has_row = true;
    }
    r->rows += out->state.count;
    if (r->rows > LOGFILE_LOGS_MAX) {
        rbuf_fail(in, TRIS_ERR_TOO_LARGE);
    }
    return rbuf_finish(in);
}

static void read_ref(struct rbuf *in, struct tris_log_ref *ref)
{
    pack_read_bin_exact(in, ref->house.b, sizeof ref->house.b);
    ref->topic = (enum tris_topic)pack_read_uint_max(in, TRIS_TOPIC_DATA); /* local never leaves */
    ref->epoch = (uint32_t)pack_read_uint_max(in, UINT32_MAX);
    if (ref->epoch == 0) {
        pack_read_nil(in);
        memcpy(ref->seal_key.b, ref->house.b, sizeof ref->seal_key.b);
    } else {
        pack_read_bin_exact(in, ref->seal_key.b, sizeof ref->seal_key.b);
    }
}

static void read_peaks(struct rbuf *in, struct tree *tree)
{
    tree_init(tree);
    tree->size = pack_read_uint_max(in, LOGFILE_FIRST_MAX);
    const struct span hashes = pack_read_bin(in, TREE_LEVELS_MAX * HASH_BYTES);
    struct rbuf peaks = rbuf_of(hashes);
    for (uint32_t level = TREE_LEVELS_MAX; level-- > 0;) {
        if ((tree->size >> level & 1) != 0) {
            rbuf_copy(&peaks, tree->peak[level].b, HASH_BYTES);
        }
    }
    if (rbuf_finish(&peaks) != TRIS_OK) { /* as many as the size has peaks */
        rbuf_fail(in, TRIS_ERR_BAD_VALUE);
    }
}

static enum tris_err take_log(struct logfile_reader *r, struct rbuf *in, struct logfile_item *out)
{
    struct tris_log_ref ref;
    memset(&ref, 0, sizeof ref);
    need_items(in, 6);
    read_ref(in, &ref);
    read_peaks(in, &r->tree);
    enum tris_err err = rbuf_finish(in);
    if (err != TRIS_OK) {
        return err;
    }
    if (r->logs > 0 && logfile_order(&ref, &r->ref) <= 0) {
        return TRIS_ERR_NOT_CANONICAL;
    }
    if (r->logs == LOGFILE_LOGS_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    r->logs++;
    r->ref = ref;
    r->closed = false;
    r->forked = false;
    log_id_derive(&r->head.fed, &ref, &r->id);
    out->log.ref = ref;
    out->log.id = r->id;
    out->log.first = r->tree.size;
    tree_root(&r->tree, &out->log.root);
    return TRIS_OK;
}

static enum tris_err take_fork(struct logfile_reader *r, struct span bytes,
                               struct logfile_item *out)
{
    enum tris_err err = fork_proof_verify(bytes, &out->fork.proof);
    if (err != TRIS_OK) {
        return err;
    }
    const struct fork_proof *proof = &out->fork.proof;
    if (!tris_log_id_eq(&proof->log, &r->id) || proof->at < r->tree.size) {
        return TRIS_ERR_BAD_VALUE;
    }
    out->fork.bytes = bytes;
    r->forked = true;
    r->end = proof->at;
    r->end_root = proof->root_at;
    r->closed = proof->at == r->tree.size; /* all of it is before what the file has */
    return TRIS_OK;
}

/* What a run must be besides what its seal says. */
static enum tris_err segment_fits(struct logfile_reader *r, const struct logfile_item *item)
{
    const bool cut = seal_is_cut(&item->segment.seal);
    const uint64_t size = item->segment.seal.size;
    if (item->segment.count == 0 && (r->last == LOGFILE_SEGMENT || size == 0 || cut)) {
        return TRIS_ERR_BAD_VALUE; /* sealed anew: the seal alone, of a log that goes no further */
    }
    if (r->forked ? size > r->end : cut) {
        return TRIS_ERR_BAD_VALUE;
    }
    if (cut && (item->segment.seal.time_ms != 0 || size != r->end ||
                !tris_hash_eq(&item->segment.seal.root, &r->end_root))) {
        return TRIS_ERR_BAD_VALUE;
    }
    return TRIS_OK;
}

static enum tris_err take_segment(struct logfile_reader *r, struct rbuf *in,
                                  struct logfile_item *out)
{
    struct seal *seal = &out->segment.seal;
    memset(seal, 0, sizeof *seal);
    need_items(in, 5);
    out->segment.count = (uint32_t)pack_read_uint_max(in, TRIS_SEAL_SPACING_MAX);
    seal->time_ms = pack_read_uint(in);
    pack_read_bin_exact(in, seal->root.b, sizeof seal->root.b);
    pack_read_bin_exact(in, seal->sig.b, sizeof seal->sig.b);
    out->segment.wire = pack_read_bin(in, TRIS_SEGMENT_BYTES_MAX);
    enum tris_err err = rbuf_finish(in);
    if (err != TRIS_OK) {
        return err;
    }
    if (out->segment.count > UINT64_MAX - r->tree.size) {
        return TRIS_ERR_TOO_LARGE;
    }
    seal->log = r->id;
    seal->size = r->tree.size + out->segment.count;
    out->segment.first = r->tree.size;
    err = segment_fits(r, out);
    if (err == TRIS_OK && seal_is_cut(seal)) {
        err = segment_verify_cut(&r->id, &r->tree, out->segment.wire, out->segment.count, r->end,
                                 &r->end_root, &r->scratch);
    } else if (err == TRIS_OK) {
        err = segment_verify(&r->id, &r->ref.seal_key, &r->tree, out->segment.wire,
                             out->segment.count, seal, &r->scratch);
    }
    if (err != TRIS_OK) {
        return err;
    }
    r->tree = r->scratch.after;
    r->segments++;
    r->entries += out->segment.count;
    r->closed = out->segment.count == 0 || (r->forked && r->tree.size == r->end);
    return TRIS_OK;
}

static enum tris_err take_end(const struct logfile_reader *r, struct rbuf *in,
                              struct logfile_item *out)
{
    struct tris_hash sum = {{0}};
    need_items(in, 4);
    out->end.logs = pack_read_uint(in);
    out->end.segments = pack_read_uint(in);
    out->end.entries = pack_read_uint(in);
    pack_read_bin_exact(in, sum.b, sizeof sum.b);
    enum tris_err err = rbuf_finish(in);
    if (err != TRIS_OK) {
        return err;
    }
    return out->end.logs == r->logs && out->end.segments == r->segments &&
                   out->end.entries == r->entries && tris_hash_eq(&sum, &r->sum)
               ? TRIS_OK
               : TRIS_ERR_BAD_VALUE;
}

static enum tris_err take_body(struct logfile_reader *r, struct span bytes,
                               struct logfile_item *out)
{
    struct rbuf in = rbuf_of(bytes);
    switch (r->next) {
    case LOGFILE_NOTHING:
        break;
    case LOGFILE_HEAD:
        return take_head(r, &in, out);
    case LOGFILE_STATE:
        return take_state(r, &in, out);
    case LOGFILE_LOG:
        return take_log(r, &in, out);
    case LOGFILE_FORK:
        return take_fork(r, bytes, out);
    case LOGFILE_SEGMENT:
        return take_segment(r, &in, out);
    case LOGFILE_END:
        return take_end(r, &in, out);
    }
    return TRIS_ERR_BAD_VALUE;
}

/* ---- steps ---- */

static enum tris_err take(struct logfile_reader *r, struct span bytes, struct logfile_item *out)
{
    if (r->pos == 0) {
        r->wants = LOGFILE_LEAD_BYTES;
        return span_eq(bytes, span_str(LOGFILE_MAGIC)) ? TRIS_OK : TRIS_ERR_BAD_VERSION;
    }
    if (r->next == LOGFILE_NOTHING) {
        return take_lead(r, bytes);
    }
    out->at = r->pos - LOGFILE_LEAD_BYTES;
    enum tris_err err = take_body(r, bytes, out);
    if (err != TRIS_OK) {
        r->pos = out->at;
        return err;
    }
    const struct span parts[] = {span_of(r->sum.b, sizeof r->sum.b),
                                 span_of(r->lead, sizeof r->lead), bytes};
    hash_parts(sum_domain, NULL, parts, sizeof parts / sizeof parts[0], &r->sum);
    out->type = r->next;
    r->last = r->next;
    r->next = LOGFILE_NOTHING;
    r->wants = out->type == LOGFILE_END ? 0 : LOGFILE_LEAD_BYTES;
    return TRIS_OK;
}

enum tris_err logfile_step(struct logfile_reader *r, struct span bytes, struct logfile_item *out)
{
    out->type = LOGFILE_NOTHING;
    out->at = r->pos;
    if (r->err != TRIS_OK) {
        return r->err;
    }
    tris_assert(r->wants > 0 && bytes.len == r->wants);
    r->err = take(r, bytes, out);
    if (r->err == TRIS_OK) {
        r->pos += bytes.len;
    }
    return r->err;
}

enum tris_err logfile_finish(const struct logfile_reader *r, size_t left)
{
    if (r->err != TRIS_OK) {
        return r->err;
    }
    if (r->wants > 0) {
        return TRIS_ERR_TRUNCATED;
    }
    return left > 0 ? TRIS_ERR_TRAILING : TRIS_OK;
}
