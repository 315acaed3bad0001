/* Options and operands of one subcommand, checked against its row; no global state, no getopt. */
#include "tools/tris.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static void
set_usage(const struct command *command, struct fault *fault, const char *format, ...)
{
    fault_set(fault, TRIS_ERR_INVALID, NULL, NULL, "%s", "");
    fault->exit = EXIT_USAGE;
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(fault->message, sizeof fault->message, format, ap);
    va_end(ap);
    (void)snprintf(fault->code, sizeof fault->code, "usage");
    (void)snprintf(fault->next, sizeof fault->next, "tris help %s%s%s", command->noun,
                   command->verb != NULL ? " " : "", command->verb != NULL ? command->verb : "");
}

/* "--legal-form" names the field "legal_form". */
static const char *field_option(const struct command *command, const char *name, size_t len)
{
    const struct kind *kind = command->fields_of != 0 ? schema_kind(command->fields_of) : NULL;
    for (size_t i = 0; kind != NULL && i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        if ((field->flags & FIELD_HIDDEN) != 0 || strlen(field->name) != len) {
            continue;
        }
        bool same = true;
        for (size_t k = 0; k < len && same; k++) {
            same = name[k] == field->name[k] || (name[k] == '-' && field->name[k] == '_');
        }
        if (same) {
            return field->name;
        }
    }
    return NULL;
}

struct found {
    const char *name;
    bool takes_value;
};

static struct found find_long(const struct command *command, const char *name, size_t len)
{
    for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++) {
        if (strlen(o->name) == len && strncmp(o->name, name, len) == 0) {
            return (struct found){o->name, o->arg != NULL};
        }
    }
    return (struct found){field_option(command, name, len), true};
}

static struct found find_short(const struct command *command, char letter)
{
    for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++) {
        if (o->letter != 0 && o->letter == letter) {
            return (struct found){o->name, o->arg != NULL};
        }
    }
    return (struct found){NULL, false};
}

static bool add_option(struct args *out, const char *name, const char *value)
{
    if (out->opt_count == ARGS_MAX) {
        return false;
    }
    out->opt[out->opt_count].name = name;
    out->opt[out->opt_count].value = value;
    out->opt_count++;
    return true;
}

/* One word that starts with '-'; *index moves on if the value is the next word. */
static bool parse_option(const struct command *command, int argc, char **argv, int *index,
                         struct args *out, struct fault *fault)
{
    const char *word = argv[*index];
    bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    size_t len = is_long ? strcspn(name, "=") : 1;
    struct found found = is_long ? find_long(command, name, len) : find_short(command, name[0]);
    if (found.name == NULL) {
        set_usage(command, fault, _("there is no option %s here"), word);
        return false;
    }
    const char *value = "";
    if (!found.takes_value) {
        if (name[len] != '\0') {
            set_usage(command, fault, _("%s takes no value"), word);
            return false;
        }
    } else if (is_long ? name[len] == '=' : name[1] != '\0') {
        value = name + len + (is_long ? 1 : 0);
    } else if (*index + 1 < argc) {
        value = argv[++*index];
    } else {
        set_usage(command, fault, _("%s needs a value"), word);
        return false;
    }
    if (!add_option(out, found.name, value)) {
        set_usage(command, fault, _("too many options at %s"), word);
        return false;
    }
    return true;
}

bool args_parse(const struct command *command, int argc, char **argv, struct args *out,
                struct fault *fault)
{
    bool options_end = false;
    memset(out, 0, sizeof *out);
    out->command = command;
    for (int i = 0; i < argc; i++) {
        if (!options_end && strcmp(argv[i], "--") == 0) {
            options_end = true;
        } else if (!options_end && argv[i][0] == '-' && argv[i][1] != '\0') {
            if (!parse_option(command, argc, argv, &i, out, fault)) {
                return false;
            }
        } else if (out->pos_count == ARGS_MAX || out->pos_count >= command->pos_max) {
            set_usage(command, fault, _("\"%s\" is one word too many"), argv[i]);
            return false;
        } else {
            out->pos[out->pos_count++] = argv[i];
        }
    }
    if (out->pos_count < command->pos_min) {
        set_usage(command, fault, _("a word is missing: %s"),
                  command->operands != NULL ? command->operands : "");
        return false;
    }
    return true;
}

const char *args_value(const struct args *args, const char *name)
{
    for (int i = args->opt_count; i > 0; i--) {
        if (strcmp(args->opt[i - 1].name, name) == 0) {
            return args->opt[i - 1].value;
        }
    }
    return NULL;
}

bool args_flag(const struct args *args, const char *name)
{
    return args_value(args, name) != NULL;
}

bool args_number(struct cli *cli, const struct args *args, const char *name, uint64_t max,
                 uint64_t *out)
{
    const char *text = args_value(args, name);
    if (text == NULL) {
        return true;
    }
    char *end = NULL;
    unsigned long long n = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (end == NULL || *end != '\0' || strlen(text) > 19 || n > max) {
        (void)cli_usage(cli, NULL, _("--%s needs a whole number up to %llu"), name,
                        (unsigned long long)max);
        return false;
    }
    *out = n;
    return true;
}
