/* Log files: whatever they say, the reader needs no heap and stops at the end of what is there;
 * what it takes is written again to the same bytes; the end that belongs to what was taken is
 * accepted, and with one bit of it changed it is not. */
#include "proto/logfile.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 0;

void fuzz_setup(void)
{
    REQUIRE(sodium_init() >= 0);
}

static struct logfile_reader reader;
static uint8_t scratch[LOGFILE_ITEM_BYTES_MAX];

/* The item that was just read; `was` is the reader before it. */
static void check_item(const struct logfile_item *item, const struct logfile_reader *was,
                       struct span file)
{
    struct wbuf w = wbuf_of(scratch, sizeof scratch);
    switch (item->type) {
    case LOGFILE_NOTHING:
        return;
    case LOGFILE_HEAD:
        logfile_put_head(&w, &item->head);
        break;
    case LOGFILE_STATE:
        logfile_put_state(&w, item->state.row, item->state.count);
        break;
    case LOGFILE_LOG:
        logfile_put_log(&w, &item->log.ref, &reader.tree);
        break;
    case LOGFILE_FORK:
        logfile_put_fork(&w, item->fork.bytes);
        break;
    case LOGFILE_SEGMENT:
        REQUIRE(item->segment.first + item->segment.count == reader.tree.size);
        logfile_put_segment(&w, item->segment.count, &item->segment.seal, item->segment.wire);
        break;
    case LOGFILE_END:
        logfile_put_end(&w, was);
        break;
    }
    REQUIRE(w.err == TRIS_OK && item->at + w.len == reader.pos);
    REQUIRE(memcmp(file.ptr + item->at, scratch, w.len) == 0);
}

static enum tris_err feed(struct span bytes, struct logfile_item *item)
{
    size_t pos = 0;
    while (reader.err == TRIS_OK && logfile_wants(&reader) > 0 &&
           logfile_wants(&reader) <= bytes.len - pos) {
        const size_t step = logfile_wants(&reader);
        REQUIRE(step <= LOGFILE_BODY_BYTES_MAX);
        if (logfile_step(&reader, span_of(bytes.ptr + pos, step), item) != TRIS_OK) {
            break;
        }
        pos += step;
    }
    return logfile_finish(&reader, bytes.len - pos);
}

void fuzz_one(struct span input)
{
    static struct logfile_item item;
    static struct logfile_reader was;
    struct rbuf in = rbuf_of(input);
    const uint8_t flip = fuzz_u8(&in);
    struct span file = fuzz_rest(&in);
    size_t pos = 0;
    logfile_reader_init(&reader);
    while (logfile_wants(&reader) > 0 && logfile_wants(&reader) <= file.len - pos) {
        const size_t step = logfile_wants(&reader);
        was = reader;
        if (logfile_step(&reader, span_of(file.ptr + pos, step), &item) != TRIS_OK) {
            REQUIRE(reader.pos <= pos && logfile_finish(&reader, 0) == reader.err);
            return;
        }
        pos += step;
        REQUIRE(reader.pos == pos);
        check_item(&item, &was, file);
    }
    if (logfile_wants(&reader) == 0) {
        REQUIRE(logfile_finish(&reader, 0) == TRIS_OK);
        REQUIRE(logfile_finish(&reader, 1) == TRIS_ERR_TRAILING);
        return;
    }
    REQUIRE(logfile_finish(&reader, 0) == TRIS_ERR_TRUNCATED);
    if (reader.next != LOGFILE_NOTHING || reader.last == LOGFILE_NOTHING ||
        reader.last == LOGFILE_LOG) {
        return;
    }
    struct wbuf end = wbuf_of(scratch, sizeof scratch);
    logfile_put_end(&end, &reader);
    was = reader;
    REQUIRE(feed(wbuf_span(&end), &item) == TRIS_OK && item.type == LOGFILE_END);
    scratch[flip / 8 % end.len] ^= (uint8_t)(1U << flip % 8);
    reader = was;
    REQUIRE(feed(wbuf_span(&end), &item) != TRIS_OK);
}
