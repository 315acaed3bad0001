/* Membership evaluated a second time, as simply as FORMAT.md says it: sets of houses as bits, every
 * stratum repeated over all statements until nothing changes. For small federations only. */
#ifndef TRIS_TESTS_LIB_MEMBER_SIMPLE_H
#define TRIS_TESTS_LIB_MEMBER_SIMPLE_H

#include "tests/lib/member_world.h"

enum { SIMPLE_STATEMENTS_MAX = 140, SIMPLE_OPENINGS_MAX = SIMPLE_STATEMENTS_MAX + LETTERS };

struct simple {
    const struct world *w;
    struct opening opening[SIMPLE_OPENINGS_MAX];
    bool in[SIMPLE_OPENINGS_MAX], named[SIMPLE_OPENINGS_MAX];
    uint32_t mask[SIMPLE_OPENINGS_MAX]; /* houses that endorse it, as bits */
    uint32_t count, founders;           /* founders: as bits */
    uint64_t gov_cut[LETTERS][EPOCHS], data_cut[LETTERS][EPOCHS];
    bool revoked[LETTERS][EPOCHS];
};

static inline bool same_opening(const struct opening *a, const struct opening *b)
{
    struct tris_hash x, y;
    opening_id(a, &x);
    opening_id(b, &y);
    return tris_hash_eq(&x, &y);
}

static inline void simple_add(struct simple *m, const struct opening *o)
{
    for (uint32_t i = 0; i < m->count; i++) {
        if (same_opening(&m->opening[i], o)) {
            return;
        }
    }
    m->opening[m->count++] = *o;
}

static inline bool simple_log_in(const struct simple *m, const struct tris_log_ref *log)
{
    for (uint32_t i = 0; i < m->count; i++) {
        const struct opening *o = &m->opening[i];
        if (m->in[i] && o->role != TRIS_ROLE_OBSERVER && log->topic == TRIS_TOPIC_GOV &&
            tris_house_id_eq(&o->house, &log->house) && o->epoch == log->epoch &&
            tris_sign_pub_eq(&o->key, &log->seal_key)) {
            return true;
        }
    }
    return false;
}

static inline uint32_t bits(uint32_t mask)
{
    uint32_t n = 0;
    for (; mask != 0; mask &= mask - 1) {
        n++;
    }
    return n;
}

static inline uint32_t simple_endorsers(const struct simple *m, const struct opening *o, bool cuts)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < m->w->count; i++) {
        const struct member_statement *s = &m->w->statement[i];
        uint8_t by = letter_of(&s->by.house);
        if (!s->what.revoke && same_opening(&s->what.opening, o) && by != letter_of(&o->house) &&
            (!cuts || s->seq < m->gov_cut[by][s->by.epoch]) && simple_log_in(m, &s->by)) {
            mask |= UINT32_C(1) << by;
        }
    }
    return mask;
}

static inline void simple_stratum(struct simple *m, bool cuts)
{
    for (uint32_t i = 0; i < m->count; i++) {
        m->in[i] = i < m->w->charter.member_count;
    }
    for (bool again = true; again;) {
        again = false;
        for (uint32_t i = 0; i < m->count; i++) {
            m->mask[i] = simple_endorsers(m, &m->opening[i], cuts);
            bool founder = m->founders >> letter_of(&m->opening[i].house) & 1;
            bool whole = bits(m->mask[i]) >= m->w->charter.admit ||
                         (!founder && (m->mask[i] & m->founders) == m->founders);
            again = again || (whole && !m->in[i]);
            m->in[i] = m->in[i] || whole;
        }
    }
}

static inline void simple_cuts(struct simple *m)
{
    memset(m->gov_cut, 0xff, sizeof m->gov_cut);
    memset(m->data_cut, 0xff, sizeof m->data_cut);
    for (uint32_t i = 0; i < m->w->count; i++) {
        const struct member_statement *s = &m->w->statement[i];
        const struct revocation *r = &s->what.revocation;
        uint32_t mask = 0;
        struct tris_hash id, other;
        for (uint32_t k = 0; k < m->w->count && s->what.revoke; k++) {
            const struct member_statement *t = &m->w->statement[k];
            revocation_id(r, &id);
            if (t->what.revoke && !tris_house_id_eq(&t->by.house, &r->house) &&
                simple_log_in(m, &t->by)) {
                revocation_id(&t->what.revocation, &other);
                mask |= (uint32_t)tris_hash_eq(&id, &other) << letter_of(&t->by.house);
            }
        }
        if (s->what.revoke && bits(mask) >= m->w->charter.revoke) {
            uint64_t *gov = &m->gov_cut[letter_of(&r->house)][r->epoch];
            uint64_t *data = &m->data_cut[letter_of(&r->house)][r->epoch];
            *gov = r->gov.size < *gov ? r->gov.size : *gov;
            *data = r->data.size < *data ? r->data.size : *data;
            m->revoked[letter_of(&r->house)][r->epoch] = true;
        }
    }
}

