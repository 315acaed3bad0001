/* Memory of imports; see imports.h. */
#include "daemon/imports.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/pack.h"

static const char *const HEAD_PREFIX = "import/";

enum { LOG_DATA = 1 }; /* index of struct import_head's last */
enum { HEAD_VERSION = 2, HEAD_ITEMS = 14, PREFIX_BYTES = 40 };

void imports_key(uint64_t id, char key[IMPORTS_KEY_BYTES])
{
    (void)snprintf(key, IMPORTS_KEY_BYTES, "%s%010" PRIu64, HEAD_PREFIX, id);
}

static void run_prefix(uint64_t id, char prefix[PREFIX_BYTES])
{
    (void)snprintf(prefix, PREFIX_BYTES, "import-run/%010" PRIu64 "/", id);
}

static void run_key(uint64_t id, const struct import_run *run, char key[IMPORTS_KEY_BYTES])
{
    (void)snprintf(key, IMPORTS_KEY_BYTES, "import-run/%010" PRIu64 "/%08" PRIx32 "/%016" PRIx64,
                   id, run->log_no, run->first);
}

void imports_encode(const struct import_head *head, struct wbuf *w)
{
    pack_write_array(w, HEAD_ITEMS);
    pack_write_uint(w, HEAD_VERSION);
    pack_write_uint(w, head->kind);
    pack_write_uint(w, head->time_ms);
    pack_write_uint(w, head->undone_ms);
    pack_write_uint(w, head->created);
    pack_write_uint(w, head->changed);
    for (int i = 0; i < 2; i++) {
        pack_write_uint(w, head->last[i].log_no);
        pack_write_uint(w, head->last[i].first);
        pack_write_uint(w, head->last[i].count);
    }
    pack_write_str(w, head->file);
    pack_write_str(w, head->source);
}

static enum tris_err decode(struct span value, struct import_head *out)
{
    struct rbuf r = rbuf_of(value);
    uint32_t items = pack_read_array(&r, HEAD_ITEMS);
    uint64_t version = pack_read_uint(&r);
    memset(out, 0, sizeof *out);
    out->kind = (uint32_t)pack_read_uint(&r);
    out->time_ms = pack_read_uint(&r);
    out->undone_ms = pack_read_uint(&r);
    out->created = pack_read_uint(&r);
    out->changed = pack_read_uint(&r);
    for (int i = 0; i < 2; i++) {
        out->last[i].log_no = (uint32_t)pack_read_uint(&r);
        out->last[i].first = pack_read_uint(&r);
        out->last[i].count = pack_read_uint(&r);
    }
    out->file = pack_read_str(&r, IMPORTS_TEXT_BYTES_MAX);
    out->source = pack_read_str(&r, IMPORTS_TEXT_BYTES_MAX);
    return items == HEAD_ITEMS && version == HEAD_VERSION && rbuf_finish(&r) == TRIS_OK
               ? TRIS_OK
               : TRIS_ERR_CORRUPT;
}

enum tris_err imports_get(struct store_view *v, uint64_t id, struct import_head *out)
{
    char key[IMPORTS_KEY_BYTES];
    struct span value;
    imports_key(id, key);
    enum tris_err err = store_setting_get(v, key, &value);
    return err == TRIS_OK ? decode(value, out) : err;
}

enum tris_err imports_next(struct store_view *v, uint64_t *id, struct import_head *out)
{
    char key[IMPORTS_KEY_BYTES];
    struct span value;
    if (*id == 0) {
        (void)snprintf(key, sizeof key, "%s", HEAD_PREFIX);
    } else {
        imports_key(*id, key);
    }
    enum tris_err err = store_setting_next(v, HEAD_PREFIX, key, sizeof key, &value);
    if (err != TRIS_OK) {
        return err;
    }
    *id = strtoull(key + strlen(HEAD_PREFIX), NULL, 10);
    return decode(value, out);
}

