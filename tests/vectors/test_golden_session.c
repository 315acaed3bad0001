/* Golden vectors of the frontier, of handshake payloads and of messages: frontier.json and
 * message.json. */
#include "proto/frontier.h"
#include "proto/msg.h"
#include "tests/vectors/golden.h"

enum { ITEMS = 7, PLAIN_BYTES_MAX = 8192, PRINT_BYTES = 512 };

/* ---- frontier.json --------------------------------------------------------------------------- */

/* Two logs share bucket 0x2a; log 4 is empty and does not count, log 5 is empty and forked. */
static struct frontier_item vector_item(uint32_t i)
{
    static const uint8_t buckets[ITEMS] = {0x00, 0x2a, 0x2a, 0xff, 0x10, 0x11, 0x80};
    struct frontier_item item = {.day = 20415 + i};
    memset(item.id.b, (int)(0xa0 - i), sizeof item.id.b);
    item.id.b[0] = buckets[i];
    item.ref.topic = TRIS_TOPIC_DATA;
    if (i == 4 || i == 5) {
        item.flags = i == 5 ? FRONTIER_FORKED : 0;
        return item;
    }
    item.held = item.whole = i == 6 ? UINT64_MAX : 1 + (uint64_t)i * 1000;
    memset(item.root.b, (int)(0xb0 + i), sizeof item.root.b);
    return item;
}

static json_t *frontier_json(uint32_t items)
{
    struct frontier *f;
    struct tris_hash hash;
    static const struct tris_hash zero;
    enum tris_err err = frontier_new(&f);
    tris_assert(err == TRIS_OK);
    json_t *out = json_object(), *list = json_array(), *digests = json_object();
    for (uint32_t i = 0; i < items; i++) {
        struct frontier_item item = vector_item(i);
        err = frontier_set(f, i, &item);
        tris_assert(err == TRIS_OK);
        json_t *v = json_object();
        set(v, "log_id", hex_json(item.id.b, sizeof item.id.b));
        set(v, "whole", number_json(item.whole));
        set(v, "root", hex_json(item.root.b, sizeof item.root.b));
        set(v, "day", json_integer(item.day));
        set(v, "flags", json_integer(item.flags));
        append(list, v);
    }
    for (uint32_t b = 0; b < TRIS_FRONTIER_BUCKETS; b++) {
        char name[4];
        frontier_bucket(f, b, &hash);
        (void)snprintf(name, sizeof name, "%02x", b);
        if (!tris_hash_eq(&hash, &zero)) {
            set(digests, name, hex_json(hash.b, sizeof hash.b));
        }
    }
    frontier_root(f, &hash);
    set(out, "items", list);
    set(out, "digests", digests);
    set(out, "root", hex_json(hash.b, sizeof hash.b));
    frontier_free(f);
    return out;
}

static json_t *make_frontier_file(void)
{
    json_t *out = json_object(), *list = json_array();
    for (uint32_t items = 0; items <= ITEMS; items++) {
        append(list, frontier_json(items));
    }
    set(out, "digests_not_named", json_string("32 bytes 00"));
    set(out, "frontiers", list);
    return out;
}

/* The items as the file has them give the digests and the root that it has. */
static void check_frontier_file(struct check *check, const json_t *file)
{
    size_t i, k;
    json_t *v, *item_v;
    json_array_foreach(json_object_get(file, "frontiers"), i, v)
    {
        struct frontier *f;
        struct tris_hash hash;
        EXPECT(check, frontier_new(&f) == TRIS_OK);
        json_array_foreach(json_object_get(v, "items"), k, item_v)
        {
            struct frontier_item item = {.ref = {.topic = TRIS_TOPIC_DATA}};
            hex_get_exact(item_v, "log_id", item.id.b, sizeof item.id.b);
            hex_get_exact(item_v, "root", item.root.b, sizeof item.root.b);
            item.held = item.whole = number_get(item_v, "whole");
            item.day = (uint32_t)json_integer_value(json_object_get(item_v, "day"));
            item.flags = (uint8_t)json_integer_value(json_object_get(item_v, "flags"));
            EXPECT(check, frontier_set(f, (uint32_t)(ITEMS - k), &item) == TRIS_OK);
        }
        const char *name;
        json_t *digest;
        json_object_foreach(json_object_get(v, "digests"), name, digest)
        {
            frontier_bucket(f, (uint32_t)strtoul(name, NULL, 16), &hash);
            EXPECT(check,
                   hex_is(json_object_get(v, "digests"), name, span_of(hash.b, sizeof hash.b)));
        }
        frontier_root(f, &hash);
        EXPECT(check, hex_is(v, "root", span_of(hash.b, sizeof hash.b)));
        frontier_free(f);
    }
}

