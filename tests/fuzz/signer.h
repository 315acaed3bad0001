/* Puts right signatures below texts that a fuzzer has changed, so that it gets behind the check of
 * the signature: for the five whose keys are the seeds 1 to 5 (as in the golden files).
 */
#ifndef TRIS_TESTS_FUZZ_SIGNER_H
#define TRIS_TESTS_FUZZ_SIGNER_H

#include "proto/charter.h"

enum { SIGNERS = 5, SIGNED_TAIL_BYTES = 5 + 128 };

void signers_init(void);
/* Signer i: 0 to SIGNERS - 1. */
const struct tris_sign_secret *signer_key(size_t i);
void signer_id(size_t i, struct tris_house_id *out);

/* A house line with the signature of the signer whom its key= or id= names, appended to `w`; false
 * if it names none or `w` is full. What stood behind " sig=" is dropped. */
bool signer_line(struct span text, struct wbuf *w);
/* A charter: each member line signed, then the "sign" lines of those signers whose bit is set,
 * appended to `w`. False if `w` is full. */
bool signer_charter(struct span text, uint8_t which, struct wbuf *w);

#endif
