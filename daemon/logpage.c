/* Pages of logs out of a file; see logpage.h. */
#include "daemon/logpage.h"

#include "daemon/daemon.h"
#include "daemon/logfile_fork.h"

/* ---- reading a page ---- */

static enum tris_err item_take(struct logpage *p, const struct logfile_item *item)
{
    switch (item->type) {
    case LOGFILE_NOTHING:
    case LOGFILE_HEAD:
        return TRIS_OK;
    case LOGFILE_LOG:
        p->log = item->log;
        return p->reader.logs == 1 ? TRIS_OK : TRIS_ERR_TOO_LARGE;
    case LOGFILE_FORK:
        p->proof = item->fork.proof;
        p->proof_bytes = item->fork.bytes;
        p->has_fork = true;
        return TRIS_OK;
    case LOGFILE_SEGMENT:
        if (p->count == LOGPAGE_SEGMENTS_MAX) {
            return TRIS_ERR_TOO_LARGE;
        }
        p->segment[p->count++] = item->segment;
        return TRIS_OK;
    case LOGFILE_STATE:
    case LOGFILE_END:
        return TRIS_ERR_BAD_VALUE;
    }
    return TRIS_ERR_BAD_VALUE;
}

enum tris_err logpage_read(struct logpage *p, struct span bytes)
{
    size_t pos = 0;
    enum tris_err err = TRIS_OK;
    logfile_reader_init(&p->reader);
    p->has_fork = false;
    p->count = 0;
    while (err == TRIS_OK && pos < bytes.len) {
        const size_t step = logfile_wants(&p->reader);
        if (step > bytes.len - pos) {
            return TRIS_ERR_TRUNCATED;
        }
        err = logfile_step(&p->reader, span_of(bytes.ptr + pos, step), &p->item);
        pos += step;
        if (err == TRIS_OK) {
            err = item_take(p, &p->item);
        }
    }
    p->fed = p->reader.head.fed;
    p->size = p->reader.tree.size;
    return err == TRIS_OK && p->reader.logs == 0 ? TRIS_ERR_TRUNCATED : err;
}

/* Of an own log what is sealed, as far as the mark covers it. */
uint64_t logpage_held(struct daemon *d, const struct store_log *log)
{
    const struct frontier_item *item = log->own ? frontier_item(d->frontier, log->no) : NULL;
    return item != NULL ? item->held : log->held;
}

/* ---- judging it against what is here ---- */

enum tris_err logpage_differs(struct store_view *v, uint32_t log_no, uint64_t size,
                              const struct tris_hash *root, bool *out)
{
    struct tris_hash here;
    enum tris_err err = store_root_at(v, log_no, size, &here);
    *out = err == TRIS_OK && !tris_hash_eq(&here, root);
    return err;
}

enum tris_err logpage_contradicts(struct store_view *v, const struct logpage *p,
                                  const struct store_log *log, uint64_t held,
                                  struct logpage_contradiction *out)
{
    size_t within = 0; /* segments that end at or before `held`: judged by the root of the last */
    bool other = false;
    enum tris_err err = TRIS_OK;
    out->found = false;
    while (within < p->count && p->segment[within].seal.size <= held) {
        within++;
    }
    if (within > 0) {
        const struct seal *last = &p->segment[within - 1].seal;
        err = logpage_differs(v, log->no, last->size, &last->root, &other);
    }
    bool here = false; /* segment i, or the one across `held`, is to be looked at entry by entry */
    size_t i = 0;
    for (; i < within && other && !here && err == TRIS_OK; i += here ? 0 : 1) {
        const struct seal *seal = &p->segment[i].seal;
        err = logpage_differs(v, log->no, seal->size, &seal->root, &here);
    }
    i = other ? i : within;
    if (err == TRIS_OK && i < p->count && p->segment[i].first < held) {
        const uint64_t size = p->segment[i].seal.size;
        err = logfile_fork_find(v, log, held, &p->segment[i], &out->at);
        out->segment = i;
        out->found = err == TRIS_OK && out->at < (held < size ? held : size);
    }
    return err;
}