/* ---- message.json ---------------------------------------------------------------------------- */

static struct tris_short vector_short(uint8_t first)
{
    struct tris_short out;
    for (size_t i = 0; i < sizeof out.b; i++) {
        out.b[i] = (uint8_t)(first + i);
    }
    return out;
}

static struct msg_list vector_claims(uint8_t *rows, size_t cap)
{
    struct wbuf w = wbuf_of(rows, cap);
    struct msg_claim claim = {vector_short(0x10), 300, vector_short(0x20)};
    msg_row_put(&w, MSG_ROW_claim, &claim);
    claim = (struct msg_claim){vector_short(0x30), UINT64_MAX, vector_short(0x40)};
    msg_row_put(&w, MSG_ROW_claim, &claim);
    tris_assert(w.err == TRIS_OK);
    return (struct msg_list){true, 2, wbuf_span(&w)};
}

static struct msg_list vector_items(uint8_t *rows, size_t cap)
{
    struct wbuf w = wbuf_of(rows, cap);
    struct msg_item item = {vector_short(0x10), 65536, vector_short(0x20), 20415, 0};
    msg_row_put(&w, MSG_ROW_item, &item);
    item = (struct msg_item){vector_short(0x30), 0, vector_short(0x40), 0, FRONTIER_FORKED};
    msg_row_put(&w, MSG_ROW_item, &item);
    tris_assert(w.err == TRIS_OK);
    return (struct msg_list){true, 2, wbuf_span(&w)};
}

/* Payloads that are missing, and some of them. */
static void vector_holes(struct msg *m, uint8_t *bytes)
{
    static const uint8_t payload[] = {0x81, 0x01, 0xa3, 'A', 'l', 't'};
    const struct tris_short log = vector_short(0x10), salt = vector_short(0x50);
    struct wbuf w = wbuf_of(bytes, MSG_SMALL_BYTES_MAX);
    if (m->type == MSG_GET_HOLES) {
        const struct msg_run runs[] = {{127, 1}, {128, 1024}};
        msg_row_put(&w, MSG_ROW_run, &runs[0]);
        msg_row_put(&w, MSG_ROW_run, &runs[1]);
        m->get_holes = (struct msg_get_holes){log, {true, 2, wbuf_span(&w)}};
    } else {
        const struct msg_hole holes[] = {{127, salt, span_of(payload, sizeof payload)},
                                         {65536, log, span_of(payload, 0)}};
        msg_row_put(&w, MSG_ROW_hole, &holes[0]);
        msg_row_put(&w, MSG_ROW_hole, &holes[1]);
        m->holes = (struct msg_holes){log, 1, {true, 2, wbuf_span(&w)}};
    }
    tris_assert(w.err == TRIS_OK);
}

/* What is asked and told when something is missing or wrong. */
static void vector_repair(struct msg *m, uint8_t *bytes)
{
    const struct tris_short log = vector_short(0x10);
    static const struct tris_hash hash = {{0xaa, 1}};
    static const struct tris_sig sig = {{0xbb, 2}};
    if (m->type == MSG_GET_HOLES || m->type == MSG_HOLES) {
        vector_holes(m, bytes);
    } else if (m->type == MSG_GET_CONSISTENCY) {
        m->get_consistency = (struct msg_get_consistency){log, 300};
    } else if (m->type == MSG_CONSISTENCY) {
        m->consistency = (struct msg_consistency){
            log, 300, 1024, 1763905200000, hash, sig, span_of(bytes, 5 * sizeof hash)};
    } else if (m->type == MSG_FORK_PROOF) {
        m->fork_proof = (struct msg_fork_proof){log, span_of(bytes, 500)};
    } else if (m->type == MSG_TWIN) {
        m->twin = (struct msg_twin){1, UINT64_MAX, sig};
    } else if (m->type == MSG_GET_NODES) {
        m->get_nodes = (struct msg_get_nodes){log, 10, 65536, 256};
    } else if (m->type == MSG_NODES) {
        m->nodes = (struct msg_nodes){log, 0, 12, span_of(bytes, 4 * sizeof hash)};
    } else {
        m->get_fork.log = log;
    }
}

