/* Drafts, aliases, alarms and seals at the end of a trial; see look.h. */
#include "tests/trials/look.h"

#include <stdlib.h>

#include "proto/assert.h"

enum { MEET_MAX = 4096 };

static struct store_view *view_of(struct house *h)
{
    struct store_view *v;
    if (store_view_begin(h->store, &v) != TRIS_OK) {
        sim_fail(h->sim, "house %u: its store cannot be read", h->no);
    }
    return v;
}

/* ---- drafts ---- */

/* The newest draft of this place: an older one's entry may have been taken back in its turn. */
static bool is_newest(struct store_view *v, const struct store_draft *d)
{
    struct store_draft later;
    uint64_t no = d->no;
    while (store_draft_next(v, &no, &later) == TRIS_OK) {
        if (later.topic == d->topic && later.seq == d->seq) {
            return false;
        }
    }
    return true;
}

static void look_at_written(struct house *h, struct store_view *v, const struct store_draft *d,
                            struct trial_figures *sum)
{
    struct record_ref now = {0, 0};
    struct entry entry;
    struct entry_header header;
    if (store_alias_get(v, (struct record_ref){d->log_no, d->seq}, &now, NULL) != TRIS_OK ||
        now.seq != d->new_seq) {
        sim_fail(h->sim, "house %u: draft %llu is entry %llu, and its old place leads to %llu",
                 h->no, (unsigned long long)d->no, (unsigned long long)d->new_seq,
                 (unsigned long long)now.seq);
    }
    if (store_entry_get(v, now.log_no, now.seq, &entry) != TRIS_OK ||
        entry_peek_header(&entry, &header) != TRIS_OK || header.verb != d->header.verb ||
        header.kind != d->header.kind || header.has_record != d->header.has_record) {
        sim_fail(h->sim, "house %u: draft %llu is not what stands at entry %llu", h->no,
                 (unsigned long long)d->no, (unsigned long long)now.seq);
    }
    sum->aliases++;
}

static void look_at_decision(struct house *h, struct store_view *v, const struct store_draft *d)
{
    struct record_ref now;
    uint64_t draft = 0;
    if (d->reason == TRIS_OK || (d->payload.len == 0 && d->reason != TRIS_ERR_NOT_READY)) {
        sim_fail(h->sim, "house %u: draft %llu waits for a person without a reason or its text",
                 h->no, (unsigned long long)d->no);
    }
    if (store_alias_get(v, (struct record_ref){d->log_no, d->seq}, &now, &draft) !=
            TRIS_ERR_NOT_READY ||
        draft != d->no) {
        sim_fail(h->sim, "house %u: the old place of draft %llu does not lead to it", h->no,
                 (unsigned long long)d->no);
    }
}

void look_at_drafts(struct house *h, struct trial_figures *sum)
{
    struct store_view *v = view_of(h);
    struct store_draft draft;
    uint64_t no = 0;
    while (store_draft_next(v, &no, &draft) == TRIS_OK) {
        bool newest = is_newest(v, &draft);
        switch (draft.state) {
        case DRAFT_WAITING:
            sim_fail(h->sim, "house %u: draft %llu is neither written nor shown to a person", h->no,
                     (unsigned long long)no);
        case DRAFT_WRITTEN:
            sum->drafts++;
            if (newest) {
                look_at_written(h, v, &draft, sum);
            }
            break;
        case DRAFT_DECISION:
            sum->decisions++;
            if (newest) {
                look_at_decision(h, v, &draft);
            }
            break;
        case DRAFT_DROPPED: /* the entry that it became was taken back: that is a draft again */
            break;
        }
    }
    store_view_end(v);
}

/* ---- alarms ---- */

void look_at_alarm(struct house *h, struct trial_figures *sum)
{
    struct store_view *v = view_of(h);
    struct span value;
    if (store_setting_get(v, "guard/alarm", &value) == TRIS_OK && value.len > 0) {
        sum->alarms++;
        sim_fail(h->sim, "house %u keeps an alarm", h->no);
    }
    store_view_end(v);
}

/* ---- seals ---- */

/* The seals that this store has for a log; their number. */
static size_t seals_of(struct house *h, uint32_t log, struct seal *out)
{
    struct store_view *v = view_of(h);
    uint32_t no = 0;
    size_t count = 0;
    uint64_t at = 0;
    while (h->log_of[no] != log) {
        no++;
    }
    while (count < MEET_MAX && store_seal_covering(v, no, at, &out[count]) == TRIS_OK) {
        at = out[count++].size;
    }
    store_view_end(v);
    return count;
}

static void compare(struct sim *sim, uint32_t log, const struct seal *a, size_t a_count,
                    const struct seal *b, size_t b_count, struct trial_figures *sum)
{
    for (size_t i = 0, k = 0; i < a_count && k < b_count;) {
        if (a[i].size == b[k].size) {
            sum->positions++;
            if (!tris_hash_eq(&a[i].root, &b[k].root)) {
                sum->two++;
                sim_fail(sim, "log %u: two things are sealed at position %llu", log,
                         (unsigned long long)a[i].size);
            }
            i++;
            k++;
        } else if (a[i].size < b[k].size) {
            i++;
        } else {
            k++;
        }
    }
}

/* A log with two histories is cut where they part: the proof is what is left to see. */
static void look_for_forks(struct house *h, struct trial_figures *sum)
{
    struct store_view *v = view_of(h);
    struct store_fork fork;
    for (uint32_t no = 0; no < h->sim->houses * 2 + 1; no++) {
        if (store_fork_get(v, no, &fork) == TRIS_OK) {
            sum->two++;
            sim_fail(h->sim, "house %u has a proof that log %u was forked: two things were sealed",
                     h->no, h->log_of[no]);
        }
    }
    store_view_end(v);
}

void look_at_seals(struct sim *sim, struct trial_figures *sum)
{
    struct seal *a = calloc(2 * (size_t)MEET_MAX, sizeof *a), *b = a + MEET_MAX;
    tris_assert(a != NULL);
    for (uint32_t log = 0; log < sim->houses * 2; log++) {
        size_t a_count = seals_of(&sim->house[log / 2], log, a);
        for (uint32_t i = 0; i < sim->houses; i++) {
            if (i != log / 2) {
                compare(sim, log, a, a_count, b, seals_of(&sim->house[i], log, b), sum);
            }
        }
    }
    free(a);
    for (uint32_t i = 0; i < sim->houses; i++) {
        look_for_forks(&sim->house[i], sum);
    }
}
