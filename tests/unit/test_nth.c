/* Every allocation of proto/ fails, one after the other: what fails says so, leaks nothing, and
 * what goes on afterwards ends as if nothing had happened.
 *
 * The linker gives malloc, calloc and realloc to the functions below (--wrap); the test's own calls
 * go past them. */
#include <stdlib.h>

#include <sodium.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
#define malloc __real_malloc
#define calloc __real_calloc
#define realloc __real_realloc

#include "proto/member.h"
#include "proto/text.h"
#include "tests/lib/testlib.h"
#include "tests/unit/session_world.h"

static struct {
    bool armed;
    uint64_t left; /* allocations until one is refused */
    bool refused;
} fault;

static bool refuse(void)
{
    if (!fault.armed || fault.refused || fault.left-- > 0) {
        return false;
    }
    fault.refused = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refuse() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return refuse() ? NULL : __real_realloc(old, size);
}

static void arm(uint64_t n)
{
    fault.left = n;
    fault.refused = false;
    fault.armed = true;
}

/* Both ends of a session from its beginning to its end; false if it could not be made. */
static bool session_lives(struct world *w)
{
    struct session_config a = config_of(&w->nodes[0], &w->nodes[1], true);
    struct session_config b = config_of(&w->nodes[1], &w->nodes[0], false);
    struct link *l = &w->links[0];
    *l = (struct link){.used = true, .session_no = {a.session_no, b.session_no}, .chunk = 5000};
    l->end[0].node = &w->nodes[0];
    l->end[1].node = &w->nodes[1];
    enum tris_err first = session_new(&a, w->now_ms, &l->end[0].session);
    enum tris_err second = session_new(&b, w->now_ms, &l->end[1].session);
    if (first != TRIS_OK || second != TRIS_OK) {
        assert_true(fault.refused && first + second == TRIS_ERR_NO_MEMORY);
        link_close(l);
        return false;
    }
    world_run(w);
    node_write(&w->nodes[1], 3, 5, 100);
    world_run(w);
    world_pass(w, 3000);
    return true;
}

static struct world *world_with_logs(void)
{
    struct world *w = world_new(2, 3);
    for (uint32_t log_no = 0; log_no < 6; log_no++) {
        node_write(&w->nodes[log_no / 3], log_no, 20, 300);
    }
    return w;
}

static void a_session_without_memory_ends_and_the_next_one_brings_everything(void **state)
{
    (void)state;
    uint64_t n = 0;
    do {
        struct world *w = world_with_logs();
        arm(n++);
        bool made = session_lives(w);
        fault.armed = false;
        for (size_t i = 0; i < 2 && made; i++) {
            const struct end *e = &w->links[0].end[i];
            assert_true(!e->closed || fault.refused);
            assert_true(!e->closed || e->close.closed.reason == TRIS_ERR_NO_MEMORY ||
                        e->close.closed.reason == TRIS_ERR_TIMEOUT);
        }
        link_close(&w->links[0]);
        struct link *l = link_open(w, 0, 1, 0);
        world_run(w);
        world_pass(w, 20000);
        assert_false(l->end[0].closed || l->end[1].closed);
        assert_int_equal(frontier_item(w->nodes[0].frontier, 5)->held, 20);
        assert_int_equal(frontier_item(w->nodes[1].frontier, 0)->held, 20);
        world_free(w);
    } while (fault.refused);
    assert_true(n > 20);
    print_message("%llu allocations\n", (unsigned long long)n - 1);
}

/* A charter from its lines to its text and back. */
static enum tris_err charter_lives(const struct house_line *lines,
                                   const struct tris_sign_secret *keys)
{
    struct charter c = {0}, other = {0};
    uint32_t line_no = 0;
    char *text = NULL;
    size_t len = 0;
    static const uint8_t nonce[32] = {1};
    enum tris_err err = charter_new("Bund", nonce, lines, 3, 1, 2, &c);
    if (err != TRIS_OK) {
        return err;
    }
    for (size_t i = 0; i < 3 && err == TRIS_OK; i++) {
        err = charter_sign(&c, &keys[i]);
    }
    err = err == TRIS_OK ? charter_print(&c, &text, &len) : err;
    err = err == TRIS_OK ? charter_parse(span_of(text, len), &other, &line_no) : err;
    if (err == TRIS_OK) {
        err = charter_merge(&other, &c);
        assert_true(err != TRIS_OK || charter_complete(&other));
        charter_fini(&other);
    }
    free(text);
    charter_fini(&c);
    return err;
}

