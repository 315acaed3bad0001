/* Messages: every row of the table goes out and comes back; everything else is refused or skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sodium.h>

#include "proto/msg.h"
#include "proto/pack.h"

/* Numbers in use, and UNKNOWN in front. */
static const uint32_t numbers[] = {
    MSG_UNKNOWN,
#define MSG_ROW(name)
#define MSG_ROW_END(name)
#define MSG(number, NAME, name) number,
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit)
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"
};

enum { ROOM = 80 * 1024, SAMPLES = sizeof numbers / sizeof numbers[0] };

static uint8_t wire_bytes[200];
static uint8_t hash_bytes[MSG_NODES_HASHES_BYTES];
static uint8_t digest_bytes[MSG_DIGESTS_BYTES];
static uint8_t charter_bytes[MSG_CHARTER_TEXT_BYTES];
static char card_text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
static uint8_t rows[TRIS_CONTAINER_ITEMS_MAX * MSG_ITEM_BYTES_MAX];

static struct tris_short short_of(uint8_t byte)
{
    struct tris_short out;
    memset(out.b, byte, sizeof out.b);
    return out;
}

static struct msg_list items_of(uint32_t count)
{
    struct wbuf w = wbuf_of(rows, sizeof rows);
    for (uint32_t i = 0; i < count; i++) {
        struct msg_item item = {short_of((uint8_t)i), UINT64_MAX - i, short_of(2), UINT32_MAX, 255};
        msg_row_put(&w, MSG_ROW_item, &item);
    }
    assert_int_equal(w.err, TRIS_OK);
    return (struct msg_list){true, count, wbuf_span(&w)};
}

static struct msg_list claims_of(uint32_t count)
{
    struct wbuf w = wbuf_of(rows, sizeof rows);
    for (uint32_t i = 0; i < count; i++) {
        struct msg_claim claim = {short_of((uint8_t)i), UINT64_MAX, short_of(4)};
        msg_row_put(&w, MSG_ROW_claim, &claim);
    }
    assert_int_equal(w.err, TRIS_OK);
    return (struct msg_list){true, count, wbuf_span(&w)};
}

static struct msg_list news_of(uint32_t count)
{
    struct wbuf w = wbuf_of(rows, sizeof rows);
    for (uint32_t i = 0; i < count; i++) {
        struct msg_news news = {short_of((uint8_t)i), UINT64_MAX};
        msg_row_put(&w, MSG_ROW_news, &news);
    }
    assert_int_equal(w.err, TRIS_OK);
    return (struct msg_list){true, count, wbuf_span(&w)};
}

static struct msg_list refers_of(uint32_t count)
{
    struct wbuf w = wbuf_of(rows, sizeof rows);
    for (uint32_t i = 0; i < count; i++) {
        struct msg_referral row = {{{(uint8_t)i}}};
        msg_row_put(&w, MSG_ROW_referral, &row);
    }
    assert_int_equal(w.err, TRIS_OK);
    return (struct msg_list){true, count, wbuf_span(&w)};
}

static struct msg_list runs_of(uint32_t count)
{
    struct wbuf w = wbuf_of(rows, sizeof rows);
    for (uint32_t i = 0; i < count; i++) {
        struct msg_run run = {UINT64_MAX - i, TRIS_SEAL_SPACING_MAX};
        msg_row_put(&w, MSG_ROW_run, &run);
    }
    assert_int_equal(w.err, TRIS_OK);
    return (struct msg_list){true, count, wbuf_span(&w)};
}

/* `payload` bytes in each. */
static struct msg_list holes_of(uint32_t count, size_t payload)
{
    static uint8_t bytes[TRIS_PAYLOAD_BYTES_MAX + 1];
    static uint8_t room[ROOM];
    struct wbuf w = wbuf_of(room, sizeof room);
    for (uint32_t i = 0; i < count; i++) {
        pack_write_array(&w, 3);
        pack_write_uint(&w, UINT64_MAX - i);
        pack_write_bin(&w, bytes, sizeof(struct tris_salt));
        pack_write_bin(&w, bytes, payload);
    }
    assert_int_equal(w.err, TRIS_OK);
    return (struct msg_list){true, count, wbuf_span(&w)};
}

