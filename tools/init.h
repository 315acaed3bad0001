/* What the files of init share: the run of one `tris init`, and its parts. Nobody else includes
 * this, but for init_join. */
#ifndef TRIS_TOOLS_INIT_H
#define TRIS_TOOLS_INIT_H

#include "proto/invite.h"
#include "tools/offline.h"

struct init {
    struct cli *cli;
    const struct args *args;
    struct keys keys;
    struct house_line line;
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1]; /* the signed line */
    bool line_made;                           /* the line is new or changed: to be stored */
    struct charter charter;                   /* of this directory; valid if has_charter */
    bool has_charter, charter_made;
    struct invite invite;                        /* init --join, peer join; addr_count 0: none */
    uint32_t reached;                            /* which of its addresses answered */
    char inviter[TRIS_HOUSE_LINE_BYTES_MAX + 1]; /* the inviter's own line; "" if it told none */
};

/* Who this house is: as its line says; else as the invitation to come back says; else by its keys.
 */
void init_own_id(const struct init *in, struct tris_house_id *out);

/* Each returns EXIT_OK, or prints the error and returns its exit code. */

/* init_line.c: signs the line anew if there is none or the options say something else. */
int init_line_prepare(struct init *in);

/* cmd_init.c: keys and house line; charter and store. */
int init_write_keys(struct init *in);
int init_write_charter(struct init *in);
void init_note_start(const struct init *in);

/* init_join.c */
/* Reads the invitation ("-": a line of standard input) and looks whether it can be used here. */
int init_join_prepare(struct init *in, const char *text);
/* Asks the inviter for the charter, then writes all. The keys are stored already. */
int init_join_run(struct init *in);
void init_join_note(const struct init *in);
/* The members of the answer that only a joiner gets. */
void init_join_json(const struct init *in, json_t *result);

/* cmd_init.c: `tris peer join`, with keys that are there. */
int init_with_invitation(struct cli *cli, const struct args *args, const char *invitation);

#endif
