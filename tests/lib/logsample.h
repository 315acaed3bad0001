/* Small sealed logs and a log file of them, the same on every machine: for tests of the format. */
#ifndef TRIS_TESTS_LIB_LOGSAMPLE_H
#define TRIS_TESTS_LIB_LOGSAMPLE_H

#include "proto/logfile.h"

enum { SAMPLE_FILE_BYTES = 16384, SAMPLE_LOGS = 5, SAMPLE_FORK_AT = 3 };

/* A log that grows; seeds are one byte, then 31 bytes 00. */
struct sample_log {
    struct tris_sign_secret key;
    struct tris_log_ref ref;
    struct tris_log_id id;
    struct tree tree;
};

void sample_fed(struct tris_fed_id *out);
/* `key_seed` counts in epochs above 0. */
void sample_log_init(struct sample_log *l, uint8_t house_seed, enum tris_topic topic,
                     uint32_t epoch, uint8_t key_seed);
/* Appends `count` entries with payloads of `payload_bytes`; their wire forms go to `wire`.
 * Histories of another number differ in every entry. `leaves` may be NULL. */
void sample_entries(struct sample_log *l, uint8_t history, uint32_t count, size_t payload_bytes,
                    struct wbuf *wire, struct tris_hash *leaves);
/* A seal over all there is. */
struct seal sample_seal(const struct sample_log *l, uint64_t time_ms);
/* A proof that a log of `house_seed` was sealed with two histories, of at + 1 and at + 2 entries,
 * which part at SAMPLE_FORK_AT; `bytes` holds FORK_PROOF_BYTES_MAX. */
struct span sample_proof(uint8_t house_seed, uint8_t *bytes);

/* Appends one item that is in `item` to `file` and feeds `r` with it: asserts that it is taken. */
void sample_put(struct wbuf *file, struct logfile_reader *r, const struct wbuf *item);
/* A file with everything that one may hold: a state; a log, one of a later epoch, one that does not
 * begin at its beginning, one that was cut, one that was only sealed anew. */
void sample_file(struct wbuf *file);

#endif
