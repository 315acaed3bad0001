/* What a batch does with fork proofs and with the last run of a cut log. The log is the own one: it
 * can be written to here, and what is true of others' logs is true of it. */
#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdlib.h>

#include "daemon/daemon.h"
#include "daemon/writer_batch.h"
#include "daemon/writer_first.h"
#include "daemon/writer_fork.h"
#include "proto/pack.h"

enum { ENTRIES = 6, RUN_BYTES = 4096 };

struct fixture {
    char dir[256];
    struct daemon d;
    struct batch b;
    uint32_t log_no; /* the own log that it is about: data */
    uint8_t proof[FORK_PROOF_BYTES_MAX];
};

static void make_identity(struct daemon *d)
{
    static const uint8_t nonce[32] = {7};
    struct tris_sign_pub pub;
    assert_int_equal(crypto_sign_keypair(pub.b, d->identity.b), 0);
    d->own_line = (struct house_line){
        .role = TRIS_ROLE_HOUSE, .region = "05315", .slug = "koeln", .name = "K", .time_ms = 1000};
    memset(d->own_line.transport.b, 9, sizeof d->own_line.transport.b);
    assert_int_equal(
        house_line_make(&d->own_line, &d->identity, d->own_line_text, sizeof d->own_line_text),
        TRIS_OK);
    assert_int_equal(charter_new("Test", nonce, &d->own_line, 1, 1, 2, &d->charter), TRIS_OK);
    d->own = d->own_line.id;
    d->role = TRIS_ROLE_HOUSE;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char detail[256];
    assert_non_null(f);
    test_dir_make(f->dir, sizeof f->dir);
    log_init(&f->d.log, LOG_ERROR, LOG_TEXT);
    make_identity(&f->d);
    atomic_store(&f->d.confirm.may_seal, true);
    struct store_opts opts = {.dir = f->dir,
                              .map_bytes = 64 << 20,
                              .create = true,
                              .fed = f->d.charter.fed,
                              .own = f->d.own};
    assert_int_equal(store_open(&opts, &f->d.store, detail, sizeof detail), TRIS_OK);
    struct store_members *members;
    assert_int_equal(first_logs(&f->d, &members), TRIS_OK);
    members_free(members);
    assert_int_equal(batch_init(&f->b, &f->d), TRIS_OK);
    assert_int_equal(first_entries(&f->d, &f->b), TRIS_OK); /* one entry, sealed */
    f->log_no = f->d.data_no;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    batch_fini(&f->b);
    store_close(f->d.store);
    charter_fini(&f->d.charter);
    test_dir_remove(f->dir);
    free(f);
    return 0;
}

static void head(struct fixture *f, struct store_log *out)
{
    struct store_view *v;
    assert_int_equal(store_view_begin(f->d.store, &v), TRIS_OK);
    assert_int_equal(store_log_get(v, f->log_no, out), TRIS_OK);
    store_view_end(v);
}

static enum tris_err write_one(struct fixture *f, enum tris_topic topic, char name)
{
    uint8_t bytes[256];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    pack_write_map(&w, 6);
    pack_write_uint(&w, PARTNER_NAME);
    pack_write_str(&w, span_of(&name, 1));
    pack_write_uint(&w, PARTNER_SECTOR);
    pack_write_uint(&w, 1);
    pack_write_uint(&w, PARTNER_LEGAL_FORM);
    pack_write_uint(&w, 1);
    pack_write_uint(&w, PARTNER_INTERMEDIARY);
    pack_write_bool(&w, false);
    pack_write_uint(&w, PARTNER_REGION);
    pack_write_cstr(&w, "05315");
    pack_write_uint(&w, PARTNER_STATUS);
    pack_write_uint(&w, 1);
    assert_int_equal(w.err, TRIS_OK);
    struct writer_op op = {
        .type = WRITER_PUT, .topic = topic, .kind = KIND_PARTNER, .payload = wbuf_span(&w)};
    struct writer_result result;
    struct work work = {.type = WORK_GROUP, .ops = &op, .results = &result, .count = 1};
    struct work_list list;
    work_list_init(&list);
    work_list_push(&list, &work);
    assert_int_equal(batch_run(&f->b, &list), TRIS_OK);
    assert_int_equal(work.err, TRIS_OK);
    return result.change == WRITER_REJECTED ? result.err : TRIS_OK;
}