/* What is asked and told when something is missing or wrong. */
static void sample_repair(struct msg *m)
{
    if (m->type == MSG_END) {
        m->end.next = 1;
    } else if (m->type == MSG_GET_HOLES) {
        m->get_holes.runs = runs_of(MSG_RUNS_MAX);
    } else if (m->type == MSG_HOLES) {
        m->holes.more = 1;
        m->holes.items = holes_of(1, TRIS_PAYLOAD_BYTES_MAX);
    } else if (m->type == MSG_GET_CONSISTENCY) {
        m->get_consistency.first = UINT64_MAX;
    } else if (m->type == MSG_CONSISTENCY) {
        m->consistency.first = m->consistency.size = m->consistency.time_ms = UINT64_MAX;
        m->consistency.hashes = span_of(hash_bytes, MSG_CONSISTENCY_HASHES_BYTES);
    } else if (m->type == MSG_FORK_PROOF) {
        m->fork_proof.proof = span_of(hash_bytes, MSG_FORK_PROOF_BYTES);
    } else if (m->type == MSG_TWIN) {
        m->twin.about = m->twin.nonce = UINT64_MAX;
    } else if (m->type == MSG_GET_NODES) {
        m->get_nodes.level = 63;
        m->get_nodes.index = UINT64_MAX;
        m->get_nodes.count = MSG_NODES_MAX;
    } else if (m->type == MSG_NODES) {
        m->nodes.level = 63;
        m->nodes.index = UINT64_MAX;
        m->nodes.hashes = span_of(hash_bytes, MSG_NODES_HASHES_BYTES);
    }
}

/* What lets a house join. */
static void sample_join(struct msg *m)
{
    if (m->type == MSG_GET_CHARTER) {
        m->get_charter.offset = TRIS_CHARTER_BYTES_MAX;
    } else if (m->type == MSG_CHARTER) {
        m->charter.offset = m->charter.total = TRIS_CHARTER_BYTES_MAX;
        m->charter.text = span_of(charter_bytes, sizeof charter_bytes);
    } else {
        memset(card_text, 'x', sizeof card_text - 1);
        m->card.line = span_str(card_text);
    }
}

/* News, and what travels along with it. */
static void sample_gossip(struct msg *m)
{
    if (m->type == MSG_ANNOUNCE) {
        m->announce.push = 1;
        m->announce.news = news_of(TRIS_CONTAINER_ITEMS_MAX);
    } else {
        m->refer.houses = refers_of(MSG_REFERS_MAX);
    }
}

static void sample_talk(struct msg *m)
{
    if (m->type == MSG_PING) {
        m->ping.id = 5;
    } else if (m->type == MSG_PONG) {
        m->pong.id = UINT64_MAX;
    } else {
        m->bye.code = 3;
        m->bye.text = span_str("an der Grenze");
    }
}

static void sample_compare(struct msg *m)
{
    if (m->type == MSG_GET_CHANGED) {
        m->get_changed.common = (struct msg_maybe){true, short_of(1)};
    } else if (m->type == MSG_DIGESTS) {
        m->digests.digests = span_of(digest_bytes, sizeof digest_bytes);
    } else {
        m->get_buckets.buckets = span_of(digest_bytes, MSG_BUCKET_SET_BYTES);
    }
}

/* The largest of each kind where size matters. */
static struct msg sample(uint32_t which)
{
    struct msg m;
    memset(&m, 0, sizeof m);
    m.type = (enum msg_type)numbers[which];
    switch (m.type) {
    case MSG_UNKNOWN:
    case MSG_NOT_KNOWN:
    case MSG_GET_DIGESTS:
        break;
    case MSG_PING:
    case MSG_PONG:
    case MSG_BYE:
        sample_talk(&m);
        break;
    case MSG_ROOT:
        m.root.root = short_of(9);
        break;
    case MSG_CREDIT:
        m.credit.bytes = UINT32_MAX;
        m.credit.segments = 0;
        break;
    case MSG_CLAIM:
        m.claim_own.claims = claims_of(MSG_CLAIMS_MAX);
        break;
    case MSG_GET_CHANGED:
    case MSG_DIGESTS:
    case MSG_GET_BUCKETS:
        sample_compare(&m);
        break;
    case MSG_FRONTIER:
        m.frontier.more = 1;
        m.frontier.items = items_of(TRIS_CONTAINER_ITEMS_MAX);
        break;
    case MSG_GET_RANGE:
        m.get_range.first = 7;
        m.get_range.until = UINT64_MAX;
        break;
    case MSG_ENTRIES:
        m.entries.wire = span_of(wire_bytes, sizeof wire_bytes);
        break;
    case MSG_SEAL:
        m.seal.first = m.seal.time_ms = UINT64_MAX;
        m.seal.count = TRIS_SEAL_SPACING_MAX;
        break;
    case MSG_END:
    case MSG_GET_HOLES:
    case MSG_HOLES:
    case MSG_GET_CONSISTENCY:
    case MSG_CONSISTENCY:
    case MSG_FORK_PROOF:
    case MSG_TWIN:
    case MSG_GET_NODES:
    case MSG_NODES:
    case MSG_GET_FORK:
        sample_repair(&m);
        break;
    case MSG_GET_CHARTER:
    case MSG_CHARTER:
    case MSG_CARD:
        sample_join(&m);
        break;
    case MSG_ANNOUNCE:
    case MSG_REFER:
        sample_gossip(&m);
        break;
    }
    return m;
}

