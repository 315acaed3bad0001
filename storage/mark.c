/* DIR/mark: the tips of the own gov and data log, kept outside the LMDB file, so that a store which
 * was put back from a copy is noticed. One line of text with its own checksum; see SCHEMA.md. */
#define _GNU_SOURCE /* renameat2; NOLINT: the name that glibc asks for */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/assert.h"
#include "proto/hash.h"
#include "proto/plain.h"
#include "storage/log.h"

enum { MARK_BYTES_MAX = 1024, PATH_BYTES_MAX = 4096, MACHINE_BYTES_MAX = 64 };

/* What makes this copy of the store this one: a copied file is another instance. */
struct instance {
    char machine[MACHINE_BYTES_MAX + 1];
    uint64_t device, inode;
};

static enum tris_err file_read(const char *path, char *out, size_t size, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? TRIS_ERR_NOT_FOUND : TRIS_ERR_IO;
    }
    *len = 0;
    ssize_t n = 1;
    while (n > 0 && *len < size) {
        n = read(fd, out + *len, size - *len);
        *len += n > 0 ? (size_t)n : 0;
    }
    (void)close(fd);
    return n < 0 ? TRIS_ERR_IO : TRIS_OK;
}

static enum tris_err instance_now(const struct store *s, struct instance *out)
{
    char path[PATH_BYTES_MAX];
    struct stat st;
    size_t len = 0;
    if (file_read("/etc/machine-id", out->machine, MACHINE_BYTES_MAX, &len) != TRIS_OK) {
        len = 0;
    }
    size_t end = 0;
    while (end < len && ((out->machine[end] >= '0' && out->machine[end] <= '9') ||
                         (out->machine[end] >= 'a' && out->machine[end] <= 'z'))) {
        end++;
    }
    out->machine[end] = '\0';
    if (end == 0) {
        memcpy(out->machine, "-", 2);
    }
    if (snprintf(path, sizeof path, "%s/store/data.mdb", s->dir) >= (int)sizeof path ||
        stat(path, &st) != 0) {
        return TRIS_ERR_IO;
    }
    out->device = (uint64_t)st.st_dev;
    out->inode = (uint64_t)st.st_ino;
    return TRIS_OK;
}

static void mark_sum(const char *text, size_t len, char out[65])
{
    struct tris_hash hash;
    const struct span part = span_of(text, len);
    hash_parts("tris-mark-v1", NULL, &part, 1, &hash);
    tris_hex(hash.b, sizeof hash.b, out);
}

/* The line without sum; returns its length. */
static size_t mark_print(const struct store *s, const struct instance *instance,
                         const struct store_mark *mark, char out[MARK_BYTES_MAX])
{
    char fed[65];
    char own[65];
    char key[65];
    char gov[65];
    char data[65];
    tris_hex(s->fed.b, sizeof s->fed.b, fed);
    tris_hex(s->own.b, sizeof s->own.b, own);
    tris_hex(s->own_key.b, sizeof s->own_key.b, key);
    tris_hex(mark->gov_root.b, sizeof mark->gov_root.b, gov);
    tris_hex(mark->data_root.b, sizeof mark->data_root.b, data);
    int len =
        snprintf(out, MARK_BYTES_MAX,
                 "tris-mark-2 fed=%s house=%s epoch=%lu key=%s gov=%llu:%s data=%llu:%s machine=%s "
                 "device=%llu inode=%llu",
                 fed, own, (unsigned long)s->own_epoch, key, (unsigned long long)mark->gov_size,
                 gov, (unsigned long long)mark->data_size, data, instance->machine,
                 (unsigned long long)instance->device, (unsigned long long)instance->inode);
    tris_assert(len > 0 && len < MARK_BYTES_MAX);
    return (size_t)len;
}

static enum tris_err write_all(int fd, const char *text, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = write(fd, text + done, len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? TRIS_ERR_DISK_FULL
                                                                        : TRIS_ERR_IO;
        }
        done += (size_t)n;
    }
    /* what the file held before may have been longer */
    return ftruncate(fd, (off_t)len) == 0 && fdatasync(fd) == 0 ? TRIS_OK : TRIS_ERR_IO;
}

/* The new file under the name of the mark. The former one stays as mark.tmp, to be written over
 * next time: to free its block and take another costs more than the rename and its fsync. */
static bool swap_names(const char *temp, const char *path)
{
#ifdef RENAME_EXCHANGE
    if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_EXCHANGE) == 0) {
        return true;
    }
