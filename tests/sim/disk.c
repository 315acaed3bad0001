/* What a disk holds for good and what it may lose; see disk.h. */
#include "tests/sim/disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/assert.h"

enum {
    DISKS_MAX = 512,
    FILES_MAX = 64,
    NAME_BYTES = 96,
    PATH_BYTES = 512,
    PAGE_BYTES = 4096,
    SECTOR_BYTES = 512,
    NAMES_MAX = 64,
};

/* A page as it was when the file was synced last; sectors written for good since are updated. */
struct page {
    uint64_t number;
    uint8_t bytes[PAGE_BYTES];
};

struct disk_file {
    struct disk *disk;
    char name[NAME_BYTES]; /* "" = it has none any more */
    uint64_t inode;
    uint8_t *map; /* for disk_map; NULL: not yet */
    bool changed; /* since the last sync, while armed */
    uint64_t synced_size;
    struct page *pages;
    size_t pages_count, pages_cap;
};

enum name_change { NAME_CREATED, NAME_EXCHANGED, NAME_RENAMED, NAME_HIDDEN };

/* A change of names that no fsync of its directory has confirmed. */
struct name_row {
    enum name_change change;
    struct disk_file *a, *b;
    char from[NAME_BYTES], hidden[NAME_BYTES];
};

struct disk {
    char dir[PATH_BYTES];
    size_t dir_len;
    uint64_t number, device;
    struct rng rng;
    struct disk_file file[FILES_MAX];
    size_t files_count;
    struct name_row name[NAMES_MAX];
    size_t names_count;
    uint64_t operations, crash_at, next_inode, next_hidden;
    bool crashed, full, was_full;
    enum disk_op crashed_at;
};

/* Calls come without a context: this is where they find the disk of a path. */
static struct disk *disks[DISKS_MAX];

struct disk *disk_new(const char *dir, struct rng rng)
{
    struct disk *d = calloc(1, sizeof *d);
    size_t slot = 0;
    while (slot < DISKS_MAX && disks[slot] != NULL) {
        slot++;
    }
    tris_assert(d != NULL && slot < DISKS_MAX && strlen(dir) + NAME_BYTES < sizeof d->dir);
    d->dir_len = strlen(dir);
    memcpy(d->dir, dir, d->dir_len + 1);
    d->number = d->device = slot + 1;
    d->rng = rng;
    d->next_inode = 1;
    disks[slot] = d;
    return d;
}

static void unmap(struct disk_file *f)
{
    if (f->map != NULL) {
        (void)munmap(f->map, DISK_MAP_BYTES);
        f->map = NULL;
    }
}

void disk_free(struct disk *d)
{
    if (d == NULL) {
        return;
    }
    disks[d->number - 1] = NULL;
    for (size_t i = 0; i < d->files_count; i++) {
        unmap(&d->file[i]);
        free(d->file[i].pages);
    }
    free(d);
}

struct disk *disk_of_path(const char *path, const char **name)
{
    for (size_t i = 0; i < DISKS_MAX; i++) {
        struct disk *d = disks[i];
        if (d != NULL && strncmp(path, d->dir, d->dir_len) == 0 &&
            (path[d->dir_len] == '/' || path[d->dir_len] == '\0')) {
            *name = path[d->dir_len] == '/' ? path + d->dir_len + 1 : "";
            return d;
        }
    }
    return NULL;
}

/* Audits work on copies that nobody misses, and LMDB's lock file is made anew by whoever is first.
 */
static bool is_scratch(const char *name)
{
    return strncmp(name, "audit-", 6) == 0 || strcmp(name, "store/lock.mdb") == 0 ||
           strncmp(name, "hidden-", 7) == 0;
}

