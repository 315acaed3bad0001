/* tris export log, tris export frontier: files for houses that no line leads to. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frontier.h"
#include "tools/client.h"
#include "tools/lists.h"
#include "tools/logfile_since.h"
#include "tools/outfile.h"
#include "tools/signals.h"

/* One log as the daemon holds it. */
struct head {
    struct tris_log_ref ref;
    struct logfile_row row;
    uint64_t held;
};

struct export_log {
    struct cli *cli;
    FILE *file;
    struct tris_fed_id fed;
    struct tris_house_id own, only; /* only: of --house */
    bool one_house;
    struct head *heads;
    size_t count;
    struct logfile_since since;
    struct logfile_reader reader; /* reads what is written: only what proves itself gets out */
    struct logfile_item item;
    uint64_t logs;
    uint8_t bytes[LOGFILE_ROWS_MAX * 96];
};

static int broken(struct export_log *e, enum tris_err err)
{
    return cli_error(e->cli, err, _("No file was written."), "tris audit",
                     _("what the daemon gives does not prove itself: %s"), _(tris_err_text(err)));
}

static int not_understood(struct export_log *e, const char *method)
{
    return cli_error(e->cli, TRIS_ERR_BAD_TYPE, _("No file was written."), "tris version",
                     _("the daemon's answer to %s is not understood"), method);
}

/* Whole items; an error of the file shows at its end. */
static int write_items(struct export_log *e, struct span items)
{
    for (size_t pos = 0; pos < items.len;) {
        const size_t step = logfile_wants(&e->reader);
        if (step == 0 || step > items.len - pos) {
            return broken(e, TRIS_ERR_TRUNCATED);
        }
        enum tris_err err = logfile_step(&e->reader, span_of(items.ptr + pos, step), &e->item);
        if (err != TRIS_OK) {
            return broken(e, err);
        }
        pos += step;
    }
    if (items.len > 0) {
        (void)fwrite(items.ptr, 1, items.len, e->file);
    }
    return EXIT_OK;
}

/* ---- what is held ---- */

static bool get_hex(const json_t *map, const char *key, uint8_t *out, size_t len)
{
    return tris_unhex(span_str(get_text(map, key)), out, len);
}

static bool read_head(const json_t *item, struct head *out)
{
    memset(out, 0, sizeof *out);
    out->ref.topic = strcmp(get_text(item, "topic"), "gov") == 0 ? TRIS_TOPIC_GOV : TRIS_TOPIC_DATA;
    out->ref.epoch = (uint32_t)get_int(item, "epoch");
    out->held = (uint64_t)get_int(item, "held");
    out->row.size = (uint64_t)get_int(item, "whole");
    out->row.day = (uint32_t)get_int(item, "day");
    out->row.flags = (uint8_t)get_int(item, "flags");
    return get_hex(item, "log", out->row.id.b, sizeof out->row.id.b) &&
           get_hex(item, "house", out->ref.house.b, sizeof out->ref.house.b) &&
           get_hex(item, "seal_key", out->ref.seal_key.b, sizeof out->ref.seal_key.b) &&
           get_hex(item, "root", out->row.root.b, sizeof out->row.root.b);
}

static int read_heads(struct export_log *e)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    json_t *result = cli_pages(e->cli, "log.heads", json_object(), 0, &code);
    if (result == NULL) {
        return code;
    }
    const json_t *items = json_object_get(result, "items");
    e->heads = calloc(json_array_size(items) + 1, sizeof *e->heads);
    if (e->heads == NULL) {
        json_decref(result);
        return cli_error(e->cli, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s",
                         tris_err_text(TRIS_ERR_NO_MEMORY));
    }
    json_array_foreach(items, index, item)
    {
        if (!read_head(item, &e->heads[e->count++])) {
            code = not_understood(e, "log.heads");
            break;
        }
    }
    json_decref(result);
    return code;
}

