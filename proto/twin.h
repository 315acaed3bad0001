/* Proof that another process lives with a house's key. A house that two processes dial from knows
 * the instance nonce of both; it tells each the other's, each signs that together with its own, and
 * each gets what the other has signed. A nonce is new with every start, so a signature over it was
 * made since: no record of a former process passes for a living one. FORMAT.md "Twins". */
#ifndef TRIS_PROTO_TWIN_H
#define TRIS_PROTO_TWIN_H

#include "proto/err.h"
#include "proto/types.h"

struct twin {
    uint64_t about;      /* nonce of the other process, as the witness tells it */
    uint64_t nonce;      /* of the process that signs; 0 in the question */
    struct tris_sig sig; /* zeros in the question */
};

/* Answers `question` for the process `nonce`. */
void twin_sign(const struct tris_fed_id *fed, const struct tris_sign_secret *key, uint64_t about,
               uint64_t nonce, struct twin *out);
/* TRIS_OK: a process that is not `own_nonce` has signed since this one started. TRIS_ERR_SELF if it
 * is this one, _BAD_VALUE if it is about another one, _BAD_SIGNATURE. */
TRIS_MUST_CHECK enum tris_err twin_verify(const struct tris_fed_id *fed,
                                          const struct tris_sign_pub *key, uint64_t own_nonce,
                                          const struct twin *twin);

#endif
