/* Rows of a list that mean the same record; see import_seen.h. */
#include "tools/import_seen.h"

#include <sodium.h>
#include <stdlib.h>

#include "proto/text.h"

enum { FIRST_SLOTS = 4096, KEY_BYTES_MAX = 2048, FOLDED_BYTES_MAX = 1024 };

struct slot {
    uint64_t key; /* 0: free */
    uint32_t line, payload;
};

struct seen {
    uint8_t secret[crypto_shorthash_KEYBYTES]; /* a list cannot be made to collide */
    struct slot *slot;
    size_t slots, used;
};

struct seen *seen_new(void)
{
    struct seen *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    randombytes_buf(s->secret, sizeof s->secret);
    s->slots = FIRST_SLOTS;
    s->slot = calloc(s->slots, sizeof s->slot[0]);
    if (s->slot == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

void seen_free(struct seen *s)
{
    if (s != NULL) {
        free(s->slot);
        free(s);
    }
}

static uint64_t hash(const struct seen *s, struct span bytes)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t value;
    (void)crypto_shorthash(out, bytes.ptr != NULL ? bytes.ptr : out, bytes.len, s->secret);
    memcpy(&value, out, sizeof value);
    return value != 0 ? value : 1;
}

static struct slot *find(struct slot *slot, size_t slots, uint64_t key)
{
    size_t at = (size_t)key & (slots - 1);
    while (slot[at].key != 0 && slot[at].key != key) {
        at = (at + 1) & (slots - 1);
    }
    return &slot[at];
}

/* False if there is no room for one more. */
static bool grow(struct seen *s)
{
    if (s->used < s->slots / 4 * 3) {
        return true;
    }
    struct slot *more = s->used < SEEN_ROWS_MAX ? calloc(2 * s->slots, sizeof more[0]) : NULL;
    if (more == NULL) {
        return false;
    }
    for (size_t i = 0; i < s->slots; i++) {
        if (s->slot[i].key != 0) {
            *find(more, 2 * s->slots, s->slot[i].key) = s->slot[i];
        }
    }
    free(s->slot);
    s->slot = more;
    s->slots *= 2;
    return true;
}

uint64_t seen_add(struct seen *s, enum seen_key type, struct span a, struct span b,
                  struct span payload, uint64_t line, bool *same)
{
    uint8_t bytes[KEY_BYTES_MAX], folded[FOLDED_BYTES_MAX];
    struct wbuf name = wbuf_of(folded, sizeof folded);
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    if (type == SEEN_NAME) {
        text_fold_name(a, &name);
        a = wbuf_span(&name);
    }
    wbuf_u8(&w, (uint8_t)type);
    wbuf_u32(&w, (uint32_t)a.len);
    wbuf_span_put(&w, a);
    wbuf_span_put(&w, b);
    *same = false;
    if (w.err != TRIS_OK) {
        return 0; /* no field is that long */
    }
    uint64_t key = hash(s, wbuf_span(&w));
    uint32_t content = (uint32_t)hash(s, payload);
    struct slot *slot = find(s->slot, s->slots, key);
    if (slot->key != 0) {
        *same = slot->payload == content;
        return slot->line;
    }
    if (grow(s)) {
        slot = find(s->slot, s->slots, key);
        *slot = (struct slot){key, line < UINT32_MAX ? (uint32_t)line : UINT32_MAX, content};
        s->used++;
    }
    return 0;
}
