/* The daemon as a whole: what everything hangs from, start-up and shutdown order.
 *
 * Two threads: the loop thread (this struct, all sockets, all handlers) and the writer thread. What
 * the writer thread reads of this struct is constant after start-up or atomic. */
#ifndef TRIS_DAEMON_DAEMON_H
#define TRIS_DAEMON_DAEMON_H

#include <stdatomic.h>
#include <uv.h>

#include "daemon/config.h"
#include "daemon/confirm.h"
#include "daemon/ctl.h"
#include "daemon/ctl_feed.h"
#include "daemon/epoch.h"
#include "daemon/invites.h"
#include "daemon/log.h"
#include "daemon/members.h"
#include "daemon/notify.h"
#include "daemon/overlay.h"
#include "daemon/writer.h"
#include "proto/frontier.h"
#include "proto/keyfile.h"

#define LOG_NO_NONE UINT32_MAX

struct daemon {
    uv_loop_t loop;
    struct config config;
    struct config_args args;
    struct log log;

    struct passphrase *passphrase; /* of the identity key; main's, over all starts */

    /* constant after start-up */
    struct tris_sign_secret identity;
    struct noise_keypair transport;
    struct house_line own_line;
    char own_line_text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct charter charter;
    struct tris_house_id own;
    enum tris_role role;
    uint32_t gov_no, data_no, local_no; /* own logs; LOG_NO_NONE for an observer's gov and data */
    uint64_t instance_nonce;
    uint64_t started_mono_ms;
    bool few_files; /* fewer may be open than the settings may need: loop thread */

    struct store *store;
    struct frontier *frontier;
    struct members members;
    struct invites invites; /* and candidates */
    uint32_t own_index;     /* in members; UINT32_MAX if nobody has vouched for this house yet */
    struct writer *writer;
    struct overlay *overlay;
    struct ctl_server *ctl;
    struct notify notify;
    struct confirm confirm; /* whether own entries may be sealed */
    struct epoch epoch;     /* a next key that waits */
    uint64_t import_last;   /* number that import.begin gave last; 0: none since the start */
    struct feed_waits feed;

    uint8_t *read_buf; /* CONN_READ_BYTES, shared by all connections */
    uv_signal_t sigterm, sigint, sighup;
    bool loop_open, signals_open, charter_open, writer_started;
    struct backup_progress *backup; /* of the one that runs; NULL: none does */
    bool auditing;                  /* one at a time: it makes a copy of the views on the disk */
    atomic_bool stopping;           /* long work in other threads looks at it */
    int exit_code;
    bool again; /* the keys are others now: begins anew after daemon_close */
};

/* Reads the data directory and opens everything; on failure the three-part sentence is on stderr
 * and the return value is the exit code. 0: daemon_run may be called. */
TRIS_MUST_CHECK int daemon_open(struct daemon *d);
/* Runs the loop until a signal or daemon_stop ends it; the exit code. */
TRIS_MUST_CHECK int daemon_run(struct daemon *d);
/* Begins a clean end: no new connections, goodbyes, writer flushed, handles closed. */
void daemon_stop(struct daemon *d, int exit_code);
/* Closes what daemon_open opened, in reverse. */
void daemon_close(struct daemon *d);

/* The writer has delivered its last result: the second half of the end may begin. */
void daemon_writer_ended(struct daemon *d);

/* Configuration read anew (HUP): log level and dialling; a broken file changes nothing. */
void daemon_reload(struct daemon *d);

/* Whether this house is a member, with the keys that it has here. */
static inline bool daemon_is_member(const struct daemon *d)
{
    if (d->own_index == UINT32_MAX) {
        return false;
    }
    const struct member *m = &d->members.list[d->own_index];
    return m->state == MEMBER_ACTIVE && m->line->epoch == d->own_line.epoch &&
           tris_sign_pub_eq(&m->line->key, &d->own_line.key);
}

/* What names this house's log of a topic: of the epoch of its keys; the local one has none. */
static inline void daemon_own_log(const struct daemon *d, enum tris_topic topic,
                                  struct tris_log_ref *out)
{
    *out = tris_log_ref_first(&d->own, topic);
    if (topic != TRIS_TOPIC_LOCAL) {
        out->epoch = d->own_line.epoch;
        out->seal_key = d->own_line.key;
    }
}

/* For handlers: a read view; TRIS_OK or the error. End it before the callback returns. */
static inline enum tris_err daemon_view(struct daemon *d, struct store_view **out)
{
    return store_view_begin(d->store, out);
}

#endif
