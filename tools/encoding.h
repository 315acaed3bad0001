/* Which encoding a list has, before its first row is read: UTF-8, Windows-1252, or a refusal with
 * line, column and byte (UTF-16, no text at all, two encodings in one file). Reads only. */
#ifndef TRIS_TOOLS_ENCODING_H
#define TRIS_TOOLS_ENCODING_H

#include "tools/csv.h"

/* "utf-8", "windows-1252" and what people also call them. False: none of these. */
bool encoding_by_name(const char *name, enum csv_encoding *out);

/* Looks at the whole file, which must be seekable, and sets info->encoding. `wanted` (may be NULL):
 * the encoding that a person named; what does not fit it is refused. TRIS_ERR_BAD_UTF8 or
 * TRIS_ERR_IO with the place in `error`. */
TRIS_MUST_CHECK enum tris_err encoding_find(FILE *file, const enum csv_encoding *wanted,
                                            struct csv_info *info, struct csv_error *error);

#endif
