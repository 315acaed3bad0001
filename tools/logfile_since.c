/* The option --since of tris export log; see logfile_since.h. */
#include "tools/logfile_since.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/record.h"
#include "tools/files.h"
#include "tools/lists.h"
#include "tools/logfile_in.h"

/* A day begins in Kiribati 14 hours before it does in UTC: nobody's day is cut. */
enum { FIRST_ZONE_HOURS = 14, HOUR_MS = 3600 * 1000 };

static uint64_t day_begin_ms(uint64_t date)
{
    struct tm tm = {.tm_year = (int)(date / 10000) - 1900,
                    .tm_mon = (int)(date / 100 % 100) - 1,
                    .tm_mday = (int)(date % 100)};
    const time_t seconds = timegm(&tm);
    const int64_t ms = (int64_t)seconds * 1000 - (int64_t)FIRST_ZONE_HOURS * HOUR_MS;
    return ms > 0 ? (uint64_t)ms : 1;
}

static bool add_rows(struct logfile_since *since, const struct logfile_item *item)
{
    const size_t count = since->count + item->state.count;
    struct logfile_row *rows = realloc(since->rows, count * sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    memcpy(rows + since->count, item->state.row, item->state.count * sizeof *rows);
    since->rows = rows;
    since->count = count;
    return true;
}

/* The head and the state stand in front: what follows is not read. */
static int read_state(const struct cli *cli, const char *path, const struct tris_fed_id *fed,
                      struct logfile_in *in, struct logfile_since *out)
{
    enum tris_err err;
    while ((err = logfile_in_next(in)) == TRIS_OK &&
           (in->item.type == LOGFILE_HEAD || in->item.type == LOGFILE_STATE)) {
        if (in->item.type == LOGFILE_HEAD && !tris_fed_id_eq(&in->item.head.fed, fed)) {
            return cli_error(cli, TRIS_ERR_STRANGER, _("Nothing was written."), "tris charter show",
                             _("%s: this file is of another federation"), path);
        }
        if (in->item.type == LOGFILE_STATE && !add_rows(out, &in->item)) {
            return cli_error(cli, TRIS_ERR_NO_MEMORY, _("Nothing was written."), NULL, "%s",
                             tris_err_text(TRIS_ERR_NO_MEMORY));
        }
    }
    return err == TRIS_OK ? EXIT_OK
                          : logfile_in_error(cli, path, in, err, _("Nothing was written."));
}

static int read_file(const struct cli *cli, const char *path, const struct tris_fed_id *fed,
                     struct logfile_since *out)
{
    int code = EXIT_FAILED;
    FILE *file = fopen(path, "r");
    struct logfile_in *in = NULL;
    if (file == NULL) {
        return cli_error(cli, TRIS_ERR_NOT_FOUND, _("Nothing was written."), NULL, "%s: %s", path,
                         strerror(errno));
    }
    if (!logfile_is(file)) {
        code = cli_error(cli, TRIS_ERR_INVALID, _("Nothing was written."),
                         "tris export frontier -o FILE",
                         _("%s: this file does not say what a house holds"), path);
    } else if ((in = logfile_in_new(file)) == NULL) {
        code =
            cli_error(cli, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s", tris_err_text(TRIS_ERR_NO_MEMORY));
    } else {
        code = read_state(cli, path, fed, in, out);
    }
    free(in);
    (void)fclose(file);
    return code;
}

int logfile_since_read(const struct cli *cli, const char *text, const struct tris_fed_id *fed,
                       struct logfile_since *out)
{
    uint64_t date = 0;
    memset(out, 0, sizeof *out);
    if (text == NULL) {
        return EXIT_OK;
    }
    if (!file_exists(text) && record_date_parse(span_str(text), &date) == TRIS_OK) {
        out->sealed_from_ms = day_begin_ms(date);
        return EXIT_OK;
    }
    return read_file(cli, text, fed, out);
}

void logfile_since_free(struct logfile_since *since)
{
    free(since->rows);
    since->rows = NULL;
}

const struct logfile_row *logfile_since_find(const struct logfile_since *since,
                                             const struct tris_log_id *id)
{
    size_t low = 0, high = since->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = tris_log_id_cmp(&since->rows[middle].id, id);
        if (order == 0) {
            return &since->rows[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}
