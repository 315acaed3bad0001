/* Log files item by item; see logfile_in.h. */
#include "tools/logfile_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/charter.h"
#include "tools/lists.h"

bool logfile_is(FILE *file)
{
    static const char begin[] = "tris-logs-"; /* the version follows */
    char head[sizeof begin - 1];
    rewind(file);
    const size_t len = fread(head, 1, sizeof head, file);
    rewind(file);
    return len == sizeof head && memcmp(head, begin, sizeof head) == 0;
}

void logfile_in_rewind(struct logfile_in *in)
{
    rewind(in->file);
    logfile_reader_init(&in->reader);
    in->raw = span_of(in->bytes, 0);
}

struct logfile_in *logfile_in_new(FILE *file)
{
    struct logfile_in *in = malloc(sizeof *in);
    if (in != NULL) {
        in->file = file;
        logfile_in_rewind(in);
    }
    return in;
}

/* What the next step wants, to in->bytes + at. */
static enum tris_err read_step(struct logfile_in *in, size_t at, size_t want)
{
    errno = 0;
    if (fread(in->bytes + at, 1, want, in->file) == want) {
        return TRIS_OK;
    }
    return ferror(in->file) != 0 ? TRIS_ERR_IO : logfile_finish(&in->reader, 0);
}

enum tris_err logfile_in_next(struct logfile_in *in)
{
    size_t len = 0;
    in->item.type = LOGFILE_NOTHING;
    while (in->item.type == LOGFILE_NOTHING) {
        const size_t want = logfile_wants(&in->reader);
        if (want == 0) {
            return logfile_finish(&in->reader, fgetc(in->file) != EOF ? 1 : 0);
        }
        const bool magic = in->reader.pos == 0;
        enum tris_err err = read_step(in, len, want);
        if (err == TRIS_OK) {
            err = logfile_step(&in->reader, span_of(in->bytes + len, want), &in->item);
        }
        if (err != TRIS_OK) {
            return err;
        }
        len += magic ? 0 : want;
    }
    in->raw = span_of(in->bytes, len);
    return TRIS_OK;
}

int logfile_in_error(const struct cli *cli, const char *path, const struct logfile_in *in,
                     enum tris_err err, const char *unchanged)
{
    struct fault fault;
    if (err == TRIS_ERR_IO) {
        return cli_error(cli, err, unchanged, NULL, "%s: %s", path, strerror(errno));
    }
    if (err == TRIS_ERR_BAD_VERSION) {
        return cli_error(cli, err, unchanged, "tris version",
                         _("%s: a log file of a version that this one does not know"), path);
    }
    fault_set(&fault, err, unchanged, _("ask for the file again where it comes from"),
              _("%s: damaged at byte %llu: %s"), path, (unsigned long long)in->reader.pos,
              _(tris_err_text(err)));
    fault.exit = EXIT_INTEGRITY;
    return cli_fail(cli, &fault);
}

void logfile_house(const struct charter *charter, const struct tris_fed_id *fed,
                   const struct tris_house_id *house, char out[65])
{
    tris_hex(house->b, sizeof house->b, out);
    if (charter == NULL || !tris_fed_id_eq(&charter->fed, fed)) {
        return;
    }
    for (uint32_t i = 0; i < charter->member_count; i++) {
        if (tris_house_id_eq(&charter->member[i].id, house)) {
            (void)snprintf(out, 65, "%s", charter->member[i].slug);
            return;
        }
    }
}

const char *logfile_topic(enum tris_topic topic)
{
    return topic == TRIS_TOPIC_GOV ? "gov" : "data";
}
