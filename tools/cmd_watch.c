/* tris watch: what arrives, one JSON object a line, from any point on. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/lists.h"

enum { WATCH_WAIT_MS = 30000, WATCH_SLACK_MS = 10000 };

struct watch {
    struct cli *cli;
    const char *kind;
    bool from_end, once;
    uint64_t after;
    sigset_t interrupt;
};

/* Ctrl-C ends the process between two lines: it waits while lines are written, and strikes while
 * the daemon is asked, when all that was printed has been flushed. */
static json_t *ask(struct watch *w, int *code)
{
    json_t *params =
        json_pack("{s:I}", "wait_ms", (json_int_t)(w->once || w->from_end ? 0 : WATCH_WAIT_MS));
    if (!w->from_end) {
        (void)json_object_set_new(params, "after", json_integer((json_int_t)w->after));
    }
    if (w->kind != NULL) {
        (void)json_object_set_new(params, "kind", json_string(w->kind));
    }
    (void)sigprocmask(SIG_UNBLOCK, &w->interrupt, NULL);
    json_t *page = cli_call(w->cli, "feed.next", params, code);
    (void)sigprocmask(SIG_BLOCK, &w->interrupt, NULL);
    return page;
}

static bool print_page(const json_t *page)
{
    size_t index;
    json_t *item;
    json_array_foreach(json_object_get(page, "items"), index, item)
    {
        cli_ndjson(item);
    }
    return fflush(stdout) == 0;
}

static int watch_loop(struct watch *w)
{
    int code = EXIT_OK;
    for (;;) {
        json_t *page = ask(w, &code);
        if (page == NULL) {
            return code;
        }
        bool printed = print_page(page);
        bool at_end = get_int(page, "after") >= get_int(page, "last");
        w->after = (uint64_t)get_int(page, "after");
        w->from_end = false;
        json_decref(page);
        if (!printed) {
            return cli_error(w->cli, TRIS_ERR_IO, NULL, NULL, "%s: %s",
                             _("standard output could not be written"), strerror(errno));
        }
        if (w->once && at_end) {
            return EXIT_OK;
        }
    }
}

static int watch_run(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    struct watch w = {.cli = cli, .once = args_flag(args, "once")};
    const char *after = args_value(args, "after");
    w.from_end = after != NULL && strcmp(after, "now") == 0;
    if (!w.from_end && !args_number(cli, args, "after", INT64_MAX - 1, &w.after)) {
        return EXIT_USAGE;
    }
    if (args->pos_count > 0) {
        w.kind = args->pos[0];
        if (schema_kind_by_name(span_str(w.kind)) == NULL) {
            return cli_usage(cli, "tris help watch", _("there is no kind \"%s\""), w.kind);
        }
    }
    if (cli_client(cli, &code) == NULL) {
        return code;
    }
    client_set_timeout(cli->client, WATCH_WAIT_MS + WATCH_SLACK_MS + cli->timeout_ms);
    (void)sigemptyset(&w.interrupt);
    (void)sigaddset(&w.interrupt, SIGINT);
    return watch_loop(&w);
}

static const struct cli_option watch_options[] = {
    {"after", "N", N_("go on behind this arrival number; preset 0, the beginning; now: the end"),
     0},
    {"once", NULL, N_("end where the feed ends at present"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_watch_rows[] = {
    {"watch", NULL, "[KIND]",
     N_("every change as it arrives, one JSON object a line; its arrival number resumes"),
     watch_options, 0, 1, 0, watch_run},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
