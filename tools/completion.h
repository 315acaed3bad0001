/* Texts for other programs that are made from the table of commands: completion, manual page. */
#ifndef TRIS_TOOLS_COMPLETION_H
#define TRIS_TOOLS_COMPLETION_H

#include "tools/tris.h"

/* Prints the script for "bash", "zsh" or "fish" on standard output; false for another shell. */
bool completion_print(const struct cli *cli, const char *shell);

/* Prints the manual page as scdoc text in the language of `cli`. */
void man_print(const struct cli *cli);

#endif
