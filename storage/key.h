/* Keys of all tables: the only place that lays out key bytes; see SCHEMA.md.
 *
 * Fixed width and big-endian, so that LMDB's byte order is the order of the numbers. */
#ifndef TRIS_STORAGE_KEY_H
#define TRIS_STORAGE_KEY_H

#include "proto/buf.h"
#include "storage/store.h"

enum {
    KEY_BYTES_MAX = 63,
    KEY_LOG_SEQ_BYTES = 12,
    KEY_WORD_BYTES_MAX = 24,   /* of a word in the search index */
    KEY_SOURCE_BYTES_MAX = 32, /* of a source id in the duplicate index */
    KEY_REGION_BYTES = 6,
};

struct key {
    uint8_t len;
    uint8_t b[KEY_BYTES_MAX];
};

static inline struct span key_span(const struct key *k)
{
    return span_of(k->b, k->len);
}

/* In the order of the tables. */
static inline int key_cmp(const struct key *a, const struct key *b)
{
    return span_cmp(key_span(a), key_span(b));
}

enum count_type {
    COUNT_KIND = 1,     /* records of one log and kind, not ended */
    COUNT_INERT = 2,    /* entries of one log without effect */
    COUNT_INERT_ALL = 3 /* of all logs; log 0, kind 0 */
};

void key_log(struct key *k, uint32_t log_no);
/* tables entry, record, inert, hole, cross, seal (there the number is a size) */
void key_log_seq(struct key *k, uint32_t log_no, uint64_t seq);
void key_tree(struct key *k, uint32_t log_no, uint32_t level, uint64_t index);
void key_log_id(struct key *k, const struct tris_log_id *id);
void key_house(struct key *k, const struct tris_house_id *house); /* prefix of key_house_log */
void key_house_log(struct key *k, const struct tris_log_ref *ref, uint32_t log_no);
/* table card: the newest ones of a log come last */
void key_card(struct key *k, uint32_t log_no, uint64_t time_ms, uint64_t seq);
/* table target: statements about a house */
void key_target(struct key *k, const struct tris_house_id *house, struct record_ref at);
void key_arrival(struct key *k, uint64_t arrival);
/* `region` is NUL-terminated, at most 5 characters; as a prefix without its padding */
void key_region_prefix(struct key *k, uint32_t kind, const char *region);
void key_region(struct key *k, uint32_t kind, const char *region, struct record_ref ref);
/* Duplicate indexes: the prefix that all candidates share, then key_add_ref for one of them. */
void key_source_prefix(struct key *k, uint32_t kind, struct span source, struct span source_id);
/* What all records of one source share. */
void key_source_list(struct key *k, uint32_t kind, struct span source);
void key_name_prefix(struct key *k, uint32_t kind, struct span within, struct span folded_name);
/* `whole`: with the separator behind the word; else a prefix that longer words share. */
void key_word_prefix(struct key *k, struct span word, bool whole);
/* 64 records in a row: those of this log whose seq / 64 is `block`. */
void key_word(struct key *k, struct span word, uint32_t log_no, uint64_t block);
/* Records that can meet others, by one of their topics; contribution 0: of any, as a prefix. */
void key_match_prefix(struct key *k, uint32_t kind, uint32_t type, uint32_t topic, uint32_t log_no,
                      uint32_t contribution);
void key_match(struct key *k, uint32_t kind, uint32_t type, uint32_t topic, struct record_ref ref,
               uint32_t contribution);
void key_add_ref(struct key *k, struct record_ref ref);
/* At most 12 and 7 bytes. */
void key_cube(struct key *k, enum cube_rollup rollup, uint32_t level, const char *region,
              uint32_t a, uint32_t b);
void key_cube_prefix(struct key *k, enum cube_rollup rollup, uint32_t level, const char *prefix);
void key_count(struct key *k, enum count_type type, uint32_t log_no, uint32_t kind);

/* The record reference at the end of a key of region, source, name, record (of
 * word: log number and block). False: the key is
 * too short, the store is damaged. */
bool key_tail_ref(struct span key, struct record_ref *out);
bool key_read_log_seq(struct span key, uint32_t *log_no, uint64_t *seq);
bool key_read_arrival(struct span key, uint64_t *arrival);
/* Prefix of key_house_log: logs of one topic, by epoch. */
void key_house_topic(struct key *k, const struct tris_house_id *house, enum tris_topic topic);
bool key_read_house_epoch(struct span key, uint32_t *epoch, uint32_t *log_no);
bool key_read_house_log(struct span key, enum tris_topic *topic, uint32_t *log_no);
void key_draft(struct key *k, uint64_t no);
enum alias_way { ALIAS_FORMER = 0, ALIAS_PRESENT = 1 };
void key_alias(struct key *k, enum alias_way way, struct record_ref place);
bool key_read_log(struct span key, uint32_t *log_no);
bool key_read_draft(struct span key, uint64_t *no);
bool key_read_alias(struct span key, enum alias_way *way, struct record_ref *place);
bool key_read_card(struct span key, uint32_t *log_no, uint64_t *time_ms, uint64_t *seq);
bool key_read_target(struct span key, struct tris_house_id *house, struct record_ref *at);
bool key_read_cube(struct span key, struct cube_row *out); /* count is left alone */
bool key_read_match(struct span key, struct record_ref *ref, uint32_t *contribution);
bool key_starts_with(struct span key, const struct key *prefix);

#endif
