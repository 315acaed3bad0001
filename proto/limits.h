/* Every limit of formats and protocol, with its unit in the name; no limit lives elsewhere.
 *
 * Those marked "format" decide whether bytes are valid and change only with a version. */
#ifndef TRIS_PROTO_LIMITS_H
#define TRIS_PROTO_LIMITS_H

enum {
    /* format: bytes of one payload; 24 contributions of 500 characters fit four times over */
    TRIS_PAYLOAD_BYTES_MAX = 48 * 1024,
    /* format: bytes of one header, with its commitment and unknown trailing elements */
    TRIS_HEADER_BYTES_MAX = 128,
    /* format: bytes of one Noise message including its tag (Noise rev 34, section 3) */
    TRIS_FRAME_BYTES_MAX = 65535,
    TRIS_AEAD_TAG_BYTES = 16,
    /* format: items in one msgpack container; longer lists travel in chunks */
    TRIS_CONTAINER_ITEMS_MAX = 256,
    /* format: nesting of msgpack values */
    TRIS_PACK_DEPTH_MAX = 8,
    /* format: entries between two seals, so that a receiver can verify in bounded memory */
    TRIS_SEAL_SPACING_MAX = 1024,
    /* an owner seals at least after so many wire bytes (its own rule) */
    TRIS_SEAL_BYTES = 256 * 1024,
    /* format: entries of one gov log in one epoch */
    TRIS_GOV_ENTRIES_MAX = 65536,
    /* wire form of one entry: form and header length, cut header, salt, payload length, payload */
    TRIS_ENTRY_WIRE_BYTES_MAX = 2 + TRIS_HEADER_BYTES_MAX + 16 + 2 + TRIS_PAYLOAD_BYTES_MAX,
    /* one segment with payloads as sent; a run of entries that is larger travels without them */
    TRIS_SEGMENT_BYTES_MAX = 320 * 1024,
    /* credit that a session starts with; must let one whole segment pass */
    TRIS_CREDIT_INITIAL_BYTES = 320 * 1024,
    /* charter text, signatures included: 20,000 house lines of 400 bytes */
    TRIS_CHARTER_BYTES_MAX = 8 * 1024 * 1024,
    TRIS_HOUSE_LINE_BYTES_MAX = 2048,
    TRIS_ADDRESSES_MAX = 8,
    /* a DNS name of 253, a colon, a port of 5, brackets; with the NUL that ends it in memory */
    TRIS_ADDRESS_BYTES_MAX = 264,
    TRIS_SLUG_BYTES_MAX = 40,
    TRIS_NAME_CHARS_MAX = 120,
    /* frontier: fixed buckets by the first byte of the log id */
    TRIS_FRONTIER_BUCKETS = 256,
    /* own frontier roots that are remembered, for "changed since" (level 1) */
    TRIS_FRONTIER_RING = 4096,
    /* fields of one record kind; the highest field number that a schema may use is below it */
    TRIS_FIELD_NUMBER_MAX = 127,
    /* one message on the control socket; a page of records fits */
    TRIS_CTL_BYTES_MAX = 4 * 1024 * 1024,
};

_Static_assert(TRIS_SEAL_BYTES + TRIS_ENTRY_WIRE_BYTES_MAX <= TRIS_SEGMENT_BYTES_MAX,
               "a segment that follows the owner's sealing rule fits with its last entry");
_Static_assert(TRIS_CREDIT_INITIAL_BYTES >= TRIS_SEGMENT_BYTES_MAX, "one segment passes at once");
_Static_assert(TRIS_PAYLOAD_BYTES_MAX < 65536, "the wire form has 16 bits of payload length");

#endif
