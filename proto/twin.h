/* Proof that another process lives with a house's key. A house that two processes dial from knows
 * the instance nonce of both; it tells each the other's, each signs that together with its own, and
 * each gets what the other has signed. A nonce is new with every start, so a signature over it was
 * made since: no record of a former process passes for a living one. FORMAT.md "Twins". */
#ifndef TRIS_PROTO_TWIN_H
#define TRIS_PROTO_TWIN_H

#include "proto/err.h"
#include "proto/types.h"

enum {
    TWIN_WAIT_MS = 2000,   /* the older session stays open so long for its answer */
    TWIN_AGAIN_MS = 10000, /* between two such questions to one house */
};

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

/* As a third house, about sessions of one house whose peers have these nonces: whether they are to
 * be asked now. `asked_ms` is when they were last, 0 = never, and is set if so. */
bool twin_due(uint64_t *asked_ms, uint64_t now_ms, uint64_t older, uint64_t newer);

/* What a TWIN that came is to this process, and what is to be done with it. */
enum twin_act {
    TWIN_NOTHING, /* it proves nothing */
    TWIN_ANSWER,  /* a question: `answer` goes back to who asked */
    TWIN_PASS_ON, /* for the peer's other session, whose nonce is `about` */
    TWIN_PROVEN,  /* another process has signed since this one began */
};
TRIS_MUST_CHECK enum twin_act twin_judge(const struct tris_fed_id *fed,
                                         const struct tris_sign_secret *own_key, uint64_t own_nonce,
                                         const struct twin *twin, struct twin *answer);

#endif
