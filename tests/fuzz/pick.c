/* Messages out of few bytes of input; see pick.h. Generated from msg.def: what a later version adds
 * is sent as well. */
#include "tests/fuzz/pick.h"

#include "tests/fuzz/fuzz.h"

/* Ids that a fuzzer hits: one byte repeated. */
struct tris_short pick_log(uint8_t log)
{
    struct tris_short id;
    memset(id.b, 0x11 * (log % PICK_LOGS + 1), sizeof id.b); /* two that nobody knows */
    return id;
}

struct tris_house_id pick_house(uint32_t house)
{
    /* the peer's is a key, so that its lines can be signed: that of the seed 9 and zeros */
    static const struct tris_house_id peer = {{0xbb, 0x5c, 0x67, 0x24, 0x82, 0xb0, 0xdc, 0xca,
                                               0x91, 0xa2, 0x1a, 0x4e, 0xd6, 0x3b, 0x15, 0xaf,
                                               0xde, 0x8a, 0xa1, 0x37, 0x8d, 0xa7, 0x2c, 0xd0,
                                               0x1b, 0x34, 0x95, 0x89, 0xd6, 0xe7, 0xdd, 0x6a}};
    return house % 3 == 1 ? peer : (struct tris_house_id){{(uint8_t)(0xa0 + 0x10 * (house % 3))}};
}

/* Fields of a message out of few bytes of input, mostly values that mean something. */
static uint64_t pick_uint(struct picker *r, uint64_t limit)
{
    uint8_t how = fuzz_u8(r->in);
    uint64_t value = how < 0xf0 ? how : how < 0xf8 ? fuzz_u16(r->in) : UINT64_MAX - (how & 7);
    return value < limit ? value : limit;
}

static struct tris_short pick_short(struct picker *r)
{
    uint8_t how = fuzz_u8(r->in);
    if (how < 0x20) {
        return pick_log(how);
    }
    struct tris_hash root;
    frontier_root(r->frontier, &root);
    root.b[0] ^= how < 0x80 ? 0 : how;
    return tris_short_of(root.b);
}

static struct msg_list pick_items(struct picker *r, struct wbuf *w, uint64_t limit);
static struct msg_list pick_claims(struct picker *r, struct wbuf *w, uint64_t limit);
static struct msg_list pick_runs(struct picker *r, struct wbuf *w, uint64_t limit);
static struct msg_list pick_hole_rows(struct picker *r, struct wbuf *w, uint64_t limit);
static struct msg_list pick_list_news(struct picker *r, struct wbuf *w, uint64_t limit);
static struct msg_list pick_list_refers(struct picker *r, struct wbuf *w, uint64_t limit);

/* Bytes that go on behind the input as zeros, so that a short input can make long pieces. */
static struct span pick_bin(struct picker *r, uint64_t limit)
{
    static uint8_t bytes[TRIS_FRAME_BYTES_MAX];
    size_t len = fuzz_u16(r->in);
    len = len < limit ? len : (size_t)limit;
    len = len < 60000 ? len : 60000;
    struct span part = fuzz_take(r->in, len < 64 ? len : 64);
    memset(bytes, 0, len);
    if (part.len > 0) {
        memcpy(bytes, part.ptr, part.len);
    }
    return span_of(bytes, len);
}

#define PICK_UINT(at, limit) (at) = pick_uint(r, limit)
#define PICK_SHORT(at, limit) (at) = pick_short(r)
#define PICK_HASH(at, limit) (at).b[0] = fuzz_u8(r->in)
#define PICK_HOUSE(at, limit) (at) = pick_house(1 + fuzz_u8(r->in))
#define PICK_SIG(at, limit) (at).b[0] = fuzz_u8(r->in)
#define PICK_MAYBE(at, limit)                                                                      \
    (at).has = (fuzz_u8(r->in) & 1) != 0;                                                          \
    (at).value = pick_short(r)
#define PICK_TEXT(at, limit)                                                                       \
    (void)r;                                                                                       \
    (at) = span_str("because")
#define PICK_BIN(at, limit) (at) = pick_bin(r, limit)
#define PICK_ITEMS(at, limit) (at) = pick_items(r, rows, limit)
#define PICK_CLAIMS(at, limit) (at) = pick_claims(r, rows, limit)
#define PICK_RUNS(at, limit) (at) = pick_runs(r, rows, limit)
#define PICK_HOLES(at, limit) (at) = pick_hole_rows(r, rows, limit)
#define PICK_NEWS(at, limit) (at) = pick_list_news(r, rows, limit)
#define PICK_REFERS(at, limit) (at) = pick_list_refers(r, rows, limit)
#define PICK_MAYBE_CLAIMS(at, limit) (at) = pick_claims(r, rows, limit)

