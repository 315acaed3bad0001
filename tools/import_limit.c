/* Guards against the wrong file, an old one, swapped columns; see import_limit.h. */
#include "tools/import_limit.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/lists.h"

bool import_limit_find(struct cli *cli, const struct import_plan *plan, const char *option,
                       bool force, struct import_limit *out, int *code)
{
    char *end = NULL;
    unsigned long percent = 100;
    if (option != NULL) {
        percent = option[0] >= '0' && option[0] <= '9' ? strtoul(option, &end, 10) : 101;
        if (percent > 100 || (end != NULL && strcmp(end, "") != 0 && strcmp(end, "%") != 0)) {
            *code = cli_usage(cli, "tris help import", _("--max-change: a percentage, 0 to 100"));
            return false;
        }
    }
    json_t *answer = cli_call(
        cli, "import.check",
        json_pack("{s:s, s:s}", "kind", plan->row.kind->name, "source", plan->row.source_name),
        code);
    if (answer == NULL) {
        return false;
    }
    out->records = (uint64_t)get_int(answer, "records");
    out->from_source = (uint64_t)get_int(answer, "from_source");
    out->percent = force            ? 100
                   : option != NULL ? (uint32_t)percent
                                    : (uint32_t)get_int(answer, "max_change");
    json_decref(answer);
    return true;
}

bool import_limit_is_idle(const struct import_limit *limit)
{
    return limit->percent >= 100 || limit->records <= LIMIT_EXEMPT;
}

static bool is_beyond(const struct import_limit *limit, uint64_t part, uint64_t whole)
{
    return part > LIMIT_EXEMPT &&
           part > whole / 100 * limit->percent + whole % 100 * limit->percent / 100;
}

static void say_beyond(const struct import_limit *limit, uint64_t touched, uint64_t whole,
                       const char *source, char *why)
{
    char a[SHOW_BYTES], b[SHOW_BYTES];
    (void)show_count((int64_t)touched, a);
    (void)show_count((int64_t)whole, b);
    if (limit->from_source == 0) {
        (void)snprintf(why, LIMIT_TEXT_BYTES,
                       _("this would change or double %s of the %s records that are here, none of "
                         "which came from \"%s\", and only %u %% may change unasked. Is it the "
                         "right file, are its columns the right ones, is --source missing?"),
                       a, b, source, (unsigned)limit->percent);
        return;
    }
    (void)snprintf(why, LIMIT_TEXT_BYTES,
                   _("this would change or double %s of the %s records that came from \"%s\", "
                     "and only %u %% may change unasked. Is it the right file, the newest one, "
                     "are its columns the right ones?"),
                   a, b, source, (unsigned)limit->percent);
}

bool import_limit_allows(const struct import_limit *limit, const struct import_counts *n,
                         const char *source, char *why)
{
    char a[SHOW_BYTES], b[SHOW_BYTES];
    const uint64_t known = n->changed + n->unchanged;
    const uint64_t touched = n->changed - n->fills + n->doubled; /* more is no loss */
    uint64_t whole = limit->from_source > known ? limit->from_source : known;
    if (limit->from_source == 0) {
        whole = limit->records; /* a list that comes for the first time: what it meets by name */
    }
    whole = whole > touched ? whole : touched;
    if (import_limit_is_idle(limit)) {
        return true;
    }
    if (is_beyond(limit, touched, whole)) {
        say_beyond(limit, touched, whole, source, why);
        return false;
    }
    if (known == 0 && limit->from_source > LIMIT_EXEMPT &&
        is_beyond(limit, n->new_rows, limit->from_source)) {
        (void)snprintf(why, LIMIT_TEXT_BYTES,
                       _("none of the %s records that came from \"%s\" is in this list, and %s new "
                         "ones are. Is it the right file, are its columns the right ones?"),
                       show_count((int64_t)limit->from_source, a), source,
                       show_count((int64_t)n->new_rows, b));
        return false;
    }
    return true;
}
