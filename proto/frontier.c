/* The frontier in memory; see frontier.h. Plain tables: items by log number, and per bucket the log
 * numbers in order of log id. Nothing here hashes more than the buckets that changed. */
#include "proto/frontier.h"

#include <stdlib.h>

#include "proto/assert.h"
#include "proto/hash.h"

/* What is hashed of one item: log_id 32, whole u64, root 32, day u32, flags u8. */
enum { ITEM_HASHED_BYTES = 32 + 8 + 32 + 4 + 1 };

struct bucket {
    uint32_t *logs; /* ascending by log id */
    uint32_t count, cap;
    struct tris_hash digest, gov; /* over all logs, over the gov logs */
    bool dirty, gov_dirty;
};

struct ring_slot {
    struct tris_short root;
    uint64_t stamp;
};

struct frontier {
    struct frontier_item *items;
    bool *used;
    uint32_t count, cap;
    uint64_t stamp;
    struct bucket buckets[TRIS_FRONTIER_BUCKETS];
    struct tris_hash root, gov_root;
    bool root_dirty, gov_root_dirty;
    struct ring_slot ring[TRIS_FRONTIER_RING];
    uint64_t ring_total; /* roots ever entered; the newest is at (ring_total - 1) % size */
};

enum tris_err frontier_new(struct frontier **out)
{
    struct frontier *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    f->root_dirty = f->gov_root_dirty = true;
    *out = f;
    return TRIS_OK;
}

void frontier_free(struct frontier *f)
{
    if (f == NULL) {
        return;
    }
    for (uint32_t i = 0; i < TRIS_FRONTIER_BUCKETS; i++) {
        free(f->buckets[i].logs);
    }
    free(f->items);
    free(f->used);
    free(f);
}

