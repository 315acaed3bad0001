/* charter: new, sign, show. The charter is a text file that travels between the founders. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/lists.h"
#include "tools/offline.h"

enum { ADMIT_DEFAULT_MAX = 3, ID_CHARS_SHOWN = 12 };

/* ---- new ---- */

struct lines {
    struct house_line *line;
    uint32_t count, cap;
};

static bool lines_add(struct lines *all, struct span text, enum tris_err *err)
{
    if (all->count == all->cap) {
        uint32_t cap = all->cap == 0 ? 8 : all->cap * 2;
        struct house_line *grown = realloc(all->line, cap * sizeof *grown);
        if (grown == NULL) {
            *err = TRIS_ERR_NO_MEMORY;
            return false;
        }
        all->line = grown;
        all->cap = cap;
    }
    *err = house_line_parse(text, &all->line[all->count]);
    all->count += *err == TRIS_OK;
    return *err == TRIS_OK;
}

/* LINE itself, or the name of a file with one house line in each line. */
static int lines_take(const struct cli *cli, struct lines *all, const char *value)
{
    char *text = NULL;
    size_t len = 0;
    enum tris_err err = TRIS_OK;
    unsigned line_no = 1;
    struct span rest = span_str(value);
    bool is_line = strncmp(value, "tris-house-", strlen("tris-house-")) == 0;
    if (!is_line) {
        err = file_read(value, TRIS_CHARTER_BYTES_MAX, &text, &len);
        if (err != TRIS_OK) {
            return offline_file_error(cli, err, value, _("nothing was written"));
        }
        rest = span_of(text, len);
    }
    while (err == TRIS_OK && rest.len > 0) {
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        size_t here = end != NULL ? (size_t)(end - rest.ptr) : rest.len;
        if (here > 0 && lines_add(all, span_of(rest.ptr, here), &err)) {
            line_no++;
        }
        size_t step = end != NULL ? here + 1 : here;
        rest = span_of(rest.ptr + step, rest.len - step);
    }
    file_free(text, len);
    if (err != TRIS_OK) {
        return cli_error(cli, err, _("nothing was written"), "tris init",
                         _("%.60s, line %u: this is no valid house line: %s"),
                         is_line ? "LINE" : value, line_no, _(tris_err_text(err)));
    }
    return EXIT_OK;
}

/* All --house, then all --observer; each must have the role that its option says. */
static int lines_collect(struct cli *cli, const struct args *args, struct lines *all)
{
    for (int i = 0; i < args->opt_count; i++) {
        bool observer = strcmp(args->opt[i].name, "observer") == 0;
        if (!observer && strcmp(args->opt[i].name, "house") != 0) {
            continue;
        }
        uint32_t first = all->count;
        int code = lines_take(cli, all, args->opt[i].value);
        if (code != EXIT_OK) {
            return code;
        }
        for (uint32_t k = first; k < all->count; k++) {
            if ((all->line[k].role == TRIS_ROLE_OBSERVER) != observer) {
                return cli_usage(cli, "tris help charter new",
                                 _("%s has the role %s: use --%s for it"), all->line[k].slug,
                                 tris_role_name(all->line[k].role),
                                 observer ? "house" : "observer");
            }
        }
    }
    return EXIT_OK;
}

static uint32_t founders_in(const struct lines *all)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        count += all->line[i].role != TRIS_ROLE_OBSERVER;
    }
    return count;
}

static int new_error(const struct cli *cli, enum tris_err err, uint64_t admit, uint64_t revoke)
{
    const char *unchanged = _("nothing was written");
    switch ((int)err) {
    case TRIS_ERR_EXISTS:
        return cli_error(cli, err, unchanged, NULL, "%s", _("the same house is given twice"));
    case TRIS_ERR_REQUIRED:
        return cli_usage(cli, "tris help charter new", _("at least one --house LINE is needed"));
    case TRIS_ERR_INVALID:
        return cli_usage(cli, "tris help charter new",
                         _("--admit %llu --revoke %llu or the name do not fit: admit is at least "
                           "1, revoke larger than admit or all founders but one"),
                         (unsigned long long)admit, (unsigned long long)revoke);
    default:
        return cli_error(cli, err, unchanged, NULL, "%s", _(tris_err_text(err)));
    }
}

