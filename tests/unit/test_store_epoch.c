/* Records over several epochs of one house: who may change them, in which order logs are taken, and
 * what is taken back when an earlier epoch ends elsewhere. */
#include "tests/unit/store_fed.h"

enum { HOUSE = 5, ROOM = 16, FIRST = 6, CLOSE_AT = 5 };

struct epochs {
    struct fed w;
    struct script_log gov[3], zero, other, one, two; /* `other`: a second history of epoch 0 */
    uint8_t proof_bytes[FORK_PROOF_BYTES_MAX];
    struct span proof;
    struct tris_hash expected;
    unsigned runs;
};

static uint64_t create(struct epochs *e, struct script_log *l, const char *name, const char *region)
{
    const struct entry_header header = header_create(KIND_PARTNER);
    return script_add(l, &header, fix_partner(&e->w.f, name, "Z", region, NULL), false);
}

/* A change of a record of epoch `epoch`; prev SEQ_NONE: the first one in this log. */
static uint64_t change(struct epochs *e, struct script_log *l, uint32_t verb, uint32_t epoch,
                       uint64_t record, uint64_t prev, const char *name, const char *region)
{
    static const uint8_t end_payload[] = {0x80};
    struct entry_header header = header_change(verb, KIND_PARTNER, record, prev);
    header.has_record_epoch = epoch != l->w.ref.epoch;
    header.record_epoch = epoch;
    header.has_prev = prev != SEQ_NONE;
    header.prev = header.has_prev ? prev : 0;
    header.time_ms += l->count;
    return script_add(l, &header,
                      verb == VERB_END ? span_of(end_payload, 1)
                                       : fix_partner(&e->w.f, name, "W", region, NULL),
                      false);
}

/* House 5 writes three partners, changes one, and goes on in epoch 1 and epoch 2. */
static void write_logs(struct epochs *e)
{
    struct script_log *l = &e->zero;
    create(e, l, "Eins", "05315");                           /* 0 */
    create(e, l, "Zwei", "05315");                           /* 1 */
    change(e, l, VERB_PUT, 0, 0, 0, "Eins neu", "14713");    /* 2 */
    create(e, l, "Drei", "09162");                           /* 3 */
    change(e, l, VERB_PUT, 0, 3, 9, "Drei falsch", "09162"); /* 4: inert */
    script_branch(&e->other, &e->w.f, l, 2);
    change(e, l, VERB_PUT, 0, 1, 1, "Zwei, behind the end", "09162"); /* 5 */
    while (e->other.count < FIRST) {
        create(e, &e->other, "Fremd", "05315");
    }
    l = &e->one;
    change(e, l, VERB_PUT, 0, 0, SEQ_NONE, "Eins in 1", "05315"); /* 0 */
    change(e, l, VERB_PUT, 0, 0, 0, "Eins in 1 neu", "14713");    /* 1 */
    create(e, l, "Vier", "05315");                                /* 2 */
    change(e, l, VERB_PUT, 0, 1, 1, "Zwei falsch", "05315");      /* 3: inert, prev is of epoch 0 */
    change(e, l, VERB_END, 0, 1, 3, NULL, NULL);                  /* 4 */
    change(e, l, VERB_PUT, 0, 3, SEQ_NONE, "Drei in 1", "05315"); /* 5: after an inert one */
    change(e, l, VERB_PUT, 0, 7, SEQ_NONE, "Keiner", "05315");    /* 6: no such record */
    change(e, l, VERB_PUT, 2, 0, SEQ_NONE, "Spaeter", "05315");   /* 7: of a later epoch */
    l = &e->two;
    change(e, l, VERB_PUT, 0, 3, SEQ_NONE, "Drei in 2", "14713"); /* 0 */
    change(e, l, VERB_PUT, 1, 2, SEQ_NONE, "Vier in 2", "09162"); /* 1 */
    change(e, l, VERB_END, 0, 0, SEQ_NONE, NULL, NULL);           /* 2 */
    change(e, l, VERB_PUT, 0, 1, SEQ_NONE, "Zwei", "05315");      /* 3: has ended */
}

