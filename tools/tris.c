/* main of `tris`: global options, places, finding the subcommand in the table, running it. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/places.h"
#include "tools/table.h"

/* The command line after the global options were taken out. */
struct words {
    char *word[ARGS_MAX];
    int count;
};

struct globals {
    const char *color, *lang, *data, *socket, *timeout, *config;
    bool help, version;
};

static void take_flag(struct cli *cli, struct globals *g, const char *name)
{
    if (strcmp(name, "json") == 0) {
        cli->json = true;
    } else if (strcmp(name, "quiet") == 0) {
        cli->quiet = true;
    } else if (strcmp(name, "verbose") == 0) {
        cli->verbose++;
    } else if (strcmp(name, "dry-run") == 0) {
        cli->dry_run = true;
    } else if (strcmp(name, "yes") == 0) {
        cli->yes = true;
    } else if (strcmp(name, "help") == 0) {
        g->help = true;
    } else if (strcmp(name, "version") == 0) {
        g->version = true;
    }
}

static void take_value(struct globals *g, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **place;
    } places[] = {{"color", &g->color},   {"lang", &g->lang},       {"data", &g->data},
                  {"socket", &g->socket}, {"timeout", &g->timeout}, {"config", &g->config}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (strcmp(places[i].name, name) == 0) {
            *places[i].place = value;
        }
    }
}

static const struct cli_option *local_find(const struct command *row, const char *word)
{
    const struct cli_option *o = row != NULL ? row->options : NULL;
    size_t len = strcspn(word + 2, "=");
    for (; o != NULL && o->name != NULL; o++) {
        bool is_long =
            word[1] == '-' && strlen(o->name) == len && strncmp(o->name, word + 2, len) == 0;
        if (is_long || (word[1] != '-' && o->letter != 0 && o->letter == word[1])) {
            return o;
        }
    }
    return NULL;
}

/* "-qy": true if every letter is a global flag, which are then taken. */
static bool take_letters(struct cli *cli, struct globals *g, const char *letters)
{
    for (const char *l = letters; *l != '\0'; l++) {
        const struct cli_option *o = global_find_letter(*l);
        if (o == NULL || o->arg != NULL) {
            return false;
        }
    }
    for (const char *l = letters; *l != '\0'; l++) {
        take_flag(cli, g, global_find_letter(*l)->name);
    }
    return letters[0] != '\0';
}

/* Takes the global option at argv[*index]; false if it is none. A missing value sets *missing. */
static bool take_global(struct cli *cli, struct globals *g, int argc, char **argv, int *index,
                        const char **missing)
{
    const char *word = argv[*index];
    if (word[1] != '-') {
        return take_letters(cli, g, word + 1);
    }
    size_t len = strcspn(word + 2, "=");
    const struct cli_option *o = global_find(word + 2, len);
    if (o == NULL || (o->arg == NULL && word[2 + len] == '=')) {
        return false;
    }
    if (o->arg == NULL) {
        take_flag(cli, g, o->name);
    } else if (word[2 + len] == '=') {
        take_value(g, o->name, word + 2 + len + 1);
    } else if (*index + 1 < argc) {
        take_value(g, o->name, argv[++*index]);
    } else {
        *missing = o->name;
    }
    return true;
}

/* The row that the words so far name; an option's own value must not be taken for a global. */
static const struct command *row_so_far(const struct words *w)
{
    const struct command *row = NULL;
    if (w->count >= 2) {
        row = table_find(w->word[0], w->word[1]);
    }
    return row == NULL && w->count >= 1 ? table_find(w->word[0], NULL) : row;
}

/* Sorts argv into global options and words; false with *missing or too many words. */
static bool sort_words(struct cli *cli, struct globals *g, int argc, char **argv, struct words *w,
                       const char **missing)
{
    bool ended = false;
    *missing = NULL;
    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        bool option = !ended && word[0] == '-' && word[1] != '\0';
        const struct command *row = option ? row_so_far(w) : NULL;
        const struct cli_option *local = option ? local_find(row, word) : NULL;
        bool has_value = local != NULL ? local->arg != NULL : row != NULL && row->fields_of != 0;
        ended = ended || strcmp(word, "--") == 0;
        if (option && local == NULL && !ended && take_global(cli, g, argc, argv, &i, missing)) {
            if (*missing != NULL) {
                return false;
            }
            continue;
        }
        if (w->count + 2 > ARGS_MAX) {
            return false;
        }
        w->word[w->count++] = word;
        bool value_follows = option && !ended && has_value && strchr(word, '=') == NULL &&
                             (word[1] == '-' || word[2] == '\0');
        if (value_follows && i + 1 < argc) {
            w->word[w->count++] = argv[++i];
        }
    }
    return true;
}

static bool parse_timeout(const char *text, uint64_t *out_ms)
{
    char *end = NULL;
    unsigned long long n = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    const struct {
        const char *unit;
        unsigned long long ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}};
    for (size_t i = 0; end != NULL && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0 && n > 0 && n <= 86400000ULL / units[i].ms) {
            *out_ms = n * units[i].ms;
            return true;
        }
    }
    return false;
}