#endif
    return rename(temp, path) == 0; /* no mark yet, or a file system that cannot exchange */
}

static enum tris_err replace(const char *dir, const char *text, size_t len)
{
    char temp[PATH_BYTES_MAX];
    char path[PATH_BYTES_MAX];
    if (snprintf(temp, sizeof temp, "%s/mark.tmp", dir) >= (int)sizeof temp ||
        snprintf(path, sizeof path, "%s/mark", dir) >= (int)sizeof path) {
        return TRIS_ERR_INVALID;
    }
    int fd = open(temp, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == ENOSPC ? TRIS_ERR_DISK_FULL : TRIS_ERR_IO;
    }
    enum tris_err err = write_all(fd, text, len);
    if (close(fd) != 0 && err == TRIS_OK) {
        err = TRIS_ERR_IO;
    }
    if (err == TRIS_OK && !swap_names(temp, path)) {
        err = TRIS_ERR_IO;
    }
    if (err != TRIS_OK) {
        (void)unlink(temp);
        return err;
    }
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        err = TRIS_ERR_IO;
        (void)unlink(temp); /* the disk may still call it the mark: not to be written over */
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

enum tris_err store_mark_write(struct store *s, const struct store_mark *mark)
{
    struct instance instance;
    char line[MARK_BYTES_MAX + 128];
    char sum[65];
    enum tris_err err = instance_now(s, &instance);
    if (err != TRIS_OK) {
        return err;
    }
    size_t len = mark_print(s, &instance, mark, line);
    mark_sum(line, len, sum);
    int more = snprintf(line + len, sizeof line - len, " sum=%s\n", sum);
    tris_assert(more > 0 && (size_t)more < sizeof line - len);
    return replace(s->dir, line, len + (size_t)more);
}

/* Instead of a mark: what `tris backup restore` leaves. It is no valid one on purpose. */
static const char put_back[] = "tris-restored-1 made=";

enum tris_err store_mark_put_back(const char *dir, const char *made)
{
    char line[MARK_BYTES_MAX];
    int len = snprintf(line, sizeof line, "%s%.64s\n", put_back, made);
    tris_assert(len > 0 && (size_t)len < sizeof line);
    return replace(dir, line, (size_t)len);
}

/* ---- checking ---- */

struct mark_file {
    struct store_mark mark;
    struct instance instance;
    char fed[65], own[65];
    char made[65]; /* date of the backup that this store was put back from; else "" */
};

/* Takes `name` and what follows it up to the next space or colon. */
static bool take(const char **at, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    if (strncmp(*at, name, len) != 0) {
        return false;
    }
    const char *start = *at + len;
    len = strcspn(start, " :");
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(out, start, len);
    out[len] = '\0';
    *at = start + len;
    return true;
}

static bool take_number(const char **at, const char *name, uint64_t *out)
{
    char text[24];
    return take(at, name, text, sizeof text) && plain_decimal(span_str(text), UINT64_MAX, out);
}

static bool take_tip(const char **at, const char *name, uint64_t *size, struct tris_hash *root)
{
    char hex[65];
    return take_number(at, name, size) && take(at, ":", hex, sizeof hex) &&
           plain_hex(span_str(hex), root->b, sizeof root->b);
}

static bool take_epoch(const char **at, struct store_mark *out)
{
    char hex[65];
    uint64_t epoch = 0;
    bool good = take_number(at, " epoch=", &epoch) && epoch <= UINT32_MAX &&
                take(at, " key=", hex, sizeof hex) &&
                plain_hex(span_str(hex), out->key.b, sizeof out->key.b);
    out->epoch = (uint32_t)epoch;
    return good;
}

static bool mark_parse(const char *at, struct mark_file *out)
{
    struct instance *instance = &out->instance;
    return take(&at, "tris-mark-2 fed=", out->fed, sizeof out->fed) &&
           take(&at, " house=", out->own, sizeof out->own) && take_epoch(&at, &out->mark) &&
           take_tip(&at, " gov=", &out->mark.gov_size, &out->mark.gov_root) &&
           take_tip(&at, " data=", &out->mark.data_size, &out->mark.data_root) &&
           take(&at, " machine=", instance->machine, sizeof instance->machine) &&
           take_number(&at, " device=", &instance->device) &&
           take_number(&at, " inode=", &instance->inode) && *at == '\0';
}

/* The file as written by this version, checksum right, or TRIS_ERR_BAD_MARK. */
static enum tris_err mark_read(const struct store *s, struct mark_file *out)
{
    char path[PATH_BYTES_MAX];
    char line[MARK_BYTES_MAX + 1];
    char sum[65];
    size_t len = 0;
    if (snprintf(path, sizeof path, "%s/mark", s->dir) >= (int)sizeof path) {
        return TRIS_ERR_INVALID;
    }
    enum tris_err err = file_read(path, line, MARK_BYTES_MAX, &len);
    if (err != TRIS_OK) {
        return err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_MARK_MISSING : err;
    }
    line[len] = '\0';
    if (strncmp(line, put_back, sizeof put_back - 1) == 0) {
        const char *made = line + sizeof put_back - 1;
        (void)snprintf(out->made, sizeof out->made, "%.*s", (int)strcspn(made, "\n"), made);
        return TRIS_ERR_MARK_MISSING;
    }
    const size_t tail = 5 + 64 + 1; /* " sum=", hex, line feed */
    if (len <= tail || line[len - 1] != '\n' || memcmp(line + len - tail, " sum=", 5) != 0) {
        return TRIS_ERR_BAD_MARK;
    }
    mark_sum(line, len - tail, sum);
    if (memcmp(sum, line + len - 65, 64) != 0) {
        return TRIS_ERR_BAD_MARK;
    }
    line[len - tail] = '\0';
    return mark_parse(line, out) ? TRIS_OK : TRIS_ERR_BAD_MARK;
}

static enum tris_err own_log(struct store_view *v, enum tris_topic topic, uint32_t *no,
                             struct log_row *out)
{
    enum tris_err err = store_own_log(v, topic, no);
    return err == TRIS_OK ? view_log_row(v, *no, out) : err;
}

/* The newest sealed size and root of an own log; zeros if there is none. */
static enum tris_err own_tip(struct store_view *v, enum tris_topic topic, uint64_t *size,
                             struct tris_hash *root)
{
    struct log_row log;
    uint32_t no;
    enum tris_err err = own_log(v, topic, &no, &log);
    *size = 0;
    memset(root, 0, sizeof *root);
    if (err == TRIS_OK && log.log.has_seal) {
        *size = log.log.seal.size;
        *root = log.log.seal.root;
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

static enum tris_err compare(struct store_view *v, enum tris_topic topic, const char *name,
                             uint64_t size, const struct tris_hash *root, char *detail,
                             size_t detail_size)
{
    struct log_row log;
    struct tris_hash ours;
    uint32_t no;
    if (size == 0) {
        return TRIS_OK;
    }
    enum tris_err err = own_log(v, topic, &no, &log);
    /* unsealed entries may stand where the mark knows others: they do not count */
    uint64_t held = err == TRIS_OK && log.log.has_seal ? log.log.seal.size : 0;
    if (err == TRIS_OK && log.log.ends != STORE_END_NONE && log.log.end < size) {
        return TRIS_OK; /* it ends before: nothing is sealed there any more */
    }
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        return err;
    }
    if (held < size) {
        snprintf(detail, detail_size,
                 "the mark knows %llu entries of the own %s log, the store holds %llu sealed",
                 (unsigned long long)size, name, (unsigned long long)held);
        return TRIS_ERR_MARK_AHEAD;
    }
    err = store_root_at(v, no, size, &ours);
    if (err == TRIS_OK && !tris_hash_eq(&ours, root)) {
        snprintf(detail, detail_size,
                 "the first %llu entries of the own %s log are not those that the mark knows",
                 (unsigned long long)size, name);
        return TRIS_ERR_MARK_FOREIGN;
    }
    return err;
}

static enum tris_err check_instance(const struct store *s, const struct mark_file *file,
                                    char *detail, size_t detail_size)
{
    struct instance now;
    char fed[65];
    char own[65];
    enum tris_err err = instance_now(s, &now);
    if (err != TRIS_OK) {
        return err;
    }
    tris_hex(s->fed.b, sizeof s->fed.b, fed);
    tris_hex(s->own.b, sizeof s->own.b, own);
    if (strcmp(fed, file->fed) != 0 || strcmp(own, file->own) != 0) {
        snprintf(detail, detail_size, "the mark was made by another house or federation");
        return TRIS_ERR_MARK_FOREIGN;
    }
    if (strcmp(now.machine, file->instance.machine) != 0 || now.device != file->instance.device ||
        now.inode != file->instance.inode) {
        snprintf(detail, detail_size,
                 "the mark was made beside another copy of the store (machine, device or file)");
        return TRIS_ERR_MARK_FOREIGN;
    }
    return TRIS_OK;
}

enum tris_err store_own_tip(struct store_view *v, struct store_mark *out)
{
    out->epoch = v->s->own_epoch;
    out->key = v->s->own_key;
    enum tris_err err = own_tip(v, TRIS_TOPIC_GOV, &out->gov_size, &out->gov_root);
    return err == TRIS_OK ? own_tip(v, TRIS_TOPIC_DATA, &out->data_size, &out->data_root) : err;
}

/* Both logs against the mark. */
static enum tris_err compare_tips(struct store_view *v, const struct store_mark *mark, char *detail,
                                  size_t detail_size)
{
    enum tris_err err =
        compare(v, TRIS_TOPIC_GOV, "gov", mark->gov_size, &mark->gov_root, detail, detail_size);
    if (err == TRIS_OK) {
        err = compare(v, TRIS_TOPIC_DATA, "data", mark->data_size, &mark->data_root, detail,
                      detail_size);
    }
    return err;
}

static bool is_of_epoch(const struct store *s, const struct store_mark *mark)
{
    return mark->epoch == s->own_epoch && tris_sign_pub_eq(&mark->key, &s->own_key);
}

/* The logs of a former epoch are never sealed again: nothing depends on where they ended. */
static enum tris_err other_epoch(const struct store *s, const struct store_mark *mark, char *detail,
                                 size_t detail_size)
{
    if (mark->epoch < s->own_epoch) {
        return TRIS_OK;
    }
    snprintf(detail, detail_size,
             "the mark speaks of epoch %lu of this house with another key, the present one is %lu",
             (unsigned long)mark->epoch, (unsigned long)s->own_epoch);
    return TRIS_ERR_MARK_FOREIGN;
}

static enum tris_err verdict(struct store_view *v, struct store_mark_state *out, char *detail,
                             size_t detail_size)
{
    struct mark_file file;
    memset(&file, 0, sizeof file);
    enum tris_err err = mark_read(v->s, &file);
    if (file.made[0] != '\0') {
        memcpy(out->made, file.made, sizeof out->made);
        snprintf(detail, detail_size,
                 "this store was put back from a backup of %s: what this house sealed after that "
                 "is not in it, and others may hold it",
                 file.made);
        return err;
    }
    if (err == TRIS_ERR_MARK_MISSING && out->own.gov_size == 0 && out->own.data_size == 0) {
        return TRIS_OK;
    }
    if (err != TRIS_OK) {
        snprintf(detail, detail_size, "%.180s/mark: %s", v->s->dir, tris_err_text(err));
        return err;
    }
    if (!is_of_epoch(v->s, &file.mark)) {
        err = check_instance(v->s, &file, detail, detail_size);
        return err == TRIS_OK ? other_epoch(v->s, &file.mark, detail, detail_size) : err;
    }
    out->has_tip = true;
    out->tip = file.mark;
    err = compare_tips(v, &file.mark, detail, detail_size);
    out->tip_is_here = err == TRIS_OK;
    return err == TRIS_OK ? check_instance(v->s, &file, detail, detail_size) : err;
}

enum tris_err store_mark_look(struct store *s, struct store_mark_state *out, char *detail,
                              size_t detail_size)
{
    struct store_view *v = NULL;
    memset(out, 0, sizeof *out);
    detail[0] = '\0';
    enum tris_err err = store_view_begin(s, &v);
    if (err != TRIS_OK) {
        return err;
    }
    err = store_own_tip(v, &out->own);
    if (err == TRIS_OK) {
        out->verdict = verdict(v, out, detail, detail_size);
    }
    store_view_end(v);
    return err;
}

enum tris_err store_mark_check(struct store *s, char *detail, size_t detail_size)
{
    struct store_mark_state state;
    enum tris_err err = store_mark_look(s, &state, detail, detail_size);
    return err == TRIS_OK ? state.verdict : err;
}

enum tris_err store_mark_renew(struct store *s)
{
    struct store_view *v = NULL;
    struct store_mark mark;
    enum tris_err err = store_view_begin(s, &v);
    if (err != TRIS_OK) {
        return err;
    }
    err = store_own_tip(v, &mark);
    store_view_end(v);
    return err == TRIS_OK ? store_mark_write(s, &mark) : err;
}