/* How many openings of this epoch count; *at is one of them. */
static inline uint32_t simple_counting(const struct simple *m, uint8_t letter, uint8_t epoch,
                                       uint32_t *at)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->in[i] && letter_of(&m->opening[i].house) == letter && m->opening[i].epoch == epoch) {
            *at = i;
            n++;
        }
    }
    return n;
}

static inline void simple_ends(const struct simple *m, const bool *ever, uint8_t letter,
                               struct result *r)
{
    for (uint8_t epoch = 0; epoch < (uint8_t)EPOCHS; epoch++) {
        uint32_t next = 0, named = 0;
        for (uint32_t i = 0; i < m->count; i++) {
            named += ever[i] && letter_of(&m->opening[i].house) == letter &&
                     m->opening[i].epoch == epoch;
        }
        bool closed = epoch + 1 < EPOCHS &&
                      simple_counting(m, letter, (uint8_t)(epoch + 1), &next) == 1 &&
                      m->opening[next].has_closes;
        uint64_t end = closed ? m->opening[next].closes.size : m->data_cut[letter][epoch];
        if (named > 0 && end != UINT64_MAX) {
            put(r, "[");
            put_number(r, epoch);
            put(r, ":");
            put_number(r, end);
            put(r, closed ? "c]" : "]");
        }
    }
}

static inline void simple_house(const struct simple *m, const bool *ever, uint8_t letter,
                                struct result *r)
{
    const struct tris_house_id id = house_of(letter);
    bool named = false, was = false, disputed = false;
    uint32_t current = UINT32_MAX, at = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        named = named || (m->named[i] && letter_of(&m->opening[i].house) == letter);
        was = was || (ever[i] && letter_of(&m->opening[i].house) == letter);
    }
    for (uint8_t epoch = 0; epoch < (uint8_t)EPOCHS; epoch++) {
        uint32_t n = simple_counting(m, letter, epoch, &at);
        if (n == 1 && !m->revoked[letter][epoch] &&
            (!disputed || bits(m->mask[at]) >= m->w->charter.revoke)) {
            current = at;
        }
        disputed = disputed || n > 1;
    }
    if (!named) {
        return;
    }
    put(r, r->len > 0 ? " " : "");
    put_letter(r, &id);
    if (current != UINT32_MAX) {
        put_number(r, m->opening[current].epoch);
    } else {
        put(r, was ? "-" : "?");
    }
    put(r, disputed ? "*" : "");
    put(r, current != UINT32_MAX && current >= m->w->charter.member_count &&
                   bits(m->mask[current]) <= m->w->charter.admit
               ? "~"
               : "");
    simple_ends(m, ever, letter, r);
}

/* What only strangers name is not there. */
static inline void simple_names(struct simple *m)
{
    for (uint32_t i = 0; i < m->count; i++) {
        m->named[i] = i < m->w->charter.member_count;
        for (uint32_t k = 0; k < m->w->count; k++) {
            const struct member_statement *s = &m->w->statement[k];
            m->named[i] = m->named[i] || (!s->what.revoke && simple_log_in(m, &s->by) &&
                                          same_opening(&s->what.opening, &m->opening[i]));
        }
    }
}

static inline void simple_result(const struct world *w, struct result *r)
{
    static struct simple m;
    bool ever[SIMPLE_OPENINGS_MAX];
    memset(&m, 0, sizeof m);
    m.w = w;
    for (uint32_t i = 0; i < w->charter.member_count; i++) {
        struct opening o;
        opening_of_line(&w->line[i], &o);
        simple_add(&m, &o);
        m.founders |= (uint32_t)(i < w->charter.founder_count) << letter_of(&o.house);
    }
    for (uint32_t i = 0; i < w->count; i++) {
        if (!w->statement[i].what.revoke) {
            simple_add(&m, &w->statement[i].what.opening);
        }
    }
    simple_stratum(&m, false);
    memcpy(ever, m.in, sizeof ever);
    simple_cuts(&m);
    simple_names(&m);
    simple_stratum(&m, true);
    *r = (struct result){.len = 0};
    for (uint8_t letter = 0; letter < (uint8_t)LETTERS; letter++) {
        simple_house(&m, ever, letter, r);
    }
}

#endif