enum tris_err imports_last(struct store_view *v, uint64_t *id)
{
    struct import_head head;
    enum tris_err err;
    *id = 0;
    do {
        err = imports_next(v, id, &head);
    } while (err == TRIS_OK);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

/* ---- runs ---- */

static bool add_run(struct import_runs *runs, struct import_run run)
{
    if (run.count == 0) {
        return true;
    }
    if (runs->count % 64 == 0) {
        struct import_run *more = runs->count < IMPORTS_RUNS_MAX
                                      ? realloc(runs->run, (runs->count + 64) * sizeof runs->run[0])
                                      : NULL;
        if (more == NULL) {
            return false;
        }
        runs->run = more;
    }
    runs->run[runs->count++] = run;
    return true;
}

static int run_cmp(const void *a, const void *b)
{
    const struct import_run *x = a, *y = b;
    return x->log_no != y->log_no ? (x->log_no < y->log_no ? -1 : 1)
                                  : (x->first > y->first) - (x->first < y->first);
}

enum tris_err imports_runs(struct store_view *v, uint64_t id, const struct import_head *head,
                           struct import_runs *out)
{
    char prefix[PREFIX_BYTES], key[IMPORTS_KEY_BYTES];
    struct span value;
    enum tris_err err;
    *out = (struct import_runs){0, NULL};
    run_prefix(id, prefix);
    (void)snprintf(key, sizeof key, "%s", prefix);
    while ((err = store_setting_next(v, prefix, key, sizeof key, &value)) == TRIS_OK) {
        struct rbuf r = rbuf_of(value);
        char *end;
        struct import_run run = {.log_no = (uint32_t)strtoul(key + strlen(prefix), &end, 16)};
        run.first = *end == '/' ? strtoull(end + 1, NULL, 16) : 0;
        run.count = pack_read_uint(&r);
        if (*end != '/' || rbuf_finish(&r) != TRIS_OK) {
            return TRIS_ERR_CORRUPT;
        }
        if (!add_run(out, run)) {
            return TRIS_ERR_NO_MEMORY;
        }
    }
    if (err != TRIS_ERR_NOT_FOUND) {
        return err;
    }
    if (!add_run(out, head->last[0]) || !add_run(out, head->last[1])) {
        return TRIS_ERR_NO_MEMORY;
    }
    if (out->count > 0) {
        qsort(out->run, out->count, sizeof out->run[0], run_cmp);
    }
    return TRIS_OK;
}

bool imports_has(const struct import_runs *runs, uint32_t log_no, uint64_t seq)
{
    size_t low = 0, high = runs->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct import_run *run = &runs->run[middle];
        if (log_no < run->log_no || (log_no == run->log_no && seq < run->first)) {
            high = middle;
        } else if (log_no > run->log_no || seq - run->first >= run->count) {
            low = middle + 1;
        } else {
            return true;
        }
    }
    return false;
}

/* ---- writing: writer thread ---- */

/* A run that others interrupted gets a row of its own. */
static void store_run(struct store_txn *t, uint64_t id, const struct import_run *run)
{
    char key[IMPORTS_KEY_BYTES];
    uint8_t bytes[16];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    run_key(id, run, key);
    pack_write_uint(&w, run->count);
    (void)!store_setting_put(t, key, wbuf_span(&w)); /* the transaction keeps the error */
}

static void add_entry(struct store_txn *t, uint64_t id, struct import_run *last, uint32_t log_no,
                      uint64_t seq)
{
    if (last->count > 0 && last->log_no == log_no && last->first + last->count == seq) {
        last->count++;
        return;
    }
    if (last->count > 0) {
        store_run(t, id, last);
    }
    *last = (struct import_run){log_no, seq, 1};
}

/* A head that is changed: its texts are copied, since a write may move what is in the map. */
struct head_edit {
    struct import_head head;
    char texts[2 * IMPORTS_TEXT_BYTES_MAX];
};

static enum tris_err edit_begin(struct store_txn *t, uint64_t id, struct head_edit *e)
{
    struct wbuf kept = wbuf_of(e->texts, sizeof e->texts);
    struct import_head *head = &e->head;
    enum tris_err err = imports_get(store_txn_view(t), id, head);
    if (err == TRIS_OK) {
        wbuf_span_put(&kept, head->file);
        wbuf_span_put(&kept, head->source);
        head->file = span_of(e->texts, head->file.len);
        head->source = span_of(e->texts + head->file.len, head->source.len);
    }
    return err;
}

static void edit_end(struct store_txn *t, uint64_t id, const struct head_edit *e)
{
    char key[IMPORTS_KEY_BYTES];
    uint8_t bytes[IMPORTS_HEAD_BYTES];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    imports_key(id, key);
    imports_encode(&e->head, &w);
    if (w.err == TRIS_OK) {
        (void)!store_setting_put(t, key, wbuf_span(&w)); /* the transaction keeps the error */
    }
}