static enum tris_err items_grow(struct frontier *f, uint32_t log_no)
{
    if (log_no < f->cap) {
        return TRIS_OK;
    }
    uint32_t cap = f->cap > 0 ? f->cap : 64;
    while (cap <= log_no) {
        if (cap > UINT32_MAX / 2) {
            return TRIS_ERR_NO_MEMORY;
        }
        cap *= 2;
    }
    struct frontier_item *items = realloc(f->items, cap * sizeof *items);
    if (items == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    f->items = items;
    bool *used = realloc(f->used, cap * sizeof *used);
    if (used == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    f->used = used;
    memset(f->used + f->cap, 0, (cap - f->cap) * sizeof *used);
    f->cap = cap;
    return TRIS_OK;
}

/* Index of the first log in the bucket whose id, cut to `len` bytes, is not below `id`. */
static uint32_t bucket_lower(const struct frontier *f, const struct bucket *b, const uint8_t *id,
                             size_t len)
{
    uint32_t low = 0, high = b->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (memcmp(f->items[b->logs[middle]].id.b, id, len) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum tris_err bucket_insert(struct frontier *f, uint32_t log_no,
                                   const struct tris_log_id *id)
{
    struct bucket *b = &f->buckets[id->b[0]];
    if (b->count == b->cap) {
        uint32_t cap = b->cap > 0 ? b->cap * 2 : 8;
        uint32_t *logs = realloc(b->logs, cap * sizeof *logs);
        if (logs == NULL) {
            return TRIS_ERR_NO_MEMORY;
        }
        b->logs = logs;
        b->cap = cap;
    }
    uint32_t at = bucket_lower(f, b, id->b, sizeof id->b);
    memmove(b->logs + at + 1, b->logs + at, (b->count - at) * sizeof *b->logs);
    b->logs[at] = log_no;
    b->count++;
    return TRIS_OK;
}

enum tris_err frontier_set(struct frontier *f, uint32_t log_no, const struct frontier_item *item)
{
    tris_assert(log_no != FRONTIER_NONE);
    tris_assert(item->whole <= item->held);
    tris_assert(item->ref.topic != TRIS_TOPIC_LOCAL);
    tris_assert(!frontier_item_ends(item) || item->held <= item->end);
    enum tris_err err = items_grow(f, log_no);
    if (err != TRIS_OK) {
        return err;
    }
    struct frontier_item *slot = &f->items[log_no];
    if (!f->used[log_no]) {
        err = bucket_insert(f, log_no, &item->id);
        if (err != TRIS_OK) {
            return err;
        }
        *slot = *item;
        slot->fetcher = 0;
        slot->arriving = 0;
        slot->tail = 0;
        slot->lack_ms = 0;
        slot->lack_told_ms = 0;
        f->used[log_no] = true;
        f->count = log_no >= f->count ? log_no + 1 : f->count;
    } else {
        tris_assert(tris_log_id_eq(&slot->id, &item->id));
        slot->lack_ms = slot->held == item->held ? slot->lack_ms : 0;
        slot->held = item->held;
        slot->whole = item->whole;
        slot->root = item->root;
        slot->day = item->day;
        slot->flags = item->flags;
        slot->end = item->end;
        slot->end_root = item->end_root;
        slot->own = item->own;
    }
    slot->stamp = ++f->stamp;
    f->buckets[item->id.b[0]].dirty = true;
    f->root_dirty = true;
    if (slot->ref.topic == TRIS_TOPIC_GOV) {
        f->buckets[item->id.b[0]].gov_dirty = true;
        f->gov_root_dirty = true;
    }
    return TRIS_OK;
}

const struct frontier_item *frontier_item(const struct frontier *f, uint32_t log_no)
{
    return log_no < f->count && f->used[log_no] ? &f->items[log_no] : NULL;
}

struct frontier_item *frontier_item_mut(struct frontier *f, uint32_t log_no)
{
    return log_no < f->count && f->used[log_no] ? &f->items[log_no] : NULL;
}

void frontier_lacks(struct frontier *f, uint32_t log_no, uint64_t now_ms)
{
    struct frontier_item *item = frontier_item_mut(f, log_no);
    tris_assert(item != NULL);
    if (item->lack_ms == 0 || now_ms - item->lack_told_ms > FRONTIER_LACK_PAUSE_MS) {
        item->lack_ms = now_ms;
    }
    item->lack_told_ms = now_ms;
}

uint32_t frontier_find(const struct frontier *f, const struct tris_short *id)
{
    const struct bucket *b = &f->buckets[id->b[0]];
    uint32_t at = bucket_lower(f, b, id->b, sizeof id->b);
    if (at < b->count && memcmp(f->items[b->logs[at]].id.b, id->b, sizeof id->b) == 0) {
        return b->logs[at];
    }
    return FRONTIER_NONE;
}

uint32_t frontier_count(const struct frontier *f)
{
    return f->count;
}

static void bucket_hash(const struct frontier *f, const struct bucket *b, bool gov_only,
                        struct tris_hash *out)
{
    crypto_generichash_blake2b_state state = hash_begin("tris-bucket-v1", NULL);
    bool any = false;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct frontier_item *item = &f->items[b->logs[i]];
        if (!frontier_item_counts(item) || (gov_only && item->ref.topic != TRIS_TOPIC_GOV)) {
            continue;
        }
        uint8_t bytes[ITEM_HASHED_BYTES];
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        wbuf_bytes(&w, item->id.b, sizeof item->id.b);
        wbuf_u64(&w, item->whole);
        wbuf_bytes(&w, item->root.b, sizeof item->root.b);
        wbuf_u32(&w, item->day);
        wbuf_u8(&w, item->flags);
        tris_assert(w.err == TRIS_OK && w.len == sizeof bytes);
        crypto_generichash_blake2b_update(&state, bytes, sizeof bytes);
        any = true;
    }
    memset(out, 0, sizeof *out);
    if (any) {
        crypto_generichash_blake2b_final(&state, out->b, sizeof out->b);
    }
}

void frontier_bucket(struct frontier *f, uint32_t bucket, struct tris_hash *out)
{
    tris_assert(bucket < TRIS_FRONTIER_BUCKETS);
    struct bucket *b = &f->buckets[bucket];
    if (b->dirty) {
        bucket_hash(f, b, false, &b->digest);
        b->dirty = false;
    }
    *out = b->digest;
}

void frontier_gov_bucket(struct frontier *f, uint32_t bucket, struct tris_hash *out)
{
    tris_assert(bucket < TRIS_FRONTIER_BUCKETS);
    struct bucket *b = &f->buckets[bucket];
    if (b->gov_dirty) {
        bucket_hash(f, b, true, &b->gov);
        b->gov_dirty = false;
    }
    *out = b->gov;
}

typedef void digest_fn(struct frontier *f, uint32_t bucket, struct tris_hash *out);

static void root_hash(struct frontier *f, digest_fn *digest, struct tris_hash *out)
{
    crypto_generichash_blake2b_state state = hash_begin("tris-front-v1", NULL);
    for (uint32_t i = 0; i < TRIS_FRONTIER_BUCKETS; i++) {
        struct tris_hash one;
        digest(f, i, &one);
        crypto_generichash_blake2b_update(&state, one.b, sizeof one.b);
    }
    crypto_generichash_blake2b_final(&state, out->b, sizeof out->b);
}

void frontier_gov_root(struct frontier *f, struct tris_hash *out)
{
    if (f->gov_root_dirty) {
        root_hash(f, frontier_gov_bucket, &f->gov_root);
        f->gov_root_dirty = false;
    }
    *out = f->gov_root;
}

void frontier_root(struct frontier *f, struct tris_hash *out)
{
    if (f->root_dirty) {
        struct tris_hash root;
        root_hash(f, frontier_bucket, &root);
        if (f->ring_total == 0 || !tris_hash_eq(&root, &f->root)) {
            f->root = root;
            f->ring[f->ring_total % TRIS_FRONTIER_RING] =
                (struct ring_slot){tris_short_of(root.b), f->stamp};
            f->ring_total++;
        }
        f->root_dirty = false;
    }
    *out = f->root;
}

uint32_t frontier_bucket_next(const struct frontier *f, uint32_t bucket, uint32_t after)
{
    tris_assert(bucket < TRIS_FRONTIER_BUCKETS);
    const struct bucket *b = &f->buckets[bucket];
    uint32_t at = 0;
    if (after != FRONTIER_NONE) {
        const struct tris_log_id *id = &f->items[after].id;
        tris_assert(id->b[0] == bucket);
        at = bucket_lower(f, b, id->b, sizeof id->b) + 1;
    }
    return at < b->count ? b->logs[at] : FRONTIER_NONE;
}

bool frontier_stamp_of(const struct frontier *f, const struct tris_short *root, uint64_t *stamp)
{
    uint64_t kept = f->ring_total < TRIS_FRONTIER_RING ? f->ring_total : TRIS_FRONTIER_RING;
    for (uint64_t i = 1; i <= kept; i++) { /* newest first: a root may come twice */
        const struct ring_slot *slot = &f->ring[(f->ring_total - i) % TRIS_FRONTIER_RING];
        if (tris_short_eq(&slot->root, root)) {
            *stamp = slot->stamp;
            return true;
        }
    }
    return false;
}

uint64_t frontier_stamp(const struct frontier *f)
{
    return f->stamp;
}

bool frontier_empty(const struct frontier *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->used[i] && frontier_item_counts(&f->items[i])) {
            return false;
        }
    }
    return true;
}