static int by_log_id(const void *a, const void *b)
{
    return tris_log_id_cmp(&((const struct head *)a)->row.id, &((const struct head *)b)->row.id);
}

static int by_order(const void *a, const void *b)
{
    return logfile_order(&((const struct head *)a)->ref, &((const struct head *)b)->ref);
}

/* ---- the file ---- */

static int put_beginning(struct export_log *e)
{
    const struct logfile_head head = {.fed = e->fed, .house = e->own, .time_ms = clock_wall_ms()};
    struct logfile_row rows[LOGFILE_ROWS_MAX];
    struct wbuf w = wbuf_of(e->bytes, sizeof e->bytes);
    logfile_reader_init(&e->reader);
    logfile_put_magic(&w);
    logfile_put_head(&w, &head);
    int code = write_items(e, wbuf_span(&w));
    qsort(e->heads, e->count, sizeof e->heads[0], by_log_id);
    for (size_t i = 0; i < e->count && code == EXIT_OK;) {
        uint32_t count = 0;
        for (; count < LOGFILE_ROWS_MAX && i < e->count; i++) {
            rows[count++] = e->heads[i].row;
        }
        w.len = 0;
        logfile_put_state(&w, rows, count);
        code = w.err != TRIS_OK ? broken(e, w.err) : write_items(e, wbuf_span(&w));
    }
    return code;
}

/* What of a log the file is to have. */
struct wish {
    bool any, anew; /* anew: the newest seal, if there is nothing else */
    uint64_t first;
};

static bool is_forked(const struct logfile_row *row)
{
    return (row->flags & FRONTIER_FORKED) != 0;
}

static struct wish wish_of(const struct export_log *e, const struct head *h)
{
    const struct logfile_row *theirs = logfile_since_find(&e->since, &h->row.id);
    if (theirs == NULL) {
        return (struct wish){.any = true};
    }
    /* an end that they do not know, or a lower one */
    const bool fork_news = is_forked(&h->row) && (!is_forked(theirs) || h->row.day < theirs->day);
    if (theirs->size > h->row.size) {
        return (struct wish){.any = fork_news, .first = h->held};
    }
    if (theirs->size < h->row.size) {
        return (struct wish){.any = true, .first = theirs->size};
    }
    if (!tris_hash_eq(&theirs->root, &h->row.root)) {
        return (struct wish){.any = true}; /* two histories: all of ours, so that they see where */
    }
    const bool anew = !is_forked(&h->row) && h->row.day > theirs->day;
    return (struct wish){.any = fork_news || anew, .anew = anew, .first = h->held};
}

/* The peaks at `first` are those of what they hold; else they hold another history. */
static bool fits(const struct export_log *e, const struct head *h, const struct wish *wish,
                 struct span result)
{
    const struct logfile_row *theirs = logfile_since_find(&e->since, &h->row.id);
    struct rbuf r = rbuf_of(ctl_map_get(result, "root"));
    const struct span hex = pack_read_str(&r, 64);
    struct tris_hash root;
    return theirs == NULL || wish->first == 0 || wish->first != theirs->size ||
           (tris_unhex(hex, root.b, sizeof root.b) && tris_hash_eq(&root, &theirs->root));
}

static struct span page_params(const struct export_log *e, const struct head *h,
                               const struct wish *wish, bool begin, uint8_t *bytes, size_t size)
{
    char hex[65];
    struct wbuf w = wbuf_of(bytes, size);
    tris_hex(h->row.id.b, sizeof h->row.id.b, hex);
    pack_write_map(&w, 5);
    pack_write_cstr(&w, "log");
    pack_write_cstr(&w, hex);
    pack_write_cstr(&w, "first");
    pack_write_uint(&w, wish->first);
    pack_write_cstr(&w, "begin");
    pack_write_bool(&w, begin);
    pack_write_cstr(&w, "anew");
    pack_write_bool(&w, wish->anew);
    pack_write_cstr(&w, "sealed_from_ms");
    pack_write_uint(&w, begin ? e->since.sealed_from_ms : 0);
    return wbuf_span(&w);
}

