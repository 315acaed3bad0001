/* Manifests of backups, as they are and with their checksum made right: what is accepted prints to
 * the same bytes. */
#include "proto/hash.h"
#include "storage/backup_int.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 64 * 1024;

void fuzz_setup(void)
{
}

static void check(struct span text)
{
    static struct backup_manifest m;
    static char out[BACKUP_MANIFEST_BYTES_MAX];
    if (backup_manifest_parse(text, &m) != TRIS_OK) {
        return;
    }
    REQUIRE(m.file_count >= 1 && m.file_count <= BACKUP_FILES_MAX);
    size_t len = backup_manifest_print(&m, out);
    REQUIRE(span_eq(span_of(out, len), text));
}

void fuzz_one(struct span input)
{
    static char text[BACKUP_MANIFEST_BYTES_MAX];
    struct tris_hash hash;
    char hex[65];
    const size_t tail = 4 + 64 + 1;
    check(input);
    if (input.len < tail || input.len > sizeof text) {
        return;
    }
    const struct span body = span_of(input.ptr, input.len - tail);
    hash_parts("tris-backup-v1", NULL, &body, 1, &hash);
    tris_hex(hash.b, sizeof hash.b, hex);
    memcpy(text, body.ptr, body.len);
    memcpy(text + body.len, "sum ", 4);
    memcpy(text + body.len + 4, hex, 64);
    text[body.len + 68] = '\n';
    check(span_of(text, input.len));
}
