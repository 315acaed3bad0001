/* Tables on a terminal over libsmartcols: widths right for UTF-8, foreign text escaped. */
#ifndef TRIS_TOOLS_GRID_H
#define TRIS_TOOLS_GRID_H

#include "tools/tris.h"

struct grid; /* opaque */

enum { GRID_RIGHT = 1, GRID_TRUNCATE = 2 };

/* `columns` titles (already translated); `flags` one an each or NULL. Aborts without memory. */
struct grid *grid_new(const struct cli *cli, const char *const *titles, const int *flags,
                      size_t columns);
void grid_row(struct grid *t);
/* The next cell of the row; the text is copied and escaped. */
void grid_text(struct grid *t, const char *text);
void grid_count(struct grid *t, int64_t n);
/* "yes" in words of the language, or "-". */
void grid_bool(struct grid *t, bool value);
/* Prints to stdout and frees; `empty` is printed instead if there is no row. */
void grid_print(struct grid *t, const char *empty);

#endif
