/* Map files: how the columns and values of a foreign list are meant. INI, read strictly: an unknown
 * section, name, field or code is refused with file and line. */
#ifndef TRIS_TOOLS_LIST_MAP_H
#define TRIS_TOOLS_LIST_MAP_H

#include "proto/record.h"

enum {
    MAP_LINE_BYTES_MAX = 198, /* inih cuts off what is behind */
    MAP_NAME_BYTES_MAX = 48,  /* likewise for names */
    MAP_LINES_MAX = 2000,
    MAP_RULES_MAX = 64,
    MAP_SOURCES_MAX = 4,
    MAP_FAULT_BYTES = 512,
};

/* One of our fields and the columns of the list that can fill it, the first one first. */
struct map_rule {
    const struct field *field; /* NULL: the scope of the row */
    size_t count;
    const char *source[MAP_SOURCES_MAX];
    size_t column[MAP_SOURCES_MAX]; /* place in the list, set by whoever reads the header */
};

struct map_constant {
    const struct field *field;
    const char *text;
};

struct list_map; /* opaque */

/* `kind` (may be NULL) is what the command line says; the file's [import] kind must agree. On
 * failure `fault` (MAP_FAULT_BYTES) gets "file:line: why" in English or the person's language. */
TRIS_MUST_CHECK enum tris_err list_map_read(const char *path, const struct kind *kind,
                                            struct list_map **out, char *fault);
void list_map_free(struct list_map *m); /* NULL is allowed */

const struct kind *list_map_kind(const struct list_map *m); /* NULL: not said */
const char *list_map_source(const struct list_map *m);      /* "" if not said */
enum schema_scope list_map_scope(const struct list_map *m); /* 0 if not said */

struct map_rule *list_map_rule(struct list_map *m, size_t index); /* NULL behind the last */
const struct map_constant *list_map_constant(const struct list_map *m, size_t index);
/* A rule fills this field (NULL: the scope). */
bool list_map_fills(const struct list_map *m, const struct field *field);

/* What a value of the list means for a field (NULL: the scope): itself, if the map has no table for
 * it or the table does not know it. *known: the table does. A value that is a list (joined by ; or
 * |) means what its first known item means. */
struct span list_map_value(const struct list_map *m, const struct field *field, struct span text,
                           bool *known);
/* What all other values mean, empty ones too: the table's row "*". *known: there is one. */
struct span list_map_rest(const struct list_map *m, const struct field *field, bool *known);

#endif