static json_t *member_json(const struct charter *c, uint32_t index)
{
    const struct house_line *line = &c->member[index];
    char id[65], transport[65];
    json_t *addresses = json_array();
    for (uint32_t i = 0; i < line->addr_count; i++) {
        (void)json_array_append_new(addresses, json_string(line->addr[i]));
    }
    tris_hex(line->id.b, sizeof line->id.b, id);
    tris_hex(line->transport.b, sizeof line->transport.b, transport);
    bool founder = index < c->founder_count;
    json_t *item =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:b}", "id", id, "role",
                  tris_role_name(line->role), "region", line->region, "slug", line->slug, "name",
                  line->name, "transport", transport, "addresses", addresses, "founder", founder);
    if (item != NULL && founder) {
        (void)json_object_set_new(item, "signed", json_boolean(charter_signed_by(c, &line->id)));
    }
    return item;
}

/* How many houses besides the founders must belong before `needed` others than one of the founders
 * can state something about it. */
static unsigned more_houses(const struct charter *c, uint32_t needed)
{
    const uint32_t others = c->founder_count > 0 ? c->founder_count - 1 : 0;
    return needed > others ? needed - others : 0;
}

static int charter_json(const struct charter *c)
{
    char fed[65];
    json_t *members = json_array();
    for (uint32_t i = 0; i < c->member_count; i++) {
        (void)json_array_append_new(members, member_json(c, i));
    }
    tris_hex(c->fed.b, sizeof c->fed.b, fed);
    return cli_json(json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:o}", "id", fed,
                              "name", c->name, "rules", (int)c->rules, "admit", (int)c->admit,
                              "revoke", (int)c->revoke, "founders", (int)c->founder_count,
                              "more_to_rotate", (int)more_houses(c, c->admit), "more_to_revoke",
                              (int)more_houses(c, c->revoke), "complete", charter_complete(c),
                              "items", members),
                    "tris.charter.1");
}

/* To FILE or, without -o, to standard output. */
static int new_write(struct cli *cli, const struct charter *c, const char *file)
{
    char *text = NULL;
    size_t len = 0;
    if (cli->dry_run || file == NULL || strcmp(file, "-") == 0) {
        enum tris_err err = charter_print(c, &text, &len);
        bool ok = err == TRIS_OK && (cli->json || fwrite(text, 1, len, stdout) == len);
        free(text);
        return ok ? EXIT_OK
                  : cli_error(cli, err != TRIS_OK ? err : TRIS_ERR_IO, NULL, NULL, "%s",
                              _("the charter could not be printed"));
    }
    enum tris_err err = offline_charter_write(file, c, FILE_KEEP_OLD);
    if (err == TRIS_ERR_EXISTS) {
        return cli_error(cli, err, _("the file that is there"), NULL,
                         _("%s exists already and is never replaced"), file);
    }
    return err == TRIS_OK ? EXIT_OK : offline_file_error(cli, err, file, _("nothing was written"));
}

static int run_new(struct cli *cli, const struct args *args)
{
    struct lines all = {NULL, 0, 0};
    struct charter c;
    uint8_t nonce[32];
    const char *file = args_value(args, "output");
    int code = lines_collect(cli, args, &all);
    uint32_t founders = founders_in(&all);
    uint64_t admit = founders > ADMIT_DEFAULT_MAX ? ADMIT_DEFAULT_MAX
                     : founders > 1               ? founders - 1
                                                  : ADMIT_DEFAULT_MAX;
    if (code == EXIT_OK && !args_number(cli, args, "admit", 10000, &admit)) {
        code = EXIT_USAGE;
    }
    uint64_t revoke = admit + 1;
    if (code == EXIT_OK && !args_number(cli, args, "revoke", 10000, &revoke)) {
        code = EXIT_USAGE;
    }
    if (code != EXIT_OK) {
        goto out;
    }
    randombytes_buf(nonce, sizeof nonce);
    enum tris_err err = charter_new(args->pos[0], nonce, all.line, all.count, (uint32_t)admit,
                                    (uint32_t)revoke, &c);
    if (err != TRIS_OK) {
        code = new_error(cli, err, admit, revoke);
        goto out;
    }
    code = new_write(cli, &c, file);
    if (code == EXIT_OK) {
        if (cli->json) {
            code = charter_json(&c);
        }
        cli_note(cli, _("Charter of \"%s\": founders %u, observers %u, admit %u, revoke %u."),
                 c.name, (unsigned)c.founder_count, (unsigned)(c.member_count - c.founder_count),
                 (unsigned)c.admit, (unsigned)c.revoke);
        cli_note(cli, _("Next: each founder runs  tris charter sign %s"),
                 file != NULL ? file : "FILE");
    }
    charter_fini(&c);
out:
    free(all.line);
    return code;
}