static size_t encode(const struct msg *m, uint8_t *out)
{
    struct wbuf w = wbuf_of(out, ROOM);
    msg_encode(&w, m);
    assert_int_equal(w.err, TRIS_OK);
    assert_int_equal(pack_check(wbuf_span(&w), PACK_CANONICAL), TRIS_OK);
    return w.len;
}

static void each_message_comes_back(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(ROOM), *again = malloc(ROOM);
    for (uint32_t i = 1; i < SAMPLES; i++) {
        struct msg m = sample(i), got;
        size_t len = encode(&m, bytes);
        struct rbuf r = rbuf_of(span_of(bytes, len));
        assert_int_equal(msg_decode(&r, &got), TRIS_OK);
        assert_int_equal(rbuf_left(&r), 0);
        assert_int_equal(got.type, m.type);
        assert_int_equal(encode(&got, again), len);
        assert_memory_equal(bytes, again, len);
        assert_non_null(msg_name(numbers[i]));
    }
    assert_null(msg_name(0));
    assert_null(msg_name(17));
    free(bytes);
    free(again);
}

static void planned_sizes_hold(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(ROOM);
    for (uint32_t i = 1; i < SAMPLES; i++) {
        struct msg m = sample(i);
        size_t len = encode(&m, bytes);
        if (m.type == MSG_DIGESTS) {
            assert_true(len <= MSG_DIGESTS_BYTES_MAX);
        } else if (m.type == MSG_CONSISTENCY) {
            assert_true(len <= MSG_CONSISTENCY_BYTES_MAX);
        } else if (m.type == MSG_FORK_PROOF) {
            assert_true(len <= MSG_FORK_PROOF_BYTES_MAX);
        } else if (m.type == MSG_NODES) {
            assert_true(len <= MSG_NODES_BYTES_MAX);
        } else if (m.type == MSG_CHARTER) {
            assert_true(len <= MSG_CHARTER_BYTES_MAX);
        } else if (m.type == MSG_CARD) {
            assert_true(len <= MSG_CARD_BYTES_MAX);
        } else if (m.type == MSG_ANNOUNCE) {
            assert_true(len <= MSG_ANNOUNCE_BYTES_MAX);
            assert_true(m.announce.news.rows.len <= m.announce.news.count * MSG_NEWS_BYTES_MAX);
        } else if (m.type == MSG_HOLES) {
            assert_true(m.holes.items.rows.len <= MSG_HOLE_BYTES_MAX);
            assert_true(len - m.holes.items.rows.len <= MSG_HOLES_OVERHEAD_MAX);
            m.holes.items = holes_of(TRIS_CONTAINER_ITEMS_MAX, 1);
            len = encode(&m, bytes);
            assert_true(len - m.holes.items.rows.len <= MSG_HOLES_OVERHEAD_MAX);
        } else if (m.type == MSG_GET_HOLES) {
            assert_true(m.get_holes.runs.rows.len <= MSG_GET_HOLES_BYTES_MAX);
            assert_true(len <= MSG_SMALL_BYTES_MAX);
        } else if (m.type == MSG_FRONTIER) {
            assert_true(len <= MSG_FRONTIER_BYTES_MAX);
        } else if (m.type == MSG_ENTRIES) {
            static uint8_t full[TRIS_FRAME_BYTES_MAX];
            m.entries.first = UINT64_MAX;
            m.entries.wire = span_of(full, sizeof full);
            assert_true(encode(&m, bytes) - sizeof full <= MSG_ENTRIES_OVERHEAD_MAX);
        } else {
            assert_true(len <= (m.type == MSG_SEAL ? MSG_SEAL_BYTES_MAX : MSG_SMALL_BYTES_MAX));
        }
    }
    free(bytes);
}

