/* Key bytes; see key.h. Nothing else knows where a number stands in a key. */
#include "storage/key.h"

#include "proto/assert.h"

_Static_assert(2 + 4 + KEY_SOURCE_BYTES_MAX + 1 + KEY_LOG_SEQ_BYTES <= KEY_BYTES_MAX, "source key");
_Static_assert(KEY_WORD_BYTES_MAX + 1 + KEY_LOG_SEQ_BYTES <= KEY_BYTES_MAX, "word key");
_Static_assert(32 + 1 + 4 + 4 <= KEY_BYTES_MAX, "house key");

static void add_be(struct key *k, uint64_t value, uint32_t bytes)
{
    tris_assert(k->len + bytes <= KEY_BYTES_MAX);
    for (uint32_t i = 0; i < bytes; i++) {
        k->b[k->len + i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    }
    k->len = (uint8_t)(k->len + bytes);
}

static void add_bytes(struct key *k, const void *bytes, size_t len)
{
    tris_assert(len <= KEY_BYTES_MAX && k->len + len <= KEY_BYTES_MAX);
    if (len > 0) {
        memcpy(k->b + k->len, bytes, len);
    }
    k->len = (uint8_t)(k->len + len);
}

static uint64_t read_be(const uint8_t *bytes, uint32_t len)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < len; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* FNV-1a: spreads own texts over the duplicate indexes; whoever finds a row compares real texts. */
static uint64_t text_hash(struct span text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ text.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return hash ^ hash >> 32;
}

/* Known kinds are below 65,536 (schema.def); only those get into indexes. */
static void add_kind(struct key *k, uint32_t kind)
{
    tris_assert(kind <= UINT16_MAX);
    add_be(k, kind, 2);
}

static void add_region(struct key *k, const char *region, size_t len, bool padded)
{
    static const uint8_t zeros[KEY_REGION_BYTES];
    tris_assert(len < KEY_REGION_BYTES);
    add_bytes(k, region, len);
    if (padded) {
        add_bytes(k, zeros, KEY_REGION_BYTES - len);
    }
}

void key_log(struct key *k, uint32_t log_no)
{
    k->len = 0;
    add_be(k, log_no, 4);
}

void key_log_seq(struct key *k, uint32_t log_no, uint64_t seq)
{
    k->len = 0;
    add_be(k, log_no, 4);
    add_be(k, seq, 8);
}

void key_tree(struct key *k, uint32_t log_no, uint32_t level, uint64_t index)
{
    tris_assert(level < TREE_LEVELS_MAX);
    k->len = 0;
    add_be(k, log_no, 4);
    add_be(k, level, 1);
    add_be(k, index, 8);
}

void key_log_id(struct key *k, const struct tris_log_id *id)
{
    k->len = 0;
    add_bytes(k, id->b, sizeof id->b);
}

void key_house(struct key *k, const struct tris_house_id *house)
{
    k->len = 0;
    add_bytes(k, house->b, sizeof house->b);
}

void key_house_topic(struct key *k, const struct tris_house_id *house, enum tris_topic topic)
{
    key_house(k, house);
    add_be(k, (uint64_t)topic, 1);
}

void key_house_log(struct key *k, const struct tris_log_ref *ref, uint32_t log_no)
{
    key_house(k, &ref->house);
    add_be(k, (uint64_t)ref->topic, 1);
    add_be(k, ref->epoch, 4);
    add_be(k, log_no, 4);
}

void key_card(struct key *k, uint32_t log_no, uint64_t time_ms, uint64_t seq)
{
    key_log_seq(k, log_no, time_ms);
    add_be(k, seq, 8);
}

void key_target(struct key *k, const struct tris_house_id *house, struct record_ref at)
{
    key_house(k, house);
    key_add_ref(k, at);
}

void key_arrival(struct key *k, uint64_t arrival)
{
    k->len = 0;
    add_be(k, arrival, 8);
}

void key_region_prefix(struct key *k, uint32_t kind, const char *region)
{
    k->len = 0;
    add_kind(k, kind);
    add_region(k, region, strlen(region), false);
}

void key_region(struct key *k, uint32_t kind, const char *region, struct record_ref ref)
{
    k->len = 0;
    add_kind(k, kind);
    add_region(k, region, strlen(region), true);
    key_add_ref(k, ref);
}

void key_source_list(struct key *k, uint32_t kind, struct span source)
{
    k->len = 0;
    add_kind(k, kind);
    add_be(k, text_hash(source) & UINT32_MAX, 4);
}

void key_source_prefix(struct key *k, uint32_t kind, struct span source, struct span source_id)
{
    key_source_list(k, kind, source);
    /* the text itself, not its hash: lists come sorted, so that their keys are neighbours */
    size_t len = source_id.len < KEY_SOURCE_BYTES_MAX ? source_id.len : KEY_SOURCE_BYTES_MAX;
    add_bytes(k, source_id.ptr, len);
    add_be(k, 0, 1);
}

void key_name_prefix(struct key *k, uint32_t kind, struct span within, struct span folded_name)
{
    const bool fits = within.len < KEY_REGION_BYTES;
    k->len = 0;
    add_kind(k, kind);
    /* a district as it is: lists come sorted by it */
    add_region(k, (const char *)within.ptr, fits ? within.len : 0, true);
    add_be(k, text_hash(folded_name) ^ (fits ? 0 : text_hash(within) << 1), 8);
}

void key_word_prefix(struct key *k, struct span word, bool whole)
{
    k->len = 0;
    size_t len = word.len < KEY_WORD_BYTES_MAX ? word.len : KEY_WORD_BYTES_MAX;
    add_bytes(k, word.ptr, len);
    if (whole) {
        add_be(k, 0, 1);
    }
}

void key_word(struct key *k, struct span word, uint32_t log_no, uint64_t block)
{
    key_word_prefix(k, word, true);
    key_add_ref(k, (struct record_ref){log_no, block});
}

void key_match_prefix(struct key *k, uint32_t kind, uint32_t type, uint32_t topic, uint32_t log_no,
                      uint32_t contribution)
{
    k->len = 0;
    add_kind(k, kind);
    add_be(k, type, 1);
    add_be(k, topic, 1);
    add_be(k, log_no, 4);
    if (contribution != 0) {
        add_be(k, contribution, 1);
    }
}

void key_match(struct key *k, uint32_t kind, uint32_t type, uint32_t topic, struct record_ref ref,
               uint32_t contribution)
{
    tris_assert(contribution != 0);
    key_match_prefix(k, kind, type, topic, ref.log_no, contribution);
    add_be(k, ref.seq, 8);
}

void key_add_ref(struct key *k, struct record_ref ref)
{
    add_be(k, ref.log_no, 4);
    add_be(k, ref.seq, 8);
}

void key_cube_prefix(struct key *k, enum cube_rollup rollup, uint32_t level, const char *prefix)
{
    k->len = 0;
    add_be(k, (uint64_t)rollup, 1);
    add_be(k, level, 1);
    add_region(k, prefix, strlen(prefix), false);
}

void key_cube(struct key *k, enum cube_rollup rollup, uint32_t level, const char *region,
              uint32_t a, uint32_t b)
{
    k->len = 0;
    add_be(k, (uint64_t)rollup, 1);
    add_be(k, level, 1);
    add_region(k, region, level, true);
    add_be(k, a, 2);
    add_be(k, b, 2);
}

void key_count(struct key *k, enum count_type type, uint32_t log_no, uint32_t kind)
{
    k->len = 0;
    add_be(k, (uint64_t)type, 1);
    add_be(k, log_no, 4);
    add_kind(k, kind);
}

void key_draft(struct key *k, uint64_t no)
{
    k->len = 0;
    add_be(k, no, 8);
}

void key_alias(struct key *k, enum alias_way way, struct record_ref place)
{
    k->len = 0;
    add_be(k, (uint64_t)way, 1);
    key_add_ref(k, place);
}

bool key_read_log(struct span key, uint32_t *log_no)
{
    if (key.len != 4) {
        return false;
    }
    *log_no = (uint32_t)read_be(key.ptr, 4);
    return true;
}

bool key_read_draft(struct span key, uint64_t *no)
{
    return key_read_arrival(key, no);
}

bool key_read_alias(struct span key, enum alias_way *way, struct record_ref *place)
{
    struct rbuf r = rbuf_of(key);
    const uint8_t first = rbuf_u8(&r);
    *way = first == ALIAS_PRESENT ? ALIAS_PRESENT : ALIAS_FORMER;
    place->log_no = rbuf_u32(&r);
    place->seq = rbuf_u64(&r);
    return rbuf_finish(&r) == TRIS_OK && first <= ALIAS_PRESENT;
}

bool key_tail_ref(struct span key, struct record_ref *out)
{
    if (key.len < KEY_LOG_SEQ_BYTES) {
        return false;
    }
    const uint8_t *tail = key.ptr + key.len - KEY_LOG_SEQ_BYTES;
    *out = (struct record_ref){(uint32_t)read_be(tail, 4), read_be(tail + 4, 8)};
    return true;
}

bool key_read_log_seq(struct span key, uint32_t *log_no, uint64_t *seq)
{
    struct record_ref ref;
    if (key.len != KEY_LOG_SEQ_BYTES || !key_tail_ref(key, &ref)) {
        return false;
    }
    *log_no = ref.log_no;
    *seq = ref.seq;
    return true;
}

bool key_read_arrival(struct span key, uint64_t *arrival)
{
    if (key.len != 8) {
        return false;
    }
    *arrival = read_be(key.ptr, 8);
    return true;
}

bool key_read_house_log(struct span key, enum tris_topic *topic, uint32_t *log_no)
{
    if (key.len != 41 || key.ptr[32] > TRIS_TOPIC_LOCAL) {
        return false;
    }
    *topic = (enum tris_topic)key.ptr[32];
    *log_no = (uint32_t)read_be(key.ptr + 37, 4);
    return true;
}

bool key_read_house_epoch(struct span key, uint32_t *epoch, uint32_t *log_no)
{
    enum tris_topic topic;
    if (!key_read_house_log(key, &topic, log_no)) {
        return false;
    }
    *epoch = (uint32_t)read_be(key.ptr + 33, 4);
    return true;
}

bool key_read_card(struct span key, uint32_t *log_no, uint64_t *time_ms, uint64_t *seq)
{
    struct rbuf r = rbuf_of(key);
    *log_no = rbuf_u32(&r);
    *time_ms = rbuf_u64(&r);
    *seq = rbuf_u64(&r);
    return rbuf_finish(&r) == TRIS_OK;
}

bool key_read_target(struct span key, struct tris_house_id *house, struct record_ref *at)
{
    if (key.len != sizeof house->b + KEY_LOG_SEQ_BYTES || !key_tail_ref(key, at)) {
        return false;
    }
    memcpy(house->b, key.ptr, sizeof house->b);
    return true;
}

bool key_read_cube(struct span key, struct cube_row *out)
{
    if (key.len != 12) {
        return false;
    }
    memcpy(out->region, key.ptr + 2, sizeof out->region);
    out->region[sizeof out->region - 1] = '\0';
    out->a = (uint32_t)read_be(key.ptr + 8, 2);
    out->b = (uint32_t)read_be(key.ptr + 10, 2);
    return true;
}

bool key_read_match(struct span key, struct record_ref *ref, uint32_t *contribution)
{
    if (key.len != 17) {
        return false;
    }
    *ref = (struct record_ref){(uint32_t)read_be(key.ptr + 4, 4), read_be(key.ptr + 9, 8)};
    *contribution = key.ptr[8];
    return true;
}

bool key_starts_with(struct span key, const struct key *prefix)
{
    return key.len >= prefix->len && memcmp(key.ptr, prefix->b, prefix->len) == 0;
}