static void write_some(struct fixture *f, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(write_one(f, TRIS_TOPIC_DATA, (char)('A' + i)), TRIS_OK);
    }
}

static void leaves_of(struct fixture *f, uint64_t count, struct tris_hash *out)
{
    struct store_view *v;
    assert_int_equal(store_view_begin(f->d.store, &v), TRIS_OK);
    for (uint64_t i = 0; i < count; i++) {
        struct tree_node node = {.index = i};
        assert_int_equal(store_tree_nodes(v, f->log_no, &node, 1), TRIS_OK);
        out[i] = node.hash;
    }
    store_view_end(v);
}

/* A proof by the own key that histories which begin with these leaves part at `at`. */
static struct span proof_of(struct fixture *f, const struct tris_hash *leaves, uint64_t at)
{
    struct store_log log;
    struct tree_node nodes[ENTRIES + 1];
    struct tris_hash left[ENTRIES + 1];
    struct fork_side sides[2];
    struct tree before;
    head(f, &log);
    tree_init(&before);
    for (uint64_t i = 0; i < at; i++) {
        nodes[i] = (struct tree_node){.index = i, .hash = leaves[i]};
        (void)tree_append(&before, &leaves[i], TREE_LEVELS_MAX, NULL);
    }
    const size_t count = tree_merge(nodes, (size_t)at);
    for (size_t i = 0; i < count; i++) {
        left[i] = nodes[i].hash;
    }
    for (size_t i = 0; i < 2; i++) {
        struct tree after = before;
        sides[i] = (struct fork_side){.seal = {.log = log.id, .size = at + 1, .time_ms = i},
                                      .leaf = {{(uint8_t)(i + 1)}}};
        (void)tree_append(&after, &sides[i].leaf, TREE_LEVELS_MAX, NULL);
        tree_root(&after, &sides[i].seal.root);
        seal_make(&sides[i].seal, &f->d.identity);
    }
    struct wbuf w = wbuf_of(f->proof, sizeof f->proof);
    assert_int_equal(fork_proof_make(&f->d.charter.fed, &log.ref, at, left, sides, &w), TRIS_OK);
    return wbuf_span(&w);
}

static enum tris_err run_fork(struct fixture *f, struct span proof)
{
    struct work work = {.type = WORK_FORK, .session_no = 5};
    struct work_list list;
    work.fork = (struct session_fork){
        .log_no = f->log_no, .bytes = (uint8_t *)(uintptr_t)proof.ptr, .len = proof.len};
    work_list_init(&list);
    work_list_push(&list, &work);
    assert_int_equal(batch_run(&f->b, &list), TRIS_OK);
    return work.err;
}

static uint64_t drafts(struct fixture *f)
{
    struct store_view *v;
    struct store_draft draft;
    uint64_t no = 0, count = 0;
    assert_int_equal(store_view_begin(f->d.store, &v), TRIS_OK);
    while (store_draft_next(v, &no, &draft) == TRIS_OK) {
        count++;
    }
    store_view_end(v);
    return count;
}

