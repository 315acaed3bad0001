/* A federation in a store: founders with keys, statements of theirs about others, logs of any
 * epoch. House n has the keys that are made from n (epoch 0) and 100 + 10 n + epoch. */
#ifndef TRIS_TESTS_UNIT_STORE_FED_H
#define TRIS_TESTS_UNIT_STORE_FED_H

#include "storage/members.h"
#include "tests/unit/store_canon.h"

enum { FED_FOUNDERS = 4, FED_ADMIT = 2, FED_REVOKE = 3 };

struct fed {
    struct fix f;
    struct charter charter; /* founders: houses 1 (the own one) to 4 */
    struct house_line line[FED_FOUNDERS];
};

static inline struct tris_house_id fed_key(uint8_t house, uint32_t epoch,
                                           struct tris_sign_secret *key)
{
    return fix_key(epoch == 0 ? house : (uint8_t)(100u + 10u * house + epoch), key);
}

static inline void fed_init(struct fed *w)
{
    memset(w, 0, sizeof *w);
    fix_init(&w->f);
    script_no_sync(w->f.s);
    for (uint8_t i = 0; i < FED_FOUNDERS; i++) {
        struct tris_sign_secret key;
        struct house_line line = {.role = TRIS_ROLE_HOUSE, .region = "05315"};
        line.id = fix_key((uint8_t)(i + 1), &key);
        memcpy(line.key.b, line.id.b, sizeof line.key.b);
        uint8_t at = i;
        while (at > 0 && tris_house_id_cmp(&w->line[at - 1].id, &line.id) > 0) {
            w->line[at] = w->line[at - 1];
            at--;
        }
        w->line[at] = line;
    }
    w->charter = (struct charter){.admit = FED_ADMIT,
                                  .revoke = FED_REVOKE,
                                  .member = w->line,
                                  .member_count = FED_FOUNDERS,
                                  .founder_count = FED_FOUNDERS};
}

static inline void fed_fini(struct fed *w)
{
    fix_fini(&w->f);
}

/* A log of house n's epoch, which is sealed with the key of that epoch. */
static inline void fed_log(struct script_log *l, const struct fed *w, uint8_t house,
                           enum tris_topic topic, uint32_t epoch, uint32_t room)
{
    struct tris_sign_secret key;
    struct tris_house_id pub = fed_key(house, epoch, &key);
    script_init(l, &w->f, house, topic, epoch, room);
    l->w.key = key;
    memcpy(l->w.ref.seal_key.b, pub.b, sizeof l->w.ref.seal_key.b);
    log_id_derive(&w->f.fed, &l->w.ref, &l->w.id);
}

static inline struct opening fed_opening(uint8_t house, uint32_t epoch,
                                         const struct log_cut *closes)
{
    struct tris_sign_secret key;
    struct opening o = {.house = fix_key(house, &key),
                        .epoch = epoch,
                        .role = TRIS_ROLE_HOUSE,
                        .region = "05315",
                        .has_closes = closes != NULL};
    struct tris_house_id pub = fed_key(house, epoch, &key);
    memcpy(o.key.b, pub.b, sizeof o.key.b);
    if (closes != NULL) {
        o.closes = *closes;
    }
    return o;
}

static inline struct log_cut fed_cut(const struct script_log *l, uint64_t size)
{
    struct log_cut cut = {.size = size};
    tree_root(&l->tree[size], &cut.root);
    return cut;
}

static inline size_t fed_card(const struct opening *o, uint8_t house, char *text, size_t size)
{
    struct tris_sign_secret key;
    struct house_line line = {.role = o->role, .id = o->house, .epoch = o->epoch, .time_ms = 5};
    (void)fed_key(house, o->epoch, &key);
    memcpy(line.region, o->region, sizeof line.region);
    (void)snprintf(line.slug, sizeof line.slug, "haus-%u", (unsigned)house);
    (void)snprintf(line.name, sizeof line.name, "Haus %u", (unsigned)house);
    ok(house_line_make(&line, &key, text, size));
    return strlen(text);
}

static inline struct entry_header fed_header(uint32_t verb)
{
    return (struct entry_header){.version = ENTRY_VERSION, .verb = verb, .time_ms = FIX_TIME_MS};
}