static int resolve(struct cli *cli, const struct globals *g)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    const char *when = g->color != NULL ? g->color : "auto";
    cli->timeout_ms = 10000;
    if (g->timeout != NULL && !parse_timeout(g->timeout, &cli->timeout_ms)) {
        return cli_usage(cli, "tris help", _("--timeout %s: a time such as 500ms, 10s or 2m"),
                         g->timeout);
    }
    if (g->lang != NULL && strcmp(g->lang, "de") != 0 && strcmp(g->lang, "en") != 0) {
        return cli_usage(cli, "tris help", _("--lang %s: allowed are de and en"), g->lang);
    }
    if (strcmp(when, "always") == 0) {
        cli->color_out = true;
    } else if (strcmp(when, "auto") == 0) {
        cli->color_out = cli->tty_out && (no_color == NULL || no_color[0] == '\0') &&
                         (term == NULL || strcmp(term, "dumb") != 0);
    } else if (strcmp(when, "never") != 0) {
        return cli_usage(cli, "tris help", _("--color %s: allowed are auto, always and never"),
                         when);
    }
    if (!places_find(cli, g->data, g->socket, g->config)) {
        return cli_usage(cli, "tris help",
                         _("the path of the data directory or socket is too "
                           "long"));
    }
    return EXIT_OK;
}

static int unknown_noun(const struct cli *cli, const char *word)
{
    const char *near = table_suggest(NULL, word);
    char next[128];
    if (near == NULL) {
        return cli_usage(cli, "tris help", _("there is no command \"%s\""), word);
    }
    (void)snprintf(next, sizeof next, "tris help %s", near);
    return cli_usage(cli, next, _("there is no command \"%s\"; did you mean \"%s\"?"), word, near);
}

static int unknown_verb(const struct cli *cli, const char *noun, const char *word)
{
    char next[128];
    (void)snprintf(next, sizeof next, "tris help %.40s", noun);
    if (word == NULL) {
        return cli_usage(cli, next, _("what shall be done with \"%s\"?"), noun);
    }
    const char *near = table_suggest(noun, word);
    if (near == NULL) {
        return cli_usage(cli, next, _("there is no command \"%s %s\""), noun, word);
    }
    return cli_usage(cli, next, _("there is no command \"%s %s\"; did you mean \"%s %s\"?"), noun,
                     word, noun, near);
}

static int run_row(struct cli *cli, const struct command *row, int argc, char **argv)
{
    struct args *args = calloc(1, sizeof *args);
    struct fault fault;
    if (args == NULL) {
        return cli_error(cli, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s", _("not enough memory"));
    }
    int code =
        args_parse(row, argc, argv, args, &fault) ? row->run(cli, args) : cli_fail(cli, &fault);
    free(args);
    return code;
}

/* "tris house list --help" is "tris help house list". */
static int run_help(struct cli *cli, struct words *w)
{
    int count = 0;
    while (count < w->count && count < 2 && w->word[count][0] != '-') {
        count++;
    }
    if (count == 2 && table_find(w->word[0], w->word[1]) == NULL) {
        count = 1; /* the second word was an operand */
    }
    return run_row(cli, table_find("help", NULL), count, w->word);
}

static int dispatch(struct cli *cli, const struct globals *g, struct words *w)
{
    if (g->version) {
        return run_row(cli, table_find("version", NULL), 0, NULL);
    }
    if (g->help) {
        return run_help(cli, w);
    }
    if (w->count == 0) {
        int code = run_row(cli, table_find("help", NULL), 0, NULL);
        return code == EXIT_OK ? EXIT_USAGE : code;
    }
    const char *noun = w->word[0], *second = w->count > 1 ? w->word[1] : NULL;
    if (!table_has_noun(noun)) {
        return unknown_noun(cli, noun);
    }
    const struct command *row = second != NULL ? table_find(noun, second) : NULL;
    if (row != NULL) {
        return run_row(cli, row, w->count - 2, w->word + 2);
    }
    row = table_find(noun, NULL);
    return row != NULL ? run_row(cli, row, w->count - 1, w->word + 1)
                       : unknown_verb(cli, noun, second);
}

int main(int argc, char **argv)
{
    struct cli cli;
    struct globals g;
    struct words w;
    const char *missing;
    char locale_dir[FILE_PATH_BYTES];
    memset(&cli, 0, sizeof cli);
    memset(&g, 0, sizeof g);
    w.count = 0;
    cli.tty_in = isatty(STDIN_FILENO) == 1;
    cli.tty_out = isatty(STDOUT_FILENO) == 1;
    cli.tty_err = isatty(STDERR_FILENO) == 1;
    bool sorted = sort_words(&cli, &g, argc, argv, &w, &missing);
    cli.lang = i18n_init(g.lang, places_locale_dir(locale_dir));
    if (sodium_init() < 0) {
        return cli_error(&cli, TRIS_ERR_IO, NULL, NULL, "%s",
                         _("there is no source of random numbers"));
    }
    if (!sorted) {
        return missing != NULL ? cli_usage(&cli, "tris help", _("--%s needs a value"), missing)
                               : cli_usage(&cli, "tris help", "%s", _("too many words"));
    }
    int code = resolve(&cli, &g);
    if (code == EXIT_OK) {
        code = dispatch(&cli, &g, &w);
    }
    client_close(cli.client);
    if (fflush(stdout) != 0 && code == EXIT_OK) {
        code = cli_error(&cli, TRIS_ERR_IO, NULL, NULL, "%s",
                         _("standard output could not be written"));
    }
    return code;
}
