/* The list of command groups, look-up and "did you mean"; see table.h. */
#include "tools/table.h"

#include <stdio.h>
#include <string.h>

static const struct command *const groups[] = {
    cmd_init_rows,    cmd_status_rows,     cmd_sync_rows,   cmd_house_rows,    cmd_key_rows,
    cmd_partner_rows, cmd_import_rows,     cmd_export_rows, cmd_national_rows, cmd_charter_rows,
    cmd_peer_rows,    cmd_log_rows,        cmd_config_rows, cmd_version_rows,  cmd_backup_rows,
    cmd_find_rows,    cmd_watch_rows,      cmd_draft_rows,  cmd_verify_rows,   cmd_report_rows,
    cmd_member_rows,  cmd_export_log_rows,
};

const struct cli_option global_options[] = {
    {"json", NULL, N_("one JSON document on standard output"), 0},
    {"quiet", NULL, N_("no remarks"), 'q'},
    {"verbose", NULL, N_("more detail; may be repeated"), 'v'},
    {"dry-run", NULL, N_("only say what would be done"), 'n'},
    {"yes", NULL, N_("do not ask"), 'y'},
    {"color", N_("WHEN"), N_("auto, always or never"), 0},
    {"lang", N_("LANG"), N_("de or en"), 0},
    {"data", N_("DIR"), N_("data directory"), 0},
    {"socket", N_("PATH"), N_("control socket of the daemon"), 0},
    {"timeout", N_("TIME"), N_("how long to wait for the daemon: 500ms, 10s, 2m"), 0},
    {"config", N_("FILE"), N_("configuration file"), 0},
    {"help", NULL, N_("help for the command"), 'h'},
    {"version", NULL, N_("version of this program"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command *table_row(size_t index)
{
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        for (const struct command *row = groups[g]; row->noun != NULL; row++) {
            if (index-- == 0) {
                return row;
            }
        }
    }
    return NULL;
}

const struct command *table_find(const char *noun, const char *verb)
{
    const struct command *row;
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        bool same_verb =
            row->verb == NULL || verb == NULL ? row->verb == verb : strcmp(row->verb, verb) == 0;
        if (same_verb && strcmp(row->noun, noun) == 0) {
            return row;
        }
    }
    return NULL;
}

bool table_has_noun(const char *noun)
{
    const struct command *row;
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        if (strcmp(row->noun, noun) == 0) {
            return true;
        }
    }
    return false;
}

enum { WORD_MAX = 24, NEAR = 2 };

/* Edits (insert, delete, replace, swap of neighbours) from a to b; NEAR + 1 if too long. */
static unsigned distance(const char *a, const char *b)
{
    unsigned cost[WORD_MAX + 1][WORD_MAX + 1];
    size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > WORD_MAX || b_len > WORD_MAX) {
        return NEAR + 1;
    }
    for (size_t i = 0; i <= a_len; i++) {
        for (size_t j = 0; j <= b_len; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = (unsigned)(i + j);
                continue;
            }
            unsigned best = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = cost[i - 1][j] + 1 < best ? cost[i - 1][j] + 1 : best;
            best = cost[i][j - 1] + 1 < best ? cost[i][j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                cost[i - 2][j - 2] + 1 < best) {
                best = cost[i - 2][j - 2] + 1;
            }
            cost[i][j] = best;
        }
    }
    return cost[a_len][b_len];
}

const char *table_suggest(const char *noun, const char *word)
{
    const struct command *row;
    const char *best = NULL;
    unsigned best_distance = NEAR + 1;
    for (size_t i = 0; (row = table_row(i)) != NULL; i++) {
        const char *name = row->noun;
        if (noun != NULL) {
            name = strcmp(row->noun, noun) == 0 ? row->verb : NULL;
        }
        unsigned d = name == NULL ? NEAR + 1 : distance(word, name);
        if (d < best_distance && d < strlen(word)) {
            best_distance = d;
            best = name;
        }
    }
    return best;
}

const struct cli_option *global_find(const char *name, size_t len)
{
    for (const struct cli_option *o = global_options; o->name != NULL; o++) {
        if (strlen(o->name) == len && strncmp(o->name, name, len) == 0) {
            return o;
        }
    }
    return NULL;
}

const struct cli_option *global_find_letter(char letter)
{
    for (const struct cli_option *o = global_options; o->name != NULL; o++) {
        if (o->letter != 0 && o->letter == letter) {
            return o;
        }
    }
    return NULL;
}

void table_usage_line(const struct command *row, char *out, size_t size)
{
    bool options = row->options != NULL || row->fields_of != 0;
    (void)snprintf(out, size, "tris %s%s%s%s%s%s", row->noun, row->verb != NULL ? " " : "",
                   row->verb != NULL ? row->verb : "", row->operands != NULL ? " " : "",
                   row->operands != NULL ? row->operands : "", options ? " [OPTION...]" : "");
}

void table_option_label(const struct cli_option *o, char *out, size_t size)
{
    char letter[8] = "    ";
    if (o->letter != 0) {
        (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
    }
    (void)snprintf(out, size, "%s--%s%s%s", letter, o->name, o->arg != NULL ? " " : "",
                   o->arg != NULL ? _(o->arg) : "");
}

void table_field_label(const struct field *field, char *out, size_t size)
{
    (void)snprintf(out, size, "--%s TEXT", field->name);
    for (char *c = out; *c != '\0'; c++) {
        *c = *c == '_' ? '-' : *c;
    }
}
