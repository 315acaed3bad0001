/* What a clone makes legitimate, and nothing else; see check.h.
 *
 * Of each log of a doubled house the histories of both processes are kept: the root at every size
 * that either has let out. The two are the original and its clone, or the house before and after a
 * loss of data of which nobody in reach knew. Each of them may let out one history only, as any
 * house. They may part; then, and only then, the log may end, exactly where they part; what others
 * hold is one of the two. If anybody ever took what the one that has ended sealed alone, every
 * honest house holds the proof in the end; what reached nobody has ended with it. */
#include <stdlib.h>

#include "proto/assert.h"
#include "tests/sim/check.h"

enum { FIRST, SECOND, SIDES, ROOTS_FIRST = 256 };

struct side {
    struct tris_hash *root; /* at size i + 1 */
    uint64_t size, cap;
};

struct history {
    struct side side[SIDES];
    uint64_t parted;
    bool second_life; /* there is no clone, the first of the two is the house before its loss */
    uint64_t taken;   /* the greatest size that another house has held of the side that ends */
};

struct check_clones {
    struct history **history; /* by log */
    uint32_t logs;
};

struct check_clones *check_clones_new(uint32_t logs)
{
    struct check_clones *clones = calloc(1, sizeof *clones);
    tris_assert(clones != NULL);
    clones->logs = logs;
    clones->history = calloc(clones->logs, sizeof(struct history *));
    tris_assert(clones->history != NULL);
    return clones;
}

void check_clones_free(struct check_clones *clones)
{
    for (uint32_t i = 0; i < clones->logs; i++) {
        for (int k = 0; clones->history[i] != NULL && k < SIDES; k++) {
            free(clones->history[i]->side[k].root);
        }
        free(clones->history[i]);
    }
    free(clones->history);
    free(clones);
}

struct history *check_history(const struct check_clones *clones, uint32_t log)
{
    tris_assert(log < clones->logs);
    return clones->history[log];
}

struct history *check_history_new(struct check_clones *clones, uint32_t log)
{
    struct history *history = calloc(1, sizeof *history);
    tris_assert(history != NULL && clones->history[log] == NULL);
    history->parted = CHECK_ONE_HISTORY;
    clones->history[log] = history;
    return history;
}

uint64_t check_parted_at(const struct history *history)
{
    return history != NULL ? history->parted : CHECK_ONE_HISTORY;
}

bool check_is_cut(const struct history *history, const struct store_log *log)
{
    return log->forked && history != NULL && log->end == history->parted;
}

struct acked check_left(const struct history *history)
{
    const struct side *a = &history->side[FIRST], *b = &history->side[SECOND];
    const struct side *longer = b->size > a->size ? b : a;
    struct acked left = {.size = longer->size};
    if (left.size > 0) {
        left.root = longer->root[left.size - 1];
    }
    return left;
}

static int side_of(const struct history *history, const struct house *h)
{
    return h->no == h->who && !history->second_life ? FIRST : SECOND;
}

uint64_t check_left_here(const struct history *history, const struct house *h)
{
    uint64_t size = history->side[side_of(history, h)].size;
    return size < history->parted ? size : history->parted;
}

void check_second_life(struct history *history)
{
    history->second_life = true;
    history->taken = history->side[FIRST].size; /* whoever holds it is out of reach for now */
}

bool check_is_second(const struct history *history)
{
    return history != NULL && history->second_life;
}

/* ---- what leaves ---- */

static bool is_root(const struct side *side, uint64_t size, const struct tris_hash *root)
{
    return size <= side->size && tris_hash_eq(&side->root[size - 1], root);
}

static void push(struct side *side, const struct tris_hash *root)
{
    if (side->size == side->cap) {
        side->cap = side->cap == 0 ? ROOTS_FIRST : 2 * side->cap;
        side->root = realloc(side->root, side->cap * sizeof *side->root);
        tris_assert(side->root != NULL);
    }
    side->root[side->size++] = *root;
}