static void truncated_messages_are_refused(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(ROOM);
    for (uint32_t i = 1; i < SAMPLES; i++) {
        struct msg m = sample(i), got;
        size_t len = encode(&m, bytes);
        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *exact = malloc(cut + 1); /* the sanitizer sees a read behind it */
            memcpy(exact, bytes, cut);
            struct rbuf r = rbuf_of(span_of(exact, cut));
            assert_int_not_equal(msg_decode(&r, &got), TRIS_OK);
            free(exact);
            cut += len > 1000 && cut > 300 && cut < len - 300 ? 97 : 0;
        }
    }
    free(bytes);
}

static void flipped_bits_decode_to_what_they_say(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(ROOM), *again = malloc(ROOM);
    for (uint32_t i = 1; i < SAMPLES; i++) {
        struct msg m = sample(i), got;
        size_t len = encode(&m, bytes);
        size_t bits = len * 8 < 4000 ? len * 8 : 4000;
        for (size_t bit = 0; bit < bits; bit++) {
            bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << (bit % 8));
            struct rbuf r = rbuf_of(span_of(bytes, len));
            if (msg_decode(&r, &got) == TRIS_OK && got.type == m.type && rbuf_left(&r) == 0) {
                assert_int_equal(encode(&got, again), len);
                assert_memory_equal(again, bytes, len);
            }
            bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << (bit % 8));
        }
    }
    free(bytes);
    free(again);
}

static enum tris_err decode_of(const char *hex)
{
    uint8_t bytes[64];
    size_t len = strlen(hex) / 2;
    struct msg m;
    assert_true(tris_unhex(span_str(hex), bytes, len));
    struct rbuf r = rbuf_of(span_of(bytes, len));
    return msg_decode(&r, &m);
}

/* ANNOUNCE or REFER with these rows. */
static enum tris_err decode_rows(enum msg_type type, uint64_t push, struct msg_list list)
{
    uint8_t *bytes = malloc(ROOM);
    struct wbuf w = wbuf_of(bytes, ROOM);
    struct msg m;
    pack_write_array(&w, type == MSG_ANNOUNCE ? 3 : 2);
    pack_write_uint(&w, type);
    if (type == MSG_ANNOUNCE) {
        pack_write_uint(&w, push);
    }
    pack_write_array(&w, list.count);
    wbuf_span_put(&w, list.rows);
    struct rbuf r = rbuf_of(wbuf_span(&w));
    enum tris_err err = msg_decode(&r, &m);
    free(bytes);
    return err;
}

static void limits_of_gossip_are_kept(void **state)
{
    (void)state;
    const uint32_t most = TRIS_CONTAINER_ITEMS_MAX, others = MSG_REFERS_MAX;
    assert_int_equal(decode_rows(MSG_ANNOUNCE, 1, news_of(most)), TRIS_OK);
    assert_int_equal(decode_rows(MSG_ANNOUNCE, 1, news_of(most + 1)), TRIS_ERR_TOO_LARGE);
    assert_int_equal(decode_rows(MSG_ANNOUNCE, 2, news_of(1)), TRIS_ERR_BAD_VALUE);
    assert_int_equal(decode_rows(MSG_REFER, 0, refers_of(others)), TRIS_OK);
    assert_int_equal(decode_rows(MSG_REFER, 0, refers_of(others + 1)), TRIS_ERR_TOO_LARGE);
}

static enum tris_err decode_list(enum msg_type type, uint32_t count, struct span list)
{
    uint8_t *bytes = malloc(ROOM);
    struct wbuf w = wbuf_of(bytes, ROOM);
    struct tris_short log = short_of(1);
    struct msg m;
    pack_write_array(&w, type == MSG_HOLES ? 4 : 3);
    pack_write_uint(&w, type);
    pack_write_bin(&w, log.b, sizeof log.b);
    if (type == MSG_HOLES) {
        pack_write_uint(&w, 0);
    }
    pack_write_array(&w, count);
    wbuf_span_put(&w, list);
    struct rbuf r = rbuf_of(wbuf_span(&w));
    enum tris_err err = msg_decode(&r, &m);
    free(bytes);
    return err;
}

