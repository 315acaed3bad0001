/* Log lines: text, journald or JSON; see log.h. */
#include "daemon/log.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "proto/assert.h"
#include "proto/err.h"
#include "proto/text.h"

enum { LOG_LINE_BYTES = 4096 };

static const char *const level_names[LOG_LEVEL_COUNT] = {"error", "warn", "info", "debug"};
/* syslog(3) priorities, as journald reads them at the start of a line */
static const char *const level_priorities[LOG_LEVEL_COUNT] = {"<3>", "<4>", "<6>", "<7>"};

void log_init(struct log *l, enum log_level level, enum log_format format)
{
    atomic_init(&l->level, (int)level);
    atomic_init(&l->format, (int)format);
    l->fd = STDERR_FILENO;
    l->events = 0;
    int rc = pthread_mutex_init(&l->lock, NULL);
    tris_assert(rc == 0);
}

void log_set_level(struct log *l, enum log_level level)
{
    atomic_store(&l->level, (int)level);
}

enum log_level log_get_level(const struct log *l)
{
    return (enum log_level)atomic_load(&l->level);
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_level_parse(struct span text, enum log_level *out)
{
    for (size_t i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (span_eq(text, span_str(level_names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void put_text(struct wbuf *w, const char *text)
{
    wbuf_bytes(w, text, strlen(text));
}

static void put_number(struct wbuf *w, uint64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    put_text(w, digits);
}

/* A value is bare if that cannot be mistaken for anything else. */
static bool value_is_bare(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f) {
            return false;
        }
    }
    return text.len > 0;
}

/* The escaped value between quotes; a JSON string needs its backslashes doubled. */
static void put_quoted(struct wbuf *w, struct span text)
{
    uint8_t clean[LOG_LINE_BYTES];
    struct wbuf escaped = wbuf_of(clean, sizeof clean);
    text_escape(text, &escaped);
    if (escaped.err != TRIS_OK) {
        wbuf_fail(w, escaped.err);
        return;
    }
    wbuf_u8(w, '"');
    for (size_t i = 0; i < escaped.len; i++) {
        if (clean[i] == '"' || clean[i] == '\\') {
            wbuf_u8(w, '\\');
        }
        wbuf_u8(w, clean[i]);
    }
    wbuf_u8(w, '"');
}

static void put_field_text(struct wbuf *w, const struct log_field *field)
{
    wbuf_u8(w, ' ');
    put_text(w, field->key);
    wbuf_u8(w, '=');
    if (field->is_number) {
        put_number(w, field->number);
    } else if (value_is_bare(field->text)) {
        wbuf_span_put(w, field->text);
    } else {
        put_quoted(w, field->text);
    }
}

static void put_field_json(struct wbuf *w, const struct log_field *field)
{
    put_text(w, ",\"");
    put_text(w, field->key);
    put_text(w, "\":");
    if (field->is_number) {
        put_number(w, field->number);
    } else {
        put_quoted(w, field->text);
    }
}

static void put_head(struct wbuf *w, enum log_format format, enum log_level level,
                     const char *event)
{
    char now[CLOCK_TEXT_BYTES];
    clock_text(clock_wall_ms(), now);
    switch (format) {
    case LOG_JOURNAL:
        put_text(w, level_priorities[level]);
        put_text(w, event);
        return;
    case LOG_TEXT:
        put_text(w, now);
        wbuf_u8(w, ' ');
        put_text(w, level_names[level]);
        wbuf_u8(w, ' ');
        put_text(w, event);
        return;
    case LOG_JSON:
        put_text(w, "{\"time\":\"");
        put_text(w, now);
        put_text(w, "\",\"level\":\"");
        put_text(w, level_names[level]);
        put_text(w, "\",\"event\":\"");
        put_text(w, event);
        wbuf_u8(w, '"');
        return;
    }
}

/* One write, so that lines of two threads do not mix. Nobody waits for a reader that has stopped: a
 * pipe counts as writable while it has room for a whole line (PIPE_BUF), else the line is lost. */
static void log_write(const struct log *l, const uint8_t *line, size_t len)
{
    struct pollfd ready = {.fd = l->fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0) {
        ssize_t written = write(l->fd, line, len);
        (void)written;
    }
}

_Static_assert((int)LOG_LINE_BYTES <= PIPE_BUF, "a writable pipe takes a line at once");

/* ---- the newest events ---- */

static bool is_error_name(struct span text)
{
    for (int err = 0; err < TRIS_ERR_COUNT; err++) {
        if (span_eq(text, span_str(tris_err_name((enum tris_err)err)))) {
            return true;
        }
    }
    return false;
}

static void keep(struct log *l, enum log_level level, const char *event,
                 const struct log_field *fields)
{
    struct log_recent r = {.wall_ms = clock_wall_ms(), .level = level};
    (void)snprintf(r.event, sizeof r.event, "%s", event);
    for (; fields->key != NULL && r.reason[0] == '\0'; fields++) {
        const bool says_why =
            strcmp(fields->key, "reason") == 0 || strcmp(fields->key, "error") == 0;
        if (says_why && !fields->is_number && is_error_name(fields->text)) {
            (void)snprintf(r.reason, sizeof r.reason, "%.*s", (int)fields->text.len,
                           (const char *)fields->text.ptr);
        }
    }
    (void)pthread_mutex_lock(&l->lock);
    l->recent[l->events++ % LOG_RECENT_MAX] = r;
    (void)pthread_mutex_unlock(&l->lock);
}

size_t log_recent_copy(struct log *l, struct log_recent out[LOG_RECENT_MAX])
{
    (void)pthread_mutex_lock(&l->lock);
    const uint64_t count = l->events < LOG_RECENT_MAX ? l->events : LOG_RECENT_MAX;
    for (uint64_t i = 0; i < count; i++) {
        out[i] = l->recent[(l->events - count + i) % LOG_RECENT_MAX];
    }
    (void)pthread_mutex_unlock(&l->lock);
    return (size_t)count;
}

void log_event(struct log *l, enum log_level level, const char *event,
               const struct log_field *fields)
{
    if (level <= LOG_INFO) {
        keep(l, level, event, fields);
    }
    if ((int)level > atomic_load(&l->level)) {
        return;
    }
    enum log_format format = (enum log_format)atomic_load(&l->format);
    uint8_t line[LOG_LINE_BYTES];
    struct wbuf w = wbuf_of(line, sizeof line - 2); /* room for the end */
    put_head(&w, format, level, event);
    for (; fields->key != NULL; fields++) {
        size_t before = w.len;
        if (format == LOG_JSON) {
            put_field_json(&w, fields);
        } else {
            put_field_text(&w, fields);
        }
        if (w.err != TRIS_OK) {
            w.len = before;
            break;
        }
    }
    size_t len = w.len;
    if (format == LOG_JSON) {
        line[len++] = '}';
    }
    line[len++] = '\n';
    log_write(l, line, len);
}