static void a_charter_without_memory_is_none(void **state)
{
    (void)state;
    static struct house_line lines[3];
    struct tris_sign_secret keys[3];
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t seed[32] = {(uint8_t)(i + 1)}, pub[32];
        crypto_sign_seed_keypair(pub, keys[i].b, seed);
        lines[i].role = TRIS_ROLE_HOUSE;
        (void)snprintf(lines[i].region, sizeof lines[i].region, "0531%u", 3U + i);
        (void)snprintf(lines[i].slug, sizeof lines[i].slug, "haus-%u", (unsigned)i);
        (void)snprintf(lines[i].name, sizeof lines[i].name, "Haus %u", (unsigned)i);
        assert_int_equal(house_line_make(&lines[i], &keys[i], text, sizeof text), TRIS_OK);
    }
    uint64_t n = 0;
    enum tris_err err;
    do {
        arm(n++);
        err = charter_lives(lines, keys);
        fault.armed = false;
        assert_int_equal(err, fault.refused ? TRIS_ERR_NO_MEMORY : TRIS_OK);
    } while (fault.refused);
    assert_true(n > 4);
}

static void a_membership_without_memory_is_none(void **state)
{
    (void)state;
    struct house_line founder = {
        .role = TRIS_ROLE_HOUSE, .region = "05315", .id = {{1}}, .key = {{1}}};
    const struct charter c = {
        .admit = 1, .revoke = 1, .member = &founder, .member_count = 1, .founder_count = 1};
    struct member_statement s[2] = {{.by = {.house = founder.id, .seal_key = founder.key}}};
    s[1] = s[0];
    s[0].what.opening =
        (struct opening){.house = {{2}}, .key = {{2}}, .role = TRIS_ROLE_HOUSE, .region = "05315"};
    s[1].what.revoke = true;
    s[1].what.revocation = (struct revocation){.house = {{2}}};
    uint64_t n = 0;
    do {
        struct member_set set;
        arm(n++);
        enum tris_err err = member_evaluate(&c, s, 2, &set);
        fault.armed = false;
        assert_int_equal(err, fault.refused ? TRIS_ERR_NO_MEMORY : TRIS_OK);
        assert_int_equal(set.house_count, fault.refused ? 0 : 2);
        member_set_fini(&set);
    } while (fault.refused);
    assert_true(n > 4);
}

/* What is small needs no memory; what is large says that there is none. */
static void a_frontier_and_long_texts_say_so(void **state)
{
    (void)state;
    static uint8_t out[32 * 1024], text[8192];
    struct frontier_item item = {.held = 1, .whole = 1};
    uint64_t n = 0;
    do {
        struct frontier *f = NULL;
        arm(n++);
        enum tris_err err = frontier_new(&f);
        for (uint32_t i = 0; i < 3000 && err == TRIS_OK; i++) {
            memcpy(item.id.b, &i, sizeof i);
            err = frontier_set(f, i, &item);
        }
        fault.armed = false;
        assert_int_equal(err, fault.refused ? TRIS_ERR_NO_MEMORY : TRIS_OK);
        frontier_free(f);
    } while (fault.refused);
    for (size_t i = 0; i + 2 < sizeof text; i += 3) {
        memcpy(text + i, "o\xcc\x88", 3); /* o, and its dots apart */
    }
    struct span all = span_of(text, sizeof text / 3 * 3);
    struct wbuf w = wbuf_of(out, sizeof out);
    arm(0);
    assert_int_equal(text_nfc(all, &w), TRIS_ERR_NO_MEMORY);
    arm(0);
    assert_false(text_is_clean(all, true));
    fault.armed = false;
    assert_int_equal(text_nfc(all, &w), TRIS_OK);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_without_memory_ends_and_the_next_one_brings_everything),
        cmocka_unit_test(a_charter_without_memory_is_none),
        cmocka_unit_test(a_membership_without_memory_is_none),
        cmocka_unit_test(a_frontier_and_long_texts_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