void imports_note(struct store_txn *t, const struct writer_import *import, uint32_t local_no,
                  uint32_t data_no, const struct writer_result *results, size_t count,
                  uint64_t now_ms)
{
    struct head_edit e;
    uint64_t written = 0;
    enum tris_err err = edit_begin(t, import->id, &e);
    if (err == TRIS_ERR_NOT_FOUND) {
        e.head = (struct import_head){.kind = import->kind, .time_ms = now_ms};
        e.head.file = import->file;
        e.head.source = import->source;
    } else if (err != TRIS_OK) {
        return; /* damaged: rows are worth more than the way back */
    }
    for (size_t i = 0; i < count; i++) {
        const struct writer_result *r = &results[i];
        if (r->change == WRITER_NEW || r->change == WRITER_CHANGED) {
            const bool local = r->record.log_no == local_no;
            add_entry(t, import->id, &e.head.last[local ? 0 : LOG_DATA], local ? local_no : data_no,
                      r->seq);
            e.head.created += r->change == WRITER_NEW ? 1 : 0;
            e.head.changed += r->change == WRITER_CHANGED ? 1 : 0;
            written++;
        }
    }
    if (written > 0) {
        edit_end(t, import->id, &e);
    }
}

/* ---- entries that are taken back and written again ---- */

static const char *const DRAFT_PREFIX = "import-draft/";

/* The drafts of one run: they have numbers in a row, as its entries had. */
static void store_drafts(struct store_txn *t, uint64_t id, const struct import_run *run)
{
    char key[IMPORTS_KEY_BYTES];
    uint8_t bytes[32];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    struct record_ref now;
    uint64_t draft = 0;
    enum tris_err err = store_alias_get(store_txn_view(t),
                                        (struct record_ref){run->log_no, run->first}, &now, &draft);
    if (err != TRIS_OK && err != TRIS_ERR_NOT_READY) {
        return;
    }
    (void)snprintf(key, sizeof key, "%s%016" PRIx64, DRAFT_PREFIX, draft);
    pack_write_uint(&w, run->count);
    pack_write_uint(&w, id);
    (void)!store_setting_put(t, key, wbuf_span(&w));
}

/* One run of an import, all or its end behind the cut. */
static void cut_run(struct store_txn *t, uint64_t id, struct import_head *head, uint64_t size,
                    const struct import_run *run)
{
    const uint64_t kept = run->first < size ? size - run->first : 0;
    struct import_run *last = &head->last[LOG_DATA];
    if (kept >= run->count) {
        return;
    }
    const struct import_run left = {run->log_no, run->first, kept};
    const struct import_run lost = {run->log_no, run->first + kept, run->count - kept};
    store_drafts(t, id, &lost);
    if (run_cmp(last, run) == 0 && last->count == run->count) {
        *last = kept > 0 ? left : (struct import_run){0, 0, 0};
    } else if (kept > 0) {
        store_run(t, id, &left);
    } else {
        char key[IMPORTS_KEY_BYTES];
        run_key(id, run, key);
        (void)!store_setting_put(t, key, span_of(NULL, 0));
    }
}

void imports_cut(struct store_txn *t, uint32_t log_no, uint64_t size)
{
    struct import_head found;
    uint64_t id = 0;
    while (imports_next(store_txn_view(t), &id, &found) == TRIS_OK) {
        struct import_runs runs;
        struct head_edit e;
        enum tris_err err = edit_begin(t, id, &e);
        if (err == TRIS_OK) {
            err = imports_runs(store_txn_view(t), id, &e.head, &runs);
            for (size_t i = runs.count; i > 0 && err == TRIS_OK; i--) {
                if (runs.run[i - 1].log_no == log_no) {
                    cut_run(t, id, &e.head, size, &runs.run[i - 1]);
                }
            }
            free(runs.run);
            edit_end(t, id, &e);
        }
    }
}

void imports_written(struct store_txn *t, uint64_t draft, uint32_t log_no, uint64_t seq)
{
    char key[IMPORTS_KEY_BYTES];
    struct span value;
    (void)snprintf(key, sizeof key, "%s", DRAFT_PREFIX);
    while (store_setting_next(store_txn_view(t), DRAFT_PREFIX, key, sizeof key, &value) ==
           TRIS_OK) {
        struct rbuf r = rbuf_of(value);
        const uint64_t first = strtoull(key + strlen(DRAFT_PREFIX), NULL, 16);
        const uint64_t count = pack_read_uint(&r);
        const uint64_t id = pack_read_uint(&r);
        struct head_edit e;
        if (rbuf_finish(&r) != TRIS_OK || draft < first || draft - first >= count ||
            edit_begin(t, id, &e) != TRIS_OK) {
            continue;
        }
        add_entry(t, id, &e.head.last[LOG_DATA], log_no, seq);
        edit_end(t, id, &e);
        return;
    }
}
