/* Backups: a directory with a consistent copy of the store, the charter, the house line and a
 * manifest with checksums; the private keys only on request, the mark never.
 *
 * The copy is one read transaction: what was committed before it is there, nothing half. Layout:
 * SCHEMA.md, "Backup". No clock, no loop: times are parameters. */
#ifndef TRIS_STORAGE_BACKUP_H
#define TRIS_STORAGE_BACKUP_H

#include <stdatomic.h>

#include "storage/store.h"

enum {
    BACKUP_FILES_MAX = 5,
    BACKUP_NAME_BYTES = 32,
    BACKUP_DETAIL_BYTES = 512,
    BACKUP_PATH_BYTES = 4096,
};

struct backup_file {
    char name[BACKUP_NAME_BYTES]; /* below the backup: "charter", "store/data.mdb" */
    uint64_t bytes;
    struct tris_hash hash; /* BLAKE2b-256 of its bytes, as `b2sum -l 256` prints it */
};

struct backup_manifest {
    uint64_t time_ms; /* when it was made */
    struct tris_fed_id fed;
    struct tris_house_id own;
    struct store_mark tip; /* newest own seals in the copy */
    uint64_t entries;
    bool has_keys;
    uint32_t file_count;
    struct backup_file file[BACKUP_FILES_MAX];
};

/* How far a backup is, for another thread than the one that makes it. Starts as zeros. */
struct backup_progress {
    atomic_bool named; /* `store` is written and stays */
    char store[BACKUP_PATH_BYTES];
    atomic_uint_fast64_t total, hashed;
};

struct backup_opts {
    const char *data_dir; /* where charter, house line and keys lie */
    const char *path;     /* becomes the backup; must not be there, or be an empty directory */
    bool with_keys;
    uint64_t time_ms;
    struct backup_progress *progress; /* may be NULL; lives longer than the call */
};

/* Bytes copied and hashed so far; *total is what it will be about, 0 while that is not known. Any
 * thread. */
uint64_t backup_progress_bytes(struct backup_progress *p, uint64_t *total);

/* Long: run it off the loop. Made beside `path` under another name and renamed at the end, so that
 * after an error or a kill nothing of this name is there. `detail` (BACKUP_DETAIL_BYTES) gets a
 * sentence on failure, here and below. */
TRIS_MUST_CHECK enum tris_err backup_create(struct store *s, const struct backup_opts *opts,
                                            struct backup_manifest *out, char *detail);

/* The manifest and every file against it: TRIS_ERR_CORRUPT if anything differs, TRIS_ERR_NOT_FOUND
 * if this is no backup. `goes_on` may be NULL; false stops (TRIS_ERR_STOPPING). */
TRIS_MUST_CHECK enum tris_err backup_check(const char *path, struct backup_manifest *out,
                                           bool (*goes_on)(void *ctx, uint64_t done, uint64_t all),
                                           void *ctx, char *detail);

/* Opens the copy in a backup that was checked, for reading; audits work below `scratch`. */
TRIS_MUST_CHECK enum tris_err backup_open_store(const char *path,
                                                const struct backup_manifest *manifest,
                                                const char *scratch, struct store **out,
                                                char *detail);

/* Makes `dir` (new or empty, TRIS_ERR_EXISTS otherwise) the data directory that the backup is of,
 * checking again what it copies. `made` is the date of the backup as people read it; with it the
 * mark says "put back", so that nothing is sealed; NULL (an observer): no mark. */
TRIS_MUST_CHECK enum tris_err backup_restore(const char *path,
                                             const struct backup_manifest *manifest,
                                             const char *dir, const char *made, char *detail);

#endif
