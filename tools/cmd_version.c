/* version, help, completion: what the program says about itself. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "proto/text.h"
#include "tools/completion.h"
#include "tools/table.h"

enum { CODES_SHOWN_MAX = 12 };

/* ---- version ---- */

static int run_version(struct cli *cli, const struct args *args)
{
    (void)args;
    if (cli->json) {
        return cli_json(json_pack("{s:s, s:s, s:s}", "version", TRIS_VERSION, "libsodium",
                                  sodium_version_string(), "jansson", JANSSON_VERSION),
                        "tris.version.1");
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

static void print_options(const struct cli_option *options)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        char label[TABLE_TEXT_BYTES];
        table_option_label(o, label, sizeof label);
        (void)printf("  ");
        print_padded(label, 26);
        (void)printf("%s\n", _(o->help));
    }
}

/* ": W S Z"; long lists are in the documentation. */
static void print_codes(const struct code_list *list)
{
    if (list == NULL || list->count > CODES_SHOWN_MAX) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        (void)printf("%s%s", i == 0 ? ": " : " ", list->codes[i].code);
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
        char label[TABLE_TEXT_BYTES];
        table_field_label(field, label, sizeof label);
        (void)printf("      ");
        print_padded(label, 22);
        (void)printf("%s", cli->lang == LANG_DE ? field->label_de : field->label_en);
        print_codes(field->codes);
        (void)printf("\n");
    }
}

static void print_rows(const char *noun)
{
    const struct command *row;
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        if (noun != NULL && strcmp(row->noun, noun) != 0) {
            continue;
        }
        char name[TABLE_TEXT_BYTES];
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
    char usage[TABLE_TEXT_BYTES];
    table_usage_line(row, usage, sizeof usage);
    (void)printf("%s\n\n%s\n", usage, _(row->summary));
    if (row->options != NULL || row->fields_of != 0) {
        (void)printf("\n%s\n", _("Options:"));
        print_options(row->options);
        print_fields(cli, row->fields_of);
    }
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
    return cli_json(json_pack("{s:o}", "items", items), "tris.help.1");
}

static int run_help(struct cli *cli, const struct args *args)
{
    if (args_flag(args, "man")) {
        man_print(cli);
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

static int run_completion(struct cli *cli, const struct args *args)
{
    if (completion_print(cli, args->pos[0])) {
        return EXIT_OK;
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
