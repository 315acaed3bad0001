/* One house: the real store and the real sessions, with a small daemon around them.
 *
 * Stands for daemon/: writer batches with group commit, the order commit - mark - seal leaves, the
 * frontier, a few neighbours. house.c starts and ends it, house_write.c is its writer,
 * house_peer.c its overlay. */
#ifndef TRIS_TESTS_SIM_HOUSE_H
#define TRIS_TESTS_SIM_HOUSE_H

#include "daemon/members.h"
#include "proto/guard.h"
#include "proto/penalty.h"
#include "proto/session.h"
#include "storage/store.h"
#include "tests/sim/clock.h"
#include "tests/sim/disk.h"
#include "tests/sim/sim.h"

enum {
    HOUSE_PATH_BYTES = 256,
    HOUSE_TOPICS = 3,
    HOUSE_LOGS_MAX = 128,
    HOUSE_EPOCHS = 3,       /* of one house, the first one included */
    HOUSE_RECORD_BITS = 48, /* of a record's number: its seq; above: the epoch that created it */
};

struct peer {
    bool dials;    /* we dial it */
    uint32_t conn; /* SIM_NONE: none; else the one that counts */
    bool open;     /* authenticated */
    struct penalty penalty;
    uint64_t instance;
    uint64_t twins_ms; /* when two processes of it were asked last; 0 = never */
    bool has_common;
    struct tris_short common;
};

enum op_type { OP_PUT, OP_END, OP_PUBLISH, OP_CARD, OP_SETTING, OP_DRAFTS, OP_STATE };

/* One own write and what became of it. */
struct op {
    enum op_type type;
    enum tris_topic topic; /* PUT */
    bool has_record;
    uint64_t record; /* number (house_record) of the one that is changed, ended or published */
    const char *key; /* SETTING */
    uint32_t plan;   /* STATE: see member.h */
    bool revoke;
    uint8_t *payload;
    size_t len;
    enum tris_err err;
    uint64_t seq, name; /* name: the number in the record's name */
};

struct work {
    struct work *next;
    /* a group of own writes ... */
    struct op *ops;
    size_t count;
    /* ... or a segment, or a fork proof */
    uint64_t session_no;
    uint32_t conn;
    struct session_segment segment;
    struct session_fork fork;
    bool is_fork, is_segment, decided, from_hostile;
    enum tris_err err;
};

/* What has been acknowledged of an own log: it has to be there after every start. */
struct acked {
    uint64_t size;
    struct tris_hash root;
};

/* What a hostile house does to what it serves, until it changes its mind. */
struct hostility {
    bool junk_seals;    /* seals with another root, time or signature */
    bool bent_entries;  /* a byte of the entries, or of a payload asked for, turned over */
    bool bare_entries;  /* some without payload */
    uint32_t withholds; /* a log (house_log) that it does not pass on; SIM_NONE: none */
};

struct house {
    struct sim *sim;
    uint32_t no;  /* its place: disk, network, people */
    uint32_t who; /* whose key it has: its own place, or of a clone the original's */
    bool up, starting;
    uint64_t life; /* counts starts: events for a former life are void */
    char dir[HOUSE_PATH_BYTES];
    struct disk *disk;
    struct house_clock clock;
    struct rng rng; /* keys of handshakes, salts */

    struct tris_house_id id;
    struct tris_sign_secret identity;
    uint32_t epoch; /* the present one, whose key seals and signs its lines */
    struct tris_sign_pub seal_key;
    struct tris_sign_secret key;
    bool rotates; /* it has asked for its next epoch; see rotate.h */
    struct noise_keypair transport;
    uint64_t instance;
    uint32_t cards;

    struct store *store;
    struct frontier *frontier;
    uint32_t own_no[HOUSE_TOPICS];
    uint32_t log_of[HOUSE_LOGS_MAX]; /* store's number -> house_log_at; SIM_NONE: local */
    uint32_t logs;                   /* so many has the store */
    struct acked acked[HOUSE_TOPICS];
    struct members members; /* if membership changes */
    bool accused;           /* somebody has stated that it is revoked: its logs may be cut */
    char card[TRIS_HOUSE_LINE_BYTES_MAX + 1]; /* if membership changes: its first line */

