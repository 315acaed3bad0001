/* What charter.c and charter_parse.c share: signatures. Not for anybody else. */
#ifndef TRIS_PROTO_CHARTER_INT_H
#define TRIS_PROTO_CHARTER_INT_H

#include "proto/charter.h"

/* Room for every founder's signature, once the founders are known. TRIS_ERR_NO_MEMORY. */
TRIS_MUST_CHECK enum tris_err charter_alloc_sigs(struct charter *c);
/* A founder by id, NULL if it is none. */
const struct house_line *charter_founder(const struct charter *c, const struct tris_house_id *id);
/* Whether the signature is that of its id over this federation id. */
bool charter_sig_good(const struct charter *c, const struct charter_sig *sig);

#endif
