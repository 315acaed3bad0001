/* What a pass found, bounded in memory: rejected rows, likenesses; see import.h. */
#include <stdlib.h>
#include <string.h>

#include "tools/import.h"

/* The beginning of a text, whole characters, NUL-terminated. */
static void span_copy(struct span text, char *out, size_t size)
{
    size_t len = text.len < size ? text.len : size - 1;
    while (len < text.len && len > 0 && (text.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

void import_result_reject(struct import_result *out, uint64_t line, const char *column,
                          const char *reason)
{
    size_t reason_len = strlen(reason) + 1, column_len = strlen(column) + 1;
    out->counts.rejected++;
    if (out->rejected_count == IMPORT_REJECTED_MAX ||
        out->reason_bytes > IMPORT_REJECTED_BYTES_MAX - reason_len - column_len) {
        return;
    }
    if (out->rejected_count % 64 == 0) {
        struct rejected *more =
            realloc(out->rejected, (out->rejected_count + 64) * sizeof out->rejected[0]);
        if (more == NULL) {
            return;
        }
        out->rejected = more;
    }
    struct rejected *r = &out->rejected[out->rejected_count];
    r->line = line;
    r->reason = malloc(reason_len + column_len);
    if (r->reason == NULL) {
        return;
    }
    memcpy(r->reason, reason, reason_len);
    r->column = memcpy(r->reason + reason_len, column, column_len);
    out->reason_bytes += reason_len + column_len;
    out->rejected_count++;
}

void import_result_similar(struct import_result *out, uint64_t line, struct span name,
                           uint64_t other_line, struct span id)
{
    out->counts.similar++;
    out->counts.doubled += other_line == 0 ? 1 : 0;
    if (out->similar_count == IMPORT_SIMILAR_MAX) {
        return;
    }
    if (out->similar == NULL) {
        out->similar = calloc(IMPORT_SIMILAR_MAX, sizeof out->similar[0]);
        if (out->similar == NULL) {
            return;
        }
    }
    struct import_similar *similar = &out->similar[out->similar_count++];
    similar->line = line;
    similar->other_line = other_line;
    span_copy(id, similar->id, sizeof similar->id);
    span_copy(name, similar->name, sizeof similar->name);
}

void import_result_unlinked(struct import_result *out, uint64_t line, const char *column,
                            struct span value, struct span why)
{
    out->counts.unlinked++;
    if (out->unlinked_count == IMPORT_UNLINKED_MAX) {
        return;
    }
    if (out->unlinked_count % 64 == 0) {
        struct import_unlinked *more =
            realloc(out->unlinked, (out->unlinked_count + 64) * sizeof out->unlinked[0]);
        if (more == NULL) {
            return;
        }
        out->unlinked = more;
    }
    struct import_unlinked *row = &out->unlinked[out->unlinked_count++];
    row->line = line;
    span_copy(span_str(column), row->column, sizeof row->column);
    span_copy(value, row->value, sizeof row->value);
    span_copy(why, row->why, sizeof row->why);
}

void import_result_fini(struct import_result *r)
{
    for (size_t i = 0; i < r->rejected_count; i++) {
        free(r->rejected[i].reason);
    }
    free(r->rejected);
    r->rejected = NULL;
    r->rejected_count = 0;
    free(r->similar);
    r->similar = NULL;
    r->similar_count = 0;
    free(r->unlinked);
    r->unlinked = NULL;
    r->unlinked_count = 0;
}