static void epochs_init(struct epochs *e, bool second)
{
    memset(e, 0, sizeof *e);
    fed_init(&e->w);
    for (uint8_t i = 0; i < 3; i++) {
        fed_log(&e->gov[i], &e->w, (uint8_t)(i + 2), TRIS_TOPIC_GOV, 0, 4);
    }
    fed_log(&e->zero, &e->w, HOUSE, TRIS_TOPIC_DATA, 0, ROOM);
    fed_log(&e->one, &e->w, HOUSE, TRIS_TOPIC_DATA, 1, ROOM);
    fed_log(&e->two, &e->w, HOUSE, TRIS_TOPIC_DATA, 2, ROOM);
    write_logs(e);
    const struct log_cut closes[2] = {fed_cut(second ? &e->other : &e->zero, CLOSE_AT),
                                      fed_cut(&e->one, e->one.count)};
    const struct opening o[3] = {fed_opening(HOUSE, 0, NULL), fed_opening(HOUSE, 1, &closes[0]),
                                 fed_opening(HOUSE, 2, &closes[1])};
    for (int i = 0; i < 3; i++) {
        fed_endorse(&e->gov[0], &o[i], HOUSE);
        fed_endorse(&e->gov[1], &o[2 - i], HOUSE); /* the later ones come first */
    }
    e->proof = script_proof(&e->w.f, &e->zero, FIRST, &e->other, FIRST, 2, e->proof_bytes);
}

static void epochs_fini(struct epochs *e)
{
    for (int i = 0; i < 3; i++) {
        script_fini(&e->gov[i]);
    }
    script_fini(&e->zero);
    script_fini(&e->other);
    script_fini(&e->one);
    script_fini(&e->two);
    fed_fini(&e->w);
}

static void apply(struct epochs *e, struct store_txn *t)
{
    if (store_members_stale(t)) {
        (void)fed_apply(&e->w, t);
    }
}

/* All that others know comes in, in the order of the epochs. */
static void take_all(struct epochs *e, struct store_txn *t)
{
    (void)fed_apply(&e->w, t);
    for (int i = 0; i < 2; i++) {
        (void)fed_meet(&e->gov[i], t, e->gov[i].count);
        apply(e, t);
    }
    for (int i = 0; i < 3; i++) {
        (void)fed_meet(&e->zero, t, FIRST);
        (void)fed_meet(&e->other, t, FIRST);
        (void)fed_meet(&e->one, t, e->one.count);
        (void)fed_meet(&e->two, t, e->two.count);
    }
}

static void state_of(struct epochs *e, struct store_txn *t, struct tris_hash *out)
{
    const struct script_log *logs[] = {&e->zero, &e->one, &e->two};
    canon_state(store_txn_view(t), logs, 3, out);
    ok(store_txn_err(t));
}

static enum tris_err effect(struct store_txn *t, const struct script_log *l, uint64_t seq)
{
    struct store_log log;
    enum tris_err reason = TRIS_OK;
    assert_true(fed_has(t, l, &log));
    ok(store_entry_effect(store_txn_view(t), log.no, seq, &reason));
    return reason;
}

static struct store_record record(struct store_txn *t, uint32_t epoch, uint64_t seq)
{
    struct tris_sign_secret key;
    const struct tris_house_id house = fix_key(HOUSE, &key);
    struct store_view *v = store_txn_view(t);
    struct record_ref ref;
    struct store_record out;
    ok(store_record_find(v, &house, epoch, seq, &ref));
    ok(store_record_get(v, ref, &out));
    return out;
}

