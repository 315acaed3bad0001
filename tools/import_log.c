/* tris import of a log file: looks through it, then hands what is new to the daemon in pages. */
#include "tools/import_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/lists.h"
#include "tools/logfile_in.h"
#include "tools/progress.h"

enum {
    PAGE_BYTES = 1024 * 1024, /* the daemon verifies a page at once: some ms */
    PAGE_ROOM = PAGE_BYTES + 2 * LOGFILE_ITEM_BYTES_MAX,
    PAGE_SEGMENTS = 64,
    REQUEST_BYTES = PAGE_ROOM + 64,
};

/* A page that is being filled. */
struct filler {
    struct import_log *im;
    struct client *client;
    struct log_result *log; /* NULL: this log is not taken, or not further */
    struct span fork;       /* item FORK of this log, in `fork_bytes` */
    uint8_t fork_bytes[FORK_PROOF_BYTES_MAX + LOGFILE_LEAD_BYTES];
    struct wbuf page, request;
    uint32_t segments;
    int code;
};

static void page_begin(struct filler *f, const struct tree *peaks, bool with_fork)
{
    f->page.len = 0;
    f->segments = 0;
    logfile_put_magic(&f->page);
    logfile_put_head(&f->page, &f->im->head);
    logfile_put_log(&f->page, &f->log->ref, peaks);
    if (with_fork) {
        wbuf_span_put(&f->page, f->fork);
    }
}

static void copy_text(struct span map, const char *key, char *out, size_t size)
{
    struct span text = {NULL, 0};
    (void)ctl_get_text(map, key, &text);
    (void)snprintf(out, size, "%.*s", (int)text.len, text.len > 0 ? (const char *)text.ptr : "");
}

/* What the daemon says of a page of f->log. */
static void take_answer(struct filler *f, struct span result)
{
    struct log_result *log = f->log;
    uint64_t entries = 0;
    copy_text(result, "state", log->state, sizeof log->state);
    copy_text(result, "text", log->reason, sizeof log->reason);
    (void)ctl_get_uint(result, "entries", &entries);
    (void)ctl_get_uint(result, "held", &log->held);
    (void)ctl_get_uint(result, "end", &log->end);
    log->entries += entries;
    f->im->entries += entries;
}

static bool send_page(struct filler *f, struct span page)
{
    struct fault fault;
    struct span result;
    f->request.len = 0;
    pack_write_map(&f->request, 1);
    pack_write_cstr(&f->request, "page");
    pack_write_bin(&f->request, page.ptr, page.len);
    if (!client_call(f->client, "log.take", wbuf_span(&f->request), &result, &fault)) {
        f->code = cli_fail(f->im->cli, &fault);
        return false;
    }
    take_answer(f, result);
    return true;
}

static bool is_state(const struct log_result *log, const char *state)
{
    return strcmp(log->state, state) == 0;
}

/* Sends what is there; whatever is not taken ends this log. */
static bool flush(struct filler *f)
{
    if (f->log == NULL || f->segments == 0) {
        return true;
    }
    if (!send_page(f, wbuf_span(&f->page))) {
        return false;
    }
    f->segments = 0;
    if (!is_state(f->log, "taken")) {
        f->log = NULL;
    }
    return true;
}

/* The last seal of the own log goes first, so that the restore guard knows all that is to come. */
static bool show_claim(struct filler *f)
{
    struct log_result *log = f->log;
    if (!log->own || log->claim == NULL) {
        return true;
    }
    if (!send_page(f, span_of(log->claim, log->claim_len))) {
        return false;
    }
    if (!is_state(log, "claim") && !is_state(log, "taken") && !is_state(log, "other")) {
        f->log = NULL;
    }
    return true;
}

static bool begin_log(struct filler *f, size_t index)
{
    struct log_result *log = &f->im->logs[index];
    const bool wanted = is_state(log, "new") || is_state(log, "anew") || is_state(log, "fork") ||
                        is_state(log, "other");
    f->log = wanted ? log : NULL;
    f->fork = span_of(NULL, 0);
    f->segments = 0;
    if (!wanted) {
        return true;
    }
    log->entries = 0;
    return show_claim(f);
}