static void limits_of_holes_are_kept(void **state)
{
    (void)state;
    uint8_t bytes[32];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    assert_int_equal(decode_list(MSG_GET_HOLES, MSG_RUNS_MAX, runs_of(MSG_RUNS_MAX).rows), TRIS_OK);
    assert_int_equal(decode_list(MSG_GET_HOLES, MSG_RUNS_MAX + 1, runs_of(MSG_RUNS_MAX + 1).rows),
                     TRIS_ERR_TOO_LARGE);
    pack_write_array(&w, 2);
    pack_write_uint(&w, 0);
    pack_write_uint(&w, TRIS_SEAL_SPACING_MAX + 1);
    assert_int_equal(decode_list(MSG_GET_HOLES, 1, wbuf_span(&w)), TRIS_ERR_BAD_VALUE);
    const uint32_t most = TRIS_CONTAINER_ITEMS_MAX;
    assert_int_equal(decode_list(MSG_HOLES, most, holes_of(most, 1).rows), TRIS_OK);
    assert_int_equal(decode_list(MSG_HOLES, most + 1, holes_of(most + 1, 1).rows),
                     TRIS_ERR_TOO_LARGE);
    const size_t payload = TRIS_PAYLOAD_BYTES_MAX;
    assert_int_equal(decode_list(MSG_HOLES, 1, holes_of(1, payload).rows), TRIS_OK);
    assert_int_equal(decode_list(MSG_HOLES, 1, holes_of(1, payload + 1).rows), TRIS_ERR_TOO_LARGE);
}

static void limits_are_kept(void **state)
{
    (void)state;
    assert_int_equal(decode_of("9305ceffffffff00"), TRIS_OK);
    assert_int_not_equal(decode_of("9305cf000000010000000000"), TRIS_OK); /* 2^32 bytes of credit */
    assert_int_not_equal(decode_of("9105"), TRIS_OK);                     /* fields missing */
    assert_int_not_equal(decode_of("90"), TRIS_OK);
    assert_int_not_equal(decode_of("05"), TRIS_OK);
    assert_int_not_equal(decode_of("9301cc0500"), TRIS_OK); /* not the shortest form */
    uint8_t *bytes = malloc(ROOM);
    struct wbuf w = wbuf_of(bytes, ROOM);
    struct msg m;
    pack_write_array(&w, 3); /* BYE with 121 bytes of text */
    pack_write_uint(&w, MSG_BYE);
    pack_write_uint(&w, 0);
    static const uint8_t text[MSG_BYE_TEXT_BYTES_MAX + 1] = {0};
    pack_write_str(&w, span_of(text, sizeof text));
    struct rbuf r = rbuf_of(wbuf_span(&w));
    assert_int_not_equal(msg_decode(&r, &m), TRIS_OK);
    w = wbuf_of(bytes, ROOM); /* CLAIM with 9 rows */
    pack_write_array(&w, 2);
    pack_write_uint(&w, MSG_CLAIM);
    pack_write_array(&w, MSG_CLAIMS_MAX + 1);
    wbuf_span_put(&w, claims_of(MSG_CLAIMS_MAX + 1).rows);
    r = rbuf_of(wbuf_span(&w));
    assert_int_not_equal(msg_decode(&r, &m), TRIS_OK);
    free(bytes);
}

static void later_versions_are_skipped(void **state)
{
    (void)state;
    uint8_t bytes[128];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    pack_write_array(&w, 3); /* reserved */
    pack_write_uint(&w, 34);
    pack_write_cstr(&w, "x");
    pack_write_map(&w, 0);
    pack_write_array(&w, 3); /* PING with a field of later */
    pack_write_uint(&w, MSG_PING);
    pack_write_uint(&w, 1);
    pack_write_array(&w, 0);
    struct msg m = sample(MSG_PONG), got;
    msg_encode(&w, &m);
    struct rbuf r = rbuf_of(wbuf_span(&w));
    assert_int_equal(msg_decode(&r, &got), TRIS_OK);
    assert_int_equal(got.type, MSG_UNKNOWN);
    assert_int_equal(got.number, 34);
    assert_int_equal(msg_decode(&r, &got), TRIS_OK);
    assert_int_equal(got.type, MSG_PING);
    assert_int_equal(msg_decode(&r, &got), TRIS_OK);
    assert_int_equal(got.type, MSG_PONG);
    assert_int_equal(rbuf_left(&r), 0);
}

