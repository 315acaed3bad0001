/* Golden vectors of log files: logfile.json. */
#include "tests/lib/logsample.h"
#include "tests/vectors/golden.h"

static json_t *make_file(void)
{
    static uint8_t bytes[SAMPLE_FILE_BYTES];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    sample_file(&w);
    json_t *out = json_object();
    set(out, "seeds",
        json_string("house n: n, then 31 bytes 00; of a later epoch 04, then 31 bytes "
                    "00"));
    set(out, "what",
        json_string("a state; a log, one of a later epoch, one that begins behind five "
                    "entries, one that was cut, one that was sealed anew"));
    set(out, "file", hex_json(bytes, w.len));
    json_t *items = json_array();
    struct logfile_reader r;
    struct logfile_item item;
    size_t pos = 0;
    logfile_reader_init(&r);
    while (logfile_wants(&r) > 0) {
        const size_t step = logfile_wants(&r);
        enum tris_err err = logfile_step(&r, span_of(bytes + pos, step), &item);
        tris_assert(err == TRIS_OK);
        pos += step;
        if (item.type == LOGFILE_LOG) {
            json_t *row = json_object();
            set(row, "log_id", hex_json(item.log.id.b, sizeof item.log.id.b));
            set(row, "first", number_json(item.log.first));
            append(items, row);
        } else if (item.type == LOGFILE_SEGMENT) {
            json_t *row = json_array_get(items, json_array_size(items) - 1);
            set(row, "size", number_json(item.segment.seal.size));
            set(row, "root", hex_json(item.segment.seal.root.b, sizeof item.segment.seal.root.b));
        }
    }
    set(out, "logs", items);
    return out;
}

static void check_file(struct check *check, const json_t *file)
{
    static uint8_t bytes[SAMPLE_FILE_BYTES];
    struct logfile_reader r;
    struct logfile_item item = {.type = LOGFILE_NOTHING};
    struct span span = hex_get(file, "file", bytes, sizeof bytes);
    size_t pos = 0;
    logfile_reader_init(&r);
    while (r.err == TRIS_OK && logfile_wants(&r) > 0 && logfile_wants(&r) <= span.len - pos) {
        const size_t step = logfile_wants(&r);
        EXPECT(check, logfile_step(&r, span_of(span.ptr + pos, step), &item) == TRIS_OK);
        pos += step;
    }
    EXPECT(check, logfile_finish(&r, span.len - pos) == TRIS_OK);
    EXPECT(check, item.type == LOGFILE_END && item.end.logs == SAMPLE_LOGS);
}

static const struct golden_file files[] = {{"logfile.json", make_file, check_file}};

int main(int argc, char **argv)
{
    return golden_main(argc, argv, files, sizeof files / sizeof files[0]);
}
