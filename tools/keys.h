/* The two keys and the house line of a data directory: loading with their permission checks,
 * opening with the passphrase, making, storing. Secrets are wiped by keys_fini. */
#ifndef TRIS_TOOLS_KEYS_H
#define TRIS_TOOLS_KEYS_H

#include "proto/charter.h"
#include "tools/passphrase.h"

/* Names in the data directory. */
#define IDENTITY_FILE "identity.key"
#define TRANSPORT_FILE "transport.key"
#define HOUSE_LINE_FILE "house.line"
#define CHARTER_FILE "charter"

enum { KEY_FILE_MODE = 0600, PUBLIC_FILE_MODE = 0644 };

struct keys {
    struct tris_sign_secret identity;
    struct noise_keypair transport;
    bool has_identity, has_transport; /* stored in the directory already */
    /* identity.key as it stands there if a passphrase protects it; `identity` is zeros as long as
     * this is not "" */
    char sealed[SEALED_KEY_BYTES_MAX];
};

/* Loads what is there. TRIS_OK also if nothing is (see has_*); TRIS_ERR_PERMISSION if others may
 * read a key file, TRIS_ERR_BAD_KEY, _IO; `file` is the name of the file in question. */
TRIS_MUST_CHECK enum tris_err keys_load(const char *dir, struct keys *out, const char **file);
/* As keys_load, but both must be there: TRIS_ERR_NOT_INIT. */
TRIS_MUST_CHECK enum tris_err keys_require(const char *dir, struct keys *out, const char **file);
/* Asks for the passphrase if one protects the identity key: before anything that signs or tells its
 * house id. `passphrase`: NULL, or room of SEALED_PASSPHRASE_BYTES_MAX for what opened it, which
 * the caller wipes; it stays as it is if there was none to ask for. Returns EXIT_OK, or prints the
 * error and returns its exit code. */
int keys_open(const struct cli *cli, struct keys *keys, char *passphrase);
/* Makes those that are missing, in memory only. */
void keys_make_missing(struct keys *keys);
/* What identity.key holds: sealed with `passphrase`, plain if it is NULL or "". */
TRIS_MUST_CHECK enum tris_err keys_identity_text(const struct keys *keys, const char *passphrase,
                                                 char out[SEALED_KEY_BYTES_MAX]);
/* Stores those that are not stored yet; never replaces a file. `passphrase` as above. */
TRIS_MUST_CHECK enum tris_err keys_store(const char *dir, struct keys *keys, const char *passphrase,
                                         const char **file);
void keys_fini(struct keys *keys);

void keys_house_id(const struct keys *keys, struct tris_house_id *out);

/* The own house line; TRIS_ERR_NOT_FOUND if there is none. */
TRIS_MUST_CHECK enum tris_err keys_line_load(const char *dir, struct house_line *out);
TRIS_MUST_CHECK enum tris_err keys_line_store(const char *dir, const char *text);

#endif