/* Payloads; valid until the next one is made. */
static inline struct span fed_endorsement(const struct opening *o, uint8_t house)
{
    static uint8_t bytes[TRIS_PAYLOAD_BYTES_MAX];
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    struct statement s = {.opening = *o};
    s.card = span_of(text, fed_card(o, house, text, sizeof text));
    statement_encode(&w, &s);
    ok(w.err);
    return wbuf_span(&w);
}

static inline struct span fed_revocation(const struct revocation *r)
{
    static uint8_t bytes[1024];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    const struct statement s = {.revoke = true, .revocation = *r};
    statement_encode(&w, &s);
    ok(w.err);
    return wbuf_span(&w);
}

static inline void fed_endorse(struct script_log *gov, const struct opening *o, uint8_t house)
{
    const struct entry_header header = fed_header(VERB_ENDORSE);
    (void)script_add(gov, &header, fed_endorsement(o, house), false);
}

static inline void fed_revoke(struct script_log *gov, const struct revocation *r)
{
    const struct entry_header header = fed_header(VERB_REVOKE);
    (void)script_add(gov, &header, fed_revocation(r), false);
}

/* ---- evaluating ---- */

struct fed_changes {
    uint32_t made, cut;
};

static inline void fed_count(void *ctx, const struct store_members_change *change)
{
    struct fed_changes *c = ctx;
    c->made += change->made ? 1 : 0;
    c->cut += change->cut ? 1 : 0;
}

static inline struct fed_changes fed_apply(struct fed *w, struct store_txn *t)
{
    struct store_members m;
    struct fed_changes changes = {0, 0};
    ok(store_members_apply(t, &w->charter, &m, fed_count, &changes));
    ok(store_txn_err(t));
    assert_false(store_members_stale(t));
    store_members_fini(&m);
    return changes;
}

static inline bool fed_has(struct store_txn *t, const struct script_log *l, struct store_log *out)
{
    uint32_t no;
    enum tris_err err = store_log_find(store_txn_view(t), &l->w.id, &no);
    if (err != TRIS_OK) {
        fails(TRIS_ERR_NOT_FOUND, err);
        return false;
    }
    ok(store_log_get(store_txn_view(t), no, out));
    return true;
}

/* First entry that is held and not the one of this history. */
static inline uint64_t fed_parts_at(struct store_txn *t, const struct store_log *log,
                                    const struct script_log *l)
{
    for (uint64_t seq = 0; seq < log->held && seq < l->count; seq++) {
        struct tree_node leaf = {.index = seq};
        ok(store_tree_nodes(store_txn_view(t), log->no, &leaf, 1));
        if (!tris_hash_eq(&leaf.hash, &l->leaf[seq])) {
            return seq;
        }
    }
    return log->held < l->count ? log->held : l->count;
}

/* What a session with a house does that holds this history up to `size`, sealed there: the rest is
 * taken as far as the log goes; of another history than the one that counts is cut away what is not
 * the same. True: something was taken. */
static inline bool fed_meet(struct script_log *l, struct store_txn *t, uint64_t size)
{
    static struct verified_segment out;
    struct store_log log;
    bool cut = true;
    while (cut && fed_has(t, l, &log)) {
        const uint64_t until = log.ends != STORE_END_NONE && log.end < size ? log.end : size;
        const uint64_t first = log.has_seal ? log.seal.size : 0;
        if (log.held >= until) {
            return false;
        }
        struct wbuf w = wbuf_of(l->w.wire, FIX_WIRE_BYTES);
        for (uint64_t seq = first; seq < size; seq++) {
            wbuf_span_put(&w, l->wire[seq]);
        }
        struct seal seal;
        script_seal(l, size, &seal);
        enum tris_err err =
            store_segment_judge(&log, first, (uint32_t)(size - first), wbuf_span(&w), &seal, &out);
        if (err == TRIS_OK) {
            err = store_append_segment(t, log.no, &out, 5);
        }
        ok(store_txn_err(t));
        if (err == TRIS_OK || err == TRIS_ERR_NOT_READY) {
            return err == TRIS_OK; /* or an earlier epoch is not whole */
        }
        struct tris_hash root;
        tree_root(&l->tree[log.end <= size ? log.end : 0], &root);
        if (log.ends < STORE_END_CUT || log.end > size || !tris_hash_eq(&root, &log.end_root)) {
            return false; /* that house holds the other history, or has not heard yet */
        }
        fails(TRIS_ERR_FORK, err);
        ok(store_log_rewind(t, log.no, fed_parts_at(t, &log, l), &cut));
        assert_true(cut);
    }
    return false;
}

#endif
