/* Which column of a list is which field: names and labels of the schema, then a table of names that
 * lists out there use. No file access. */
#ifndef TRIS_TOOLS_IMPORT_MAP_H
#define TRIS_TOOLS_IMPORT_MAP_H

#include "tools/list_map.h"

enum { COLUMNS_MAX = 512, COLUMN_NAME_BYTES = 80 };

enum column_use {
    COLUMN_UNKNOWN, /* nobody knows it: named in a remark */
    COLUMN_IGNORED, /* known and without meaning here */
    COLUMN_FIELD,
    COLUMN_MAPPED, /* a map file takes it and nothing else does */
    COLUMN_SCOPE,
    COLUMN_KIND,  /* of an export of all kinds: other rows are skipped; or the field `type` */
    COLUMN_HOUSE, /* of an export: rows of other houses are skipped */
};

struct column {
    enum column_use use;
    const struct field *field; /* COLUMN_FIELD */
    char name[COLUMN_NAME_BYTES];
};

struct columns {
    const struct kind *kind;
    struct list_map *map; /* borrowed; NULL: none */
    size_t count;
    struct column column[COLUMNS_MAX];
};

/* Forgets all columns; kind and map stay. */
void columns_clear(struct columns *c);
/* Index of the column with this exact name, added if it is new; COLUMNS_MAX if there are too
 * many. A field that another column has already makes the later one ignored. */
size_t columns_add(struct columns *c, struct span name);
/* True if this cell of a column "kind" is no kind of record but the record's own type (offer). */
bool columns_is_type(const struct column *column, struct span text);
/* Index of the column that fills this field, or COLUMNS_MAX. */
size_t columns_of_field(const struct columns *c, const struct field *field);
/* True if a column, or a rule or constant of the map, fills it. */
bool columns_has(const struct columns *c, const char *field_name);
/* The first column that the map names and the list does not have; NULL: none. */
const char *columns_missing(const struct columns *c);

/* "national", "local" and their labels; 0 if the text is none of them. */
enum schema_scope import_scope(struct span text);

/* The text without blanks at its ends (also no-break spaces and TABs). */
struct span import_trim(struct span text);

#endif
