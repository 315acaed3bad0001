/* The two keys and the house line of a data directory: loading with their permission checks,
 * making, storing. Secrets are wiped by keys_fini. */
#ifndef TRIS_TOOLS_KEYS_H
#define TRIS_TOOLS_KEYS_H

#include "proto/charter.h"
#include "proto/keyfile.h"
#include "tools/files.h"

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
};

/* Loads what is there. TRIS_OK also if nothing is (see has_*); TRIS_ERR_PERMISSION if others may
 * read a key file, TRIS_ERR_BAD_KEY, _IO; `file` is the name of the file in question. */
TRIS_MUST_CHECK enum tris_err keys_load(const char *dir, struct keys *out, const char **file);
/* As keys_load, but both must be there: TRIS_ERR_NOT_INIT. */
TRIS_MUST_CHECK enum tris_err keys_require(const char *dir, struct keys *out, const char **file);
/* Makes those that are missing, in memory only. */
void keys_make_missing(struct keys *keys);
/* Stores those that are not stored yet; never replaces a file. */
TRIS_MUST_CHECK enum tris_err keys_store(const char *dir, struct keys *keys, const char **file);
void keys_fini(struct keys *keys);

void keys_house_id(const struct keys *keys, struct tris_house_id *out);

/* The own house line; TRIS_ERR_NOT_FOUND if there is none. */
TRIS_MUST_CHECK enum tris_err keys_line_load(const char *dir, struct house_line *out);
TRIS_MUST_CHECK enum tris_err keys_line_store(const char *dir, const char *text);

#endif