static void test_later_epochs_change_the_records_of_earlier_ones(void **state)
{
    (void)state;
    static struct epochs e;
    struct store_txn *t;
    epochs_init(&e, false);
    ok(store_txn_begin(e.w.f.s, &t));
    take_all(&e, t);
    static const enum tris_err expected[] = {
        TRIS_OK,
        TRIS_OK,
        TRIS_OK,
        TRIS_ERR_NOT_NEXT,
        TRIS_OK,
        TRIS_OK,
        TRIS_ERR_NOT_FOUND,
        TRIS_ERR_NOT_FOUND,
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(effect(t, &e.one, i), expected[i]);
    }
    assert_int_equal(effect(t, &e.two, 2), TRIS_OK);
    assert_int_equal(effect(t, &e.two, 3), TRIS_ERR_ENDED);
    struct store_record r = record(t, 0, 0);
    assert_true(r.ended);
    assert_int_equal(r.changes, 5);
    assert_int_equal(r.last_seq, 1); /* the put of epoch 1 */
    assert_int_not_equal(r.last_log, r.ref.log_no);
    struct record_ref at = {0, UINT64_MAX};
    static const uint64_t history[] = {2, 1, 0, 2, 0};
    for (size_t i = 0; i < sizeof history / sizeof history[0]; i++) {
        ok(store_record_history(store_txn_view(t), r.ref, &at));
        assert_int_equal(at.seq, history[i]);
    }
    fails(TRIS_ERR_NOT_FOUND, store_record_history(store_txn_view(t), r.ref, &at));
    assert_false(record(t, 1, 2).ended);
    assert_int_equal(record(t, 1, 2).changes, 2);
    ok(store_commit(t));
    script_follow(e.w.f.s, UINT32_MAX);
    audit_clean(e.w.f.s);
    epochs_fini(&e);
}

/* Epoch 1 from the start up to `size`, in a store of its own. */
static void hold(struct epochs *e, struct fix *f, uint32_t size)
{
    struct store_txn *t;
    struct fix former = e->w.f;
    fix_init(f);
    script_no_sync(f->s);
    e->w.f = *f;
    ok(store_txn_begin(f->s, &t));
    (void)fed_apply(&e->w, t);
    for (int i = 0; i < 2; i++) {
        (void)fed_meet(&e->gov[i], t, e->gov[i].count);
        apply(e, t);
    }
    (void)fed_meet(&e->zero, t, FIRST);
    if (size > 0) {
        script_deliver(&e->one, t, size);
    }
    ok(store_commit(t));
    script_follow(f->s, UINT32_MAX);
    e->w.f = former;
}

/* Taking entries back one by one gives what never holding them gives. */
static void test_a_later_log_is_taken_back_entry_by_entry(void **state)
{
    (void)state;
    static struct epochs e;
    static struct fix f[2];
    struct store_txn *t;
    struct store_log log;
    epochs_init(&e, false);
    hold(&e, &f[0], e.one.count);
    for (uint32_t size = e.one.count; size-- > 0;) {
        ok(store_txn_begin(f[0].s, &t));
        assert_true(fed_has(t, &e.one, &log));
        ok(store_log_cut(t, log.no, size, STORE_TAIL_DROP));
        ok(store_commit(t));
        hold(&e, &f[1], size);
        script_same(f[0].s, f[1].s);
        audit_clean(f[0].s);
        fix_fini(&f[1]);
    }
    fix_fini(&f[0]);
    epochs_fini(&e);
}

static void test_a_later_log_waits_for_the_earlier_ones(void **state)
{
    (void)state;
    static struct epochs e;
    static struct verified_segment segment;
    struct store_txn *t;
    struct store_log log;
    struct frontier_item item;
    uint32_t later = UINT32_MAX;
    epochs_init(&e, false);
    ok(store_txn_begin(e.w.f.s, &t));
    (void)fed_apply(&e.w, t);
    for (int i = 0; i < 2; i++) {
        (void)fed_meet(&e.gov[i], t, e.gov[i].count);
        apply(&e, t);
    }
    assert_true(fed_has(t, &e.one, &log));
    assert_true(log.waits);
    store_head_item(&log, &item);
    assert_false(frontier_item_counts(&item));
    script_segment(&e.one, 0, 3, &segment);
    fails(TRIS_ERR_NOT_READY, store_append_segment(t, log.no, &segment, 5));
    (void)fed_meet(&e.zero, t, FIRST);
    assert_true(fed_has(t, &e.zero, &log));
    ok(store_log_later(store_txn_view(t), log.no, &later));
    assert_true(fed_has(t, &e.one, &log));
    assert_int_equal(later, log.no);
    assert_false(log.waits);
    assert_true(fed_has(t, &e.two, &log));
    assert_true(log.waits);
    ok(store_log_later(store_txn_view(t), later, &later));
    assert_int_equal(later, log.no);
    fails(TRIS_ERR_NOT_FOUND, store_log_later(store_txn_view(t), later, &later));
    assert_true(fed_has(t, &e.one, &log));
    ok(store_append_segment(t, log.no, &segment, 5));
    /* the earlier one ends elsewhere: what was built on it goes */
    assert_true(fed_has(t, &e.zero, &log));
    ok(store_log_cut(t, log.no, 3, STORE_TAIL_DROP));
    assert_true(fed_has(t, &e.one, &log));
    assert_int_equal(log.held, 0);
    assert_true(log.waits);
    ok(store_commit(t));
    audit_clean(e.w.f.s);
    epochs_fini(&e);
}

