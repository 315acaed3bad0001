/* The files of a data directory that `tris init` makes: keys, house line, charter. Checks
 * permissions and that the parts belong together; says in three parts what is wrong. */
#ifndef TRIS_DAEMON_DATADIR_H
#define TRIS_DAEMON_DATADIR_H

#include "proto/charter.h"
#include "proto/keyfile.h"

enum { DATADIR_TEXT_BYTES = 1400 };

/* What a person is told. */
struct refusal {
    int exit_code;
    char what[DATADIR_TEXT_BYTES];      /* what failed */
    char unchanged[DATADIR_TEXT_BYTES]; /* what is unchanged */
    char next[DATADIR_TEXT_BYTES];      /* the next command */
};

struct passphrase; /* passphrase.h */

struct datadir {
    struct tris_sign_secret identity;
    struct noise_keypair transport;
    struct house_line line;
    char line_text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct charter charter; /* the caller ends it with charter_fini */
};

/* On failure `why` is filled and nothing is left to free; secrets are wiped. `passphrase` is asked
 * only if one protects the identity key. */
TRIS_MUST_CHECK enum tris_err datadir_load(const char *dir, struct passphrase *passphrase,
                                           struct datadir *out, struct refusal *why);

/* The house line of the keys that wait in DIR/next; TRIS_ERR_NOT_FOUND if none do. `text` gets the
 * line as it is signed. */
TRIS_MUST_CHECK enum tris_err datadir_next_line(const char *dir, struct house_line *line,
                                                char *text, size_t text_size);
/* Puts the keys of DIR/next in the place of the present ones, which are gone then: first as a whole
 * to DIR/taking, so that a start after a crash in between finishes it. */
TRIS_MUST_CHECK enum tris_err datadir_take_next(const char *dir, struct refusal *why);

__attribute__((format(printf, 4, 5))) enum tris_err
refuse(struct refusal *why, enum tris_err err, const char *next, const char *format, ...);
/* Prints the three parts on stderr. */
void refusal_print(const struct refusal *why);

#endif