/* One of the two goes on. */
static void extend(struct history *history, struct house *h, struct store_view *v,
                   const struct store_log *log, uint64_t size)
{
    const int own = side_of(history, h);
    struct side *side = &history->side[own];
    const struct side *other = &history->side[1 - own];
    while (side->size < size) {
        struct tris_hash root;
        if (store_root_at(v, log->no, side->size + 1, &root) != TRIS_OK) {
            sim_fail(h->sim, "house %u: its log has no root at %llu", h->no,
                     (unsigned long long)side->size + 1);
        }
        push(side, &root);
        if (history->parted == CHECK_ONE_HISTORY && side->size <= other->size &&
            !is_root(other, side->size, &root)) {
            history->parted = side->size - 1;
            h->sim->census.parted++;
            sim_trace(h->sim, "log %u: its owner's two histories part at %llu", h->log_of[log->no],
                      (unsigned long long)history->parted);
        }
    }
}

void check_clone_head(struct history *history, struct house *h, struct store_view *v,
                      const struct store_log *log)
{
    const uint32_t number = h->log_of[log->no];
    const uint64_t size = log->has_seal ? log->seal.size : 0;
    const bool mine = house_log_owner(h->sim, number) == h->who;
    if (mine) {
        extend(history, h, v, log, size);
    }
    const struct side *own = &history->side[side_of(history, h)];
    if (!mine && size > history->taken &&
        is_root(&history->side[history->second_life ? FIRST : SECOND], size, &log->seal.root)) {
        history->taken = size;
    }
    bool good = size == 0 || (mine ? is_root(own, size, &log->seal.root)
                                   : is_root(&history->side[FIRST], size, &log->seal.root) ||
                                         is_root(&history->side[SECOND], size, &log->seal.root));
    if (!good) {
        sim_fail(h->sim, "%s: house %u: %llu entries of log %u, which is doubled, %s",
                 mine ? "I6" : "I3", h->no, (unsigned long long)size, number,
                 mine ? "and it had sealed something else there"
                      : "and neither of the two has sealed them so");
    }
    if (mine && size < own->size && !h->recovering && !check_is_cut(history, log)) {
        sim_fail(h->sim, "I6: house %u comes back with %llu entries of log %u, %llu had left it",
                 h->no, (unsigned long long)size, number, (unsigned long long)own->size);
    }
}

static bool is_owed(const struct history *history)
{
    return history != NULL && history->parted != CHECK_ONE_HISTORY &&
           history->taken > history->parted;
}

/* This house does not hold the proof yet. */
static bool lacks_proof(const struct house *h, uint32_t log)
{
    for (uint32_t no = 0; h->up && no < h->sim->houses * 2 + 1; no++) {
        if (h->log_of[no] == log) {
            return (frontier_item(h->frontier, no)->flags & FRONTIER_FORKED) == 0;
        }
    }
    return true;
}

bool check_undecided(const struct sim *sim)
{
    for (uint32_t log = 0; log < sim->houses * 2; log++) {
        const struct history *history = check_log_history(sim, log);
        bool parted = check_parted_at(history) != CHECK_ONE_HISTORY;
        if (check_is_second(history) && !parted &&
            history->side[SECOND].size < history->side[FIRST].size) {
            return true;
        }
        for (uint32_t i = 0; parted && is_owed(history) && i < sim->honest; i++) {
            if (lacks_proof(&sim->house[i], log)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- the end ---- */

static void look_at_log(struct house *h, struct store_view *v, uint32_t no)
{
    const uint32_t number = h->log_of[no];
    struct store_log log;
    if (number == SIM_NONE || h->sim->house[house_log_owner(h->sim, number)].hostile) {
        return;
    }
    const struct history *history = check_log_history(h->sim, number);
    const uint64_t parted = check_parted_at(history);
    if (store_log_get(v, no, &log) != TRIS_OK) {
        sim_fail(h->sim, "house %u: log %u cannot be read", h->no, number);
    }
    if (log.forked ? log.end != parted : is_owed(history)) {
        sim_fail(h->sim, "house %u: log %u %s, the two histories part at %lld", h->no, number,
                 log.forked ? "ends by a proof elsewhere" : "goes on without a proof",
                 (long long)parted);
    }
}

void check_forks_known(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->honest; i++) {
        struct house *h = &sim->house[i];
        struct store_view *v;
        if (store_view_begin(h->store, &v) != TRIS_OK) {
            sim_fail(sim, "house %u: its store cannot be read", i);
        }
        for (uint32_t no = 0; no < h->logs; no++) {
            look_at_log(h, v, no);
        }
        store_view_end(v);
    }
}
