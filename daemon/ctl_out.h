/* Building answers of the control socket: nested maps and lists of unknown length, records,
 * entries. Loop thread only; writes into ctl_scratch and replies within one callback. */
#ifndef TRIS_DAEMON_CTL_OUT_H
#define TRIS_DAEMON_CTL_OUT_H

#include "daemon/daemon.h"
#include "proto/record.h"

enum {
    OUT_DEPTH_MAX = 8, /* a list of members, each with openings, each with who stated it */
    OUT_PAGE_ITEMS_MAX = 200,
    OUT_TEXT_BYTES = 128 * 1024, /* a long text grows when codes become words, lists get a | */
    OUT_ITEM_BYTES = 256 * 1024, /* room that a page keeps for one more item */
    OUT_ID_BYTES = 96,           /* slug, "~" and 6 digits, epoch, seq */
};

/* What is said where an own log has ended by a fork proof. */
#define OWN_FORK_TEXT                                                                              \
    "this house's own log was signed in two histories and ends where they part: nothing more can " \
    "be written to it"

/* One answer under construction and what is needed for its items. Heap: out_new, out_free. */
struct out {
    struct daemon *d;
    uint64_t token;
    struct wbuf w;
    size_t start[OUT_DEPTH_MAX];
    uint32_t count[OUT_DEPTH_MAX];
    bool is_map[OUT_DEPTH_MAX];
    uint32_t depth;
    uint32_t today;            /* YYYYMMDD, the same for the whole answer */
    struct record record;      /* scratch of out_record */
    uint32_t named_log;        /* log that `prefix` belongs to */
    char prefix[OUT_ID_BYTES]; /* "koeln", "koeln~a1b2c3", "koeln.1" */
    char house_hex[65];        /* its house */
    enum tris_topic named_topic;
    uint8_t text[OUT_TEXT_BYTES]; /* scratch of out_fields */
};

/* Begins the one map of an answer. NULL: no memory, and the token was answered with that. */
struct out *out_new(struct daemon *d, uint64_t token);
/* The same with a view for it, which the caller ends before out_reply. */
struct out *out_new_view(struct daemon *d, uint64_t token, struct store_view **v);
/* Ends the map, replies (or replies TRIS_ERR_TOO_LARGE if it did not fit) and frees. */
void out_reply(struct out *o);
/* Replies an error instead and frees. */
void out_reply_error(struct out *o, enum tris_err err, const char *message, const char *next);

/* Containers; the key is NULL inside a list. Each is ended by out_end. */
void out_map(struct out *o, const char *key);
void out_list(struct out *o, const char *key);
void out_end(struct out *o);

/* "confirmed": false, if the record's number may still change; else nothing. */
void out_confirmed(struct out *o, struct record_ref ref);
/* Whether own entries are sealed, and what is waited for, into the open map; with a view also how
 * many drafts there are. */
void out_guard(struct out *o, struct store_view *v);

void out_text(struct out *o, const char *key, const char *text);
void out_span(struct out *o, const char *key, struct span text);
void out_bin(struct out *o, const char *key, struct span bytes);
void out_uint(struct out *o, const char *key, uint64_t value);
void out_int(struct out *o, const char *key, int64_t value);
void out_bool(struct out *o, const char *key, bool value);
void out_hex(struct out *o, const char *key, const uint8_t *bytes, size_t len);
void out_hash(struct out *o, const char *key, const struct tris_hash *hash);

/* True while one more item fits. */
bool out_has_room(const struct out *o);

/* "koeln-1042", "koeln.1-17", "koeln-L17" into `id`; false if the log is not known. */
bool out_record_id(struct out *o, struct store_view *v, struct record_ref ref,
                   char id[OUT_ID_BYTES]);
void out_id(struct out *o, const char *key, struct store_view *v, struct record_ref ref);
/* Key "after": where the next page begins. */
void out_cursor(struct out *o, struct record_ref cursor);
/* Key "fields" with a map of name to text; nothing but an empty map if the payload is no FOLD-valid
 * record of this kind. */
void out_fields(struct out *o, uint32_t kind, struct span payload);
/* The pairs of a RECORD (ctlmsg.h) into the open map; its status as it is today. */
void out_record(struct out *o, struct store_view *v, const struct store_record *record);
/* The pairs of an ENTRY (ctlmsg.h) into the open map; `detail` adds header and payload. */
enum tris_err out_entry(struct out *o, struct store_view *v, const struct store_log *log,
                        uint64_t seq, bool detail);

/* Key "cut" with a map: the log has lost its entries from `end` on. */
void out_cut(struct out *o, struct store_view *v, const struct store_log *log, uint64_t end);

/* Names of numbers as JSON shows them; "verb-40" for unknown ones, in `buffer`. */
const char *out_verb_name(uint32_t verb, char buffer[24]);
const char *out_kind_name(uint32_t kind, char buffer[24]);
const char *out_scope_name(enum schema_scope scope);
const char *out_topic_name(enum tris_topic topic);

/* How a house is called: its slug, with "~" and 6 hex digits of its id if another has the slug. */
void house_call(const struct members *m, uint32_t index, char out[OUT_ID_BYTES]);

#endif