/* Announcements and referrals. */
static void vector_gossip(struct msg *m, uint8_t *bytes)
{
    struct wbuf w = wbuf_of(bytes, MSG_SMALL_BYTES_MAX);
    if (m->type == MSG_ANNOUNCE) {
        const struct msg_news news[] = {{vector_short(0x10), 127}, {vector_short(0x20), 65536}};
        msg_row_put(&w, MSG_ROW_news, &news[0]);
        msg_row_put(&w, MSG_ROW_news, &news[1]);
        m->announce = (struct msg_announce){1, {true, 2, wbuf_span(&w)}};
    } else {
        const struct msg_referral row = {{{0xcc, 3}}};
        msg_row_put(&w, MSG_ROW_referral, &row);
        m->refer.houses = (struct msg_list){true, 1, wbuf_span(&w)};
    }
    tris_assert(w.err == TRIS_OK);
}

/* The questions by which frontiers are compared. */
static void vector_compare(struct msg *m, const uint8_t *bytes)
{
    const struct tris_short root = vector_short(0x20);
    if (m->type == MSG_GET_CHANGED) {
        m->get_changed = (struct msg_get_changed){root, {true, vector_short(0x60)}};
    } else if (m->type == MSG_NOT_KNOWN) {
        m->not_known.root = root;
    } else if (m->type == MSG_GET_DIGESTS) {
        m->get_digests.root = root;
    } else if (m->type == MSG_DIGESTS) {
        m->digests = (struct msg_digests){root, span_of(bytes, MSG_DIGESTS_BYTES)};
    } else {
        m->get_buckets = (struct msg_get_buckets){root, span_of(bytes, MSG_BUCKET_SET_BYTES)};
    }
}

/* What lets a house join. */
static void vector_join(struct msg *m, const uint8_t *bytes)
{
    if (m->type == MSG_GET_CHARTER) {
        m->get_charter.offset = 65536;
    } else if (m->type == MSG_CHARTER) {
        m->charter = (struct msg_charter){65536, 65836, span_of(bytes, 300)};
    } else {
        m->card.line = span_str("tris-house-1 role=house");
    }
}

/* What brings entries and their seals. */
static void vector_fetch(struct msg *m, const uint8_t *bytes)
{
    const struct tris_short log = vector_short(0x10);
    static const struct tris_hash hash = {{0xaa, 1}};
    static const struct tris_sig sig = {{0xbb, 2}};
    if (m->type == MSG_GET_RANGE) {
        m->get_range = (struct msg_get_range){log, 255, 256};
    } else if (m->type == MSG_ENTRIES) {
        m->entries = (struct msg_entries){log, 65535, span_of(bytes, 300)};
    } else if (m->type == MSG_SEAL) {
        m->seal = (struct msg_seal){log, 65535, 1024, 1763905200000, hash, sig};
    } else {
        m->end = (struct msg_end){log, UINT32_MAX};
    }
}

