/* version, help (also the source of the man page), completion: all made from the table. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "proto/text.h"
#include "tools/table.h"

enum { USAGE_BYTES = 256 };

/* ---- version ---- */

static int run_version(struct cli *cli, const struct args *args)
{
    (void)args;
    if (cli->json) {
        return cli_json(json_pack("{s:s, s:s, s:s}", "version", TRIS_VERSION, "libsodium",
                                  sodium_version_string(), "jansson", JANSSON_VERSION),
                        "tris.version/1");
    }
    (void)printf("tris %s\n", TRIS_VERSION);
    if (cli->verbose > 0) {
        (void)printf("libsodium %s, jansson %s\n", sodium_version_string(), JANSSON_VERSION);
    }
    return EXIT_OK;
}

/* ---- help ---- */

/* `text`, filled with blanks to `cells` columns. */
static void print_padded(const char *text, size_t cells)
{
    size_t width = text_width(span_str(text));
    (void)printf("%s%*s", text, width < cells ? (int)(cells - width) : 1, "");
}

static void option_label(const struct cli_option *o, char *out, size_t size)
{
    char letter[8] = "    ";
    if (o->letter != 0) {
        (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
    }
    (void)snprintf(out, size, "%s--%s%s%s", letter, o->name, o->arg != NULL ? " " : "",
                   o->arg != NULL ? _(o->arg) : "");
}

static void print_options(const struct cli_option *options)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        char label[USAGE_BYTES];
        option_label(o, label, sizeof label);
        (void)printf("  ");
        print_padded(label, 26);
        (void)printf("%s\n", _(o->help));
    }
}

/* "--legal-form TEXT" for the field legal_form. */
static void field_label(const struct field *field, char *out, size_t size)
{
    (void)snprintf(out, size, "--%s TEXT", field->name);
    for (char *c = out; *c != '\0'; c++) {
        *c = *c == '_' ? '-' : *c;
    }
}

static void print_fields(const struct cli *cli, uint32_t kind_number)
{
    const struct kind *kind = schema_kind(kind_number);
    for (size_t i = 0; kind != NULL && i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        if ((field->flags & FIELD_HIDDEN) != 0) {
            continue;
        }
        char label[USAGE_BYTES];
        field_label(field, label, sizeof label);
        (void)printf("      ");
        print_padded(label, 22);
        (void)printf("%s\n", cli->lang == LANG_DE ? field->label_de : field->label_en);
    }
}

static void print_rows(const char *noun)
{
    const struct command *row;
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        if (noun != NULL && strcmp(row->noun, noun) != 0) {
            continue;
        }
        char name[USAGE_BYTES];
        (void)snprintf(name, sizeof name, "%s%s%s%s%s", row->noun, row->verb != NULL ? " " : "",
                       row->verb != NULL ? row->verb : "", row->operands != NULL ? " " : "",
                       row->operands != NULL ? row->operands : "");
        (void)printf("  ");
        print_padded(name, 30);
        (void)printf("%s\n", _(row->summary));
    }
}

static void print_overview(void)
{
    (void)printf("%s\n\n", _("tris: records of the houses of cooperation, signed and shared"));
    (void)printf("%s\n", _("usage: tris [GLOBAL OPTION...] COMMAND [WORD...] [OPTION...]"));
    (void)printf("\n%s\n", _("Commands:"));
    print_rows(NULL);
    (void)printf("\n%s\n", _("Global options, anywhere in the line:"));
    print_options(global_options);
    (void)printf("\n%s\n", _("More about one command: tris help COMMAND"));
}

static void print_command(const struct cli *cli, const struct command *row)
{
    char usage[USAGE_BYTES];
    table_usage_line(row, usage, sizeof usage);
    (void)printf("%s\n\n%s\n", usage, _(row->summary));
    if (row->options != NULL || row->fields_of != 0) {
        (void)printf("\n%s\n", _("Options:"));
        print_options(row->options);
        print_fields(cli, row->fields_of);
    }
}

/* ---- man page: scdoc text ---- */

/* scdoc reads *, _ and \ as markup. */
static void man_text(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (strchr("*_\\`<>[]#~", *c) != NULL) {
            (void)putchar('\\');
        }
        (void)putchar(*c);
    }
}

static void man_item(const char *name, const char *help)
{
    (void)printf("*");
    man_text(name);
    (void)printf("*\n\t");
    man_text(help);
    (void)printf("\n\n");
}

static void man_options(const struct cli_option *options)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        char label[USAGE_BYTES];
        option_label(o, label, sizeof label);
        man_item(label + strspn(label, " "), _(o->help));
    }
}

static void man_fields(const struct cli *cli, uint32_t kind_number)
{
    const struct kind *kind = schema_kind(kind_number);
    for (size_t i = 0; kind != NULL && i < kind->field_count; i++) {
        char label[USAGE_BYTES];
        if ((kind->fields[i].flags & FIELD_HIDDEN) == 0) {
            field_label(&kind->fields[i], label, sizeof label);
            man_item(label,
                     cli->lang == LANG_DE ? kind->fields[i].label_de : kind->fields[i].label_en);
        }
    }
}

