/* What is going to happen: a binary heap of events by virtual time, then by order of entry. */
#ifndef TRIS_TESTS_SIM_QUEUE_H
#define TRIS_TESTS_SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_type {
    EVENT_CONNECT,  /* a: connection: TCP is there, or the dial has failed */
    EVENT_DELIVER,  /* a: connection, b: direction: its oldest piece arrives */
    EVENT_TICK,     /* a: connection, b: end: the session wants to know the time */
    EVENT_NOTICE,   /* a: connection, b: end: its TCP stream is found dead */
    EVENT_DIAL,     /* a: house looks whom to dial */
    EVENT_COMMIT,   /* a: house: the writer's batch runs */
    EVENT_OPERATOR, /* a: house: somebody works there */
    EVENT_DAY,      /* a: house looks at the date */
    EVENT_GUARD,    /* a: house: b 0: the guard's time is up, 1: a person decides */
    EVENT_RELAY,    /* a: house passes on what it held back */
    EVENT_START,    /* a: house comes up again */
    EVENT_CLOCK,    /* a: house: its clock is put right */
    EVENT_HEAL,     /* a: partition ends */
    EVENT_FAULT,    /* a: fault strikes */
    EVENT_HOSTILE,  /* a: house does something bad; b 1: in the session that has just opened */
    EVENT_TWIN,     /* a: connection, b: end: a house is told that this session is the older one */
    EVENT_ALONE,    /* a: house: it loses its data among houses that do not hold it; stamp: which */
    EVENT_STATE,    /* a: house states what plan b says, of membership */
    EVENT_KEY,      /* a: house takes the key of its next epoch */
    EVENT_CLONE,    /* a: house: people look after it and its clone, or b 1: work at the clone */
    EVENT_TYPES
};

struct event {
    uint64_t at_ms, order;
    enum event_type type;
    uint32_t a, b;
    uint64_t stamp; /* generation of the thing meant: a stale event is for nobody */
};

struct queue {
    struct event *list;
    size_t count, cap;
    uint64_t next_order;
};

void queue_init(struct queue *q);
void queue_fini(struct queue *q);
void queue_put(struct queue *q, struct event event); /* order is filled in */
/* The next event; false if there is none. */
bool queue_take(struct queue *q, struct event *out);
/* UINT64_MAX if there is none. */
uint64_t queue_next_ms(const struct queue *q);
const char *event_name(enum event_type type);

#endif
