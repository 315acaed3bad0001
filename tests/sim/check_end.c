/* The closing comparison: all houses have the same, and it is what was acknowledged; see check.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/assert.h"
#include "proto/hash.h"
#include "tests/sim/check.h"
#include "tests/sim/check_member.h"
#include "tests/sim/operator.h"

enum { FULL_AUDIT_ENTRIES = 30000 };

/* Nothing of the house waits to be sealed. */
static bool all_sealed(struct house *h)
{
    struct store_view *v;
    uint64_t entries[TRIS_TOPIC_LOCAL] = {1, 1}, bytes;
    if (!h->may_seal || store_view_begin(h->store, &v) != TRIS_OK) {
        return false;
    }
    bool good = true;
    for (int topic = 0; topic < TRIS_TOPIC_LOCAL; topic++) {
        good = good && store_unsealed(v, h->own_no[topic], &entries[topic], &bytes) == TRIS_OK &&
               entries[topic] == 0;
    }
    store_view_end(v);
    return good;
}

static void root_of(const struct house *h, struct tris_hash *out)
{
    frontier_root(h->frontier, out);
}

bool check_converged(struct sim *sim)
{
    struct tris_hash first, other;
    bool any = false;
    if (sim->clone_of != SIM_NONE) {
        return false;
    }
    for (uint32_t i = 0; i < sim->honest; i++) {
        struct house *h = &sim->house[i];
        if (!h->up || h->busy || h->mark_pending || h->held_back_count > 0) {
            return false;
        }
        if (!house_is_member(h)) {
            continue; /* it has gov logs alone */
        }
        root_of(h, any ? &other : &first);
        if (any && !tris_hash_eq(&first, &other)) {
            return false;
        }
        any = true;
    }
    for (uint32_t i = 0; i < sim->honest; i++) {
        if (house_is_member(&sim->house[i]) && !all_sealed(&sim->house[i])) {
            return false;
        }
    }
    return sim->plans == NULL || check_members_converged(sim);
}

void check_explain(struct sim *sim)
{
    if (sim->plans != NULL) {
        check_members_explain(sim);
    }
    for (uint32_t i = 0; i < sim->houses; i++) {
        const struct house *h = &sim->house[i];
        fprintf(stderr, "  house %u: %s%s%s, guard %d\n", i, h->up ? "up" : "down",
                h->busy ? ", busy" : "", h->mark_pending ? ", mark pending" : "",
                (int)guard_why(&h->guard));
        for (uint32_t log = 0; h->up && log < sim->houses * 2 * HOUSE_EPOCHS; log++) {
            const struct house *owner = &sim->house[house_log_owner(sim, log)];
            uint32_t mine = FRONTIER_NONE, theirs = FRONTIER_NONE;
            for (uint32_t no = 0; no < HOUSE_LOGS_MAX; no++) {
                mine = h->log_of[no] == log ? no : mine;
                theirs = owner->log_of[no] == log ? no : theirs;
            }
            const struct frontier_item *a =
                owner->up ? frontier_item(owner->frontier, theirs) : NULL;
            const struct frontier_item *b = frontier_item(h->frontier, mine);
            if (a != NULL && b != NULL && (a->whole != b->whole || a->day != b->day)) {
                fprintf(stderr, "    log %u: %" PRIu64 " of %" PRIu64 ", day %u of %u\n", log,
                        b->whole, a->whole, b->day, a->day);
            }
        }
    }
}

/* ---- canonical export ---- */

static void mix_number(crypto_generichash_blake2b_state *state, uint64_t number)
{
    uint8_t bytes[8];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    wbuf_u64(&w, number);
    crypto_generichash_blake2b_update(state, bytes, sizeof bytes);
}

struct count_row {
    crypto_generichash_blake2b_state *state;
    uint64_t rows;
};

static bool mix_count(void *ctx, const struct cube_row *row)
{
    struct count_row *c = ctx;
    char region[6] = {0};
    (void)snprintf(region, sizeof region, "%s", row->region);
    crypto_generichash_blake2b_update(c->state, (const uint8_t *)region, sizeof region);
    mix_number(c->state, row->a);
    mix_number(c->state, row->b);
    mix_number(c->state, (uint64_t)row->count);
    c->rows++;
    return true;
}

