/* A private mapping for each house; see heads.h. */
#define _GNU_SOURCE /* memfd_create; NOLINT: the name that glibc asks for */
#include "tests/scale/heads.h"

#include <sys/mman.h>
#include <unistd.h>

/* This program's frontier: the functions are those of proto/, the parts of the struct are needed.
 */
#include "proto/frontier.c" /* NOLINT(bugprone-suspicious-include) */

struct heads {
    struct frontier *base;
    size_t bytes;
    int file;
};

struct heads *heads_new(struct frontier *base)
{
    struct heads *heads = calloc(1, sizeof *heads);
    struct tris_hash root;
    if (heads == NULL) {
        return NULL;
    }
    frontier_root(base, &root);
    heads->base = base;
    heads->bytes = base->count * sizeof *base->items;
    heads->file = memfd_create("heads", 0);
    const uint8_t *at = (const uint8_t *)base->items;
    for (size_t done = 0; heads->file >= 0 && done < heads->bytes;) {
        ssize_t n = write(heads->file, at + done, heads->bytes - done);
        if (n <= 0) {
            (void)close(heads->file);
            heads->file = -1;
        } else {
            done += (size_t)n;
        }
    }
    if (heads->file < 0) {
        free(heads);
        return NULL;
    }
    return heads;
}

void heads_free(struct heads *heads)
{
    if (heads != NULL) {
        frontier_free(heads->base);
        (void)close(heads->file);
    }
    free(heads);
}

struct frontier *heads_frontier(struct heads *heads)
{
    const struct frontier *base = heads->base;
    /* Its ring of roots is mostly empty: a mapping of its own, of which only used pages exist. */
    struct frontier *f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (f == MAP_FAILED) {
        return NULL;
    }
    void *items = mmap(NULL, heads->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
                       heads->file, 0);
    if (items == MAP_FAILED) {
        (void)munmap(f, sizeof *f);
        return NULL;
    }
    f->items = items;
    f->used = base->used;
    f->count = base->count;
    f->cap = base->count;
    f->stamp = base->stamp;
    memcpy(f->buckets, base->buckets, sizeof f->buckets); /* lists of logs are shared */
    f->root = base->root;
    f->root_dirty = base->root_dirty;
    f->ring_total = base->ring_total;
    for (uint64_t i = 0; i < TRIS_FRONTIER_RING && i < base->ring_total; i++) {
        f->ring[i] = base->ring[i];
    }
    return f;
}

void heads_frontier_free(struct heads *heads, struct frontier *f)
{
    if (f != NULL) {
        (void)munmap(f->items, heads->bytes);
        (void)munmap(f, sizeof *f);
    }
}

size_t heads_bytes(const struct heads *heads)
{
    return heads->bytes;
}
