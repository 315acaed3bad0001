/* tris instrument release, tris rollout confirm: what the coordination decides about a record, as a
 * record of its own that names it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fields.h"
#include "tools/lists.h"
#include "tools/records.h"

const struct cli_option release_options[] = {
    {"withdraw", NULL, N_("take the release back"), 0},
    {"note", "TEXT", N_("why, at most 300 characters"), 0},
    {NULL, NULL, NULL, 0},
};
const struct cli_option confirm_options[] = {
    {"reject", NULL, N_("say no to it"), 0},
    {"note", "TEXT", N_("why, at most 300 characters"), 0},
    {NULL, NULL, NULL, 0},
};

/* Is ID a record of the noun's kind? */
static int look_at(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    char next[RECORD_SCHEMA_BYTES];
    const struct kind *kind = record_kind_of(args);
    json_t *record = cli_call(cli, "record.show", json_pack("{s:s}", "id", args->pos[0]), &code);
    if (record == NULL) {
        return code;
    }
    const bool fits = strcmp(get_text(record, "kind"), kind->name) == 0;
    json_decref(record);
    (void)snprintf(next, sizeof next, "tris %s list", kind->name);
    return fits ? EXIT_OK
                : cli_error(cli, TRIS_ERR_INVALID, _("Nothing was written."), next, "%s",
                            _("this record is of another kind"));
}

static int decide(struct cli *cli, const struct args *args, enum release_verdict_code verdict)
{
    char day[16], schema[RECORD_SCHEMA_BYTES];
    const uint32_t today = clock_today();
    const char *note = args_value(args, "note");
    int code = look_at(cli, args);
    if (code != EXIT_OK) {
        return code;
    }
    (void)snprintf(day, sizeof day, "%04u-%02u-%02u", (unsigned)(today / 10000 % 10000),
                   (unsigned)(today / 100 % 100), (unsigned)(today % 100));
    const struct code_list *verdicts = schema_code_list(span_str("release_verdict"));
    json_t *fields = json_pack("{s:s, s:s, s:s}", "subject", args->pos[0], "verdict",
                               schema_code(verdicts, verdict)->code, "date", day);
    if (note != NULL) {
        (void)json_object_set_new(fields, "note", json_string(note));
    }
    struct fault fault;
    if (!fields_check(cli, schema_kind(KIND_RELEASE), fields, &fault)) {
        json_decref(fields);
        return cli_fail(cli, &fault);
    }
    return print_change(cli,
                        json_pack("{s:s, s:s, s:o}", "kind", schema_kind(KIND_RELEASE)->name,
                                  "scope", "national", "fields", fields),
                        record_schema_of(args, schema));
}

int instrument_release(struct cli *cli, const struct args *args)
{
    return decide(cli, args,
                  args_flag(args, "withdraw") ? RELEASE_VERDICT_WITHDRAWN
                                              : RELEASE_VERDICT_RELEASED);
}

int rollout_confirm(struct cli *cli, const struct args *args)
{
    return decide(cli, args,
                  args_flag(args, "reject") ? RELEASE_VERDICT_REJECTED : RELEASE_VERDICT_CONFIRMED);
}

char *release_said(const json_t *record)
{
    static const struct {
        const char *key, *label;
    } rows[] = {{"released_by", N_("released by")},
                {"withdrawn_by", N_("withdrawn by")},
                {"confirmed_by", N_("confirmed by")},
                {"rejected_by", N_("rejected by")}};
    char names[512], text[1024] = "";
    size_t index, used = 0;
    json_t *item;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = 0;
        names[0] = '\0';
        json_array_foreach(json_object_get(record, rows[i].key), index, item)
        {
            if (json_string_value(item) != NULL && len < sizeof names) {
                len += (size_t)snprintf(names + len, sizeof names - len, "%s%s",
                                        len > 0 ? ", " : "", json_string_value(item));
            }
        }
        if (len > 0 && used < sizeof text) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %s",
                                     used > 0 ? "; " : "", _(rows[i].label), names);
        }
    }
    char *said = strdup(text);
    if (said == NULL) {
        abort();
    }
    return said;
}
