/* What a house remembers of its imports, so that they can be listed and taken back: settings that
 * the writer keeps in the transaction of the rows themselves. Layout: storage/SCHEMA.md. */
#ifndef TRIS_DAEMON_IMPORTS_H
#define TRIS_DAEMON_IMPORTS_H

#include "daemon/writer.h"

enum {
    IMPORTS_TEXT_BYTES_MAX = 320, /* of file and source: 80 characters */
    IMPORTS_RUNS_MAX = 65536,     /* read at most; an import has one or two unless others write */
};

/* Entries first, first + 1, ... of one own log (its number in the store: each epoch has another
 * data log), all written by one import. */
struct import_run {
    uint32_t log_no;
    uint64_t first, count;
};

/* One import. Texts point into the map or into whatever it was made of. */
struct import_head {
    uint32_t kind;
    uint64_t time_ms;   /* first row written */
    uint64_t undone_ms; /* 0: it stands */
    uint64_t created, changed;
    struct import_run last[2]; /* the newest run: 0 local, 1 data; count 0: none */
    struct span file, source;
};

struct import_runs {
    size_t count;
    struct import_run *run; /* ascending by log and entry; malloc'ed */
};

/* The number of the newest import; 0 if there is none. */
TRIS_MUST_CHECK enum tris_err imports_last(struct store_view *v, uint64_t *id);
TRIS_MUST_CHECK enum tris_err imports_get(struct store_view *v, uint64_t id,
                                          struct import_head *out);
/* The next import after *id (in and out, 0 = from the start); TRIS_ERR_NOT_FOUND at the end. */
TRIS_MUST_CHECK enum tris_err imports_next(struct store_view *v, uint64_t *id,
                                           struct import_head *out);
/* All runs; the caller frees runs->run in every case. */
TRIS_MUST_CHECK enum tris_err imports_runs(struct store_view *v, uint64_t id,
                                           const struct import_head *head, struct import_runs *out);
bool imports_has(const struct import_runs *runs, uint32_t log_no, uint64_t seq);

/* Key and value of the head as settings; `key` has IMPORTS_KEY_BYTES. */
enum { IMPORTS_KEY_BYTES = 64, IMPORTS_HEAD_BYTES = 1024 };
void imports_key(uint64_t id, char key[IMPORTS_KEY_BYTES]);
void imports_encode(const struct import_head *head, struct wbuf *w);

/* Adds what a group of rows wrote, inside its transaction (writer thread). */
void imports_note(struct store_txn *t, const struct writer_import *import, uint32_t local_no,
                  uint32_t data_no, const struct writer_result *results, size_t count,
                  uint64_t now_ms);

/* The own data log was cut at `size`, its tail is drafts: no import calls the places behind it its
 * own any more, where other entries will stand, but the drafts that it had written. */
void imports_cut(struct store_txn *t, uint32_t log_no, uint64_t size);
/* A draft is the entry `seq` of an own log now: it is of the import again that had written it. */
void imports_written(struct store_txn *t, uint64_t draft, uint32_t log_no, uint64_t seq);

#endif
