/* What can be asked about peers and open sessions. Loops walk connections, which are few, not
 * members. */
#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/overlay_int.h"
#include "proto/assert.h"

const char *peer_state_name(enum peer_state state)
{
    static const char *const names[] = {"idle", "waiting", "dialling", "open"};
    return names[state];
}

uint32_t overlay_peer_count(const struct overlay *o)
{
    return o->count;
}

/* Wall time of the last byte of a session. */
uint64_t overlay_heard(const struct overlay *o, const struct session_stats *stats)
{
    uint64_t now = overlay_now(o);
    return clock_wall_ms() - (now > stats->last_recv_ms ? now - stats->last_recv_ms : 0);
}

const struct peer *overlay_peer(const struct overlay *o, uint32_t index)
{
    tris_assert(index < o->count);
    struct peer *p = &o->peers[index];
    if (p->state == PEER_OPEN) {
        p->heard_wall_ms = overlay_heard(o, session_stats(conn_session(p->conn)));
    }
    return p;
}

const struct session_stats *overlay_session_stats(const struct overlay *o, uint32_t index)
{
    tris_assert(index < o->count);
    const struct peer *p = &o->peers[index];
    return p->state == PEER_OPEN ? session_stats(conn_session(p->conn)) : NULL;
}

bool overlay_peer_equal(const struct overlay *o, uint32_t index)
{
    const struct session_stats *stats = overlay_session_stats(o, index);
    struct tris_hash root;
    if (stats == NULL) {
        return false;
    }
    if (session_level(conn_session(o->peers[index].conn)) == SESSION_GOV) {
        return stats->equal; /* the gov logs are */
    }
    frontier_root(o->d->frontier, &root);
    struct tris_short own = tris_short_of(root.b);
    return tris_short_eq(&own, &stats->peer_root);
}

struct peer *overlay_open_peer(const struct overlay *o, const struct conn *c)
{
    uint32_t index = conn_peer(c);
    struct peer *p = index != UINT32_MAX ? &o->peers[index] : NULL;
    return p != NULL && p->state == PEER_OPEN && p->conn == c ? p : NULL;
}

bool overlay_takes_part(const struct overlay *o, const struct conn *c)
{
    return (overlay_open_peer(o, c) != NULL || conn_guest(c)) && conn_open(c);
}

uint32_t overlay_open_count(const struct overlay *o)
{
    uint32_t count = 0;
    for (const struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        count += overlay_open_peer(o, c) != NULL ? 1 : 0;
    }
    return count;
}

uint32_t overlay_inbound_count(const struct overlay *o)
{
    uint32_t count = 0;
    for (const struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        const struct peer *p = overlay_open_peer(o, c);
        count += p != NULL && p->inbound ? 1 : 0;
    }
    return count;
}

uint32_t overlay_equal_count(const struct overlay *o)
{
    uint32_t count = 0;
    for (const struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        count += overlay_open_peer(o, c) != NULL && overlay_peer_equal(o, conn_peer(c)) ? 1 : 0;
    }
    return count;
}

bool overlay_all_equal(const struct overlay *o)
{
    uint32_t open = overlay_open_count(o);
    return open > 0 && writer_unsealed(o->d->writer) == 0 && overlay_equal_count(o) == open;
}

uint64_t overlay_last_heard(const struct overlay *o, uint32_t index)
{
    uint64_t sealed = o->d->members.list[index].arrived_ms;
    uint64_t session = overlay_peer(o, index)->heard_wall_ms;
    return session > sealed ? session : sealed;
}

size_t overlay_listen_count(const struct overlay *o)
{
    return o->listener.count;
}

const char *overlay_listen(const struct overlay *o, size_t index)
{
    tris_assert(index < o->listener.count);
    return o->listener.address[index];
}

/* Sizes are claims of others: sums of them must not overflow, and stay numbers in JSON. */
static uint64_t more_than(uint64_t size, uint64_t held)
{
    const uint64_t more = size > held ? size - held : 0;
    return more < OVERLAY_MORE_MAX ? more : OVERLAY_MORE_MAX;
}

void overlay_claims(const struct overlay *o, uint32_t log_no, uint64_t held, uint64_t *missing,
                    uint32_t *claimants)
{
    *missing = 0;
    *claimants = 0;
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        uint64_t size;
        if (overlay_open_peer(o, c) != NULL && conn_open(c) &&
            session_position(conn_session(c), log_no, &size) && size > held) {
            const uint64_t more = more_than(size, held);
            *missing = more > *missing ? more : *missing;
            *claimants += 1;
        }
    }
}

bool overlay_position(const struct overlay *o, uint32_t index, uint32_t log_no, uint64_t *size,
                      bool *suspected)
{
    const struct peer *p = &o->peers[index];
    if (p->state != PEER_OPEN || !conn_open(p->conn)) {
        return false;
    }
    *suspected = session_suspects(conn_session(p->conn), log_no);
    return session_position(conn_session(p->conn), log_no, size);
}

/* A pass over the logs, for a peer that is not equal: 20,000 cost less than a millisecond. */
struct overlay_difference overlay_differ(const struct overlay *o, uint32_t index)
{
    struct overlay_difference d = {0};
    const struct frontier *f = o->d->frontier;
    if (o->peers[index].state != PEER_OPEN || overlay_peer_equal(o, index)) {
        return d;
    }
    for (uint32_t no = 0; no < frontier_count(f); no++) {
        const struct frontier_item *item = frontier_item(f, no);
        uint64_t size;
        bool suspected;
        if (item != NULL && overlay_position(o, index, no, &size, &suspected)) {
            d.behind += more_than(size, item->held);
            d.ahead += more_than(item->held, size);
        }
    }
    return d;
}

const char *overlay_address(const struct overlay *o, uint32_t peer, uint32_t index,
                            const struct peer_end **end)
{
    const struct peer *p = &o->peers[peer];
    const struct house_line *line = members_line(&o->d->members, peer);
    const uint32_t count = p->configured ? 1 : line->addr_count;
    *end = index < count ? &p->ends[index] : NULL;
    return index >= count ? "" : p->configured ? p->address : line->addr[index];
}

/* ---- what is kept of connections that are over ---- */

void overlay_note_addresses(struct peer *p)
{
    memset(p->ends, 0, sizeof p->ends);
}

void overlay_note_open(struct peer *p)
{
    overlay_note_addresses(p);
    p->refused = p->faulty = false;
    p->bye_code = 0;
    p->bye_text[0] = '\0';
}

/* Goodbyes that everybody says now and then. */
static bool is_plain_goodbye(uint32_t code)
{
    return code == msg_bye_code(TRIS_ERR_GOODBYE) || code == msg_bye_code(TRIS_ERR_STOPPING) ||
           code == msg_bye_code(TRIS_ERR_DUPLICATE);
}

void overlay_note_end(struct peer *p, struct conn *c, enum tris_err reason, bool by_peer,
                      bool offence)
{
    if (!conn_inbound(c) && p->state != PEER_OPEN) { /* a session that was open did reach it */
        p->ends[p->dial_at] = (struct peer_end){
            .err = reason, .status = conn_dial_status(c), .wall_ms = clock_wall_ms()};
    }
    p->faulty = offence;
    p->refused = false;
    if (by_peer) {
        const char *text = session_bye_text(conn_session(c), &p->bye_code);
        memcpy(p->bye_text, text, strlen(text) + 1);
        p->refused = !is_plain_goodbye(p->bye_code);
    }
}