/* A LOG item alone says nothing. */
static bool has_more_than_log(struct span items)
{
    struct rbuf r = rbuf_of(items);
    (void)rbuf_u8(&r);
    const uint32_t length = rbuf_u32(&r);
    return r.err == TRIS_OK && rbuf_left(&r) > length;
}

/* Pages of one log until its end. */
static int put_log(struct export_log *e, struct client *client, const struct head *h,
                   struct wish wish)
{
    uint8_t params[512];
    struct fault fault;
    bool begin = true, more = true;
    int code = EXIT_OK;
    while (more && code == EXIT_OK && !signals_came()) {
        struct span result;
        if (!client_call(client, "log.page", page_params(e, h, &wish, begin, params, sizeof params),
                         &result, &fault)) {
            return cli_fail(e->cli, &fault);
        }
        if (begin && !fits(e, h, &wish, result)) {
            wish = (struct wish){.any = true}; /* from the start: they see where they part */
            continue;
        }
        struct rbuf r = rbuf_of(ctl_map_get(result, "items"));
        const struct span items = pack_read_bin(&r, TRIS_CTL_BYTES_MAX);
        if (r.err != TRIS_OK) {
            return not_understood(e, "log.page");
        }
        if (items.len > 0 && (!begin || has_more_than_log(items))) {
            code = write_items(e, items);
            e->logs += begin ? 1 : 0;
            begin = false;
        }
        more = ctl_get_uint(result, "next", &wish.first);
        wish.anew = false;
    }
    return code == EXIT_OK && signals_came() ? EXIT_INTERRUPTED : code;
}

static int put_logs(struct export_log *e)
{
    int code = EXIT_OK;
    struct client *client = cli_client(e->cli, &code);
    qsort(e->heads, e->count, sizeof e->heads[0], by_order);
    for (size_t i = 0; i < e->count && code == EXIT_OK; i++) {
        const struct head *h = &e->heads[i];
        const struct wish wish = wish_of(e, h);
        if (wish.any && (!e->one_house || tris_house_id_eq(&h->ref.house, &e->only))) {
            code = put_log(e, client, h, wish);
        }
    }
    return code;
}

static int write_file(struct export_log *e, bool with_logs)
{
    int code = put_beginning(e);
    if (code == EXIT_OK && with_logs) {
        code = put_logs(e);
    }
    if (code == EXIT_OK) {
        struct wbuf w = wbuf_of(e->bytes, sizeof e->bytes);
        logfile_put_end(&w, &e->reader);
        code = write_items(e, wbuf_span(&w));
    }
    return code;
}

/* ---- the commands ---- */

static int find_ids(struct export_log *e, const char *house)
{
    int code = EXIT_OK;
    json_t *status = cli_call(e->cli, "status", json_object(), &code);
    if (status == NULL) {
        return code;
    }
    const bool good = get_hex(json_object_get(status, "federation"), "id", e->fed.b, 32) &&
                      get_hex(json_object_get(status, "house"), "id", e->own.b, 32);
    json_decref(status);
    if (!good) {
        return not_understood(e, "status");
    }
    if (house != NULL) {
        json_t *found = cli_call(e->cli, "house.show", json_pack("{s:s}", "house", house), &code);
        if (found == NULL) {
            return code;
        }
        e->one_house = true;
        code = get_hex(found, "id", e->only.b, 32) ? EXIT_OK : not_understood(e, "house.show");
        json_decref(found);
    }
    return code;
}