    /* writer */
    struct work *first, **tail;
    bool busy;
    bool mark_pending;
    uint64_t backoff_ms, retry_ms; /* the disk was full */
    uint64_t sealed_day, slow_until_ms;
    struct verified_segment *verified;

    /* restore guard */
    struct guard guard;
    enum guard_why guard_told;
    uint64_t guard_ms; /* of the EVENT_GUARD in the queue; UINT64_MAX: none */
    bool may_seal, mark_doubtful, tail_open;
    bool has_backup, lost; /* lost: there is no store to open, it is made anew */
    bool mark_owed;        /* data was lost, and no mark has been written since */
    bool hostile;          /* see hostile.h; its guard does not count */
    struct hostility hostility;
    bool forks;      /* hostile: it signs two histories */
    bool doubled;    /* it may have two histories: a clone runs or has run, or its data
  was lost where nobody in reach held it; see check_clone.c */
    bool looked_for; /* EVENT_CLONE is in the queue: people look after it */
    bool recovering; /* data was lost: until the guard is content, the own log may be short */

    /* overlay */
    struct peer *peers; /* by house */
    uint64_t dial_ms;   /* of the EVENT_DIAL in the queue; UINT64_MAX: none */
    uint64_t reorder_until_ms;
    uint32_t held_back[HOUSE_LOGS_MAX]; /* logs not yet passed on, while reordering */
    uint32_t held_back_count;

    struct staff *staff;
};

extern const struct session_io house_io;

/* Its place; SIM_NONE. */
uint32_t house_find(const struct sim *sim, const struct tris_house_id *id);

/* Keys of house `who` and a directory at place `no`; not started. */
void house_init(struct house *h, struct sim *sim, uint32_t no, uint32_t who);
void house_fini(struct house *h);
/* Opens the store and begins; a crash on the way leaves it down, to start again later. */
void house_start(struct house *h);
/* The process is gone. `silent`: its peers do not hear of it. `kill`: the disk loses nothing. */
void house_down(struct house *h, bool silent, bool kill);
/* Whether a storage call met the crash: then the house is down when this returns true. */
bool house_crashed(struct house *h);
/* Copies the store and the mark aside. */
bool house_back_up(struct house *h);
/* The copy comes to the place of `clone`, which was down; image: with the whole machine. */
void house_put_clone(struct house *h, struct house *clone, bool image);
/* Its files are gone; it is down. */
void house_wipe(struct house *h);
/* Puts the copy back: what was written since is lost. */
enum put_back { PUT_BACK_BACKUP, PUT_BACK_DATA_ONLY, PUT_BACK_MACHINE, PUT_BACKS };
void house_put_back(struct house *h, enum put_back how);
/* Only the keys are left. */
void house_lose(struct house *h);
/* Downtime, then EVENT_START. */
void house_start_later(struct house *h);
uint64_t house_wall_ms(const struct house *h);
/* This house, or the original of this clone, may have two histories. */
static inline bool house_doubled(const struct house *h)
{
    return h->sim->house[h->who].doubled;
}
/* Logs that all houses mean by one number; of epoch 0: house * 2 + topic. */
static inline uint32_t house_log(uint32_t house, enum tris_topic topic)
{
    return house * 2 + (uint32_t)topic;
}
static inline uint32_t house_log_at(const struct sim *sim, uint32_t house, uint32_t epoch,
                                    enum tris_topic topic)
{
    return house_log(epoch * sim->houses + house, topic);
}
/* Whose log that is; its topic is the number modulo 2. */
static inline uint32_t house_log_owner(const struct sim *sim, uint32_t log)
{
    return log / 2 % sim->houses;
}
/* The log that the house writes now, or its original. */
static inline uint32_t house_own_log(const struct house *h, enum tris_topic topic)
{
    return house_log_at(h->sim, h->who, h->epoch, topic);
}
static inline uint64_t house_record(uint32_t epoch, uint64_t seq)
{
    return (uint64_t)epoch << HOUSE_RECORD_BITS | seq;
}
/* The number that its store gives this log of its own; SIM_NONE. */
uint32_t house_own_no(const struct house *h, uint32_t epoch, enum tris_topic topic);
/* The key pair of one of its epochs. */
void house_key(const struct house *h, uint32_t epoch, struct tris_sign_pub *pub,
               struct tris_sign_secret *secret);

