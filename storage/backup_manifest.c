/* The manifest of a backup as text, with its own checksum; see SCHEMA.md, "Backup". */
#include <stdio.h>
#include <string.h>

#include "proto/assert.h"
#include "proto/hash.h"
#include "proto/plain.h"
#include "storage/backup_int.h"

static void sum_of(const char *manifest, size_t len, char hex[65])
{
    struct tris_hash hash;
    const struct span part = span_of(manifest, len);
    hash_parts("tris-backup-v1", NULL, &part, 1, &hash);
    tris_hex(hash.b, sizeof hash.b, hex);
}

size_t backup_manifest_print(const struct backup_manifest *m, char out[BACKUP_MANIFEST_BYTES_MAX])
{
    char fed[65], own[65], key[65], gov[65], data[65], hex[65];
    tris_hex(m->fed.b, sizeof m->fed.b, fed);
    tris_hex(m->own.b, sizeof m->own.b, own);
    tris_hex(m->tip.key.b, sizeof m->tip.key.b, key);
    tris_hex(m->tip.gov_root.b, sizeof m->tip.gov_root.b, gov);
    tris_hex(m->tip.data_root.b, sizeof m->tip.data_root.b, data);
    int len =
        snprintf(out, BACKUP_MANIFEST_BYTES_MAX,
                 "tris-backup-1\ntime_ms %llu\nfederation %s\nhouse %s\nepoch %lu %s\ngov %llu %s\n"
                 "data %llu %s\nentries %llu\n",
                 (unsigned long long)m->time_ms, fed, own, (unsigned long)m->tip.epoch, key,
                 (unsigned long long)m->tip.gov_size, gov, (unsigned long long)m->tip.data_size,
                 data, (unsigned long long)m->entries);
    for (uint32_t i = 0; i < m->file_count; i++) {
        tris_hex(m->file[i].hash.b, sizeof m->file[i].hash.b, hex);
        len += snprintf(out + len, BACKUP_MANIFEST_BYTES_MAX - (size_t)len, "file %s %llu %s\n",
                        m->file[i].name, (unsigned long long)m->file[i].bytes, hex);
    }
    sum_of(out, (size_t)len, hex);
    len += snprintf(out + len, BACKUP_MANIFEST_BYTES_MAX - (size_t)len, "sum %s\n", hex);
    tris_assert(len > 0 && len < BACKUP_MANIFEST_BYTES_MAX);
    return (size_t)len;
}

/* Takes `word` and what follows it up to `end`. */
static bool take(const char **at, const char *word, char end, char *out, size_t size)
{
    size_t len = strlen(word);
    if (strncmp(*at, word, len) != 0) {
        return false;
    }
    const char *start = *at + len;
    const char *stop = strchr(start, end);
    if (stop == NULL || (size_t)(stop - start) >= size) {
        return false;
    }
    (void)snprintf(out, size, "%.*s", (int)(stop - start), start);
    *at = stop + 1;
    return out[0] != '\0';
}

static bool take_number(const char **at, const char *word, char end, uint64_t *out)
{
    char text[24];
    return take(at, word, end, text, sizeof text) && plain_decimal(span_str(text), UINT64_MAX, out);
}

static bool take_hex(const char **at, const char *word, uint8_t bytes[32])
{
    char text[65];
    return take(at, word, '\n', text, sizeof text) && plain_hex(span_str(text), bytes, 32);
}

/* Files come in the order of the table, so none comes twice; *part is the next that may. */
static bool take_file(const char **at, struct backup_manifest *m, uint32_t *part)
{
    struct backup_file *file = &m->file[m->file_count];
    if (m->file_count == BACKUP_FILES_MAX ||
        !take(at, "file ", ' ', file->name, sizeof file->name) ||
        !take_number(at, "", ' ', &file->bytes) || !take_hex(at, "", file->hash.b)) {
        return false;
    }
    while (*part < BACKUP_FILES_MAX && strcmp(file->name, backup_parts[*part].name) != 0) {
        (*part)++;
    }
    if (*part == BACKUP_FILES_MAX) {
        return false;
    }
    m->has_keys = m->has_keys || backup_parts[(*part)++].is_key;
    m->file_count++;
    return true;
}

static bool take_all(const char *at, struct backup_manifest *m)
{
    uint32_t part = 0;
    uint64_t epoch = 0;
    bool good =
        take_number(&at, "tris-backup-1\ntime_ms ", '\n', &m->time_ms) &&
        take_hex(&at, "federation ", m->fed.b) && take_hex(&at, "house ", m->own.b) &&
        take_number(&at, "epoch ", ' ', &epoch) && epoch <= UINT32_MAX &&
        take_hex(&at, "", m->tip.key.b) && take_number(&at, "gov ", ' ', &m->tip.gov_size) &&
        take_hex(&at, "", m->tip.gov_root.b) && take_number(&at, "data ", ' ', &m->tip.data_size) &&
        take_hex(&at, "", m->tip.data_root.b) && take_number(&at, "entries ", '\n', &m->entries);
    m->tip.epoch = (uint32_t)epoch;
    while (good && *at != '\0') {
        good = take_file(&at, m, &part);
    }
    /* without its store it is no backup */
    return good && m->file_count > 0 && strcmp(m->file[m->file_count - 1].name, BACKUP_STORE) == 0;
}

enum tris_err backup_manifest_parse(struct span text, struct backup_manifest *out)
{
    char copy[BACKUP_MANIFEST_BYTES_MAX], sum[65];
    const size_t tail = 4 + 64 + 1; /* "sum ", hex, line feed */
    memset(out, 0, sizeof *out);
    if (text.len <= tail || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len) != NULL) {
        return TRIS_ERR_CORRUPT;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end = copy + text.len - tail;
    sum_of(copy, (size_t)(end - copy), sum);
    if (strncmp(end, "sum ", 4) != 0 || memcmp(end + 4, sum, 64) != 0 || end[68] != '\n') {
        return TRIS_ERR_CORRUPT;
    }
    *end = '\0';
    return take_all(copy, out) ? TRIS_OK : TRIS_ERR_CORRUPT;
}