/* What is skipped is judged like everything else: depth counts from the message. */
static void skipped_values_are_nested_no_deeper_than_others(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum tris_err err;
    } cases[] = {
        {"922291919191919191c0", TRIS_OK}, /* reserved 34: 8 containers with the message */
        {"92229191919191919191c0", TRIS_ERR_TOO_DEEP},
        {"93010591919191919191c0", TRIS_OK}, /* a later field of PING */
        {"9301059191919191919191c0", TRIS_ERR_TOO_DEEP},
        {"92228202c001c0", TRIS_ERR_NOT_CANONICAL}, /* keys of a skipped map */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(decode_of(cases[i].hex), cases[i].err);
    }
}

static void rows_come_back(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    struct msg_welcome in, out;
    memset(&in, 0, sizeof in);
    in.nonce = 77;
    for (uint32_t round = 0; round < 2; round++) { /* nil, and an empty list */
        in.claims = (struct msg_list){.present = round == 1};
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        msg_row_put(&w, MSG_ROW_welcome, &in);
        struct rbuf r = rbuf_of(wbuf_span(&w));
        msg_row_get(&r, MSG_ROW_welcome, &out);
        assert_int_equal(rbuf_finish(&r), TRIS_OK);
        assert_int_equal(out.nonce, 77);
        assert_int_equal(out.claims.present, round == 1);
        assert_int_equal(out.claims.count, 0);
    }
    struct msg m = sample(MSG_FRONTIER);
    struct rbuf r = rbuf_of(m.frontier.items.rows);
    struct msg_item item;
    for (uint32_t i = 0; i < m.frontier.items.count; i++) {
        msg_row_get(&r, MSG_ROW_item, &item);
        assert_int_equal(item.whole, UINT64_MAX - i);
    }
    assert_int_equal(rbuf_finish(&r), TRIS_OK);
}

static void print_is_bounded(void **state)
{
    (void)state;
    char text[200];
    for (uint32_t i = 0; i < SAMPLES; i++) {
        struct msg m = sample(i);
        for (size_t cap = 1; cap < sizeof text; cap += 13) {
            memset(text, '#', sizeof text);
            msg_print(&m, text, cap);
            assert_true(strlen(text) < cap);
            assert_int_equal(text[cap], '#');
        }
    }
    struct msg m = sample(MSG_GET_RANGE);
    msg_print(&m, text, sizeof text);
    assert_string_equal(text, "get_range log=0000000000000000 first=7 until=18446744073709551615");
}

static void bye_codes_come_back(void **state)
{
    (void)state;
    for (uint32_t err = 1; err < TRIS_ERR_COUNT; err++) {
        uint32_t code = msg_bye_code((enum tris_err)err);
        enum tris_err back = msg_bye_err(code);
        assert_true(back == (enum tris_err)err || back == TRIS_ERR_GOODBYE);
        assert_true(strlen(tris_err_text((enum tris_err)err)) <= MSG_BYE_TEXT_BYTES_MAX);
    }
    assert_int_equal(msg_bye_err(99999), TRIS_ERR_GOODBYE);
    assert_int_equal(msg_bye_code(TRIS_ERR_CREDIT), 6);
}

/* FORMAT.md is what a second implementation reads: its table must be that of msg.def. */
/* ---- FORMAT.md ---- */

struct doc_row {
    unsigned number;         /* of a message; of a field: that of its message */
    const char *name, *kind; /* kind NULL: the message itself */
};

static const char *kind_word(const char *kind)
{
    static const char *const words[][2] = {
        {"UINT", "uint"},          {"SHORT", "bin16"}, {"HASH", "bin32"},  {"SIG", "bin64"},
        {"MAYBE", "bin16 or nil"}, {"TEXT", "str"},    {"BIN", "bin"},     {"ITEMS", "items"},
        {"CLAIMS", "claims"},      {"RUNS", "runs"},   {"HOLES", "holes"}, {"NEWS", "news"},
        {"REFERS", "houses"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i][0], kind) == 0) {
            return words[i][1];
        }
    }
    fail_msg("no word for %s", kind);
    return "";
}

