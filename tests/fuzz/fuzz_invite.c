/* Invitation lines, as they are and with the checksum made right for what they hold: what is
 * accepted prints to the same bytes. */
#include "proto/hash.h"
#include "proto/invite.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 64 * 1024;

void fuzz_setup(void)
{
}

static void check(struct span text)
{
    static struct invite invite;
    char again[INVITE_TEXT_BYTES_MAX + 1];
    if (invite_parse(text, &invite) != TRIS_OK) {
        return;
    }
    REQUIRE(text.len <= INVITE_TEXT_BYTES_MAX);
    REQUIRE(invite.addr_count >= 1 && invite.addr_count <= INVITE_ADDRESSES_MAX);
    REQUIRE(invite_print(&invite, again, sizeof again) == TRIS_OK);
    REQUIRE(span_eq(text, span_str(again)));
    REQUIRE(invite_print(&invite, again, text.len) == TRIS_ERR_NO_SPACE);
}

/* The input as the body of a line. */
static void check_body(struct span body)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    static char text[INVITE_TEXT_BYTES_MAX + 8];
    static uint8_t bytes[INVITE_BODY_BYTES_MAX + INVITE_CHECK_BYTES];
    struct tris_hash hash;
    if (body.len > INVITE_BODY_BYTES_MAX) {
        return;
    }
    hash_parts("tris-invite-v1", NULL, &body, 1, &hash);
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    wbuf_span_put(&w, body);
    wbuf_bytes(&w, hash.b, INVITE_CHECK_BYTES);
    REQUIRE(w.err == TRIS_OK);
    size_t len = INVITE_WORD_BYTES;
    memcpy(text, "TRIS-INVITE-1:", len);
    for (size_t bit = 0; bit < 8 * w.len; bit += 5) {
        uint32_t value = 0;
        for (size_t i = bit; i < bit + 5; i++) {
            value = value << 1 | (i < 8 * w.len ? bytes[i / 8] >> (7 - i % 8) & 1u : 0);
        }
        text[len++] = letters[value];
    }
    check(span_of(text, len));
}

void fuzz_one(struct span input)
{
    check(input);
    check_body(input);
}
