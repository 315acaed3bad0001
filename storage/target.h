/* Statements of gov logs about houses (endorse, revoke): rows by the house that they speak of. */
#ifndef TRIS_STORAGE_TARGET_H
#define TRIS_STORAGE_TARGET_H

#include "storage/txn.h"

static inline bool target_verb(uint32_t verb)
{
    return verb == VERB_ENDORSE || verb == VERB_REVOKE;
}

/* The house that a statement speaks of; why it has no effect otherwise. `fresh`: it comes in, its
 * card is judged too. */
TRIS_MUST_CHECK enum tris_err target_read(uint32_t verb, struct span payload, bool fresh,
                                          struct tris_house_id *about);
void target_put(struct store_txn *t, const struct tris_house_id *about, struct record_ref at,
                uint32_t verb);
void target_del(struct store_txn *t, const struct tris_house_id *about, struct record_ref at);

#endif