/* By house, epoch and seq; compact numbers, arrival and local records are no part of it. */
static void export_records(struct sim *sim, struct house *h, struct store_view *v, uint32_t owner,
                           crypto_generichash_blake2b_state *state, uint64_t *records)
{
    struct record_filter filter = {.kind = KIND_PARTNER,
                                   .national = true,
                                   .with_ended = true,
                                   .by_house = true,
                                   .house = sim->house[owner].id};
    struct record_ref cursor = {UINT32_MAX, 0};
    struct store_record r;
    for (;;) {
        enum tris_err err = store_record_next(v, &filter, &cursor, &r);
        if (err == TRIS_ERR_NOT_READY) {
            continue;
        }
        if (err == TRIS_ERR_NOT_FOUND) {
            return;
        }
        if (err != TRIS_OK) {
            sim_fail(sim, "house %u: its records cannot be listed: %s", h->no, tris_err_name(err));
        }
        const uint64_t numbers[] = {owner,        r.ref.seq,    r.kind,       r.ended,
                                    r.end_reason, r.created_ms, r.updated_ms, r.last_seq,
                                    r.changes,    r.payload.len};
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            mix_number(state, numbers[i]);
        }
        crypto_generichash_blake2b_update(state, r.payload.ptr, r.payload.len);
        (*records)++;
    }
}

static void export_house(struct sim *sim, struct house *h, struct tris_hash *out, uint64_t *records)
{
    static const enum cube_rollup rollups[] = {CUBE_SECTOR, CUBE_FORM, CUBE_TOPIC};
    static const int levels[] = {0, 2, 5};
    crypto_generichash_blake2b_state state = hash_begin("sim-export", NULL);
    struct store_view *v;
    struct count_row ctx = {&state, 0};
    *records = 0;
    if (store_view_begin(h->store, &v) != TRIS_OK) {
        sim_fail(sim, "house %u: its store cannot be read", h->no);
    }
    for (uint32_t owner = 0; owner < sim->houses; owner++) {
        export_records(sim, h, v, owner, &state, records);
    }
    for (int i = 0; i < 9; i++) {
        enum tris_err err = store_cube_each(v, rollups[i / 3], levels[i % 3], "", mix_count, &ctx);
        if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
            sim_fail(sim, "house %u: its counters cannot be read: %s", h->no, tris_err_name(err));
        }
    }
    store_view_end(v);
    crypto_generichash_blake2b_final(&state, out->b, sizeof out->b);
}

/* ---- the end ---- */

static void audit(struct sim *sim, struct house *h, bool fast)
{
    struct audit_report report;
    enum tris_err err = store_audit(h->store, fast, NULL, NULL, &report);
    if (err != TRIS_OK || report.problems != 0) {
        sim_fail(sim, "I4: house %u: the audit finds %" PRIu64 " problems: %s (%s)", h->no,
                 report.problems, report.first_problem, tris_err_name(err));
    }
}

void check_end(struct sim *sim)
{
    struct tris_hash first, other;
    uint64_t records = 0, entries = 0;
    const uint32_t one = check_first_member(sim)->no;
    export_house(sim, &sim->house[one], &first, &records);
    for (uint32_t i = 0; i < sim->honest; i++) {
        check_started(&sim->house[i]); /* acknowledged writes are in the own log ... */
        operator_check(&sim->house[i]);
        if (i == one || !house_is_member(&sim->house[i])) {
            continue;
        }
        export_house(sim, &sim->house[i], &other, &records);
        if (!tris_hash_eq(&first, &other)) {
            sim_fail(sim, "I2: equal frontier roots, but houses %u and %u export different records",
                     one, i);
        }
    }
    check_forks_known(sim);
    check_members_end(sim);
    for (uint32_t i = 0; i < sim->honest; i++) { /* ... which by equal roots all others hold */
        entries += sim->house[i].acked[TRIS_TOPIC_DATA].size;
    }
    /* equal exports: where one is the fold of its logs, all are; the rest are looked at fast */
    uint32_t whole = (uint32_t)rng_below(&sim->rng[STREAM_FAULT], sim->honest);
    for (uint32_t i = 0; i < sim->honest; i++) {
        audit(sim, &sim->house[i], i != whole && entries > FULL_AUDIT_ENTRIES / sim->houses);
    }
    sim_note_bytes(sim, first.b, sizeof first.b);
    sim_note(sim, records);
}
