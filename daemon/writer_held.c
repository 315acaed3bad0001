/* Heads that wait for the mark; see writer_held.h. */
#include "daemon/writer_held.h"

#include "proto/assert.h"

/* The mark speaks of the logs that are written to; those of former epochs are closed. */
static bool waits_for_mark(const struct batch *b, const struct batch_head *head)
{
    return head->log_no == b->own[TRIS_TOPIC_GOV].no || head->log_no == b->own[TRIS_TOPIC_DATA].no;
}

/* The newest head of a log replaces a former one. */
static void hold(struct held_heads *h, const struct batch_head *head)
{
    uint32_t slot = 0;
    while (slot < h->count && h->head[slot].log_no != head->log_no) {
        slot++;
    }
    tris_assert(slot < HELD_MAX);
    const bool cut = slot < h->count && h->head[slot].cut;
    const bool anew = slot < h->count && h->head[slot].anew;
    h->head[slot] = *head;
    h->head[slot].cut = head->cut || cut; /* is still to be told */
    h->head[slot].anew = head->anew || anew;
    h->count = slot == h->count ? slot + 1 : h->count;
}

void held_take(struct held_heads *h, struct batch *b)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->heads_count; i++) {
        const struct batch_head *head = &b->heads[i];
        if (waits_for_mark(b, head)) {
            b->head_of[head->log_no] = 0;
            hold(h, head);
        } else {
            b->heads[kept] = *head;
            b->head_of[head->log_no] = ++kept;
        }
    }
    b->heads_count = kept;
}

void held_release(struct held_heads *h, struct batch *b)
{
    for (uint32_t i = 0; i < h->count; i++) {
        const struct batch_head *head = &h->head[i];
        if (b->head_of[head->log_no] == 0) {
            b->heads[b->heads_count] = *head;
            b->head_of[head->log_no] = ++b->heads_count;
        } else {
            struct batch_head *now = &b->heads[b->head_of[head->log_no] - 1];
            now->cut = now->cut || head->cut;
            now->anew = now->anew || head->anew;
        }
    }
    h->count = 0;
}
