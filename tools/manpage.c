/* The manual page tris(1) as scdoc text, made from the table; see completion.h. */
#include <stdio.h>
#include <string.h>

#include "tools/completion.h"
#include "tools/table.h"

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
        char label[TABLE_TEXT_BYTES];
        table_option_label(o, label, sizeof label);
        man_item(label + strspn(label, " "), _(o->help));
    }
}

static void man_fields(const struct cli *cli, uint32_t kind_number)
{
    const struct kind *kind = schema_kind(kind_number);
    for (size_t i = 0; kind != NULL && i < kind->field_count; i++) {
        char label[TABLE_TEXT_BYTES];
        if ((kind->fields[i].flags & FIELD_HIDDEN) == 0) {
            table_field_label(&kind->fields[i], label, sizeof label);
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

void man_print(const struct cli *cli)
{
    const struct command *row;
    (void)printf("tris(1) \"tris %s\" \"tris\"\n\n# NAME\n\ntris - %s\n\n", TRIS_VERSION,
                 _("records of the houses of cooperation, signed and shared"));
    (void)printf("# SYNOPSIS\n\n*tris* [GLOBAL OPTION...] COMMAND [WORD...] [OPTION...]\n\n");
    (void)printf("# %s\n\n", _("COMMANDS"));
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        char usage[TABLE_TEXT_BYTES];
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
    (void)printf("# %s\n\n*tris-peers*(7), *trisd*(8)\n", _("SEE ALSO"));
}
