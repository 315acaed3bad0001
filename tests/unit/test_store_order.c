/* Every order of arrival leads to the same canonical state: all interleavings of three logs of four
 * entries, one of which has two histories, with its fork proof at every place and either history
 * held. 2 x 13 x 34,650 stores, each in a transaction that is given up. All of them where that is
 * fastest, a part elsewhere; TRIS_ORDER_PART=k/n runs every nth, 0/1 all. */
#include "tests/unit/store_canon.h"

#if defined(__SANITIZE_ADDRESS__)
enum { ORDER_PARTS = 40 };
#elif defined(__clang__) || !defined(__OPTIMIZE__)
enum { ORDER_PARTS = 8 };
#else
enum { ORDER_PARTS = 1 };
#endif

enum { HOUSES = 3, EACH = 4, FORK_AT = 2, STEPS = HOUSES * EACH + 1, PROOF = HOUSES };

struct order_world {
    struct fix f;
    struct script_log log[HOUSES], other; /* `other`: the second history of log 0 */
    struct verified_segment segment[HOUSES + 1][EACH];
    uint8_t *wire;
    uint8_t proof_bytes[FORK_PROOF_BYTES_MAX];
    struct fork_proof proof;
    struct span proof_span;
    struct tris_hash expected;
    uint64_t runs;
};

static uint64_t change(struct order_world *w, struct script_log *l, uint32_t verb, uint64_t record,
                       uint64_t prev, struct span payload)
{
    (void)w;
    struct entry_header header = header_change(verb, KIND_PARTNER, record, prev);
    return script_add(l, &header, payload, false);
}

static uint64_t create(struct script_log *l, struct span payload)
{
    struct entry_header header = header_create(KIND_PARTNER);
    return script_add(l, &header, payload, false);
}

/* Log 0 forks behind a record and its change: one history ends it, the other changes it. Log 1 has
 * an inert entry and an erased one, log 2 a record that moves and ends. */
static void write_logs(struct order_world *w)
{
    static const uint8_t end_payload[] = {0x81, 0x01, 0x07};
    const struct span end = span_of(end_payload, sizeof end_payload);
    struct fix *f = &w->f;
    create(&w->log[0], fix_partner(f, "Eins", "Z", "05315", "P-1"));
    change(w, &w->log[0], VERB_PUT, 0, 0, fix_partner(f, "Eins neu", "W", "14713", "P-1"));
    script_branch(&w->other, f, &w->log[0], FORK_AT);
    change(w, &w->log[0], VERB_END, 0, 1, end);
    create(&w->log[0], fix_partner(f, "Zwei", "Z", "05315", "P-2"));
    create(&w->other, fix_partner(f, "Drei", "S", "09162", NULL));
    change(w, &w->other, VERB_PUT, 0, 1, fix_partner(f, "Eins anders", "S", "05316", NULL));

    create(&w->log[1], fix_partner(f, "Vier", "Z", "05315", NULL));
    change(w, &w->log[1], VERB_PUT, 0, 7, fix_partner(f, "Falsch", "W", "14713", NULL));
    struct entry_header header = header_create(KIND_PARTNER);
    script_add(&w->log[1], &header, fix_partner(f, "Weg", "W", "14713", NULL), true);
    change(w, &w->log[1], VERB_PUT, 0, 1, fix_partner(f, "Vier neu", "W", "09162", NULL));

    create(&w->log[2], fix_partner(f, "Sechs", "Z", "05315", NULL));
    create(&w->log[2], fix_partner(f, "Sieben", "W", "05315", NULL));
    change(w, &w->log[2], VERB_PUT, 0, 0, fix_partner(f, "Sechs", "Z", "14713", NULL));
    change(w, &w->log[2], VERB_END, 0, 2, end);
}

static void order_init(struct order_world *w)
{
    fix_init(&w->f);
    for (uint32_t i = 0; i < HOUSES; i++) {
        script_init(&w->log[i], &w->f, (uint8_t)(i + 2), TRIS_TOPIC_DATA, 0, EACH);
    }
    write_logs(w);
    w->wire = malloc(64 * 1024);
    assert_non_null(w->wire);
    size_t used = 0;
    for (uint32_t i = 0; i <= HOUSES; i++) {
        struct script_log *l = i < HOUSES ? &w->log[i] : &w->other;
        for (uint32_t seq = 0; seq < EACH; seq++) {
            struct verified_segment *s = &w->segment[i][seq];
            script_segment(l, seq, seq + 1, s);
            memcpy(w->wire + used, s->wire.ptr,
                   s->wire.len); /* the script's buffer is used again */
            s->wire = span_of(w->wire + used, s->wire.len);
            used += s->wire.len;
            assert_true(used < 60000);
        }
    }
    w->proof_span = script_proof(&w->f, &w->log[0], EACH, &w->other, EACH, FORK_AT, w->proof_bytes);
    ok(fork_proof_verify(w->proof_span, &w->proof));
}

