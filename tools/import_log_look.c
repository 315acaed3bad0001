/* The first pass over a log file: what is in it, and what of that is new here. */
#include <stdlib.h>
#include <string.h>

#include "tools/import_log.h"
#include "tools/lists.h"
#include "tools/logfile_in.h"
#include "tools/progress.h"

enum { CLAIM_BYTES_MAX = 4096 };

static int no_memory(const struct import_log *im)
{
    return cli_error(im->cli, TRIS_ERR_NO_MEMORY, _("Nothing was taken."), NULL, "%s",
                     tris_err_text(TRIS_ERR_NO_MEMORY));
}

static bool add_log(struct import_log *im, const struct logfile_log *log)
{
    if (im->count == im->room) {
        const size_t room = im->room == 0 ? 64 : 2 * im->room;
        struct log_result *logs = realloc(im->logs, room * sizeof *logs);
        if (logs == NULL) {
            return false;
        }
        im->logs = logs;
        im->room = room;
    }
    im->logs[im->count++] = (struct log_result){.ref = log->ref,
                                                .id = log->id,
                                                .first_root = log->root,
                                                .root = log->root,
                                                .first = log->first,
                                                .size = log->first,
                                                .end = UINT64_MAX};
    return true;
}

/* A page that shows the last seal of an own log: the log sealed anew. */
static bool make_claim(const struct import_log *im, struct log_result *log)
{
    struct wbuf w = wbuf_of(malloc(CLAIM_BYTES_MAX), CLAIM_BYTES_MAX);
    if (w.ptr == NULL) {
        return false;
    }
    logfile_put_magic(&w);
    logfile_put_head(&w, &im->head);
    logfile_put_log(&w, &log->ref, &im->tree);
    logfile_put_segment(&w, 0, &log->seal, span_of(NULL, 0));
    log->claim = w.ptr;
    log->claim_len = w.err == TRIS_OK ? w.len : 0;
    return w.err == TRIS_OK;
}

/* What the daemon's answer means for the plan. */
static void plan(struct log_result *log, const json_t *answer)
{
    const char *beginning = get_text(answer, "beginning"), *ending = get_text(answer, "ending");
    const char *state = "";
    log->own = get_bool(answer, "own");
    log->held = (uint64_t)get_int(answer, "held");
    if (json_object_get(answer, "end") != NULL) {
        log->end = (uint64_t)get_int(answer, "end");
    }
    const bool fork_news = log->has_fork && log->fork_at < log->end;
    const uint64_t until = log->size < log->end ? log->size : log->end;
    if (!get_bool(answer, "known")) {
        state = "unknown";
    } else if (fork_news) {
        state = "fork";
    } else if (strcmp(beginning, "more") == 0) {
        state = log->first < log->end ? "gap" : "";
    } else if (strcmp(beginning, "other") == 0 || strcmp(ending, "other") == 0) {
        state = "other";
    } else if (until > log->held) {
        state = "new";
        log->entries = until - log->held;
    } else if (log->size == log->held && log->seal.size == log->size &&
               log->seal.time_ms > (uint64_t)get_int(answer, "sealed_ms") &&
               log->end == UINT64_MAX) {
        state = "anew";
    }
    (void)snprintf(log->state, sizeof log->state, "%s", state);
}

/* The log that was read last is over. */
static int look_at_log(struct import_log *im)
{
    int code = EXIT_OK;
    char id[65], first_root[65], root[65];
    if (im->count == 0) {
        return EXIT_OK;
    }
    struct log_result *log = &im->logs[im->count - 1];
    tris_hex(log->id.b, sizeof log->id.b, id);
    tris_hex(log->first_root.b, sizeof log->first_root.b, first_root);
    tris_hex(log->root.b, sizeof log->root.b, root);
    json_t *answer =
        cli_call(im->cli, "log.compare",
                 json_pack("{s:s,s:I,s:s,s:I,s:s}", "log", id, "first", (json_int_t)log->first,
                           "first_root", first_root, "size", (json_int_t)log->size, "root", root),
                 &code);
    if (answer == NULL) {
        return code;
    }
    plan(log, answer);
    json_decref(answer);
    const bool shows = log->own && log->seal.size > 0 && log->seal.size == log->size;
    return !shows || make_claim(im, log) ? EXIT_OK : no_memory(im);
}

static int wrong_federation(const struct import_log *im)
{
    return cli_error(im->cli, TRIS_ERR_STRANGER, _("Nothing was taken."), "tris charter show",
                     _("%s: this file is of another federation"), im->path);
}

static int take_item(struct import_log *im, const struct tris_fed_id *fed)
{
    const struct logfile_item *item = &im->in->item;
    struct log_result *log = im->count > 0 ? &im->logs[im->count - 1] : NULL;
    int code = EXIT_OK;
    switch (item->type) {
    case LOGFILE_HEAD:
        im->head = item->head;
        return tris_fed_id_eq(&item->head.fed, fed) ? EXIT_OK : wrong_federation(im);
    case LOGFILE_LOG:
        code = look_at_log(im);
        return code == EXIT_OK && !add_log(im, &item->log) ? no_memory(im) : code;
    case LOGFILE_FORK:
        log->has_fork = true;
        log->fork_at = item->fork.proof.at;
        return EXIT_OK;
    case LOGFILE_SEGMENT:
        log->size = item->segment.seal.size;
        log->root = item->segment.seal.root;
        im->tree = im->in->reader.tree;
        if (!seal_is_cut(&item->segment.seal)) {
            log->seal = item->segment.seal;
        }
        return EXIT_OK;
    case LOGFILE_END:
        return look_at_log(im);
    case LOGFILE_NOTHING:
    case LOGFILE_STATE:
        return EXIT_OK;
    }
    return EXIT_OK;
}

static int find_federation(const struct import_log *im, struct tris_fed_id *out)
{
    int code = EXIT_OK;
    json_t *status = cli_call(im->cli, "status", json_object(), &code);
    if (status != NULL &&
        !tris_unhex(span_str(get_text(json_object_get(status, "federation"), "id")), out->b,
                    sizeof out->b)) {
        code = cli_error(im->cli, TRIS_ERR_BAD_TYPE, NULL, "tris version",
                         _("the daemon's answer to %s is not understood"), "status");
    }
    json_decref(status);
    return code;
}

int import_log_look(struct import_log *im)
{
    struct tris_fed_id fed;
    struct progress progress;
    int code = find_federation(im, &fed);
    progress_start(&progress, im->cli, im->bytes);
    while (code == EXIT_OK) {
        im->err = logfile_in_next(im->in);
        if (im->err != TRIS_OK) {
            code = look_at_log(im); /* what came before the damage */
            break;
        }
        if (im->in->item.type == LOGFILE_NOTHING) {
            break;
        }
        code = take_item(im, &fed);
        progress_show(&progress, im->in->reader.pos, im->in->reader.entries);
    }
    progress_end(&progress);
    return code;
}