static bool take_fork(struct filler *f)
{
    if (f->log == NULL) {
        return true;
    }
    memcpy(f->fork_bytes, f->im->in->raw.ptr, f->im->in->raw.len);
    f->fork = span_of(f->fork_bytes, f->im->in->raw.len);
    page_begin(f, &f->im->in->reader.tree, true);
    if (!send_page(f, wbuf_span(&f->page))) {
        return false;
    }
    if (!is_state(f->log, "fork") && !is_state(f->log, "taken")) {
        f->log = NULL;
    }
    return true;
}

/* `before`: peaks of the entries before the segment that was just read. */
static bool take_segment(struct filler *f, const struct tree *before)
{
    if (f->log == NULL) {
        return true;
    }
    if (f->segments == 0) {
        page_begin(f, before, f->fork.len > 0);
    }
    wbuf_span_put(&f->page, f->im->in->raw);
    f->segments++;
    return f->page.len < PAGE_BYTES && f->segments < PAGE_SEGMENTS ? true : flush(f);
}

/* Reads the file once more, up to its end or to where it is damaged. */
static void take_all(struct filler *f)
{
    struct import_log *im = f->im;
    struct progress progress;
    struct tree before;
    size_t next = 0;
    bool good = true;
    progress_start(&progress, im->cli, im->bytes);
    logfile_in_rewind(im->in);
    tree_init(&before);
    while (good) {
        before = im->in->reader.tree;
        im->err = logfile_in_next(im->in);
        const enum logfile_type type = im->err == TRIS_OK ? im->in->item.type : LOGFILE_NOTHING;
        if (type == LOGFILE_NOTHING) {
            (void)flush(f); /* f->code says what went wrong */
            break;
        }
        if (type == LOGFILE_LOG) {
            good = flush(f) && next < im->count && begin_log(f, next++);
        } else if (type == LOGFILE_FORK) {
            good = take_fork(f);
        } else if (type == LOGFILE_SEGMENT) {
            good = take_segment(f, &before);
        }
        progress_show(&progress, im->in->reader.pos, im->in->reader.entries);
    }
    progress_end(&progress);
}

static int take(struct import_log *im)
{
    struct filler *f = calloc(1, sizeof *f);
    uint8_t *page = malloc(PAGE_ROOM), *request = malloc(REQUEST_BYTES);
    int code = EXIT_OK;
    if (f == NULL || page == NULL || request == NULL) {
        code = cli_error(im->cli, TRIS_ERR_NO_MEMORY, _("Nothing was taken."), NULL, "%s",
                         tris_err_text(TRIS_ERR_NO_MEMORY));
    } else {
        f->im = im;
        f->client = cli_client(im->cli, &f->code);
        f->page = wbuf_of(page, PAGE_ROOM);
        f->request = wbuf_of(request, REQUEST_BYTES);
        im->taken = true;
        take_all(f);
        code = f->code;
    }
    free(f);
    free(page);
    free(request);
    return code;
}

static bool anything_to_take(const struct import_log *im)
{
    for (size_t i = 0; i < im->count; i++) {
        const struct log_result *log = &im->logs[i];
        if (is_state(log, "new") || is_state(log, "anew") || is_state(log, "fork") ||
            is_state(log, "other")) {
            return true;
        }
    }
    return false;
}

int import_log(struct cli *cli, const char *path, FILE *file, uint64_t bytes)
{
    struct import_log im = {.cli = cli, .path = path, .bytes = bytes};
    char kept[SHOW_BYTES + 64], n[SHOW_BYTES];
    im.in = logfile_in_new(file);
    if (im.in == NULL) {
        return cli_error(cli, TRIS_ERR_NO_MEMORY, _("Nothing was taken."), NULL, "%s",
                         tris_err_text(TRIS_ERR_NO_MEMORY));
    }
    int code = import_log_look(&im);
    if (code == EXIT_OK && !cli->dry_run && anything_to_take(&im)) {
        code = take(&im);
    }
    if (code == EXIT_OK && im.err != TRIS_OK) {
        (void)snprintf(kept, sizeof kept, _("What was taken before stays: %s entries."),
                       show_count((int64_t)im.entries, n));
        code = logfile_in_error(cli, path, im.in, im.err, kept);
    } else if (code == EXIT_OK) {
        code = import_log_show(&im);
    }
    for (size_t i = 0; i < im.count; i++) {
        free(im.logs[i].claim);
    }
    free(im.logs);
    free(im.in);
    return code;
}
