/* What making and reading backups share: names, manifest text, copying files. */
#ifndef TRIS_STORAGE_BACKUP_INT_H
#define TRIS_STORAGE_BACKUP_INT_H

#include "storage/backup.h"

enum { BACKUP_MANIFEST_BYTES_MAX = 4096 };

#define BACKUP_MANIFEST "manifest"
#define BACKUP_STORE "store/data.mdb"

/* The files that a backup may hold; a manifest cannot name another one. */
struct backup_part {
    const char *name;
    bool is_key, is_copied; /* copied as bytes from and into a data directory */
    unsigned mode;          /* in a data directory; in the backup all are 0600 */
};
extern const struct backup_part backup_parts[BACKUP_FILES_MAX];

bool backup_path(char out[BACKUP_PATH_BYTES], const char *dir, const char *name);
/* TRIS_OK if nothing is at `path` or an empty directory; *there says which. */
TRIS_MUST_CHECK enum tris_err backup_place(const char *path, bool *there, char *detail);
TRIS_MUST_CHECK enum tris_err backup_sync_dir(const char *path);
/* The directory that holds `path`. */
void backup_parent(const char *path, char out[BACKUP_PATH_BYTES]);
/* The sentence "PATH: reason" and the error of an errno. */
enum tris_err backup_errno(const char *path, int error, char *detail);

/* Reads `from` to its end, hashes it and writes it to `to` (NULL: nowhere), synced. */
TRIS_MUST_CHECK enum tris_err backup_copy(const char *from, const char *to, unsigned mode,
                                          struct backup_file *out,
                                          bool (*goes_on)(void *ctx, uint64_t bytes), void *ctx,
                                          char *detail);

/* Length of the text, NUL-terminated. */
size_t backup_manifest_print(const struct backup_manifest *m, char out[BACKUP_MANIFEST_BYTES_MAX]);
TRIS_MUST_CHECK enum tris_err backup_manifest_parse(struct span text, struct backup_manifest *out);
/* Writes a new file with mode 0600, synced. */
TRIS_MUST_CHECK enum tris_err backup_write(const char *path, struct span bytes, unsigned mode,
                                           char *detail);

#endif