/* ---- orders ---- */

enum { EV_GOV_2, EV_GOV_3, EV_ZERO, EV_OTHER, EV_ONE, EV_TWO, EV_FORK, EVENTS };

static void happen(struct epochs *e, struct store_txn *t, int event)
{
    struct store_log log;
    switch (event) {
    case EV_GOV_2:
    case EV_GOV_3:
        (void)fed_meet(&e->gov[event], t, e->gov[event].count);
        break;
    case EV_ZERO:
        (void)fed_meet(&e->zero, t, FIRST);
        break;
    case EV_OTHER:
        (void)fed_meet(&e->other, t, FIRST);
        break;
    case EV_ONE:
        (void)fed_meet(&e->one, t, e->one.count);
        break;
    case EV_TWO:
        (void)fed_meet(&e->two, t, e->two.count);
        break;
    default:
        if (fed_has(t, &e->zero, &log)) {
            (void)script_fork(&e->zero, t, e->proof);
        }
        break;
    }
    apply(e, t);
}

static void run(struct epochs *e, const int order[EVENTS])
{
    struct store_txn *t;
    struct tris_hash now;
    ok(store_txn_begin(e->w.f.s, &t));
    (void)fed_apply(&e->w, t);
    for (int i = 0; i < EVENTS; i++) {
        happen(e, t, order[i]);
    }
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < EVENTS; i++) {
            happen(e, t, i);
        }
    }
    state_of(e, t, &now);
    store_abort(t);
    if (e->runs++ == 0) {
        e->expected = now;
    }
    if (!tris_hash_eq(&now, &e->expected)) {
        for (int i = 0; i < EVENTS; i++) {
            print_message("%d ", order[i]);
        }
        print_message(": another state\n");
    }
    assert_true(tris_hash_eq(&now, &e->expected));
}

static void permute(struct epochs *e, int order[EVENTS], int at, unsigned *count)
{
    if (at == EVENTS) {
        if ((*count)++ % 10 == 0) {
            run(e, order);
        }
        return;
    }
    for (int i = at; i < EVENTS; i++) {
        int swap = order[at];
        order[at] = order[i];
        order[i] = swap;
        permute(e, order, at + 1, count);
        order[i] = order[at];
        order[at] = swap;
    }
}

static void test_any_order_of_arrival_gives_the_same_state(void **state)
{
    (void)state;
    static struct epochs e;
    for (int second = 0; second < 2; second++) {
        int order[EVENTS];
        unsigned count = 0;
        for (int i = 0; i < EVENTS; i++) {
            order[i] = i;
        }
        epochs_init(&e, second != 0);
        permute(&e, order, 0, &count);
        assert_int_equal(count, 5040);
        epochs_fini(&e);
    }
}

/* ---- the own house ---- */

static void open_epoch(struct fed *w, uint32_t epoch)
{
    char detail[256];
    struct tris_sign_secret key;
    struct store_opts opts = fix_opts(&w->f, false);
    struct tris_house_id pub = fed_key(1, epoch, &key);
    opts.own_epoch = epoch;
    memcpy(opts.own_key.b, pub.b, sizeof opts.own_key.b);
    store_close(w->f.s);
    ok(store_open(&opts, &w->f.s, detail, sizeof detail));
}

static uint64_t own_change(struct fed *w, struct store_txn *t, uint32_t no, uint32_t verb,
                           uint64_t record, const char *name)
{
    static const uint8_t end_payload[] = {0x80};
    struct entry_header header = header_change(verb, KIND_PARTNER, record, 0);
    uint64_t seq = 0;
    header.has_record_epoch = true;
    header.record_epoch = 0;
    ok(own_append(t, no, header,
                  verb == VERB_END ? span_of(end_payload, 1)
                                   : fix_partner(&w->f, name, "W", "05315", "P-1"),
                  &seq));
    return seq;
}

