/* Decisions of the coordination; see releases.h. */
#include "daemon/releases.h"

#include <stdlib.h>

#include "daemon/ctl_in.h"

enum { STEPS_MAX = 4 }; /* of 4,096 rows each, which a house may have ended */

/* Which word stands for a verdict, and the kind that it is about. */
static const struct {
    enum release_verdict_code verdict;
    enum record_kind kind;
    const char *key;
} words[] = {
    {RELEASE_VERDICT_RELEASED, KIND_INSTRUMENT, "released_by"},
    {RELEASE_VERDICT_WITHDRAWN, KIND_INSTRUMENT, "withdrawn_by"},
    {RELEASE_VERDICT_CONFIRMED, KIND_ROLLOUT, "confirmed_by"},
    {RELEASE_VERDICT_REJECTED, KIND_ROLLOUT, "rejected_by"},
};

bool releases_ask(uint32_t kind)
{
    return kind == KIND_NONE || kind == KIND_INSTRUMENT || kind == KIND_ROLLOUT;
}

/* By subject and house, newest first. */
static int order(const void *a, const void *b)
{
    const struct release *x = a, *y = b;
    const uint64_t left[] = {x->subject.log_no, x->subject.seq, x->member, y->epoch, y->seq};
    const uint64_t right[] = {y->subject.log_no, y->subject.seq, y->member, x->epoch, x->seq};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        if (left[i] != right[i]) {
            return left[i] < right[i] ? -1 : 1;
        }
    }
    return 0;
}

static bool read_one(struct daemon *d, struct store_view *v, const struct store_record *found,
                     struct record *scratch, struct release *out)
{
    struct store_log log;
    struct tris_house_id house;
    if (record_decode(schema_kind(KIND_RELEASE), found->payload, scratch, NULL) != TRIS_OK ||
        store_log_get(v, found->ref.log_no, &log) != TRIS_OK) {
        return false;
    }
    const struct value *subject = record_value(scratch, RELEASE_SUBJECT);
    memcpy(house.b, subject->text.ptr, sizeof house.b);
    out->subject.seq = subject->number;
    out->epoch = log.ref.epoch;
    out->seq = found->ref.seq;
    out->verdict = record_number(scratch, RELEASE_VERDICT);
    return resolve_log(d, &house, subject->count, &out->subject.log_no) == TRIS_OK;
}

/* The decisions of one member, behind those that are in the list. */
static void load_house(struct daemon *d, struct store_view *v, uint32_t member,
                       struct record *scratch, struct releases *r)
{
    struct store_record found;
    struct record_ref cursor = {UINT32_MAX, 0};
    const struct record_filter filter = {.kind = KIND_RELEASE,
                                         .national = true,
                                         .by_house = true,
                                         .house = d->members.list[member].id};
    int steps = 0;
    for (uint32_t n = 0; n < RELEASES_OF_HOUSE_MAX;) {
        enum tris_err err = store_record_next(v, &filter, &cursor, &found);
        if (err == TRIS_OK) {
            struct release *one = &r->list[r->count];
            n++;
            one->member = member;
            r->count += read_one(d, v, &found, scratch, one) ? 1 : 0;
        } else if (err != TRIS_ERR_NOT_READY || ++steps == STEPS_MAX) {
            return;
        }
    }
}

static bool has_a_say(const struct member *m)
{
    return member_is_active(m) && m->role == TRIS_ROLE_COORDINATION;
}

void releases_load(struct daemon *d, struct store_view *v, struct record *scratch,
                   struct releases *out)
{
    *out = (struct releases){NULL, 0};
    for (uint32_t i = 0; i < d->members.count; i++) {
        if (!has_a_say(&d->members.list[i])) {
            continue;
        }
        struct release *grown =
            realloc(out->list, (out->count + RELEASES_OF_HOUSE_MAX) * sizeof *grown);
        if (grown == NULL) {
            releases_free(out);
            return;
        }
        out->list = grown;
        load_house(d, v, i, scratch, out);
    }
    if (out->count > 0) {
        qsort(out->list, out->count, sizeof *out->list, order);
    }
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        const struct release *one = &out->list[i], *last = kept > 0 ? &out->list[kept - 1] : NULL;
        if (last == NULL || last->member != one->member ||
            last->subject.log_no != one->subject.log_no || last->subject.seq != one->subject.seq) {
            out->list[kept++] = *one;
        }
    }
    out->count = kept;
}

void releases_free(struct releases *r)
{
    free(r->list);
    *r = (struct releases){NULL, 0};
}

/* The first row of this record, or behind the last one before it. */
static size_t find(const struct releases *r, struct record_ref subject)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const struct record_ref at = r->list[mid].subject;
        if (at.log_no < subject.log_no || (at.log_no == subject.log_no && at.seq < subject.seq)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static bool is_about(const struct releases *r, size_t i, struct record_ref subject)
{
    return i < r->count && r->list[i].subject.log_no == subject.log_no &&
           r->list[i].subject.seq == subject.seq;
}

void releases_put(const struct releases *r, struct out *o, const struct store_record *record)
{
    const size_t first = find(r, record->ref);
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        bool open = false;
        for (size_t i = first; words[w].kind == record->kind && is_about(r, i, record->ref); i++) {
            char name[OUT_ID_BYTES];
            if (r->list[i].verdict != words[w].verdict) {
                continue;
            }
            if (!open) {
                out_list(o, words[w].key);
                open = true;
            }
            house_call(&o->d->members, r->list[i].member, name);
            out_text(o, NULL, name);
        }
        if (open) {
            out_end(o);
        }
    }
}
