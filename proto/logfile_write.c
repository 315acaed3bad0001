/* Items of log files as bytes; see logfile.h. */
#include "proto/logfile.h"
#include "proto/pack.h"

/* Type and a length that item_end fills in. */
static size_t item_begin(struct wbuf *w, enum logfile_type type)
{
    wbuf_u8(w, (uint8_t)type);
    wbuf_u32(w, 0);
    return w->len;
}

static void item_end(struct wbuf *w, size_t body)
{
    if (w->err != TRIS_OK) {
        return;
    }
    struct wbuf length = wbuf_of(w->ptr + body - sizeof(uint32_t), sizeof(uint32_t));
    wbuf_u32(&length, (uint32_t)(w->len - body));
}

void logfile_put_magic(struct wbuf *w)
{
    wbuf_bytes(w, LOGFILE_MAGIC, LOGFILE_MAGIC_BYTES);
}

void logfile_put_head(struct wbuf *w, const struct logfile_head *head)
{
    const size_t body = item_begin(w, LOGFILE_HEAD);
    pack_write_array(w, 3);
    pack_write_bin(w, head->fed.b, sizeof head->fed.b);
    pack_write_bin(w, head->house.b, sizeof head->house.b);
    pack_write_uint(w, head->time_ms);
    item_end(w, body);
}

void logfile_put_state(struct wbuf *w, const struct logfile_row *rows, uint32_t count)
{
    const size_t body = item_begin(w, LOGFILE_STATE);
    pack_write_array(w, count);
    for (uint32_t i = 0; i < count; i++) {
        pack_write_array(w, 5);
        pack_write_bin(w, rows[i].id.b, sizeof rows[i].id.b);
        pack_write_uint(w, rows[i].size);
        pack_write_bin(w, rows[i].root.b, sizeof rows[i].root.b);
        pack_write_uint(w, rows[i].day);
        pack_write_uint(w, rows[i].flags);
    }
    item_end(w, body);
}

void logfile_put_log(struct wbuf *w, const struct tris_log_ref *ref, const struct tree *peaks)
{
    struct tris_hash hashes[TREE_LEVELS_MAX];
    size_t count = 0;
    for (uint32_t level = TREE_LEVELS_MAX; level-- > 0;) { /* from the highest down */
        if ((peaks->size >> level & 1) != 0) {
            hashes[count++] = peaks->peak[level];
        }
    }
    const size_t body = item_begin(w, LOGFILE_LOG);
    pack_write_array(w, 6);
    pack_write_bin(w, ref->house.b, sizeof ref->house.b);
    pack_write_uint(w, ref->topic);
    pack_write_uint(w, ref->epoch);
    if (ref->epoch == 0) { /* it is the house id */
        pack_write_nil(w);
    } else {
        pack_write_bin(w, ref->seal_key.b, sizeof ref->seal_key.b);
    }
    pack_write_uint(w, peaks->size);
    pack_write_bin(w, hashes, count * sizeof hashes[0]);
    item_end(w, body);
}

void logfile_put_fork(struct wbuf *w, struct span proof)
{
    const size_t body = item_begin(w, LOGFILE_FORK);
    wbuf_span_put(w, proof);
    item_end(w, body);
}

void logfile_put_segment(struct wbuf *w, uint32_t count, const struct seal *seal, struct span wire)
{
    const size_t body = item_begin(w, LOGFILE_SEGMENT);
    pack_write_array(w, 5);
    pack_write_uint(w, count);
    pack_write_uint(w, seal->time_ms);
    pack_write_bin(w, seal->root.b, sizeof seal->root.b);
    pack_write_bin(w, seal->sig.b, sizeof seal->sig.b);
    pack_write_bin(w, wire.ptr, wire.len);
    item_end(w, body);
}

void logfile_put_end(struct wbuf *w, const struct logfile_reader *r)
{
    const size_t body = item_begin(w, LOGFILE_END);
    pack_write_array(w, 4);
    pack_write_uint(w, r->logs);
    pack_write_uint(w, r->segments);
    pack_write_uint(w, r->entries);
    pack_write_bin(w, r->sum.b, sizeof r->sum.b);
    item_end(w, body);
}