struct disk_file *disk_file(struct disk *d, const char *name)
{
    struct disk_file *unused = NULL;
    if (is_scratch(name)) {
        return NULL;
    }
    name = name[0] != '\0' ? name : ".";
    for (size_t i = 0; i < d->files_count; i++) {
        if (strcmp(d->file[i].name, name) == 0) {
            return &d->file[i];
        }
        if (d->file[i].name[0] == '\0' && !d->file[i].changed && d->names_count == 0) {
            unused = &d->file[i];
        }
    }
    tris_assert(strlen(name) < NAME_BYTES && (unused != NULL || d->files_count < FILES_MAX));
    struct disk_file *f = unused != NULL ? unused : &d->file[d->files_count++];
    unmap(f);
    f->disk = d;
    f->inode = d->next_inode++;
    memcpy(f->name, name, strlen(name) + 1);
    return f;
}

struct disk *disk_of(const struct disk_file *f)
{
    return f->disk;
}

uint8_t *disk_map(struct disk_file *f, int fd)
{
    if (f->map == NULL) {
        void *map = mmap(NULL, DISK_MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        f->map = map != MAP_FAILED ? map : NULL;
    }
    return f->map;
}

uint64_t disk_device(const struct disk *d)
{
    return d->device;
}

uint64_t disk_inode(const struct disk_file *f)
{
    return f->inode;
}

void disk_image(struct disk *d, struct disk *of, const char *name)
{
    d->device = of->device;
    disk_file(d, name)->inode = disk_file(of, name)->inode;
}

/* ---- crash ---- */

void disk_arm(struct disk *d, uint64_t operations)
{
    d->crash_at = d->operations + operations;
}

void disk_disarm(struct disk *d)
{
    d->crash_at = 0;
    for (size_t i = 0; i < d->files_count; i++) {
        disk_has_synced(&d->file[i]);
    }
}

bool disk_armed(const struct disk *d)
{
    return d->crash_at != 0;
}

bool disk_crashed(const struct disk *d)
{
    return d->crashed;
}

enum disk_op disk_crashed_at(const struct disk *d)
{
    return d->crashed_at;
}

void disk_cut(struct disk *d)
{
    d->crashed = true;
}

bool disk_allows(struct disk *d, enum disk_op op)
{
    d->operations++;
    if (!d->crashed && d->operations == d->crash_at) {
        d->crashed = true;
        d->crashed_at = op;
    }
    return !d->crashed;
}

void disk_set_full(struct disk *d, bool full)
{
    d->full = full;
}

bool disk_is_full(const struct disk *d)
{
    return d->full;
}

bool disk_was_full(struct disk *d)
{
    bool was = d->was_full;
    d->was_full = false;
    return was;
}

bool disk_has_room(struct disk *d, uint64_t end, uint64_t size)
{
    d->was_full = d->was_full || end > size;
    return end <= size;
}

/* ---- data ---- */

static void full_path(const struct disk *d, const char *name, char out[PATH_BYTES])
{
    (void)snprintf(out, PATH_BYTES, "%.400s/%.90s", d->dir, name);
}

static struct page *page_of(struct disk_file *f, uint64_t number)
{
    for (size_t i = f->pages_count; i > 0; i--) {
        if (f->pages[i - 1].number == number) {
            return &f->pages[i - 1];
        }
    }
    return NULL;
}

void disk_will_change(struct disk_file *f, uint64_t at, uint64_t len, uint64_t size)
{
    char path[PATH_BYTES];
    int reader = -1;
    if (!f->changed) {
        f->changed = true;
        f->synced_size = size;
    }
    for (uint64_t n = at / PAGE_BYTES; len > 0 && n <= (at + len - 1) / PAGE_BYTES; n++) {
        if (page_of(f, n) != NULL) {
            continue;
        }
        if (f->pages_count == f->pages_cap) {
            f->pages_cap = f->pages_cap == 0 ? 64 : 2 * f->pages_cap;
            f->pages = realloc(f->pages, f->pages_cap * sizeof *f->pages);
            tris_assert(f->pages != NULL);
        }
        struct page *page = &f->pages[f->pages_count++];
        memset(page, 0, sizeof *page);
        page->number = n;
        if (reader < 0) { /* the writer's may not read */
            full_path(f->disk, f->name, path);
            reader = open(path, O_RDONLY | O_CLOEXEC);
        }
        /* what lies behind the end of the file is zeros */
        ssize_t got = pread(reader, page->bytes, PAGE_BYTES, (off_t)(n * PAGE_BYTES));
        tris_assert(reader >= 0 && got >= 0);
    }
    if (reader >= 0) {
        (void)close(reader);
    }
}

void disk_has_dsynced(struct disk_file *f, uint64_t at, const void *bytes, uint64_t len)
{
    const uint8_t *from = bytes;
    for (uint64_t i = 0; i < len && f->pages_count > 0; i++) {
        struct page *page = page_of(f, (at + i) / PAGE_BYTES);
        if (page != NULL) {
            page->bytes[(at + i) % PAGE_BYTES] = from[i];
        }
    }
}

void disk_has_synced(struct disk_file *f)
{
    f->pages_count = 0;
    f->changed = false;
}

/* ---- names ---- */

static struct name_row *name_put(struct disk *d, enum name_change change, struct disk_file *a)
{
    if (d->names_count == NAMES_MAX) {
        memmove(d->name, d->name + 1, (NAMES_MAX - 1) * sizeof d->name[0]);
        d->names_count--;
    }
    struct name_row *row = &d->name[d->names_count++];
    *row = (struct name_row){.change = change, .a = a};
    return row;
}

void disk_has_created(struct disk_file *f)
{
    (void)name_put(f->disk, NAME_CREATED, f);
}

void disk_has_exchanged(struct disk_file *a, struct disk_file *b)
{
    char name[NAME_BYTES];
    memcpy(name, a->name, sizeof name);
    memcpy(a->name, b->name, sizeof name);
    memcpy(b->name, name, sizeof name);
    name_put(a->disk, NAME_EXCHANGED, a)->b = b;
}

void disk_will_unlink(struct disk_file *f)
{
    struct disk *d = f->disk;
    struct name_row *row = name_put(d, NAME_HIDDEN, f);
    char path[PATH_BYTES], hidden[PATH_BYTES];
    (void)snprintf(row->hidden, sizeof row->hidden, "hidden-%llu",
                   (unsigned long long)d->next_hidden++);
    memcpy(row->from, f->name, sizeof row->from);
    full_path(d, f->name, path);
    full_path(d, row->hidden, hidden);
    tris_assert(link(path, hidden) == 0);
    f->name[0] = '\0';
}

void disk_has_renamed(struct disk_file *from, const char *to)
{
    struct name_row *row = name_put(from->disk, NAME_RENAMED, from);
    memcpy(row->from, from->name, sizeof row->from);
    memcpy(from->name, to, strlen(to) + 1);
}

/* All names of a house change in one directory: LMDB's own is synced when the store is made. */
void disk_has_synced_names(struct disk_file *dir)
{
    struct disk *d = dir->disk;
    for (size_t i = 0; i < d->names_count; i++) {
        if (d->name[i].change == NAME_HIDDEN) {
            char path[PATH_BYTES];
            full_path(d, d->name[i].hidden, path);
            (void)unlink(path);
        }
    }
    d->names_count = 0;
}

/* ---- what a power failure takes ---- */

static uint64_t lose_data(struct disk *d, struct disk_file *f, uint32_t per_mille)
{
    char path[PATH_BYTES];
    uint64_t lost = 0, size;
    struct stat st;
    if (!f->changed || f->name[0] == '\0') {
        return 0;
    }
    full_path(d, f->name, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    tris_assert(fd >= 0 && fstat(fd, &st) == 0);
    size = (uint64_t)st.st_size;
    uint64_t end = size > f->synced_size ? size : f->synced_size;
    for (size_t i = 0; i < f->pages_count; i++) {
        for (uint64_t k = 0; k < PAGE_BYTES; k += SECTOR_BYTES) {
            uint64_t at = f->pages[i].number * PAGE_BYTES + k;
            if (at < end && rng_chance(&d->rng, per_mille)) {
                tris_assert(pwrite(fd, f->pages[i].bytes + k, SECTOR_BYTES, (off_t)at) ==
                            SECTOR_BYTES);
                lost++;
            }
        }
    }
    /* how long the file is, is known to be one of the two */
    uint64_t keeps = rng_chance(&d->rng, per_mille) ? f->synced_size : size;
    tris_assert(ftruncate(fd, (off_t)keeps) == 0);
    (void)close(fd);
    return lost;
}

static void undo_name(struct disk *d, const struct name_row *row)
{
    char path[PATH_BYTES], other[PATH_BYTES];
    full_path(d, row->a->name, path);
    switch (row->change) {
    case NAME_CREATED:
        (void)unlink(path);
        row->a->name[0] = '\0';
        return;
    case NAME_EXCHANGED: {
        char name[NAME_BYTES], hidden[PATH_BYTES];
        full_path(d, row->b->name, other);
        full_path(d, "hidden-x", hidden);
        tris_assert(rename(path, hidden) == 0 && rename(other, path) == 0 &&
                    rename(hidden, other) == 0);
        memcpy(name, row->a->name, sizeof name);
        memcpy(row->a->name, row->b->name, sizeof name);
        memcpy(row->b->name, name, sizeof name);
        return;
    }
    case NAME_RENAMED:
        full_path(d, row->from, other);
        tris_assert(rename(path, other) == 0);
        memcpy(row->a->name, row->from, sizeof row->from);
        return;
    case NAME_HIDDEN:
        full_path(d, row->hidden, other);
        full_path(d, row->from, path);
        tris_assert(rename(other, path) == 0);
        memcpy(row->a->name, row->from, sizeof row->from);
        return;
    }
}

uint64_t disk_settle(struct disk *d, bool kill)
{
    static const uint32_t chances[] = {0, 1000, 500, 100, 900};
    uint32_t per_mille = kill ? 0 : chances[rng_below(&d->rng, 5)];
    uint64_t lost = 0;
    d->crashed = false;
    d->crash_at = 0;
    /* calls from here pass through the same functions: names and files are not tracked meanwhile */
    struct disk *slot = disks[d->number - 1];
    disks[d->number - 1] = NULL;
    for (size_t i = 0; i < d->files_count; i++) {
        lost += lose_data(d, &d->file[i], per_mille);
        disk_has_synced(&d->file[i]);
    }
    while (!kill && d->names_count > 0 && rng_chance(&d->rng, 500)) {
        undo_name(d, &d->name[--d->names_count]);
        lost++;
    }
    disks[d->number - 1] = slot;
    struct disk_file dir = {.disk = d};
    disk_has_synced_names(&dir);
    return lost;
}

/* ---- whole files ---- */

bool disk_copy_in(struct disk *d, const char *path, const char *name, bool same_inode)
{
    char to[PATH_BYTES];
    full_path(d, name, to);
    if (!same_inode) {
        (void)disk_remove(d, name);
    }
    struct disk *slot = disks[d->number - 1];
    disks[d->number - 1] = NULL;
    bool good = disk_copy_file(path, to);
    disks[d->number - 1] = slot;
    return good;
}

bool disk_remove(struct disk *d, const char *name)
{
    char path[PATH_BYTES];
    full_path(d, name, path);
    struct disk *slot = disks[d->number - 1];
    disks[d->number - 1] = NULL;
    bool gone = unlink(path) == 0;
    disks[d->number - 1] = slot;
    for (size_t i = 0; i < d->files_count; i++) {
        if (strcmp(d->file[i].name, name) == 0) {
            d->file[i].name[0] = '\0'; /* whatever comes there is another file */
            unmap(&d->file[i]);
        }
    }
    return gone;
}
