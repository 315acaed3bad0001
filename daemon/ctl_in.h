/* Reading the parameters of control methods: typed, bounded, unknown ones refused; and the names
 * that people use for houses and records. Loop thread only. */
#ifndef TRIS_DAEMON_CTL_IN_H
#define TRIS_DAEMON_CTL_IN_H

#include "daemon/daemon.h"
#include "proto/record.h"

/* Sticky like rbuf: the first fault is kept, ctl_in_ok answers it. */
struct ctl_in {
    struct span map;
    enum tris_err err;
    const char *field;
    char message[160];
};

/* `keys` is NULL-terminated: every other parameter is refused. */
struct ctl_in ctl_in_begin(struct span params, const char *const *keys);
bool ctl_in_has(const struct ctl_in *in, const char *key);
/* An absent parameter gives the preset (text: an empty span). */
uint64_t ctl_in_uint(struct ctl_in *in, const char *key, uint64_t preset, uint64_t max);
bool ctl_in_bool(struct ctl_in *in, const char *key);
struct span ctl_in_text(struct ctl_in *in, const char *key, size_t bytes_max);
struct span ctl_in_need_text(struct ctl_in *in, const char *key, size_t bytes_max);
/* Record kind by name; required. */
const struct kind *ctl_in_kind(struct ctl_in *in, const char *key);
/* 0 if absent. */
enum schema_scope ctl_in_scope(struct ctl_in *in, const char *key);
/* Marks the parameter as refused. */
void ctl_in_refuse(struct ctl_in *in, enum tris_err err, const char *field, const char *message);
/* True if all was well; else the token is answered. */
bool ctl_in_ok(struct daemon *d, uint64_t token, const struct ctl_in *in);

/* The beginning of a UTF-8 text, whole characters, at most `bytes_max` bytes. */
struct span span_cut(struct span text, size_t bytes_max);
/* Copies at most size - 1 bytes and ends with NUL. */
void span_copy(struct span text, char *out, size_t size);

/* The text of a record's field; empty if the kind has no such field or the record no value. */
/* The same of the field that the record is called by (FIELD_TITLE). */
struct span record_title(const struct record *r);
struct span record_text(const struct record *r, const char *name);

/* A house by slug, "slug~a1b2c3", hex id, or a unique prefix of slug or id. */
TRIS_MUST_CHECK enum tris_err resolve_house(const struct members *m, struct span text,
                                            uint32_t *index);
/* A record by what people see: "koeln-1042", "koeln.1-17", "koeln-L17", and "1042" or "L17" for
 * this house's own. Case does not matter. Does not say that the record exists. */
TRIS_MUST_CHECK enum tris_err resolve_record(struct daemon *d, struct span text,
                                             struct record_ref *out);
/* The data log of a house in one epoch; TRIS_ERR_NOT_FOUND. */
TRIS_MUST_CHECK enum tris_err resolve_log(struct daemon *d, const struct tris_house_id *house,
                                          uint64_t epoch, uint32_t *log_no);
/* The record that the entry `at` with this header belongs to: itself, or one that it names, maybe
 * of a former epoch; TRIS_ERR_NOT_FOUND. Any thread. */
TRIS_MUST_CHECK enum tris_err resolve_entry_record(struct store_view *v, struct record_ref at,
                                                   const struct entry_header *header,
                                                   struct record_ref *out);
/* As resolve_record; where a house's record is asked for, the house's whole name does too. */
TRIS_MUST_CHECK enum tris_err resolve_named(struct daemon *d, struct store_view *v,
                                            const struct field *field, struct span text,
                                            struct record_ref *out);
/* Whether a field may name this record: it is there, national, and of the field's kind. `log` is
 * the record's; `*why` a sentence, or NULL: the error says it. */
TRIS_MUST_CHECK enum tris_err resolve_check(struct store_view *v, const struct field *field,
                                            struct record_ref ref, struct store_log *log,
                                            const char **why);
/* Required parameter `key` as a house; answers errors; false then. */
bool in_house(struct daemon *d, uint64_t token, struct ctl_in *in, const char *key,
              uint32_t *index);
/* A page cursor "log:seq" as out_cursor wrote it. */
bool in_cursor(struct span text, struct record_ref *out);

enum { REF_BYTES = 96 };

/* What a FIELD_REF says, as record_set_text reads it: koeln-1042 with the house's key for its name.
 * A local record, a missing one and one of another kind are refused with a sentence in `*why`. */
TRIS_MUST_CHECK enum tris_err resolve_ref(struct daemon *d, const struct field *field,
                                          struct span text, char out[REF_BYTES], const char **why);

/* The number of a member's log by its topic ("" = data): TRIS_ERR_INVALID, _NOT_FOUND. */
TRIS_MUST_CHECK enum tris_err ctl_log_of(struct daemon *d, uint32_t index, struct span topic,
                                         uint32_t *log_no);

#endif