/* ---- house_write.c ---- */

/* Takes over `w` (heap) and what it holds; a batch follows. */
void house_take_work(struct house *h, struct work *w);
/* Takes over ops and their payloads; operator_done is called with them after the commit. */
void house_submit(struct house *h, struct op *ops, size_t count);
void house_on_commit(struct house *h, const struct event *event);
void house_on_day(struct house *h, const struct event *event);
/* A batch of its own, at once: what a start writes. */
TRIS_MUST_CHECK enum tris_err house_write_first(struct house *h);
/* Puts the head of a log into the frontier, checked. */
TRIS_MUST_CHECK enum tris_err house_publish(struct house *h, uint32_t log_no);
/* Drops what waits; segments and ops that were not acknowledged. */
void house_write_stop(struct house *h);

/* The guard lets own entries be sealed: seals what waits, and the mark is written anew. */
void house_confirmed(struct house *h);

/* ---- house_guard.c ---- */

struct conn;
struct end;

/* What the store knows, and what the mark said when it was opened. */
TRIS_MUST_CHECK enum tris_err house_guard_load(struct house *h, enum tris_err mark);
/* The frontier is there. */
void house_guard_open(struct house *h);
void house_on_guard(struct house *h, const struct event *event);
void house_guard_event(struct house *h, struct end *e, const struct session_event *event);
/* A fork of an own log is proven, which ends there. */
void house_guard_fork(struct house *h, uint32_t log_no);
/* Another process with this key lives. */
void house_guard_clone(struct house *h);
/* A person has ended the clone, or found none. */
void house_guard_end_alarm(struct house *h);
/* An own log is sealed up to `size` now. */
void house_guard_advanced(struct house *h, uint32_t log_no, uint64_t size, bool by_us);

/* Of its own logs some end elsewhere, others belong to the federation than before. */
void house_guard_members(struct house *h);

/* ---- house_member.c ---- */

/* Makes the logs that are missing, evaluates, fills the member table. */
TRIS_MUST_CHECK enum tris_err house_members_open(struct house *h);
/* Takes over an evaluation, behind the commit; `quiet`: there are no sessions yet. */
void house_members_take(struct house *h, struct store_members *members, bool quiet);
/* As session_io.member. */
enum tris_err house_members_admit(const struct house *h, const struct tris_house_id *house,
                                  const struct tris_dh_pub *transport, struct session_admit *admit);
/* By its own evaluation; without changing membership always. */
bool house_is_member(const struct house *h);

/* ---- house_peer.c ---- */

/* Sessions with this house end: the next ones have the new level. */
void house_greet_one(struct house *h, uint32_t peer);
/* Everybody is asked for what he holds. */
void house_ask_again(struct house *h);

void house_plan_dials(struct house *h);
void house_on_dial(struct house *h, const struct event *event);
void house_on_relay(struct house *h, const struct event *event);
/* An older session of two processes has had its time to answer. */
void house_on_twin(struct sim *sim, const struct event *event);
/* Says goodbye to everybody: all come back and say what they hold. */
void house_greet_again(struct house *h);
void house_conn_begins(struct house *h, uint32_t conn, uint32_t end);
void house_conn_event(struct house *h, uint32_t conn, uint32_t end, struct session_event *event);
void house_conn_ended(struct house *h, uint32_t conn, uint32_t end, enum tris_err reason,
                      bool by_peer);
/* These logs have grown; `source` by log: the session that brought it, 0 = none or several. */
void house_advanced(struct house *h, const uint32_t *logs, const uint64_t *source, uint32_t count);
void house_segment_verdict(struct house *h, const struct work *w);
void house_fork_verdict(struct house *h, const struct work *w);
/* A proof has cut this log: everybody is told. */
void house_fork_known(struct house *h, uint32_t log_no);
/* The tail of an own log is to be fetched from whoever has claimed it. */
void house_own_tail(struct house *h, uint32_t log_no);
/* All connections of the house, whatever their state, go down. */
void house_peers_stop(struct house *h, bool silent);
/* Try again at once. */
void house_redial(struct house *h);

#endif
