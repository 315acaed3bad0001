/* House lines, as they are and with the signature made right for the text: what is accepted prints
 * to the same bytes. */
#include "proto/charter.h"
#include "proto/hash.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/signer.h"

const size_t fuzz_heap_bytes_max = 64 * 1024;

void fuzz_setup(void)
{
    signers_init();
}

static void check(struct span text)
{
    static struct house_line line;
    char again[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    if (house_line_parse(text, &line) != TRIS_OK) {
        return;
    }
    REQUIRE(text.len <= TRIS_HOUSE_LINE_BYTES_MAX);
    REQUIRE(house_line_print(&line, again, sizeof again) == TRIS_OK);
    REQUIRE(span_eq(text, span_str(again)));
    REQUIRE(house_line_print(&line, again, text.len) == TRIS_ERR_NO_SPACE);
    REQUIRE(tris_role_name(line.role) != NULL && line.addr_count <= TRIS_ADDRESSES_MAX);
    REQUIRE(!house_line_newer(line.time_ms, text, line.time_ms, text));
}

void fuzz_one(struct span input)
{
    static uint8_t bytes[TRIS_HOUSE_LINE_BYTES_MAX + SIGNED_TAIL_BYTES];
    check(input);
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    if (input.len <= TRIS_HOUSE_LINE_BYTES_MAX && signer_line(input, &w)) {
        check(wbuf_span(&w));
    }
}
