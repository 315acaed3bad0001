/* Value types that every folder shares: byte spans, ids, keys, hashes, signatures.
 *
 * Each id is a struct of its own, so that swapping two 32-byte arguments does not compile.
 * Plain values: copying is allowed, nothing here owns memory. */
#ifndef TRIS_PROTO_TYPES_H
#define TRIS_PROTO_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that belong to somebody else; the function that returns one says until when. */
struct span {
    const uint8_t *ptr;
    size_t len;
};

static inline struct span span_of(const void *ptr, size_t len)
{
    return (struct span){(const uint8_t *)ptr, len};
}

static inline struct span span_str(const char *text)
{
    return (struct span){(const uint8_t *)text, strlen(text)};
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Bytewise; of two where one begins the other the shorter is smaller. */
static inline int span_cmp(struct span a, struct span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool span_begins(struct span text, const char *start)
{
    size_t len = strlen(start);
    return text.len >= len && memcmp(text.ptr, start, len) == 0;
}

/* _eq and _cmp are for public values only; secrets are compared with sodium_memcmp. */
#define TRIS_BYTES_TYPE(name, size)                                                                \
    struct name {                                                                                  \
        uint8_t b[size];                                                                           \
    };                                                                                             \
    _Static_assert(sizeof(struct name) == (size), "no padding in " #name);                         \
    static inline bool name##_eq(const struct name *x, const struct name *y)                       \
    {                                                                                              \
        return memcmp(x->b, y->b, (size)) == 0;                                                    \
    }                                                                                              \
    static inline int name##_cmp(const struct name *x, const struct name *y)                       \
    {                                                                                              \
        return memcmp(x->b, y->b, (size));                                                         \
    }

TRIS_BYTES_TYPE(tris_fed_id, 32)      /* BLAKE2b-256 of the charter's body */
TRIS_BYTES_TYPE(tris_house_id, 32)    /* first Ed25519 public key of a house or observer */
TRIS_BYTES_TYPE(tris_log_id, 32)      /* see entry.h: log_id_derive */
TRIS_BYTES_TYPE(tris_hash, 32)        /* BLAKE2b-256: commitment, leaf, node, root, digest */
TRIS_BYTES_TYPE(tris_short, 16)       /* first 16 bytes of a log id or root, as on the wire */
TRIS_BYTES_TYPE(tris_sign_pub, 32)    /* Ed25519 public key that verifies seals and lines */
TRIS_BYTES_TYPE(tris_sign_secret, 64) /* Ed25519 seed and public key, libsodium's form; secret */
TRIS_BYTES_TYPE(tris_dh_pub, 32)      /* X25519 public (transport) key */
TRIS_BYTES_TYPE(tris_dh_secret, 32)   /* X25519 secret key; secret */
TRIS_BYTES_TYPE(tris_sig, 64)         /* Ed25519 signature */
TRIS_BYTES_TYPE(tris_salt, 16)        /* salt of a payload commitment */

/* The role that a house line or the charter gives to an identity. */
enum tris_role {
    TRIS_ROLE_HOUSE = 1,
    TRIS_ROLE_OBSERVER = 2,     /* reads everything, has no log */
    TRIS_ROLE_COORDINATION = 3, /* a house whose region is DE */
};

enum tris_topic {
    TRIS_TOPIC_GOV = 0,   /* membership and house cards */
    TRIS_TOPIC_DATA = 1,  /* records that every member may read */
    TRIS_TOPIC_LOCAL = 2, /* records that never leave the house: no seals, never offered */
};

/* Everything that a log id is derived from, besides the federation. */
struct tris_log_ref {
    struct tris_house_id house;
    enum tris_topic topic;
    uint32_t epoch;
    struct tris_sign_pub seal_key; /* epoch 0: the house id's bytes */
};

/* A log of a house's first epoch. */
static inline struct tris_log_ref tris_log_ref_first(const struct tris_house_id *house,
                                                     enum tris_topic topic)
{
    struct tris_log_ref ref = {.house = *house, .topic = topic};
    memcpy(ref.seal_key.b, house->b, sizeof ref.seal_key.b);
    return ref;
}

static inline struct tris_short tris_short_of(const uint8_t bytes[32])
{
    struct tris_short out;
    memcpy(out.b, bytes, sizeof out.b);
    return out;
}

/* Lower-case hex of `len` bytes into `out`, which holds 2 * len + 1 characters. */
void tris_hex(const uint8_t *bytes, size_t len, char *out);

/* Exactly `len` bytes from exactly 2 * len hex digits of either case; false and out untouched
 * otherwise. */
bool tris_unhex(struct span text, uint8_t *out, size_t len);

#endif