/* The whole file, line ends as blanks in `flat`; NULL if the test does not run from the root. */
static char *format_text(char **flat)
{
    FILE *file = fopen("proto/FORMAT.md", "rb");
    if (file == NULL) {
        return NULL;
    }
    char *text = calloc(1, 1024 * 1024);
    *flat = calloc(1, 1024 * 1024);
    size_t len = fread(text, 1, 1024 * 1024 - 1, file);
    fclose(file);
    assert_true(len > 0);
    for (size_t i = 0; i < len; i++) {
        (*flat)[i] = (char)(text[i] == '\n' ? ' ' : text[i]);
    }
    return text;
}

/* Every message with its fields in order, by name and kind, and none besides. */
static void format_md_has_the_table(void **state)
{
    (void)state;
    static const struct doc_row table[] = {
#define MSG_ROW(name)
#define MSG_ROW_END(name)
#define MSG(number, NAME, name) {number, #NAME, NULL},
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit) {0, #field, #kind},
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"
    };
    char *flat = NULL, *text = format_text(&flat), *at = NULL, wanted[80];
    if (text == NULL) {
        skip();
    }
    size_t start = 0;
    while (table[start].kind != NULL) {
        start++; /* the fields of list rows and handshake payloads */
    }
    for (size_t i = start; i < sizeof table / sizeof table[0]; i++) {
        bool message = table[i].kind == NULL;
        if (message) {
            snprintf(wanted, sizeof wanted, "\n| %u | %s | ", table[i].number, table[i].name);
            at = strstr(text, wanted);
        } else {
            snprintf(wanted, sizeof wanted, "%s %s", table[i].name, kind_word(table[i].kind));
            at = strncmp(at, wanted, strlen(wanted)) == 0 ? at : NULL;
        }
        if (at == NULL) {
            fail_msg("FORMAT.md lacks %s", wanted);
            return;
        }
        at += strlen(wanted);
        if (!message) { /* limits stand in parentheses, the next field behind a comma */
            at += strncmp(at, " (", 2) == 0 ? strcspn(at, ")") + 1 : 0;
            at += strncmp(at, ", ", 2) == 0 ? 2 : strspn(at, " ");
        }
        if (i + 1 == sizeof table / sizeof table[0] || table[i + 1].kind == NULL) {
            assert_int_equal(strncmp(at, "|\n", 2), 0); /* no field too many */
        }
    }
    free(text);
    free(flat);
}

static void format_md_has_reserved_numbers_and_reasons(void **state)
{
    (void)state;
    static const struct {
        unsigned number;
        const char *name;
        enum tris_err err; /* of a reason; TRIS_OK for a reserved number */
    } table[] = {
#define MSG_ROW(name)
#define MSG_ROW_END(name)
#define MSG(number, NAME, name)
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit)
#define MSG_RESERVED(number, NAME) {number, #NAME, TRIS_OK},
#define MSG_BYE(number, NAME) {number, NULL, TRIS_##NAME},
#include "proto/msg.def"
    };
    char *flat = NULL, *text = format_text(&flat), wanted[80];
    if (text == NULL) {
        skip();
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *name = table[i].name != NULL ? table[i].name : tris_err_name(table[i].err);
        snprintf(wanted, sizeof wanted, " %u %s", table[i].number, name);
        if (strstr(flat, wanted) == NULL) {
            fail_msg("FORMAT.md lacks%s", wanted);
        }
    }
    free(text);
    free(flat);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_comes_back),
        cmocka_unit_test(planned_sizes_hold),
        cmocka_unit_test(truncated_messages_are_refused),
        cmocka_unit_test(flipped_bits_decode_to_what_they_say),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(limits_of_holes_are_kept),
        cmocka_unit_test(limits_of_gossip_are_kept),
        cmocka_unit_test(later_versions_are_skipped),
        cmocka_unit_test(skipped_values_are_nested_no_deeper_than_others),
        cmocka_unit_test(rows_come_back),
        cmocka_unit_test(print_is_bounded),
        cmocka_unit_test(bye_codes_come_back),
        cmocka_unit_test(format_md_has_the_table),
        cmocka_unit_test(format_md_has_reserved_numbers_and_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
