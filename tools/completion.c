/* Completion scripts for bash, zsh and fish, made from the table; see completion.h. */
#include "tools/completion.h"

#include <stdio.h>
#include <string.h>

#include "tools/table.h"

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
        char label[TABLE_TEXT_BYTES];
        if ((kind->fields[i].flags & FIELD_HIDDEN) == 0) {
            table_field_label(&kind->fields[i], label, sizeof label);
            (void)printf("%.*s ", (int)strcspn(label, " "), label);
        }
    }
}

/* Global options whose next word is a value, as a shell pattern. */
static void print_value_pattern(void)
{
    const char *bar = "";
    for (const struct cli_option *o = global_options; o->name != NULL; o++) {
        if (o->arg != NULL) {
            (void)printf("%s--%s", bar, o->name);
            bar = " | ";
        }
    }
}

/* bash; zsh runs the same function through bashcompinit. */
static void print_bash(enum label_lang lang)
{
    (void)lang; /* names only */
    const struct command *row;
    (void)printf("_tris() {\n"
                 "    local cur=${COMP_WORDS[COMP_CWORD]} noun= verb= words= options= i\n"
                 "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                 "        case ${COMP_WORDS[i]} in\n"
                 "        ");
    print_value_pattern();
    (void)printf(") ((i++)) ;;\n"
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

static void print_zsh(enum label_lang lang)
{
    (void)printf("#compdef tris\nautoload -U +X bashcompinit && bashcompinit\n");
    print_bash(lang);
    /* as a file of fpath this text is the function's first run, which has to answer as well */
    (void)printf("[[ ${funcstack[1]} != _tris ]] || _bash_complete -o default -F _tris\n");
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

static void fish_fields(const char *condition, const struct command *row, enum label_lang lang)
{
    const struct kind *kind = row->fields_of != 0 ? schema_kind(row->fields_of) : NULL;
    for (size_t i = 0; kind != NULL && i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        char label[TABLE_TEXT_BYTES];
        if ((field->flags & FIELD_HIDDEN) != 0) {
            continue;
        }
        table_field_label(field, label, sizeof label);
        (void)printf("complete -c tris %s -l %.*s -r -d ", condition, (int)strcspn(label + 2, " "),
                     label + 2);
        fish_text(lang == LANG_DE ? field->label_de : field->label_en);
        (void)printf("\n");
    }
}

static void print_fish(enum label_lang lang)
{
    const struct command *row;
    fish_options("", global_options);
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        char condition[TABLE_TEXT_BYTES];
        if (first_with_noun(i)) {
            (void)printf("complete -c tris -n __fish_use_subcommand -f -a %s\n", row->noun);
        }
        if (row->verb != NULL) {
            (void)printf("complete -c tris -n '__fish_seen_subcommand_from %s; and not "
                         "__fish_seen_subcommand_from ",
                         row->noun);
            print_verbs(row->noun);
            (void)printf("' -f -a %s -d ", row->verb);
            fish_text(_(row->summary));
            (void)printf("\n");
        }
        (void)snprintf(condition, sizeof condition, "-n '__fish_seen_subcommand_from %s%s%s'",
                       row->noun, row->verb != NULL ? "; and __fish_seen_subcommand_from " : "",
                       row->verb != NULL ? row->verb : "");
        fish_options(condition, row->options);
        fish_fields(condition, row, lang);
    }
}

struct shell {
    const char *name;
    void (*print)(enum label_lang lang);
};

static const struct shell shells[] = {
    {"bash", print_bash},
    {"zsh", print_zsh},
    {"fish", print_fish},
};

bool completion_print(const struct cli *cli, const char *shell)
{
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].name, shell) == 0) {
            shells[i].print(cli->lang);
            return true;
        }
    }
    return false;
}
