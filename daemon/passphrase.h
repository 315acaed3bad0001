/* The passphrase that opens the identity key: where it comes from, and that it is kept in locked
 * memory, so that a start with new keys in the same process need not ask again.
 *
 * In this order: the file that TRIS_PASSPHRASE_FILE names, systemd's credential tris-passphrase,
 * the terminal that is standard input. */
#ifndef TRIS_DAEMON_PASSPHRASE_H
#define TRIS_DAEMON_PASSPHRASE_H

#include "daemon/datadir.h"
#include "proto/sealed.h"

struct passphrase {
    bool known;
    char text[SEALED_PASSPHRASE_BYTES_MAX];
};

/* In memory that is locked as far as the system allows, and wiped by passphrase_free; NULL without
 * memory. Freeing NULL does nothing. */
struct passphrase *passphrase_new(void);
void passphrase_free(struct passphrase *p);

/* Opens identity.key of `dir`, whose bytes are `text`: with the passphrase that is known, or, if
 * there is none or it fits no more, with the one that is got now. What opened it is kept. On
 * failure `out` is zeros and `why` is filled: exit 13. */
TRIS_MUST_CHECK enum tris_err passphrase_open(struct passphrase *p, const char *dir,
                                              struct span text, struct tris_sign_secret *out,
                                              struct refusal *why);

#endif
