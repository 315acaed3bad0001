/* A federation of up to 10,000 houses in one process and virtual time: real sessions, frontiers and
 * verification; entries lie once in a table that all share, a house has only its frontier. */
#ifndef TRIS_TESTS_SCALE_WORLD_H
#define TRIS_TESTS_SCALE_WORLD_H

#include "proto/session.h"
#include "tests/scale/heads.h"
#include "tests/sim/queue.h"
#include "tests/sim/rng.h"

enum { LOG_RUNS_MAX = 8, HOUSE_LOGS = 2, LATENCY_MS_MIN = 5, LATENCY_MS_MAX = 60 };

/* Consecutive entries under one seal. */
struct run {
    uint64_t first;
    uint32_t count;
    uint8_t *wire;
    size_t len;
    struct tree *before; /* NULL: of nothing */
    struct seal seal;
};

struct log {
    struct tris_log_id id;
    struct tris_log_ref ref;
    struct run runs[LOG_RUNS_MAX];
    uint32_t runs_count;
};

/* What a writer has not committed yet. */
struct pending {
    struct pending *next;
    uint64_t session_no;
    uint32_t conn, end;
    struct session_segment segment;
};

struct house {
    struct world *world;
    uint32_t no;
    struct tris_house_id id;
    struct tris_sign_secret secret;
    struct noise_keypair transport;
    struct frontier *frontier;
    uint32_t *conns; /* numbers of its connections */
    uint32_t conns_count;
    struct pending *pending;
    uint32_t hops; /* of the entry that came last, and when it came */
    uint64_t got_ms;
};

struct piece {
    struct piece *next;
    size_t len;
    uint8_t bytes[];
};

struct end {
    uint32_t house;
    struct session *session;
    uint64_t no, tick_ms;
    bool pumping;
    struct piece *first, **tail;
};

struct conn {
    struct end end[2];
    uint64_t latency_ms;
    bool dead; /* hung up; its sessions are gone */
};

struct world {
    uint64_t now_ms, sessions, events, bytes;
    uint64_t arrived;                        /* at sessions that are gone */
    uint64_t latency_min_ms, latency_max_ms; /* of connections that are made from now on */
    struct rng rng;
    struct queue queue;
    struct tris_fed_id fed;
    struct house *houses;
    uint32_t houses_count, logs_count;
    struct log *logs;
    uint32_t *by_id; /* hash of house ids: number + 1 */
    uint32_t by_id_size;
    struct heads *heads;
    struct conn *conns;
    uint32_t conns_count;
    uint8_t *fill;
};

/* Everything that fails ends the process with a message (exit 1). */
struct world *world_new(uint32_t houses, uint64_t seed);
void world_free(struct world *w);
/* A frontier that knows all logs; filled: and holds their first run. */
struct frontier *world_frontier(const struct world *w, bool filled);
/* Its root now. */
struct tris_short world_root(struct frontier *f);
/* A ring and `chords` drawn neighbours of each house dial each other. */
void world_connect(struct world *w, uint32_t chords);
/* A connection beside the ring; returns its number. `common`: the last equal root, or NULL. */
uint32_t world_dial(struct world *w, uint32_t from, uint32_t to, const struct tris_short *common);
/* Ends a connection: both ends see it at once, what is on its way is lost. */
void world_hang_up(struct world *w, uint32_t no);
/* What the house's writer has not committed is lost. */
void world_forget(struct house *h);
/* Runs of entries that have arrived at any session, whether they were news or not. */
uint64_t world_arrived(const struct world *w);
/* All frontiers say the same. */
bool world_equal(struct world *w);
/* Events up to `end_ms`. */
void world_run(struct world *w, uint64_t end_ms);
/* A run of one entry under a seal, in the table and the owner's frontier; its sessions are told. */
void world_write(struct world *w, uint32_t house);
/* `size` entries of the log are held in this frontier. */
void world_hold(const struct world *w, struct frontier *f, uint32_t log_no, uint64_t size);
/* Both directions, as both sides count them. */
uint64_t world_bytes(const struct conn *c);

__attribute__((format(printf, 1, 2), noreturn)) void world_fail(const char *format, ...);

/* table.c: logs, entries and seals */
void table_fill(struct world *w);
/* Appends a run of one entry by the log's owner. */
void table_write(struct world *w, uint32_t log_no);
/* The run that begins at `first`; NULL. */
const struct run *table_run(const struct log *log, uint64_t first);
/* What a frontier says of a log of which `size` entries are held (a run ends there, or 0). */
void table_item(const struct log *log, uint64_t size, struct frontier_item *out);
extern const struct session_io table_io;

#endif
