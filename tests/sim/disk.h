/* The disk below a house: what was written and not yet synced can be lost, in pieces.
 *
 * disk_calls.c defines pwrite, fdatasync, rename and their like for the whole program, LMDB's calls
 * included, and asks this model. Before a call on a file below the directory of a disk it counts an
 * operation; at a drawn one the house "crashes": this and all later calls fail with EIO and have no
 * effect. When the store is closed, disk_settle takes back a drawn part of what was not synced:
 * data in sectors of 512 bytes, names (created, renamed, removed) newest first.
 *
 * Content before unsynced writes is kept only while a crash is near (disk_arm): houses are armed
 * between two batches, when everything is synced. Model: fdatasync makes a file's data durable, a
 * write through O_DSYNC its own, fsync of a directory its names. */
#ifndef TRIS_TESTS_SIM_DISK_H
#define TRIS_TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/rng.h"

enum disk_op { DISK_WRITE, DISK_WRITE_DSYNC, DISK_SYNC, DISK_SYNC_NAMES, DISK_NAME, DISK_OPS };

struct disk; /* opaque, heap */

/* `dir` is absolute, without a slash at its end, and need not exist. */
struct disk *disk_new(const char *dir, struct rng rng);
void disk_free(struct disk *d);

/* The crash comes at the `operations`-th call from now (1 = the next one). */
void disk_arm(struct disk *d, uint64_t operations);
void disk_disarm(struct disk *d);
bool disk_armed(const struct disk *d);
bool disk_crashed(const struct disk *d);
enum disk_op disk_crashed_at(const struct disk *d);
/* Without a call: the power fails while nothing is written. Calls fail from now on. */
void disk_cut(struct disk *d);
/* The store is closed: loses what a power failure may lose, each sector with a chance drawn for
 * this crash (kill: nothing), and lets calls through again. Returns the sectors and names lost. */
uint64_t disk_settle(struct disk *d, bool kill);
/* Files can grow no more. */
void disk_set_full(struct disk *d, bool full);
bool disk_was_full(struct disk *d); /* a call failed for it since the last question */

/* A file of a house as a whole, closed, from a copy: what is put back as DIR/name is another file
 * (inode) than before, unless the whole machine was put back. */
bool disk_copy_in(struct disk *d, const char *path, const char *name, bool same_inode);
bool disk_remove(struct disk *d, const char *name);
/* An image of the machine of `of`: this file cannot be told from the one there. */
void disk_image(struct disk *d, struct disk *of, const char *name);

/* A copy, from path to path; what is at `to` is overwritten in place. */
bool disk_copy_file(const char *from, const char *to);

/* ---- for disk_calls.c ---- */

struct disk_file;

/* The disk that holds `path`, and the rest of the path behind its directory; NULL: none. */
struct disk *disk_of_path(const char *path, const char **name);
/* The file of that name, made if it is not known. NULL: a file that nobody asks after a crash. */
struct disk_file *disk_file(struct disk *d, const char *name);
struct disk *disk_of(const struct disk_file *f);
/* The file's first DISK_MAP_BYTES, to be written, as long as the disk knows the file; `fd` is open
 * for reading and writing. NULL: not possible. What lies behind the file's end may not be used. */
enum { DISK_MAP_BYTES = 1 << 28 };
uint8_t *disk_map(struct disk_file *f, int fd);
uint64_t disk_device(const struct disk *d);
uint64_t disk_inode(const struct disk_file *f);
/* Counts an operation; false: it fails with EIO and has no effect. */
bool disk_allows(struct disk *d, enum disk_op op);
/* False: no room (ENOSPC). `end` is where the write would end, `size` the file's size now. */
bool disk_has_room(struct disk *d, uint64_t end, uint64_t size);
bool disk_is_full(const struct disk *d);
/* Bytes [at, at + len) of the file are about to change, it has `size` bytes. */
void disk_will_change(struct disk_file *f, uint64_t at, uint64_t len, uint64_t size);
/* A write through O_DSYNC has put these bytes there for good. */
void disk_has_dsynced(struct disk_file *f, uint64_t at, const void *bytes, uint64_t len);
void disk_has_synced(struct disk_file *f);
void disk_has_synced_names(struct disk_file *dir);
void disk_has_created(struct disk_file *f);
void disk_has_exchanged(struct disk_file *a, struct disk_file *b);
/* Before a name goes: keeps the file that it meant under a hidden name. */
void disk_will_unlink(struct disk_file *f);
void disk_has_renamed(struct disk_file *from, const char *to);

#endif