static void canonical(struct order_world *w, struct store_txn *t, struct tris_hash *out)
{
    const struct script_log *logs[HOUSES] = {&w->log[0], &w->log[1], &w->log[2]};
    canon_state(store_txn_view(t), logs, HOUSES, out);
}

/* ---- orders ---- */

/* One thing arrives. What a house cannot take, because a fork is known, it refuses. */
static void arrive(struct order_world *w, struct store_txn *t, uint32_t what, uint32_t seq,
                   bool second)
{
    bool lowered = false;
    uint32_t no;
    struct script_log *l = &w->log[what == PROOF ? 0 : what];
    ok(store_log_ensure(t, &l->w.ref, &no));
    if (what == PROOF) {
        ok(store_fork_put(t, no, w->proof.at, &w->proof.root_at, w->proof_span, &lowered));
        assert_true(lowered);
        return;
    }
    const struct verified_segment *s = &w->segment[what == 0 && second ? HOUSES : what][seq];
    enum tris_err err = store_append_segment(t, no, s, 5);
    assert_true(err == TRIS_OK || (what == 0 && seq >= FORK_AT &&
                                   (err == TRIS_ERR_FORK || err == TRIS_ERR_NOT_NEXT)));
}

static void run_order(struct order_world *w, const uint8_t what[STEPS], bool second)
{
    struct store_txn *t;
    struct tris_hash state;
    uint32_t seq[HOUSES + 1] = {0};
    ok(store_txn_begin(w->f.s, &t));
    for (uint32_t i = 0; i < STEPS; i++) {
        arrive(w, t, what[i], seq[what[i]]++, second);
    }
    canonical(w, t, &state);
    ok(store_txn_err(t));
    store_abort(t);
    if (w->runs++ == 0) {
        w->expected = state;
    }
    if (!tris_hash_eq(&state, &w->expected)) {
        for (uint32_t i = 0; i < STEPS; i++) {
            print_message("%u ", what[i]);
        }
        print_message(": another state, with history %d\n", second ? 2 : 1);
    }
    assert_true(tris_hash_eq(&state, &w->expected));
}

/* The next arrangement of a multiset, ascending; false after the last. */
static bool next_order(uint8_t what[STEPS])
{
    uint32_t i = STEPS - 1;
    while (i > 0 && what[i - 1] >= what[i]) {
        i--;
    }
    if (i == 0) {
        return false;
    }
    uint32_t k = STEPS - 1;
    while (what[k] <= what[i - 1]) {
        k--;
    }
    uint8_t swap = what[i - 1];
    what[i - 1] = what[k];
    what[k] = swap;
    for (uint32_t a = i, b = STEPS - 1; a < b; a++, b--) {
        swap = what[a];
        what[a] = what[b];
        what[b] = swap;
    }
    return true;
}

static void test_every_order_of_arrival_gives_the_same_state(void **state)
{
    (void)state;
    static struct order_world w;
    uint8_t what[STEPS];
    unsigned part = 0;
    unsigned parts = ORDER_PARTS;
    uint64_t order = 0;
    const char *chosen = getenv("TRIS_ORDER_PART");
    assert_true(chosen == NULL || (sscanf(chosen, "%u/%u", &part, &parts) == 2 && parts > 0));
    order_init(&w);
    for (uint32_t i = 0; i < STEPS; i++) {
        what[i] = (uint8_t)(i / EACH); /* 0 0 0 0 1 1 1 1 2 2 2 2 3 */
    }
    do {
        if (order++ % parts == part % parts) {
            run_order(&w, what, false);
            run_order(&w, what, true);
        }
    } while (next_order(what));
    assert_int_equal(order, 450450);
    print_message("%llu orders\n", (unsigned long long)w.runs);
    for (uint32_t i = 0; i < HOUSES; i++) {
        script_fini(&w.log[i]);
    }
    script_fini(&w.other);
    free(w.wire);
    fix_fini(&w.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order_of_arrival_gives_the_same_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
