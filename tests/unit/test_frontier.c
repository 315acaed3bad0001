/* The frontier: digests and root as FORMAT.md defines them, whatever the order of arrival. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>

#include "proto/frontier.h"
#include "proto/hash.h"

enum { LOGS = 600 };

static struct frontier_item item_of(uint32_t i, uint64_t size)
{
    struct frontier_item item = {.held = size, .whole = size, .day = 20000 + i % 3};
    uint8_t number[4] = {(uint8_t)(i >> 8), (uint8_t)i};
    crypto_generichash(item.id.b, sizeof item.id.b, number, sizeof number, NULL, 0);
    item.root = (struct tris_hash){{0}};
    memcpy(item.root.b + 8, item.id.b, 24);
    item.root.b[0] = (uint8_t)size;
    item.ref.topic = TRIS_TOPIC_DATA;
    return item;
}

static struct frontier *frontier_with(uint32_t logs, bool backwards)
{
    struct frontier *f;
    assert_int_equal(frontier_new(&f), TRIS_OK);
    for (uint32_t k = 0; k < logs; k++) {
        uint32_t i = backwards ? logs - 1 - k : k;
        struct frontier_item item = item_of(i, 1 + i);
        assert_int_equal(frontier_set(f, i, &item), TRIS_OK);
    }
    return f;
}

static void root_is_independent_of_order(void **state)
{
    (void)state;
    struct frontier *a = frontier_with(LOGS, false);
    struct frontier *b = frontier_with(LOGS, true);
    struct tris_hash x, y;
    frontier_root(a, &x);
    frontier_root(b, &y);
    assert_true(tris_hash_eq(&x, &y));
    struct frontier_item item = item_of(7, 9);
    assert_int_equal(frontier_set(b, 7, &item), TRIS_OK);
    frontier_root(b, &y);
    assert_false(tris_hash_eq(&x, &y));
    item = item_of(7, 8);
    assert_int_equal(frontier_set(b, 7, &item), TRIS_OK);
    frontier_root(b, &y);
    assert_true(tris_hash_eq(&x, &y));
    frontier_free(a);
    frontier_free(b);
}

/* Growth ends it; a pause in the claims lets it begin anew; another day of the seal does not. */
static void a_lack_lasts_until_something_comes(void **state)
{
    (void)state;
    struct frontier *f = frontier_with(3, false);
    assert_int_equal(frontier_item(f, 1)->lack_ms, 0);
    frontier_lacks(f, 1, 1000);
    frontier_lacks(f, 1, 1000 + FRONTIER_LACK_PAUSE_MS);
    assert_int_equal(frontier_item(f, 1)->lack_ms, 1000);
    struct frontier_item item = item_of(1, 2);
    item.day++;
    assert_int_equal(frontier_set(f, 1, &item), TRIS_OK);
    assert_int_equal(frontier_item(f, 1)->lack_ms, 1000);
    frontier_lacks(f, 1, 1000 + 2 * FRONTIER_LACK_PAUSE_MS + 1);
    assert_int_equal(frontier_item(f, 1)->lack_ms, 1000 + 2 * FRONTIER_LACK_PAUSE_MS + 1);
    item = item_of(1, 3);
    assert_int_equal(frontier_set(f, 1, &item), TRIS_OK);
    assert_int_equal(frontier_item(f, 1)->lack_ms, 0);
    frontier_free(f);
}

/* The definition, written down a second time. */
static void digests_follow_the_definition(void **state)
{
    (void)state;
    struct frontier *f = frontier_with(LOGS, true);
    static uint8_t digests[TRIS_FRONTIER_BUCKETS * 32];
    uint32_t seen = 0;
    for (uint32_t bucket = 0; bucket < TRIS_FRONTIER_BUCKETS; bucket++) {
        static uint8_t bytes[LOGS * 77];
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        const struct frontier_item *before = NULL;
        uint32_t log_no = FRONTIER_NONE;
        while ((log_no = frontier_bucket_next(f, bucket, log_no)) != FRONTIER_NONE) {
            const struct frontier_item *item = frontier_item(f, log_no);
            assert_int_equal(item->id.b[0], bucket);
            assert_true(before == NULL || tris_log_id_cmp(&before->id, &item->id) < 0);
            before = item;
            wbuf_bytes(&w, item->id.b, 32);
            wbuf_u64(&w, item->whole);
            wbuf_bytes(&w, item->root.b, 32);
            wbuf_u32(&w, item->day);
            wbuf_u8(&w, item->flags);
            seen++;
        }
        struct tris_hash expected = {{0}}, got;
        struct span part = wbuf_span(&w);
        if (w.len > 0) {
            hash_parts("tris-bucket-v1", NULL, &part, 1, &expected);
        }
        frontier_bucket(f, bucket, &got);
        assert_true(tris_hash_eq(&expected, &got));
        memcpy(digests + bucket * 32, got.b, 32);
    }
    assert_int_equal(seen, LOGS);
    struct span all = span_of(digests, sizeof digests);
    struct tris_hash expected, got;
    hash_parts("tris-front-v1", NULL, &all, 1, &expected);
    frontier_root(f, &got);
    assert_true(tris_hash_eq(&expected, &got));
    frontier_free(f);
}