struct exit_row {
    int code;
    const char *meaning;
};

static const struct exit_row exit_rows[] = {
    {EXIT_OK, N_("done")},
    {EXIT_FAILED, N_("failed")},
    {EXIT_USAGE, N_("wrong use")},
    {EXIT_PARTLY, N_("partly done: rows rejected, warnings")},
    {EXIT_NOT_FOUND, N_("not found")},
    {EXIT_DECISION, N_("needs a decision: ambiguous, out of date, exists already")},
    {EXIT_NOT_INIT, N_("not initialised")},
    {EXIT_NO_DAEMON, N_("daemon not reachable")},
    {EXIT_IN_USE, N_("data directory in use")},
    {EXIT_PERMISSION, N_("permission or passphrase")},
    {EXIT_INTEGRITY, N_("integrity check failed")},
    {EXIT_PEER, N_("peer unreachable or timeout")},
    {EXIT_REFUSED, N_("peer refused or incompatible")},
    {EXIT_INTERRUPTED, N_("interrupted")},
};

static void print_man(const struct cli *cli)
{
    const struct command *row;
    (void)printf("tris(1) \"tris %s\" \"tris\"\n\n# NAME\n\ntris - %s\n\n", TRIS_VERSION,
                 _("records of the houses of cooperation, signed and shared"));
    (void)printf("# SYNOPSIS\n\n*tris* [GLOBAL OPTION...] COMMAND [WORD...] [OPTION...]\n\n");
    (void)printf("# %s\n\n", _("COMMANDS"));
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        char usage[USAGE_BYTES];
        table_usage_line(row, usage, sizeof usage);
        man_item(usage, _(row->summary));
        man_options(row->options);
        man_fields(cli, row->fields_of);
    }
    (void)printf("# %s\n\n", _("GLOBAL OPTIONS"));
    man_options(global_options);
    (void)printf("# %s\n\n", _("EXIT STATUS"));
    for (size_t i = 0; i < sizeof exit_rows / sizeof exit_rows[0]; i++) {
        char code[16];
        (void)snprintf(code, sizeof code, "%d", exit_rows[i].code);
        man_item(code, _(exit_rows[i].meaning));
    }
    (void)printf("# %s\n\n*trisd*(8)\n", _("SEE ALSO"));
}

static int help_unknown(const struct cli *cli, const char *noun, const char *verb)
{
    const char *near = verb == NULL ? table_suggest(NULL, noun) : table_suggest(noun, verb);
    char next[128];
    (void)snprintf(next, sizeof next, "tris help%s%.40s%s%.40s", verb != NULL ? " " : "",
                   verb != NULL ? noun : "", near != NULL ? " " : "", near != NULL ? near : "");
    return cli_usage(cli, next, _("there is no command \"%s%s%s\""), noun, verb != NULL ? " " : "",
                     verb != NULL ? verb : "");
}

static int help_json(void)
{
    const struct command *row;
    json_t *items = json_array();
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        json_t *options = json_array();
        for (const struct cli_option *o = row->options; o != NULL && o->name != NULL; o++) {
            (void)json_array_append_new(options, json_string(o->name));
        }
        (void)json_array_append_new(items,
                                    json_pack("{s:s, s:s?, s:s?, s:s, s:o}", "noun", row->noun,
                                              "verb", row->verb, "operands", row->operands,
                                              "summary", row->summary, "options", options));
    }
    return cli_json(json_pack("{s:o}", "items", items), "tris.help/1");
}

static int run_help(struct cli *cli, const struct args *args)
{
    if (args_flag(args, "man")) {
        print_man(cli);
        return EXIT_OK;
    }
    if (cli->json) {
        return help_json();
    }
    if (args->pos_count == 0) {
        print_overview();
        return EXIT_OK;
    }
    const char *noun = args->pos[0], *verb = args->pos_count > 1 ? args->pos[1] : NULL;
    const struct command *row = table_find(noun, verb);
    if (row != NULL) {
        print_command(cli, row);
        return EXIT_OK;
    }
    if (verb != NULL || !table_has_noun(noun)) {
        return help_unknown(cli, noun, table_has_noun(noun) ? verb : NULL);
    }
    print_rows(noun);
    (void)printf("\n%s\n", _("Options of one of them: tris help NOUN VERB"));
    return EXIT_OK;
}

/* ---- completion ---- */

static bool first_with_noun(size_t index)
{
    const char *noun = table_row(index)->noun;
    for (size_t i = 0; i < index; i++) {
        if (strcmp(table_row(i)->noun, noun) == 0) {
            return false;
        }
    }
    return true;
}

static void print_nouns(void)
{
    for (size_t i = 0; table_row(i) != NULL; i++) {
        if (first_with_noun(i)) {
            (void)printf("%s ", table_row(i)->noun);
        }
    }
}

