/* State of one audit, shared by its parts: replaying logs (check.c), comparing tables
 * (check_table.c), feed and words (check_arrival.c). */
#ifndef TRIS_STORAGE_CHECK_H
#define TRIS_STORAGE_CHECK_H

#include "storage/log.h"

struct audit {
    struct store_view *v; /* of the store under audit */
    bool fast;
    bool (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
    uint64_t total;
    struct audit_report *out;
    struct store *copy; /* full audit: what the entries say the views are */
    struct store_txn *t;
    uint32_t batch;
    uint64_t sealed;         /* size of the last seal met in the log that is replayed, */
    uint64_t sealed_bytes;   /* and wire bytes up to there */
    uint64_t rows;           /* rows looked at beside entries */
    struct delta_set deltas; /* fast audit: what the records say the counters are */
};

/* Counts a problem; the first one is kept in words. */
__attribute__((format(printf, 2, 3))) void check_problem(struct audit *a, const char *format, ...);
/* Call now and then while rows are read; TRIS_ERR_STOPPING if the caller wants no more. */
TRIS_MUST_CHECK enum tris_err check_goes_on(struct audit *a);
/* Full audit: every derived table against the copy's. */
TRIS_MUST_CHECK enum tris_err check_tables(struct audit *a);
/* Fast audit: counters against what the rows of records and inert entries say. */
TRIS_MUST_CHECK enum tris_err check_counters(struct audit *a);
/* Full audit: every entry once in the feed; the words of every record, if the index is up to date.
 */
TRIS_MUST_CHECK enum tris_err check_feed(struct audit *a);
TRIS_MUST_CHECK enum tris_err check_words(struct audit *a);
/* Both audits: drafts and aliases, against each other and the own logs. */
TRIS_MUST_CHECK enum tris_err check_drafts(struct audit *a);
/* Both audits: forked logs against their proofs. */
TRIS_MUST_CHECK enum tris_err check_forks(struct audit *a);

#endif