static int say_result(struct export_log *e, const char *output, bool with_logs)
{
    char a[SHOW_BYTES], b[SHOW_BYTES], c[SHOW_BYTES];
    if (e->cli->json && strcmp(output, "-") != 0) {
        return cli_json(json_pack("{s:s,s:I,s:I,s:I,s:I}", "file", output, "logs",
                                  (json_int_t)e->logs, "segments", (json_int_t)e->reader.segments,
                                  "entries", (json_int_t)e->reader.entries, "bytes",
                                  (json_int_t)e->reader.pos),
                        with_logs ? "tris.export_log.1" : "tris.export_frontier.1");
    }
    if (!with_logs) {
        cli_note(e->cli, _("%s: says what this house holds of %s logs"), output,
                 show_count((int64_t)e->count, a));
    } else if (e->logs == 0) {
        cli_note(e->cli, _("%s: nothing that is not there already"), output);
    } else {
        cli_note(e->cli, _("%s: %s entries of %s logs, %s"), output,
                 show_count((int64_t)e->reader.entries, a), show_count((int64_t)e->logs, b),
                 show_bytes(e->reader.pos, c));
    }
    return EXIT_OK;
}

static int export_to(struct export_log *e, const char *output, bool with_logs)
{
    struct outfile out;
    struct signals signals;
    const bool to_file = strcmp(output, "-") != 0;
    if (to_file && !outfile_open(&out, output)) {
        return cli_error(e->cli, TRIS_ERR_IO, _("Nothing was written."), NULL, "%s: %s", output,
                         strerror(errno));
    }
    e->file = to_file ? out.file : stdout;
    signals_hold(&signals);
    int code = write_file(e, with_logs);
    const bool written = to_file ? outfile_end(&out, code == EXIT_OK) : fflush(stdout) == 0;
    if (code == EXIT_OK && !written) {
        code = cli_error(e->cli, TRIS_ERR_IO,
                         to_file ? _("No file was written; an older one is there as it was.")
                                 : _("The output is not complete."),
                         "df -h", "%s: %s", output, strerror(errno));
    }
    signals_release(&signals, false);
    return code == EXIT_OK ? say_result(e, output, with_logs) : code;
}

static int export_run(struct cli *cli, const struct args *args, bool with_logs)
{
    const char *output = args_value(args, "output");
    if (cli_no_dry_run(cli)) {
        return EXIT_USAGE;
    }
    if (output == NULL) {
        return cli_usage(cli, "tris help export", _("a file is needed: -o FILE"));
    }
    struct export_log *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return cli_error(cli, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s",
                         tris_err_text(TRIS_ERR_NO_MEMORY));
    }
    e->cli = cli;
    int code = find_ids(e, with_logs ? args_value(args, "house") : NULL);
    if (code == EXIT_OK && with_logs) {
        code = logfile_since_read(cli, args_value(args, "since"), &e->fed, &e->since);
    }
    if (code == EXIT_OK) {
        code = read_heads(e);
    }
    if (code == EXIT_OK) {
        code = export_to(e, output, with_logs);
    }
    logfile_since_free(&e->since);
    free(e->heads);
    free(e);
    return code;
}

static int export_log(struct cli *cli, const struct args *args)
{
    return export_run(cli, args, true);
}

static int export_frontier(struct cli *cli, const struct args *args)
{
    return export_run(cli, args, false);
}

static const struct cli_option log_options[] = {
    {"output", "FILE", N_("write to a file"), 'o'},
    {"house", "HOUSE", N_("only the logs of this house"), 0},
    {"since", "FILE|DATE",
     N_("only what is behind the file that another house has written (export frontier, export "
        "log), or was sealed on this day or later"),
     0},
    {NULL, NULL, NULL, 0},
};

static const struct cli_option frontier_options[] = {
    {"output", "FILE", N_("write to a file"), 'o'},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_export_log_rows[] = {
    {"export", "log", NULL,
     N_("write signed logs into a file, for tris import where there is no line"), log_options, 0, 0,
     0, export_log},
    {"export", "frontier", NULL,
     N_("write what this house holds into a file, for tris export log --since"), frontier_options,
     0, 0, 0, export_frontier},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