static void print_verbs(const char *noun)
{
    const struct command *row;
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        if (row->verb != NULL && strcmp(row->noun, noun) == 0) {
            (void)printf("%s ", row->verb);
        }
    }
}

static void print_option_names(const struct command *row)
{
    const struct kind *kind = row->fields_of != 0 ? schema_kind(row->fields_of) : NULL;
    for (const struct cli_option *o = row->options; o != NULL && o->name != NULL; o++) {
        (void)printf("--%s ", o->name);
    }
    for (size_t i = 0; kind != NULL && i < kind->field_count; i++) {
        char label[USAGE_BYTES];
        if ((kind->fields[i].flags & FIELD_HIDDEN) == 0) {
            field_label(&kind->fields[i], label, sizeof label);
            (void)printf("%.*s ", (int)strcspn(label, " "), label);
        }
    }
}

/* bash; zsh runs the same function through bashcompinit. */
static void print_bash(void)
{
    const struct command *row;
    (void)printf("_tris() {\n"
                 "    local cur=${COMP_WORDS[COMP_CWORD]} noun= verb= words= options= i\n"
                 "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                 "        case ${COMP_WORDS[i]} in\n"
                 "        -*) ;;\n"
                 "        *) if [[ -z $noun ]]; then noun=${COMP_WORDS[i]}\n"
                 "           elif [[ -z $verb ]]; then verb=${COMP_WORDS[i]}; fi ;;\n"
                 "        esac\n"
                 "    done\n"
                 "    if [[ -z $noun ]]; then words='");
    print_nouns();
    (void)printf("'; fi\n    if [[ -z $verb ]]; then case $noun in\n");
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        if (row->verb != NULL && first_with_noun(i)) {
            (void)printf("    %s) words='", row->noun);
            print_verbs(row->noun);
            (void)printf("' ;;\n");
        }
    }
    (void)printf("    esac; fi\n    case \"$noun $verb\" in\n");
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        (void)printf("    '%s '%s) options='", row->noun, row->verb != NULL ? row->verb : "*");
        print_option_names(row);
        (void)printf("' ;;\n");
    }
    (void)printf("    esac\n    if [[ $cur == -* ]]; then words=\"$options");
    for (const struct cli_option *o = global_options; o->name != NULL; o++) {
        (void)printf(" --%s", o->name);
    }
    (void)printf("\"; fi\n"
                 "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                 "}\ncomplete -o default -F _tris tris\n");
}

static void print_zsh(void)
{
    (void)printf("#compdef tris\nautoload -U +X bashcompinit && bashcompinit\n");
    print_bash();
}

/* In single quotes, where fish knows \' and \\ only. */
static void fish_text(const char *text)
{
    (void)putchar('\'');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'' || *c == '\\') {
            (void)putchar('\\');
        }
        (void)putchar(*c);
    }
    (void)putchar('\'');
}

static void fish_options(const char *condition, const struct cli_option *options)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        (void)printf("complete -c tris %s -l %s%s -d ", condition, o->name,
                     o->arg != NULL ? " -r" : "");
        fish_text(_(o->help));
        (void)printf("\n");
    }
}

static void print_fish(void)
{
    const struct command *row;
    fish_options("", global_options);
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        char condition[USAGE_BYTES];
        if (first_with_noun(i)) {
            (void)printf("complete -c tris -n __fish_use_subcommand -a %s\n", row->noun);
        }
        if (row->verb != NULL) {
            (void)printf("complete -c tris -n '__fish_seen_subcommand_from %s' -a %s -d ",
                         row->noun, row->verb);
            fish_text(_(row->summary));
            (void)printf("\n");
        }
        (void)snprintf(condition, sizeof condition, "-n '__fish_seen_subcommand_from %s%s%s'",
                       row->noun, row->verb != NULL ? "; and __fish_seen_subcommand_from " : "",
                       row->verb != NULL ? row->verb : "");
        fish_options(condition, row->options);
    }
}

struct shell {
    const char *name;
    void (*print)(void);
};

static const struct shell shells[] = {
    {"bash", print_bash},
    {"zsh", print_zsh},
    {"fish", print_fish},
};

static int run_completion(struct cli *cli, const struct args *args)
{
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].name, args->pos[0]) == 0) {
            shells[i].print();
            return EXIT_OK;
        }
    }
    return cli_usage(cli, "tris help completion", _("%s: allowed are bash, zsh and fish"),
                     args->pos[0]);
}

static const struct cli_option help_options[] = {
    {"man", NULL, N_("the manual page, as scdoc text"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_version_rows[] = {
    {"version", NULL, NULL, N_("version of this program"), NULL, 0, 0, 0, run_version},
    {"help", NULL, "[COMMAND]", N_("this list, or more about one command"), help_options, 0, 2, 0,
     run_help},
    {"completion", NULL, "SHELL", N_("completion script for bash, zsh or fish"), NULL, 1, 1, 0,
     run_completion},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
