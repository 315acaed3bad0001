/* Judging a segment, once for all houses: 25 stores in one process need not hash the same entries
 * 25 times. */
#ifndef TRIS_TESTS_SIM_VERIFY_H
#define TRIS_TESTS_SIM_VERIFY_H

#include "storage/store.h"

/* As store_segment_judge. Only what was found good is remembered, by all that it depends on, and
 * only if cryptography is not the real one. */
TRIS_MUST_CHECK enum tris_err verify_segment(const struct store_log *log, uint64_t first,
                                             uint32_t count, struct span wire,
                                             const struct seal *seal, struct verified_segment *out);
/* Forgets everything, so that a run does not depend on the one before it. */
void verify_forget(void);

#endif