/* `bytes` is room for what the message points at. */
static struct msg vector_msg(uint32_t number, uint8_t *bytes)
{
    struct msg m;
    memset(&m, 0, sizeof m);
    m.type = (enum msg_type)number;
    for (size_t i = 0; i < MSG_DIGESTS_BYTES; i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    switch (m.type) {
    case MSG_UNKNOWN:
    case MSG_PING:
        m.ping.id = 127;
        break;
    case MSG_PONG:
        m.pong.id = 128;
        break;
    case MSG_BYE:
        m.bye.code = msg_bye_code(TRIS_ERR_CREDIT);
        m.bye.text = span_str(tris_err_text(TRIS_ERR_CREDIT));
        break;
    case MSG_ROOT:
        m.root.root = vector_short(0x20);
        break;
    case MSG_CREDIT:
        m.credit = (struct msg_credit){327680, 1024};
        break;
    case MSG_CLAIM:
        m.claim_own.claims = vector_claims(bytes, MSG_SMALL_BYTES_MAX);
        break;
    case MSG_GET_CHANGED:
    case MSG_NOT_KNOWN:
    case MSG_GET_DIGESTS:
    case MSG_DIGESTS:
    case MSG_GET_BUCKETS:
        vector_compare(&m, bytes);
        break;
    case MSG_FRONTIER:
        m.frontier.root = vector_short(0x20);
        m.frontier.more = 1;
        m.frontier.items = vector_items(bytes, MSG_SMALL_BYTES_MAX);
        break;
    case MSG_GET_RANGE:
    case MSG_ENTRIES:
    case MSG_SEAL:
    case MSG_END:
        vector_fetch(&m, bytes);
        break;
    case MSG_GET_HOLES:
    case MSG_HOLES:
    case MSG_GET_CONSISTENCY:
    case MSG_CONSISTENCY:
    case MSG_FORK_PROOF:
    case MSG_TWIN:
    case MSG_GET_NODES:
    case MSG_NODES:
    case MSG_GET_FORK:
        vector_repair(&m, bytes);
        break;
    case MSG_ANNOUNCE:
    case MSG_REFER:
        vector_gossip(&m, bytes);
        break;
    case MSG_GET_CHARTER:
    case MSG_CHARTER:
    case MSG_CARD:
        vector_join(&m, bytes);
        break;
    }
    return m;
}

static json_t *message_json(uint32_t number)
{
    static uint8_t bytes[MSG_DIGESTS_BYTES], plain[PLAIN_BYTES_MAX];
    char text[PRINT_BYTES];
    struct msg m = vector_msg(number, bytes);
    struct wbuf w = wbuf_of(plain, sizeof plain);
    msg_encode(&w, &m);
    tris_assert(w.err == TRIS_OK);
    msg_print(&m, text, sizeof text);
    json_t *out = json_object();
    set(out, "number", json_integer(number));
    set(out, "fields", json_string(text));
    set(out, "bytes", hex_json(plain, w.len));
    return out;
}

static json_t *hello_json(bool common)
{
    uint8_t bytes[MSG_SMALL_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    struct msg_hello hello = {.version = 1,
                              .house = {{0xcc, 3}},
                              .nonce = UINT64_MAX,
                              .root = vector_short(0x20),
                              .common = {common, vector_short(0x60)}};
    msg_row_put(&w, MSG_ROW_hello, &hello);
    tris_assert(w.err == TRIS_OK);
    return hex_json(bytes, w.len);
}

static json_t *welcome_json(bool claims)
{
    uint8_t bytes[MSG_SMALL_BYTES_MAX], rows[MSG_SMALL_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    struct msg_welcome welcome = {
        .house = {{0xdd, 4}}, .nonce = 1, .root = vector_short(0x20), .claims = {.present = false}};
    if (claims) {
        welcome.claims = vector_claims(rows, sizeof rows);
    }
    msg_row_put(&w, MSG_ROW_welcome, &welcome);
    tris_assert(w.err == TRIS_OK);
    return hex_json(bytes, w.len);
}

static const uint32_t numbers[] = {
#define MSG_ROW(name)
#define MSG_ROW_END(name)
#define MSG(number, NAME, name) number,
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit)
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"
};

static json_t *make_message_file(void)
{
    json_t *out = json_object(), *list = json_array();
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        append(list, message_json(numbers[i]));
    }
    set(out, "message1_payload", hello_json(false));
    set(out, "message1_payload_with_common_root", hello_json(true));
    set(out, "message2_payload_equal_roots", welcome_json(false));
    set(out, "message2_payload_with_claims", welcome_json(true));
    set(out, "reserved_then_ping_5_of_a_later_version", json_string("9322c0c402010294010504a0"));
    set(out, "messages", list);
    return out;
}

static void check_message_file(struct check *check, const json_t *file)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(file, "messages"), i, v)
    {
        static uint8_t bytes[PLAIN_BYTES_MAX], again[PLAIN_BYTES_MAX];
        char text[PRINT_BYTES];
        struct msg m;
        struct rbuf r = rbuf_of(hex_get(v, "bytes", bytes, sizeof bytes));
        EXPECT(check, msg_decode(&r, &m) == TRIS_OK && rbuf_finish(&r) == TRIS_OK);
        EXPECT(check, (json_int_t)m.number == json_integer_value(json_object_get(v, "number")));
        msg_print(&m, text, sizeof text);
        EXPECT(check, strcmp(text, json_string_value(json_object_get(v, "fields"))) == 0);
        struct wbuf w = wbuf_of(again, sizeof again);
        msg_encode(&w, &m);
        EXPECT(check, hex_is(v, "bytes", wbuf_span(&w)));
    }
    uint8_t later[64];
    struct rbuf r =
        rbuf_of(hex_get(file, "reserved_then_ping_5_of_a_later_version", later, sizeof later));
    struct msg m;
    EXPECT(check, msg_decode(&r, &m) == TRIS_OK && m.type == MSG_UNKNOWN && m.number == 34);
    EXPECT(check, msg_decode(&r, &m) == TRIS_OK && m.type == MSG_PING && m.ping.id == 5);
    EXPECT(check, rbuf_finish(&r) == TRIS_OK);
}

int main(int argc, char **argv)
{
    static const struct golden_file files[] = {
        {"frontier.json", make_frontier_file, check_frontier_file},
        {"message.json", make_message_file, check_message_file},
    };
    return golden_main(argc, argv, files, sizeof files / sizeof files[0]);
}
