/* The heap of events; see queue.h. */
#include "tests/sim/queue.h"

#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"

enum { QUEUE_FIRST = 1024 };

void queue_init(struct queue *q)
{
    memset(q, 0, sizeof *q);
}

void queue_fini(struct queue *q)
{
    free(q->list);
    queue_init(q);
}

static bool before(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void queue_put(struct queue *q, struct event event)
{
    if (q->count == q->cap) {
        q->cap = q->cap == 0 ? QUEUE_FIRST : 2 * q->cap;
        q->list = realloc(q->list, q->cap * sizeof *q->list);
        tris_assert(q->list != NULL);
    }
    event.order = q->next_order++;
    size_t at = q->count++;
    while (at > 0 && before(&event, &q->list[(at - 1) / 2])) {
        q->list[at] = q->list[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    q->list[at] = event;
}

bool queue_take(struct queue *q, struct event *out)
{
    if (q->count == 0) {
        return false;
    }
    *out = q->list[0];
    struct event last = q->list[--q->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= q->count) {
            break;
        }
        if (child + 1 < q->count && before(&q->list[child + 1], &q->list[child])) {
            child++;
        }
        if (!before(&q->list[child], &last)) {
            break;
        }
        q->list[at] = q->list[child];
        at = child;
    }
    if (q->count > 0) {
        q->list[at] = last;
    }
    return true;
}

uint64_t queue_next_ms(const struct queue *q)
{
    return q->count == 0 ? UINT64_MAX : q->list[0].at_ms;
}

const char *event_name(enum event_type type)
{
    static const char *const names[EVENT_TYPES] = {
        "connect", "deliver", "tick",  "notice", "dial",  "commit", "operator",
        "day",     "guard",   "relay", "start",  "clock", "heal",   "fault",
        "hostile", "twin",    "alone", "state",  "clone",
    };
    return names[type];
}