static void a_proof_cuts_the_log_and_ends_writing_to_it(void **state)
{
    struct fixture *f = *state;
    struct tris_hash leaves[ENTRIES];
    struct store_log log;
    struct store_view *v;
    struct span found;
    char key[FORK_FOUND_KEY_BYTES];
    write_some(f, ENTRIES - 1);
    leaves_of(f, ENTRIES, leaves);
    assert_int_equal(run_fork(f, proof_of(f, leaves, 4)), TRIS_OK);
    assert_int_equal(f->b.heads_count, 1);
    assert_true(f->b.heads[0].cut && f->b.heads[0].item.end == 4 && f->b.own_sealed);
    assert_true(f->b.heads[0].item.flags == FRONTIER_FORKED && f->b.heads[0].item.held == 4);
    head(f, &log);
    assert_true(log.forked && log.held == 4 && log.whole == 4);
    assert_int_equal(drafts(f), ENTRIES - 4);
    assert_int_equal(store_view_begin(f->d.store, &v), TRIS_OK);
    fork_found_key(key, f->log_no);
    assert_int_equal(store_setting_get(v, key, &found), TRIS_OK);
    store_view_end(v);
    assert_int_equal(write_one(f, TRIS_TOPIC_DATA, 'z'), TRIS_ERR_FORK);
    assert_int_equal(write_one(f, TRIS_TOPIC_LOCAL, 'z'), TRIS_OK);
    /* a higher or the same proof changes nothing, a lower one does */
    assert_int_equal(run_fork(f, proof_of(f, leaves, 4)), TRIS_OK);
    assert_int_equal(f->b.heads_count, 0);
    assert_int_equal(run_fork(f, proof_of(f, leaves, 5)), TRIS_OK);
    assert_int_equal(f->b.heads_count, 0);
    assert_int_equal(run_fork(f, proof_of(f, leaves, 0)), TRIS_OK);
    assert_int_equal(f->b.heads_count, 1);
    head(f, &log);
    assert_true(log.forked && log.held == 0 && log.end == 0);
}

static void a_proof_about_a_third_history_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct tris_hash leaves[ENTRIES];
    struct store_log before, after;
    write_some(f, ENTRIES - 1);
    leaves_of(f, ENTRIES, leaves);
    head(f, &before);
    leaves[2].b[0] ^= 1;
    assert_int_equal(run_fork(f, proof_of(f, leaves, 4)), TRIS_ERR_FORK);
    assert_int_equal(f->b.heads_count, 0);
    head(f, &after);
    assert_false(after.forked);
    assert_int_equal(after.held, before.held);
    assert_int_equal(run_fork(f, proof_of(f, leaves, 2)), TRIS_OK); /* what they have in common */
}

static void what_proves_nothing_is_refused(void **state)
{
    struct fixture *f = *state;
    struct tris_hash leaves[ENTRIES];
    struct store_log log;
    write_some(f, ENTRIES - 1);
    leaves_of(f, ENTRIES, leaves);
    struct span proof = proof_of(f, leaves, 4);
    f->proof[proof.len - 10] ^= 1; /* in a leaf */
    assert_int_equal(run_fork(f, proof), TRIS_ERR_BAD_SIGNATURE);
    assert_int_equal(run_fork(f, span_of(proof.ptr, 50)), TRIS_ERR_TRUNCATED);
    f->d.charter.fed.b[0] ^= 1; /* genuine, in another federation */
    proof = proof_of(f, leaves, 4);
    f->d.charter.fed.b[0] ^= 1;
    assert_int_not_equal(run_fork(f, proof), TRIS_OK);
    head(f, &log);
    assert_false(log.forked);
    assert_int_equal(log.held, ENTRIES);
}

/* The wire forms of entries [first, count), which end up as leaves, too. */
static struct span history(struct fixture *f, uint64_t first, uint64_t count, uint8_t *bytes,
                           struct tris_hash *leaves)
{
    struct store_log log;
    struct wbuf w = wbuf_of(bytes, RUN_BYTES);
    head(f, &log);
    for (uint64_t i = first; i < count; i++) {
        struct tris_salt salt = {{(uint8_t)i}};
        struct entry_header h = {
            .version = 1, .verb = VERB_PUT, .kind = KIND_PARTNER, .time_ms = i};
        uint8_t full[TRIS_HEADER_BYTES_MAX];
        struct wbuf fw = wbuf_of(full, sizeof full);
        struct entry entry;
        size_t start = w.len;
        entry_wire_encode(&w, &h, &salt, span_str("\x80"));
        struct rbuf r = rbuf_of(span_of(bytes + start, w.len - start));
        assert_int_equal(entry_wire_next(&r, &entry), TRIS_OK);
        assert_int_equal(entry_open(&entry, &log.id, i, &fw, &h, &leaves[i]), TRIS_OK);
    }
    assert_int_equal(w.err, TRIS_OK);
    return wbuf_span(&w);
}