/* pick_<name> for every message and row: what a later version adds is sent as well. */
#define PICK_BEGIN(name)                                                                           \
    static void pick_##name(struct picker *r, struct msg_##name *m, struct wbuf *rows)             \
    {                                                                                              \
        (void)rows;
#define MSG_ROW(name) PICK_BEGIN(name)
#define MSG_ROW_END(name) }
#define MSG(number, NAME, name) PICK_BEGIN(name)
#define MSG_END(NAME, name) }
#define MSG_FIELD(owner, kind, field, limit) PICK_##kind(m->field, limit);
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"

static struct msg_list pick_items(struct picker *r, struct wbuf *w, uint64_t limit)
{
    uint32_t count = fuzz_u8(r->in) % 8;
    size_t start = w->len;
    count = count < limit ? count : (uint32_t)limit;
    for (uint32_t i = 0; i < count; i++) {
        struct msg_item item;
        pick_item(r, &item, NULL);
        msg_row_put(w, MSG_ROW_item, &item);
    }
    return (struct msg_list){true, count, span_of(w->ptr + start, w->len - start)};
}

static struct msg_list pick_claims(struct picker *r, struct wbuf *w, uint64_t limit)
{
    uint32_t count = fuzz_u8(r->in) % 4;
    size_t start = w->len;
    count = count < limit ? count : (uint32_t)limit;
    for (uint32_t i = 0; i < count; i++) {
        struct msg_claim claim;
        pick_claim(r, &claim, NULL);
        msg_row_put(w, MSG_ROW_claim, &claim);
    }
    return (struct msg_list){true, count, span_of(w->ptr + start, w->len - start)};
}

static struct msg_list pick_runs(struct picker *r, struct wbuf *w, uint64_t limit)
{
    uint32_t count = fuzz_u8(r->in) % 4;
    size_t start = w->len;
    count = count < limit ? count : (uint32_t)limit;
    for (uint32_t i = 0; i < count; i++) {
        struct msg_run run;
        pick_run(r, &run, NULL);
        msg_row_put(w, MSG_ROW_run, &run);
    }
    return (struct msg_list){true, count, span_of(w->ptr + start, w->len - start)};
}

/* Those that do not fit any more are left out. */
static struct msg_list pick_hole_rows(struct picker *r, struct wbuf *w, uint64_t limit)
{
    uint32_t count = fuzz_u8(r->in) % 4;
    uint32_t kept = 0;
    size_t start = w->len;
    count = count < limit ? count : (uint32_t)limit;
    for (; kept < count; kept++) {
        struct wbuf before = *w;
        struct msg_hole hole;
        pick_hole(r, &hole, NULL);
        msg_row_put(w, MSG_ROW_hole, &hole);
        if (w->err != TRIS_OK) {
            *w = before;
            break;
        }
    }
    return (struct msg_list){true, kept, span_of(w->ptr + start, w->len - start)};
}

static struct msg_list pick_list_news(struct picker *r, struct wbuf *w, uint64_t limit)
{
    uint32_t count = fuzz_u8(r->in) % 8;
    size_t start = w->len;
    count = count < limit ? count : (uint32_t)limit;
    for (uint32_t i = 0; i < count; i++) {
        struct msg_news news;
        pick_news(r, &news, NULL);
        msg_row_put(w, MSG_ROW_news, &news);
    }
    return (struct msg_list){true, count, span_of(w->ptr + start, w->len - start)};
}

static struct msg_list pick_list_refers(struct picker *r, struct wbuf *w, uint64_t limit)
{
    uint32_t count = fuzz_u8(r->in) % 4;
    size_t start = w->len;
    count = count < limit ? count : (uint32_t)limit;
    for (uint32_t i = 0; i < count; i++) {
        struct msg_referral referral;
        pick_referral(r, &referral, NULL);
        msg_row_put(w, MSG_ROW_referral, &referral);
    }
    return (struct msg_list){true, count, span_of(w->ptr + start, w->len - start)};
}

void pick_message(struct picker *r, struct msg *m, struct wbuf *rows)
{
    static const enum msg_type types[] = {
#define MSG_ROW(name)
#define MSG_ROW_END(name)
#define MSG(number, NAME, name) MSG_##NAME,
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit)
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"
    };
    memset(m, 0, sizeof *m);
    m->type = types[fuzz_u8(r->in) % (sizeof types / sizeof types[0])];
    switch (m->type) {
    case MSG_UNKNOWN:
        break;
#define MSG_ROW(name)
#define MSG_ROW_END(name)
#define MSG(number, NAME, name)                                                                    \
    case MSG_##NAME:                                                                               \
        pick_##name(r, &m->name, rows);                                                            \
        break;
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit)
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"
    }
}

void pick_payloads(struct picker *r, struct msg_hello *hello, struct msg_welcome *welcome,
                   struct wbuf *rows)
{
    pick_hello(r, hello, rows);
    pick_welcome(r, welcome, rows);
    welcome->house = hello->house;
}

static void sign_seal(struct picker *r, const struct tris_sign_secret *key,
                      const struct tris_short *log, struct seal *seal)
{
    uint32_t log_no = frontier_find(r->frontier, log);
    if (log_no != FRONTIER_NONE && seal->size > 0) {
        seal->log = frontier_item(r->frontier, log_no)->id;
        seal_make(seal, key);
    }
}

void pick_sign(struct picker *r, const struct tris_sign_secret *key, struct msg *m)
{
    if (m->type == MSG_CONSISTENCY) {
        struct msg_consistency *c = &m->consistency;
        struct seal seal = {.size = c->size, .time_ms = c->time_ms, .root = c->root};
        sign_seal(r, key, &c->log, &seal);
        c->sig = seal.sig;
    } else if (m->type == MSG_SEAL && m->seal.first < UINT32_MAX) {
        struct seal seal = {.size = m->seal.first + m->seal.count,
                            .time_ms = m->seal.time_ms,
                            .root = m->seal.root};
        sign_seal(r, key, &m->seal.log, &seal);
        m->seal.sig = seal.sig;
    }
}
