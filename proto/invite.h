/* Invitations: the one line that a house gives to another one, by mail or as a QR code, so that it
 * can dial it and join its federation. Layout: FORMAT.md "Invitation".
 *
 * The secret in it lets in whoever has the line, once and until it expires; hold it like a
 * password. Plain value: nothing here owns memory. */
#ifndef TRIS_PROTO_INVITE_H
#define TRIS_PROTO_INVITE_H

#include "proto/buf.h"
#include "proto/limits.h"

enum {
    INVITE_SECRET_BYTES = 16, /* guessing 2^128 is out of reach, and the QR code stays small */
    INVITE_ADDRESSES_MAX = 3,
    INVITE_BODY_BYTES_MAX = 32 + 32 + 32 + INVITE_SECRET_BYTES + 8 + 1 +
                            INVITE_ADDRESSES_MAX * (2 + TRIS_ADDRESS_BYTES_MAX - 1) + 2 +
                            TRIS_NAME_CHARS_MAX * 4 + 32 + 4,
    INVITE_CHECK_BYTES = 4,
    INVITE_WORD_BYTES = 14, /* "TRIS-INVITE-1:" */
    INVITE_TEXT_BYTES_MAX =
        INVITE_WORD_BYTES + (8 * (INVITE_BODY_BYTES_MAX + INVITE_CHECK_BYTES) + 4) / 5,
};

struct invite {
    struct tris_fed_id fed;
    struct tris_house_id house; /* the inviter */
    struct tris_dh_pub transport;
    uint8_t secret[INVITE_SECRET_BYTES];
    uint64_t expires_ms;
    char addr[INVITE_ADDRESSES_MAX][TRIS_ADDRESS_BYTES_MAX];
    uint32_t addr_count;                    /* at least 1 */
    char name[TRIS_NAME_CHARS_MAX * 4 + 1]; /* of the federation; "" if the line leaves it out */
    /* For a house that has lost its keys or was revoked: it comes back as `again`, with keys of a
     * new epoch. 0: for a new house. */
    uint32_t again_epoch;
    struct tris_house_id again;
};

/* Writes the line, NUL-terminated without LF. TRIS_ERR_INVALID if a field breaks its rules,
 * TRIS_ERR_NO_SPACE. */
TRIS_MUST_CHECK enum tris_err invite_print(const struct invite *invite, char *out, size_t out_size);
/* Strict: what it accepts, invite_print gives back byte for byte. TRIS_ERR_BAD_VERSION for an
 * invitation of another version, TRIS_ERR_BAD_VALUE for a line that is none or does not fit its
 * checksum (a typo), TRIS_ERR_NOT_CANONICAL if the checksum fits and the content breaks the rules.
 * Whether it has expired is the caller's question. */
TRIS_MUST_CHECK enum tris_err invite_parse(struct span text, struct invite *out);

/* What the handshake and its gate take for the secret of the line: BLAKE2b-256(secret;
 * "tris-psk-v1"). */
void invite_psk(const uint8_t secret[INVITE_SECRET_BYTES], uint8_t psk[32]);
/* By what people name an invitation without giving the secret away: the first 8 bytes of
 * BLAKE2b-256(secret; "tris-invid-v1"), never 0. */
uint64_t invite_id(const uint8_t secret[INVITE_SECRET_BYTES]);

#endif