/* ---- sign ---- */

/* A founder signs only a charter that names his own transport key, else nobody could reach him. */
static int sign_check(const struct cli *cli, const struct charter *c, const struct keys *keys)
{
    struct tris_house_id id;
    keys_house_id(keys, &id);
    const struct house_line *own = charter_find(c, &id);
    if (own == NULL || own->role == TRIS_ROLE_OBSERVER) {
        return cli_error(cli, TRIS_ERR_NOT_FOUND, _("the charter"), "tris charter show FILE",
                         _("this house is no founder of \"%s\"; only founders sign"), c->name);
    }
    if (!tris_dh_pub_eq(&own->transport, &keys->transport.pub)) {
        return cli_error(cli, TRIS_ERR_BAD_KEY, _("the charter"), "tris init",
                         _("the charter names another transport key for this house than "
                           "transport.key has"));
    }
    return EXIT_OK;
}

static int sign_merge(const struct cli *cli, struct charter *c, const char *path)
{
    struct charter other;
    int code = offline_charter_read(cli, path, &other);
    if (code != EXIT_OK) {
        return code;
    }
    enum tris_err err = charter_merge(c, &other);
    charter_fini(&other);
    if (err != TRIS_OK) {
        return cli_error(cli, err, _("the charter"), "tris charter show FILE",
                         _("%s is another charter: the federation ids differ"), path);
    }
    return EXIT_OK;
}

static void sign_note(const struct cli *cli, const struct charter *c, const char *file)
{
    cli_note(cli, _("\"%s\": %u of %u founders have signed."), c->name, (unsigned)c->sig_count,
             (unsigned)c->founder_count);
    if (charter_complete(c)) {
        cli_note(cli, _("Next: every member runs  tris init --charter %s"), file);
        return;
    }
    for (uint32_t i = 0; i < c->founder_count; i++) {
        if (!charter_signed_by(c, &c->member[i].id)) {
            cli_note(cli, _("  missing: %s (%s)"), c->member[i].slug, c->member[i].region);
        }
    }
    cli_note(cli, _("Next: send %s to them; each runs  tris charter sign FILE"), file);
}

static int sign_write(const struct cli *cli, const struct charter *c, const char *file)
{
    char *text = NULL;
    size_t len = 0;
    if (strcmp(file, "-") != 0) {
        enum tris_err err = offline_charter_write(file, c, FILE_REPLACE);
        return err == TRIS_OK ? EXIT_OK : offline_file_error(cli, err, file, _("the charter"));
    }
    enum tris_err err = charter_print(c, &text, &len);
    bool ok = err == TRIS_OK && (cli->json || fwrite(text, 1, len, stdout) == len);
    free(text);
    return ok ? EXIT_OK
              : cli_error(cli, err != TRIS_OK ? err : TRIS_ERR_IO, NULL, NULL, "%s",
                          _("the charter could not be printed"));
}

static int run_sign(struct cli *cli, const struct args *args)
{
    struct keys keys;
    struct charter c;
    const char *key_file = NULL, *file = args->pos[0];
    enum tris_err err = keys_require(cli->data_dir, &keys, &key_file);
    if (err != TRIS_OK) {
        return offline_key_error(cli, err, key_file);
    }
    int code = keys_open(cli, &keys, NULL);
    if (code == EXIT_OK) {
        code = offline_charter_read(cli, file, &c);
    }
    if (code != EXIT_OK) {
        keys_fini(&keys);
        return code;
    }
    code = sign_check(cli, &c, &keys);
    for (int i = 1; code == EXIT_OK && i < args->pos_count; i++) {
        code = sign_merge(cli, &c, args->pos[i]);
    }
    if (code == EXIT_OK) {
        err = charter_sign(&c, &keys.identity);
        code = err == TRIS_OK
                   ? EXIT_OK
                   : cli_error(cli, err, _("the charter"), NULL, "%s", _(tris_err_text(err)));
    }
    if (code == EXIT_OK && !cli->dry_run) {
        code = sign_write(cli, &c, file);
    }
    if (code == EXIT_OK) {
        sign_note(cli, &c, file);
        code = cli->json ? charter_json(&c) : EXIT_OK;
    }
    charter_fini(&c);
    keys_fini(&keys);
    return code;
}

