/* What every subcommand of `tris` shares: global options, the command table, errors, output.
 *
 * A command group file (cmd_*.c) exports one array of struct command, ended by a row whose noun is
 * NULL. tris.c lists the groups; help, man pages and completion come from the same rows. */
#ifndef TRIS_TOOLS_TRIS_H
#define TRIS_TOOLS_TRIS_H

#include <jansson.h>

#include "proto/ctlmsg.h"
#include "proto/schema.h"
#include "tools/i18n.h"

struct client;

/* Global options, resolved (flag, environment, default) before a command runs. */
struct cli {
    bool json, quiet, dry_run, yes;
    int verbose;
    bool color_out; /* colour on stdout is wanted and possible */
    bool tty_in, tty_out, tty_err;
    enum label_lang lang;
    uint64_t timeout_ms;
    char data_dir[1024];
    char socket_path[1024];
    const char *config_path; /* --config or TRIS_CONFIG; NULL: the usual places */
    struct client *client;   /* opened by cli_client on first use; closed by main */
};

/* An error as people see it: what failed, what is unchanged, the next command. */
struct fault {
    int exit;
    char code[40]; /* tris_err name */
    char message[512];
    char unchanged[256];
    char next[1024];
    char field[64];
};

/* ---- command table ---- */

struct cli_option {
    const char *name; /* without dashes; NULL ends the list */
    const char *arg;  /* placeholder of its value; NULL: a flag */
    const char *help; /* English, translated when shown */
    char letter;      /* short form, 0 if none */
};

enum { ARGS_MAX = 512 };

/* The words behind noun and verb, checked against the command's rows. */
struct args {
    const struct command *command;
    const char *pos[ARGS_MAX];
    int pos_count;
    struct {
        const char *name;  /* long name, without dashes, '-' as '_' for a field option */
        const char *value; /* "" for a flag */
    } opt[ARGS_MAX];
    int opt_count;
};

struct command {
    const char *noun, *verb; /* verb NULL: the noun alone is the command */
    const char *operands;    /* "ID", "HOUSE SEQ"; NULL if none */
    const char *summary;     /* English, translated when shown */
    const struct cli_option *options;
    int pos_min, pos_max;
    uint32_t fields_of; /* KIND_*: its fields are options (--legal-form TEXT); else 0 */
    int (*run)(struct cli *cli, const struct args *args);
};

/* Sorts `argv` (behind noun and verb) into operands and options. On failure `fault` is filled. */
bool args_parse(const struct command *command, int argc, char **argv, struct args *out,
                struct fault *fault);
/* The last value of an option, or NULL. */
const char *args_value(const struct args *args, const char *name);
bool args_flag(const struct args *args, const char *name);
/* A whole number within the bounds; false (and the fault is printed) otherwise. An absent option
 * leaves *out. */
bool args_number(struct cli *cli, const struct args *args, const char *name, uint64_t max,
                 uint64_t *out);

/* ---- errors and output (cli.c) ---- */

void fault_set(struct fault *fault, enum tris_err err, const char *unchanged, const char *next,
               const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The fault of a data directory without identity key, and the way on: init, or the keys of the
 * house that was restored there. */
void cli_no_keys(const struct cli *cli, struct fault *fault);
/* Prints it (stderr; with --json a problem document of RFC 9457) and returns its exit code. */
int cli_fail(const struct cli *cli, const struct fault *fault);
/* The same in one call; `unchanged` and `next` may be NULL. */
int cli_error(const struct cli *cli, enum tris_err err, const char *unchanged, const char *next,
              const char *format, ...) __attribute__((format(printf, 5, 6)));
int cli_usage(const struct cli *cli, const char *next, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A sentence of the daemon in the person's language, if the catalogue knows it; else as it is. */
const char *sentence(const char *text);
/* Remarks for people on stderr; quiet with -q. */
void cli_note(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Asks on the terminal; true for yes. True at once with -y; false off a TTY. */
bool cli_ask(const struct cli *cli, const char *question);

/* For commands that write at once: true after printing the error if -n was given. */
bool cli_no_dry_run(const struct cli *cli);

/* The connection to the daemon; NULL after printing the error (*exit_code is set). */
struct client *cli_client(struct cli *cli, int *exit_code);
/* One call; steals `params`. NULL after printing the error (*exit_code is set). */
json_t *cli_call(struct cli *cli, const char *method, json_t *params, int *exit_code);
/* As cli_call but the fault is given back, not printed. */
json_t *cli_try(struct cli *cli, const char *method, json_t *params, struct fault *fault);
/* Prints `result` with "schema": `schema` in front on stdout; steals `result`. Returns EXIT_OK. */
int cli_json(json_t *result, const char *schema);
/* One NDJSON line; borrows. */
void cli_ndjson(const json_t *item);

/* ---- small formats for people (show.c); all return their buffer ---- */

enum { SHOW_BYTES = 64 };
/* Text of others, escaped and cut to `cells` columns (0: whole); malloc'ed, the caller frees. */
char *show_text(const char *text, size_t cells);
const char *show_age(uint64_t ms, char out[SHOW_BYTES]);      /* "2 d 6 h" */
const char *show_time(uint64_t ms, char out[SHOW_BYTES]);     /* local time */
const char *show_rfc3339(uint64_t ms, char out[SHOW_BYTES]);  /* UTC */
const char *show_count(int64_t n, char out[SHOW_BYTES]);      /* "1 210" */
const char *show_bytes(uint64_t bytes, char out[SHOW_BYTES]); /* "38 MiB" */
const char *show_root(const char *hex, char out[SHOW_BYTES]); /* "6b1f..." */
uint64_t clock_wall_ms(void);
uint32_t clock_today(void); /* YYYYMMDD, in the zone of TZ, else in Germany */

/* ---- json getters that never fail on foreign shapes ---- */
const char *get_text(const json_t *map, const char *key); /* "" if missing */
int64_t get_int(const json_t *map, const char *key);      /* 0 if missing */
bool get_bool(const json_t *map, const char *key);

/* ---- the groups ---- */
extern const struct command cmd_init_rows[], cmd_charter_rows[], cmd_key_rows[], cmd_status_rows[],
    cmd_house_rows[], cmd_partner_rows[], cmd_import_rows[], cmd_export_rows[], cmd_national_rows[],
    cmd_peer_rows[], cmd_log_rows[], cmd_config_rows[], cmd_backup_rows[], cmd_find_rows[],
    cmd_watch_rows[], cmd_draft_rows[], cmd_verify_rows[], cmd_sync_rows[], cmd_report_rows[],
    cmd_member_rows[], cmd_export_log_rows[];

#endif