static void test_an_own_record_lives_on_in_the_next_epoch(void **state)
{
    (void)state;
    static struct fed w;
    struct script_log gov[2], data, next;
    struct store_txn *t;
    struct store_log log;
    struct record_ref found;
    uint64_t seq = 0;
    fed_init(&w);
    fed_log(&data, &w, 1, TRIS_TOPIC_DATA, 0, 4);
    fed_log(&next, &w, 1, TRIS_TOPIC_DATA, 1, 4);
    const struct entry_header header = header_create(KIND_PARTNER);
    (void)script_add(&data, &header, fix_partner(&w.f, "Eins", "Z", "05315", "P-1"), false);
    (void)script_add(&data, &header, fix_partner(&w.f, "Zwei", "Z", "05315", "P-2"), false);
    const struct log_cut closes = fed_cut(&data, 2);
    const struct opening o = fed_opening(1, 1, &closes);
    for (uint8_t i = 0; i < 2; i++) {
        fed_log(&gov[i], &w, (uint8_t)(i + 2), TRIS_TOPIC_GOV, 0, 2);
        fed_endorse(&gov[i], &o, 1);
    }
    open_epoch(&w, 1);
    ok(store_txn_begin(w.f.s, &t));
    (void)fed_apply(&w, t);
    (void)fed_meet(&gov[0], t, 1);
    (void)fed_meet(&gov[1], t, 1);
    (void)fed_apply(&w, t);
    assert_true(fed_has(t, &next, &log));
    assert_true(log.current);
    const uint32_t no = log.no;
    fails(TRIS_ERR_INCOMPLETE,
          own_append(t, no, header, fix_partner(&w.f, "Drei", "Z", "05315", NULL), &seq));
    assert_true(fed_meet(&data, t, 2)); /* the former epoch's own log comes from others */
    (void)own_change(&w, t, no, VERB_PUT, 0, "Eins neu");
    (void)own_change(&w, t, no, VERB_PUT, 0, "Eins noch neuer");
    (void)own_change(&w, t, no, VERB_END, 1, NULL);
    ok(store_find_source(store_txn_view(t), KIND_PARTNER, span_str("liste"), span_str("P-1"),
                         &found));
    assert_int_equal(found.seq, 0);
    fails(TRIS_ERR_NOT_FOUND, store_find_source(store_txn_view(t), KIND_PARTNER, span_str("liste"),
                                                span_str("P-2"), &found));
    fails(TRIS_ERR_NOT_FOUND, store_find_name(store_txn_view(t), KIND_PARTNER, span_str("Eins"),
                                              span_str("05315"), &found));
    ok(store_commit(t));
    script_follow(w.f.s, UINT32_MAX);
    audit_clean(w.f.s);

    /* the former epoch is cut and comes back: what was written in this one stays */
    ok(store_txn_begin(w.f.s, &t));
    assert_true(fed_has(t, &data, &log));
    ok(store_log_cut(t, log.no, 0, STORE_TAIL_DROP));
    assert_true(fed_has(t, &next, &log));
    assert_int_equal(log.held, 3);
    ok(store_commit(t));
    script_follow(w.f.s, UINT32_MAX);
    audit_clean(w.f.s);
    ok(store_txn_begin(w.f.s, &t));
    assert_true(fed_meet(&data, t, 2));
    ok(store_find_name(store_txn_view(t), KIND_PARTNER, span_str("Eins noch neuer"),
                       span_str("05315"), &found));
    assert_int_equal(found.seq, 0);
    ok(store_commit(t));
    script_follow(w.f.s, UINT32_MAX);
    audit_clean(w.f.s);
    script_fini(&gov[0]);
    script_fini(&gov[1]);
    script_fini(&data);
    script_fini(&next);
    fed_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_later_epochs_change_the_records_of_earlier_ones),
        cmocka_unit_test(test_a_later_log_is_taken_back_entry_by_entry),
        cmocka_unit_test(test_a_later_log_waits_for_the_earlier_ones),
        cmocka_unit_test(test_any_order_of_arrival_gives_the_same_state),
        cmocka_unit_test(test_an_own_record_lives_on_in_the_next_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
