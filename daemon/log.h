/* Log lines on stderr: one event, one line, one write(2). Any thread.
 *
 * text:  2026-11-23T08:40:11.123Z info peer_open house=koeln inbound=true
 * under journald (JOURNAL_STREAM set) the time is left out and "<6>" comes first; JSON on request.
 * Event and key names are English and stable; values are escaped. Never keys, never payloads. */
#ifndef TRIS_DAEMON_LOG_H
#define TRIS_DAEMON_LOG_H

#include <pthread.h>
#include <stdatomic.h>

#include "proto/types.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVEL_COUNT };
enum log_format { LOG_TEXT, LOG_JOURNAL, LOG_JSON };

enum { LOG_RECENT_MAX = 200, LOG_EVENT_BYTES = 32, LOG_REASON_BYTES = 24 };

/* What is kept of an event: its name, and its reason if that is the name of an error. Nothing that
 * somebody wrote, no address, no path. */
struct log_recent {
    uint64_t wall_ms;
    enum log_level level;
    char event[LOG_EVENT_BYTES];
    char reason[LOG_REASON_BYTES]; /* "" = none */
};

struct log {
    atomic_int level;  /* enum log_level */
    atomic_int format; /* enum log_format */
    int fd;
    pthread_mutex_t lock; /* of the two below */
    struct log_recent recent[LOG_RECENT_MAX];
    uint64_t events; /* so many since the start; the newest is at (events - 1) % LOG_RECENT_MAX */
};

/* One key and its value; made by the helpers below. Text must live until log_event returns. */
struct log_field {
    const char *key; /* NULL ends the list */
    struct span text;
    uint64_t number;
    bool is_number;
};

void log_init(struct log *l, enum log_level level, enum log_format format);
void log_set_level(struct log *l, enum log_level level);
enum log_level log_get_level(const struct log *l);
/* "error", "warn", "info", "debug"; false if the text is none of them. */
bool log_level_parse(struct span text, enum log_level *out);
const char *log_level_name(enum log_level level);

/* Writes the event if its level is on. `fields` ends with a NULL key. Lines longer than 4 KiB are
 * cut at a field. */
void log_event(struct log *l, enum log_level level, const char *event,
               const struct log_field *fields);

/* Events of level info and graver are kept, whatever is written: copies the newest ones, oldest
 * first, and returns how many. */
size_t log_recent_copy(struct log *l, struct log_recent out[LOG_RECENT_MAX]);

static inline struct log_field log_text(const char *key, const char *text)
{
    return (struct log_field){key, {(const uint8_t *)text, strlen(text)}, 0, false};
}

static inline struct log_field log_span(const char *key, struct span text)
{
    return (struct log_field){key, text, 0, false};
}

static inline struct log_field log_number(const char *key, uint64_t number)
{
    return (struct log_field){key, {NULL, 0}, number, true};
}

/* LOG(l, LOG_INFO, "listening", log_text("address", text)); at least one field. */
#define LOG(l, level, event, ...)                                                                  \
    log_event((l), (level), (event),                                                               \
              (const struct log_field[]){__VA_ARGS__, {NULL, {NULL, 0}, 0, false}})

#endif