/* ---- show ---- */

static void show_member(const struct charter *c, uint32_t index)
{
    const struct house_line *line = &c->member[index];
    char id[65];
    char *name = show_text(line->name, 0);
    const char *signed_word = "";
    if (index < c->founder_count) {
        signed_word = charter_signed_by(c, &line->id) ? _("signed") : _("MISSING");
    }
    tris_hex(line->id.b, sizeof line->id.b, id);
    (void)printf("  %-12s  %-5s  %-20s  %.*s\xe2\x80\xa6  %-14s  %s\n",
                 role_label(tris_role_name(line->role)), line->region, line->slug, ID_CHARS_SHOWN,
                 id, signed_word, name);
    free(name);
}

/* What the two numbers mean, with the founders that there are. */
static void show_rules(const struct charter *c)
{
    const unsigned rotate = more_houses(c, c->admit), revoke = more_houses(c, c->revoke);
    (void)printf(_("A house becomes a member when %u member houses endorse it.\n"),
                 (unsigned)c->admit);
    if (c->founder_count < c->admit) {
        (void)printf(_("As long as they are fewer, all founders together are enough: %u.\n"),
                     (unsigned)c->founder_count);
    }
    (void)printf(_("A new key of a house, also after a loss, takes %u other member houses.\n"),
                 (unsigned)c->admit);
    if (rotate > 0) {
        (void)printf(_("A founder can get one only when %u more houses belong.\n"), rotate);
    }
    (void)printf(_("A house is revoked when %u other member houses state it.\n"),
                 (unsigned)c->revoke);
    if (revoke > 0) {
        (void)printf(_("A founder can be revoked only when %u more houses belong.\n"), revoke);
    }
    (void)printf("%s\n",
                 _("Observers read: they endorse and revoke nobody. All this never changes."));
}

static int run_show(struct cli *cli, const struct args *args)
{
    struct charter c;
    if (args->pos_count > 0) {
        int code = offline_charter_read(cli, args->pos[0], &c);
        if (code != EXIT_OK) {
            return code;
        }
    } else {
        enum tris_err err = offline_charter_load(cli, &c);
        if (err == TRIS_ERR_NOT_FOUND) {
            return cli_error(cli, TRIS_ERR_NOT_INIT, NULL, "tris init --charter FILE",
                             _("there is no charter in %s"), cli->data_dir);
        }
        if (err != TRIS_OK) {
            return offline_file_error(cli, err, CHARTER_FILE, NULL);
        }
    }
    int code = EXIT_OK;
    if (cli->json) {
        code = charter_json(&c);
    } else {
        char fed[65];
        char *name = show_text(c.name, 0);
        tris_hex(c.fed.b, sizeof c.fed.b, fed);
        (void)printf("%s\n%s  %s\n", name, _("Federation"), fed);
        (void)printf(_("admit %u, revoke %u, rules %u, signed by %u of %u founders\n"),
                     (unsigned)c.admit, (unsigned)c.revoke, (unsigned)c.rules,
                     (unsigned)c.sig_count, (unsigned)c.founder_count);
        show_rules(&c);
        for (uint32_t i = 0; i < c.member_count; i++) {
            show_member(&c, i);
        }
        free(name);
    }
    charter_fini(&c);
    return code;
}

static const struct cli_option new_options[] = {
    {"house", N_("LINE"), N_("house line of a founder, or a file with such lines; repeated"), 0},
    {"observer", N_("LINE"), N_("house line of an observer, or a file with such lines; repeated"),
     0},
    {"admit", N_("N"), N_("how many houses admit a new one"), 0},
    {"revoke", N_("N"), N_("how many houses revoke one"), 0},
    {"output", N_("FILE"), N_("write here instead of standard output"), 'o'},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_charter_rows[] = {
    {"charter", "new", "NAME", N_("write the charter of a new federation"), new_options, 1, 1, 0,
     run_new},
    {"charter", "sign", "FILE [COPY...]",
     N_("sign as a founder; signatures of copies are taken over"), NULL, 1, 64, 0, run_sign},
    {"charter", "show", "[FILE]",
     N_("who founded the federation, who has signed, and who may admit and revoke"), NULL, 0, 1, 0,
     run_show},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
