/* tris verify of a log file; see verify_log.h. */
#include "tools/verify_log.h"

#include <stdlib.h>
#include <string.h>

#include "proto/charter.h"
#include "proto/frontier.h"
#include "tools/lists.h"
#include "tools/logfile_in.h"
#include "tools/offline.h"

struct verify {
    const struct cli *cli;
    const char *path;
    struct logfile_in *in;
    struct logfile_head head;
    struct frontier *frontier; /* of who wrote the file, by its state */
    uint32_t rows;
    json_t *logs;
    struct charter charter;
    bool named;
};

static void set_hex(json_t *map, const char *key, const uint8_t *bytes, size_t len)
{
    char hex[65];
    tris_hex(bytes, len, hex);
    (void)json_object_set_new(map, key, json_string(hex));
}

static void set_number(json_t *map, const char *key, uint64_t value)
{
    (void)json_object_set_new(map, key, json_integer((json_int_t)value));
}

static enum tris_err add_rows(struct verify *v)
{
    enum tris_err err = TRIS_OK;
    for (uint32_t i = 0; i < v->in->item.state.count && err == TRIS_OK; i++) {
        const struct logfile_row *row = &v->in->item.state.row[i];
        const struct frontier_item item = {.id = row->id,
                                           .held = row->size,
                                           .whole = row->size,
                                           .root = row->root,
                                           .day = row->day,
                                           .flags = row->flags,
                                           .end = UINT64_MAX}; /* not hashed */
        err = frontier_set(v->frontier, v->rows++, &item);
    }
    return err;
}

static void add_log(struct verify *v)
{
    char house[65];
    const struct logfile_log *log = &v->in->item.log;
    json_t *row = json_object();
    logfile_house(v->named ? &v->charter : NULL, &v->head.fed, &log->ref.house, house);
    (void)json_object_set_new(row, "house", json_string(house));
    (void)json_object_set_new(row, "topic", json_string(logfile_topic(log->ref.topic)));
    set_number(row, "epoch", log->ref.epoch);
    set_hex(row, "log", log->id.b, sizeof log->id.b);
    set_number(row, "first", log->first);
    set_number(row, "size", log->first);
    set_hex(row, "root", log->root.b, sizeof log->root.b);
    (void)json_array_append_new(v->logs, row);
}

static enum tris_err take_item(struct verify *v)
{
    const struct logfile_item *item = &v->in->item;
    json_t *last = json_array_get(v->logs, json_array_size(v->logs) - 1);
    switch (item->type) {
    case LOGFILE_HEAD:
        v->head = item->head;
        return TRIS_OK;
    case LOGFILE_STATE:
        return add_rows(v);
    case LOGFILE_LOG:
        add_log(v);
        return TRIS_OK;
    case LOGFILE_FORK:
        set_number(last, "end", item->fork.proof.at);
        return TRIS_OK;
    case LOGFILE_SEGMENT:
        set_number(last, "size", item->segment.seal.size);
        set_hex(last, "root", item->segment.seal.root.b, sizeof item->segment.seal.root.b);
        if (item->segment.seal.time_ms > 0) {
            set_number(last, "sealed_ms", item->segment.seal.time_ms);
        }
        return TRIS_OK;
    case LOGFILE_NOTHING:
    case LOGFILE_END:
        return TRIS_OK;
    }
    return TRIS_OK;
}

static json_t *finding(const struct verify *v)
{
    char house[65];
    struct tris_hash root;
    json_t *out = json_object();
    (void)json_object_set_new(out, "file", json_string(v->path));
    (void)json_object_set_new(out, "type", json_string("log_file"));
    set_hex(out, "federation", v->head.fed.b, sizeof v->head.fed.b);
    logfile_house(v->named ? &v->charter : NULL, &v->head.fed, &v->head.house, house);
    (void)json_object_set_new(out, "house", json_string(house));
    set_number(out, "time_ms", v->head.time_ms);
    if (v->rows > 0) {
        frontier_root(v->frontier, &root);
        set_hex(out, "root", root.b, sizeof root.b);
    }
    set_number(out, "segments", v->in->reader.segments);
    set_number(out, "entries", v->in->reader.entries);
    (void)json_object_set(out, "logs", v->logs);
    return out;
}

static void show_log(const json_t *log)
{
    char label[80], text[320], a[SHOW_BYTES], b[SHOW_BYTES], c[SHOW_BYTES], d[SHOW_BYTES];
    (void)snprintf(label, sizeof label, "%.60s %s", get_text(log, "house"), get_text(log, "topic"));
    const uint64_t sealed_ms = (uint64_t)get_int(log, "sealed_ms");
    const char *sealed = sealed_ms > 0 ? show_time(sealed_ms, d) : "-";
    const char *root = show_root(get_text(log, "root"), c);
    const int64_t first = get_int(log, "first"), size = get_int(log, "size");
    if (size > first) {
        (void)snprintf(text, sizeof text, _("entries %s to %s, root %s, sealed %s"),
                       show_count(first, a), show_count(size - 1, b), root, sealed);
    } else {
        (void)snprintf(text, sizeof text, _("no entries, sealed anew at %s, root %s, sealed %s"),
                       show_count(size, a), root, sealed);
    }
    show_pair(label, text);
    if (json_object_get(log, "end") != NULL) {
        (void)snprintf(text, sizeof text, _("signed in two histories, ends at %s"),
                       show_count(get_int(log, "end"), a));
        show_pair("", text);
    }
}

static void show(const struct verify *v, const json_t *found)
{
    size_t index;
    json_t *log;
    char a[SHOW_BYTES], b[SHOW_BYTES];
    (void)printf(_("%s: valid: %s entries of %s logs, as their houses sealed them\n"), v->path,
                 show_count(get_int(found, "entries"), a),
                 show_count((int64_t)json_array_size(v->logs), b));
    show_pair(_("Federation"), get_text(found, "federation"));
    show_pair(_("Written by"), get_text(found, "house"));
    show_pair(_("Written on"), show_time((uint64_t)get_int(found, "time_ms"), a));
    if (v->rows > 0) {
        show_pair(_("State there"), show_root(get_text(found, "root"), a));
    }
    json_array_foreach(v->logs, index, log)
    {
        show_log(log);
    }
}

static int verify_items(struct verify *v, json_t *items)
{
    enum tris_err err;
    do {
        err = logfile_in_next(v->in);
        if (err == TRIS_OK) {
            err = take_item(v);
        }
    } while (err == TRIS_OK && v->in->item.type != LOGFILE_NOTHING);
    if (err != TRIS_OK) {
        return logfile_in_error(v->cli, v->path, v->in, err, NULL);
    }
    json_t *found = finding(v);
    if (v->cli->json) {
        (void)json_array_append(items, found);
    } else {
        show(v, found);
    }
    json_decref(found);
    return EXIT_OK;
}

int verify_log(const struct cli *cli, const char *path, FILE *file, json_t *items)
{
    int code = EXIT_FAILED;
    struct verify v = {.cli = cli, .path = path, .in = logfile_in_new(file), .logs = json_array()};
    v.named = offline_charter_load(cli, &v.charter) == TRIS_OK;
    if (v.in == NULL || frontier_new(&v.frontier) != TRIS_OK) {
        code =
            cli_error(cli, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s", tris_err_text(TRIS_ERR_NO_MEMORY));
    } else {
        code = verify_items(&v, items);
    }
    frontier_free(v.frontier);
    if (v.named) {
        charter_fini(&v.charter);
    }
    json_decref(v.logs);
    free(v.in);
    return code;
}
