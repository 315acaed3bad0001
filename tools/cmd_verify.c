/* tris verify FILE...: checks files that prove something, without daemon and data directory. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/fork.h"
#include "tools/lists.h"
#include "tools/logfile_in.h"
#include "tools/offline.h"
#include "tools/verify_log.h"

enum { VERIFY_BYTES_MAX = 1024 * 1024 };

/* What a check has found, for people and as JSON. */
struct finding {
    const struct cli *cli;
    const char *path;
    json_t *json; /* filled in by the check */
};

/* One type of file: how it begins, and its check. */
struct file_type {
    const char *name; /* in JSON, never translated */
    const char *begin;
    size_t begin_bytes;
    enum tris_err (*check)(struct span bytes, json_t *out);
    void (*show)(const struct finding *f);
};

static void set_hex(json_t *map, const char *key, const uint8_t *bytes, size_t len)
{
    char hex[2 * 32 + 1];
    tris_hex(bytes, len, hex);
    (void)json_object_set_new(map, key, json_string(hex));
}

static void set_number(json_t *map, const char *key, uint64_t value)
{
    (void)json_object_set_new(map, key, json_integer((json_int_t)value));
}

/* ---- fork proofs ---- */

static enum tris_err fork_check(struct span bytes, json_t *out)
{
    struct fork_proof proof;
    enum tris_err err = fork_proof_verify(bytes, &proof);
    if (err != TRIS_OK) {
        return err;
    }
    set_hex(out, "federation", proof.fed.b, sizeof proof.fed.b);
    set_hex(out, "house", proof.ref.house.b, sizeof proof.ref.house.b);
    (void)json_object_set_new(out, "topic",
                              json_string(proof.ref.topic == TRIS_TOPIC_GOV ? "gov" : "data"));
    set_number(out, "epoch", proof.ref.epoch);
    set_hex(out, "log", proof.log.b, sizeof proof.log.b);
    set_number(out, "end", proof.at);
    set_hex(out, "root", proof.root_at.b, sizeof proof.root_at.b);
    json_t *seals = json_array();
    for (size_t i = 0; i < 2; i++) {
        const struct seal *seal = &proof.sides[i].seal;
        json_t *row = json_object();
        set_number(row, "size", seal->size);
        set_number(row, "time_ms", seal->time_ms);
        set_hex(row, "root", seal->root.b, sizeof seal->root.b);
        (void)json_array_append_new(seals, row);
    }
    (void)json_object_set_new(out, "seals", seals);
    return TRIS_OK;
}

/* The name that the charter of the data directory gives to the house; NULL if it does not say. */
static void show_house(const struct finding *f)
{
    struct charter charter;
    char hex[65], text[200];
    const char *house = get_text(f->json, "house");
    if (offline_charter_load(f->cli, &charter) != TRIS_OK) {
        show_pair(_("House"), house);
        return;
    }
    tris_hex(charter.fed.b, sizeof charter.fed.b, hex);
    const bool ours = strcmp(hex, get_text(f->json, "federation")) == 0;
    (void)snprintf(text, sizeof text, "%s", house);
    for (uint32_t i = 0; ours && i < charter.member_count; i++) {
        tris_hex(charter.member[i].id.b, sizeof charter.member[i].id.b, hex);
        if (strcmp(hex, house) == 0) {
            (void)snprintf(text, sizeof text, "%s (%s)", charter.member[i].slug, house);
        }
    }
    charter_fini(&charter);
    show_pair(_("House"), text);
    if (!ours) {
        cli_note(f->cli, "%s",
                 _("the proof is about another federation than that of this "
                   "data directory"));
    }
}

static void fork_show(const struct finding *f)
{
    char text[64], buffer[SHOW_BYTES];
    size_t index;
    json_t *seal;
    printf(_("%s: valid: the holder of this house's key signed two histories of one log\n"),
           f->path);
    show_pair(_("Federation"), get_text(f->json, "federation"));
    show_house(f);
    show_pair(_("Log"), get_text(f->json, "topic"));
    (void)snprintf(text, sizeof text, "%" PRId64, get_int(f->json, "end"));
    show_pair(_("Ends at"), text);
    json_array_foreach(json_object_get(f->json, "seals"), index, seal)
    {
        (void)snprintf(text, sizeof text, "%" PRId64 ", %s", get_int(seal, "size"),
                       show_time((uint64_t)get_int(seal, "time_ms"), buffer));
        show_pair(_("Sealed at"), text);
    }
}

/* ---- types ---- */

static const struct file_type types[] = {
    /* msgpack: an array of ten that begins with the text "tris-fork-..." */
    {"fork_proof", "\x9a\xabtris-fork-", 12, fork_check, fork_show},
};

static const struct file_type *type_of(struct span bytes)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (bytes.len >= types[i].begin_bytes &&
            memcmp(bytes.ptr, types[i].begin, types[i].begin_bytes) == 0) {
            return &types[i];
        }
    }
    return NULL;
}

static int verify_file(const struct cli *cli, const char *path, json_t *items)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = fopen(path, "r");
    if (file != NULL && logfile_is(file)) { /* of any size: read piece by piece */
        int found = verify_log(cli, path, file, items);
        (void)fclose(file);
        return found;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    enum tris_err err = file_read(path, VERIFY_BYTES_MAX, &text, &len);
    if (err != TRIS_OK) {
        return offline_file_error(cli, err, path, NULL);
    }
    int code = EXIT_OK;
    const struct file_type *type = type_of(span_of(text, len));
    struct finding f = {cli, path, json_object()};
    if (type == NULL) {
        code = cli_error(cli, TRIS_ERR_INVALID, NULL, "tris help verify",
                         _("%s: this is no file that can be checked: known are log files (tris "
                           "export log) and fork proofs (tris log forks HOUSE -o FILE)"),
                         path);
        goto out;
    }
    (void)json_object_set_new(f.json, "file", json_string(path));
    (void)json_object_set_new(f.json, "type", json_string(type->name));
    err = type->check(span_of(text, len), f.json);
    if (err != TRIS_OK) {
        (void)cli_error(cli, err, NULL, _("ask for the file again where it comes from"),
                        _("%s: not valid: %s"), path, _(tris_err_text(err)));
        code = EXIT_INTEGRITY;
    } else if (cli->json) {
        (void)json_array_append(items, f.json);
    } else {
        type->show(&f);
    }
out:
    json_decref(f.json);
    file_free(text, len);
    return code;
}

static int verify(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    json_t *items = json_array();
    for (int i = 0; i < args->pos_count; i++) {
        int one = verify_file(cli, args->pos[i], items);
        code = one != EXIT_OK && code != EXIT_INTEGRITY ? one : code;
    }
    if (cli->json && code == EXIT_OK) {
        return cli_json(json_pack("{s:o}", "items", items), "tris.verify.1");
    }
    json_decref(items);
    return code;
}

const struct command cmd_verify_rows[] = {
    {"verify", NULL, N_("FILE..."), N_("check log files and fork proofs, offline"), NULL, 1,
     ARGS_MAX, 0, verify},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
