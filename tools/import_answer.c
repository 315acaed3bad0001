/* What the daemon answers to a group of rows, added to the result of the pass. */
#include <stdio.h>

#include "tools/client.h"
#include "tools/import.h"

enum { SAID_BYTES_MAX = 400 };

uint64_t import_answer_count(struct span result, const char *key)
{
    struct rbuf r = rbuf_of(ctl_map_get(result, key));
    return pack_read_uint(&r);
}

static void take_rejected(struct import_result *out, struct span result)
{
    struct rbuf r = rbuf_of(ctl_map_get(result, "rejected"));
    uint32_t rows = pack_read_array(&r, IMPORT_GROUP_ROWS);
    for (uint32_t i = 0; i < rows; i++) {
        char column[COLUMN_NAME_BYTES], said[512], reason[1024];
        uint32_t items = pack_read_array(&r, 4);
        uint64_t line = pack_read_uint(&r);
        struct span field = pack_read_str(&r, sizeof column - 1);
        (void)snprintf(column, sizeof column, "%.*s", (int)field.len,
                       field.len > 0 ? (const char *)field.ptr : "");
        struct span text = pack_read_str(&r, TRIS_CTL_BYTES_MAX);
        struct span value = items == 4 ? pack_read_str(&r, TRIS_CTL_BYTES_MAX) : span_of(NULL, 0);
        if (r.err != TRIS_OK) {
            return;
        }
        (void)snprintf(said, sizeof said, "%.*s",
                       (int)(text.len < SAID_BYTES_MAX ? text.len : SAID_BYTES_MAX),
                       text.len > 0 ? (const char *)text.ptr : "");
        if (value.len > 0 && value.len < SAID_BYTES_MAX) {
            (void)snprintf(reason, sizeof reason, "\"%.*s\": %s", (int)value.len,
                           (const char *)value.ptr, sentence(said));
        } else {
            (void)snprintf(reason, sizeof reason, "%s", said);
        }
        import_result_reject(out, line, column, reason);
    }
}

static void take_similar(struct import_result *out, struct span result)
{
    struct rbuf r = rbuf_of(ctl_map_get(result, "similar"));
    uint32_t rows = r.len > 0 ? pack_read_array(&r, IMPORT_GROUP_ROWS) : 0;
    for (uint32_t i = 0; i < rows; i++) {
        (void)pack_read_array(&r, 3);
        uint64_t line = pack_read_uint(&r);
        struct span name = pack_read_str(&r, TRIS_CTL_BYTES_MAX);
        struct span id = pack_read_str(&r, TRIS_CTL_BYTES_MAX);
        if (r.err == TRIS_OK) {
            import_result_similar(out, line, name, 0, id);
        }
    }
}

/* The column that people see in the list for a field that the daemon names. */
static const char *column_name(const struct columns *columns, struct span field_name)
{
    const struct field *field = schema_field_by_name(columns->kind, field_name);
    size_t at = field != NULL ? columns_of_field(columns, field) : COLUMNS_MAX;
    return at != COLUMNS_MAX ? columns->column[at].name : field != NULL ? field->name : "";
}

static void take_unlinked(struct import_result *out, const struct columns *columns,
                          struct span result)
{
    struct rbuf r = rbuf_of(ctl_map_get(result, "unlinked"));
    uint32_t rows = r.len > 0 ? pack_read_array(&r, IMPORT_GROUP_ROWS) : 0;
    for (uint32_t i = 0; i < rows; i++) {
        (void)pack_read_array(&r, 4);
        uint64_t line = pack_read_uint(&r);
        struct span field = pack_read_str(&r, COLUMN_NAME_BYTES);
        struct span value = pack_read_str(&r, TRIS_CTL_BYTES_MAX);
        struct span why = pack_read_str(&r, TRIS_CTL_BYTES_MAX);
        if (r.err == TRIS_OK) {
            import_result_unlinked(out, line, column_name(columns, field), value, why);
        }
    }
}

void import_answer_take(struct import_result *out, const struct columns *columns,
                        struct span result)
{
    out->counts.new_rows += import_answer_count(result, "new");
    out->counts.changed += import_answer_count(result, "changed");
    out->counts.fills += import_answer_count(result, "fills");
    out->counts.unchanged += import_answer_count(result, "unchanged");
    take_rejected(out, result);
    take_similar(out, result);
    take_unlinked(out, columns, result);
}