static enum tris_err run_segment(struct fixture *f, uint64_t first, uint32_t count,
                                 struct span wire, const struct seal *seal)
{
    struct work work = {.type = WORK_SEGMENT, .session_no = 5};
    struct work_list list;
    work.segment = (struct session_segment){.log_no = f->log_no,
                                            .first = first,
                                            .count = count,
                                            .bytes = (uint8_t *)(uintptr_t)wire.ptr,
                                            .len = wire.len,
                                            .seal = *seal};
    work_list_init(&list);
    work_list_push(&list, &work);
    assert_int_equal(batch_run(&f->b, &list), TRIS_OK);
    return work.err;
}

/* Two entries are sealed here, one is not; others hold six of another continuation, which forks
 * behind the fifth. Both the run without a seal and one that reaches beyond the end are taken. */
static void what_is_missing_up_to_the_end_is_taken(void **state)
{
    struct fixture *f = *state;
    struct tris_hash leaves[ENTRIES];
    struct store_log log;
    uint8_t bytes[RUN_BYTES];
    write_some(f, 1);
    atomic_store(&f->d.confirm.may_seal, false);
    write_some(f, 1);
    head(f, &log);
    assert_true(log.held == 3 && log.seal.size == 2);
    leaves_of(f, 2, leaves);
    struct span wire = history(f, 2, ENTRIES, bytes, leaves);
    struct seal none = {.log = log.id, .size = 5};
    atomic_store(&f->d.confirm.tail_open, true);
    assert_int_equal(run_segment(f, 2, 3, wire, &none), TRIS_ERR_NOT_READY); /* not known yet */
    atomic_store(&f->d.confirm.tail_open, false);
    assert_int_equal(run_fork(f, proof_of(f, leaves, 5)), TRIS_OK);
    head(f, &log);
    assert_true(log.forked && log.held == 2 &&
                log.end == 5); /* what was not sealed is no history */
    assert_int_equal(drafts(f), 1);
    struct frontier_item item;
    store_head_item(&log, &item);
    assert_true(frontier_item_fetched(&item));
    struct rbuf run = rbuf_of(wire);
    struct entry entry;
    for (uint64_t i = 2; i < 5; i++) {
        assert_int_equal(entry_wire_next(&run, &entry), TRIS_OK);
    }
    none.root = log.end_root;
    bytes[wire.len / 3] ^= 1;
    assert_int_not_equal(run_segment(f, 2, 3, span_of(bytes, run.pos), &none), TRIS_OK);
    bytes[wire.len / 3] ^= 1;
    struct seal beyond = {.log = log.id, .size = ENTRIES, .root = {{9}}, .sig = {{9}}};
    assert_int_equal(run_segment(f, 2, ENTRIES - 2, wire, &beyond), TRIS_OK);
    head(f, &log);
    assert_true(log.held == 5 && log.whole == 5);
    assert_int_equal(run_segment(f, 2, 3, span_of(bytes, run.pos), &none), TRIS_OK); /* again */
    store_head_item(&log, &item);
    assert_true(item.held == 5 && item.day == 5 && !frontier_item_fetched(&item));
}

static void a_house_starts_without_its_card_and_record(void **state)
{
    struct fixture *f = *state;
    struct tris_hash none[1] = {0};
    assert_int_equal(run_fork(f, proof_of(f, none, 0)), TRIS_OK); /* not even the first entry */
    assert_int_equal(first_entries(&f->d, &f->b), TRIS_OK);
    f->log_no = f->d.gov_no;
    assert_int_equal(run_fork(f, proof_of(f, none, 0)), TRIS_OK);
    assert_int_equal(first_entries(&f->d, &f->b), TRIS_OK);
    assert_int_equal(write_one(f, TRIS_TOPIC_LOCAL, 'z'), TRIS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_proof_cuts_the_log_and_ends_writing_to_it),
        TEST(a_proof_about_a_third_history_changes_nothing),
        TEST(what_proves_nothing_is_refused),
        TEST(what_is_missing_up_to_the_end_is_taken),
        TEST(a_house_starts_without_its_card_and_record),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