static void empty_logs_do_not_count_unless_forked(void **state)
{
    (void)state;
    struct frontier *f, *empty;
    struct tris_hash x, y;
    assert_int_equal(frontier_new(&empty), TRIS_OK);
    assert_int_equal(frontier_new(&f), TRIS_OK);
    struct frontier_item item = item_of(3, 0);
    assert_int_equal(frontier_set(f, 3, &item), TRIS_OK);
    frontier_root(empty, &x);
    frontier_root(f, &y);
    assert_true(tris_hash_eq(&x, &y));
    assert_true(frontier_empty(f) && frontier_empty(empty));
    assert_int_equal(frontier_count(f), 4);
    assert_null(frontier_item(f, 2));
    assert_non_null(frontier_item(f, 3));
    item.flags = FRONTIER_FORKED;
    assert_int_equal(frontier_set(f, 3, &item), TRIS_OK);
    frontier_root(f, &y);
    assert_false(tris_hash_eq(&x, &y));
    assert_false(frontier_empty(f));
    frontier_free(f);
    frontier_free(empty);
}

static void logs_are_found_by_16_bytes(void **state)
{
    (void)state;
    struct frontier *f = frontier_with(LOGS, true);
    for (uint32_t i = 0; i < LOGS; i++) {
        struct frontier_item item = item_of(i, 1);
        struct tris_short id = tris_short_of(item.id.b);
        assert_int_equal(frontier_find(f, &id), i);
        id.b[15] ^= 1;
        assert_int_equal(frontier_find(f, &id), FRONTIER_NONE);
    }
    frontier_free(f);
}

static void the_ring_remembers_4096_roots(void **state)
{
    (void)state;
    struct frontier *f = frontier_with(3, false);
    struct tris_hash first, root;
    uint64_t stamp;
    frontier_root(f, &first);
    struct tris_short wanted = tris_short_of(first.b);
    assert_true(frontier_stamp_of(f, &wanted, &stamp));
    assert_int_equal(stamp, frontier_stamp(f));
    for (uint64_t i = 0; i < TRIS_FRONTIER_RING - 1; i++) {
        struct frontier_item item = item_of(1, 1000 + i);
        item.root.b[1] = (uint8_t)(i >> 8);
        assert_int_equal(frontier_set(f, 1, &item), TRIS_OK);
        frontier_root(f, &root);
        frontier_root(f, &root); /* asking twice enters nothing */
        assert_true(frontier_stamp_of(f, &wanted, &stamp));
        assert_int_equal(stamp, 3);
    }
    struct frontier_item item = item_of(2, 77);
    assert_int_equal(frontier_set(f, 2, &item), TRIS_OK);
    frontier_root(f, &root);
    assert_false(frontier_stamp_of(f, &wanted, &stamp));
    struct tris_short newest = tris_short_of(root.b);
    assert_true(frontier_stamp_of(f, &newest, &stamp));
    assert_int_equal(frontier_item(f, 2)->stamp, stamp);
    assert_true(frontier_item(f, 0)->stamp < stamp);
    frontier_free(f);
}

static void fetcher_survives_an_update(void **state)
{
    (void)state;
    struct frontier *f = frontier_with(2, false);
    frontier_item_mut(f, 1)->fetcher = 9;
    struct frontier_item item = item_of(1, 50);
    assert_int_equal(frontier_set(f, 1, &item), TRIS_OK);
    assert_int_equal(frontier_item(f, 1)->fetcher, 9);
    assert_int_equal(frontier_item(f, 1)->held, 50);
    frontier_free(f);
}

/* The gov frontier is what the frontier would be without any other log. */
static void the_gov_frontier_knows_no_other_log(void **state)
{
    (void)state;
    struct frontier *all, *gov;
    struct tris_hash one, two;
    assert_int_equal(frontier_new(&all), TRIS_OK);
    assert_int_equal(frontier_new(&gov), TRIS_OK);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 40; i++) {
            struct frontier_item item = {.held = i * round, .whole = i * round, .day = round};
            item.ref.topic = i % 3 == 0 ? TRIS_TOPIC_GOV : TRIS_TOPIC_DATA;
            memset(item.id.b, (int)(i % 7), sizeof item.id.b);
            item.id.b[31] = (uint8_t)i;
            assert_int_equal(frontier_set(all, i, &item), TRIS_OK);
            if (item.ref.topic == TRIS_TOPIC_GOV) {
                assert_int_equal(frontier_set(gov, i, &item), TRIS_OK);
            }
            frontier_gov_root(all, &one);
            frontier_root(gov, &two);
            assert_true(tris_hash_eq(&one, &two));
            frontier_gov_bucket(all, i % 7, &one);
            frontier_bucket(gov, i % 7, &two);
            assert_true(tris_hash_eq(&one, &two));
        }
    }
    frontier_root(all, &one);
    assert_false(tris_hash_eq(&one, &two));
    frontier_free(all);
    frontier_free(gov);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_is_independent_of_order),
        cmocka_unit_test(digests_follow_the_definition),
        cmocka_unit_test(a_lack_lasts_until_something_comes),
        cmocka_unit_test(empty_logs_do_not_count_unless_forked),
        cmocka_unit_test(logs_are_found_by_16_bytes),
        cmocka_unit_test(the_ring_remembers_4096_roots),
        cmocka_unit_test(fetcher_survives_an_update),
        cmocka_unit_test(the_gov_frontier_knows_no_other_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
