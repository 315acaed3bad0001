/* Charters, as they are and with all signatures made right for the text: what is accepted prints to
 * the same bytes, and signing and merging never make it unreadable. */
#include "proto/charter.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/signer.h"

const size_t fuzz_heap_bytes_max = 512 * 1024;

void fuzz_setup(void)
{
    signers_init();
}

enum { TEXT_BYTES_MAX = 32 * 1024 };

static void same_text(const struct charter *c, struct span text)
{
    char *printed = NULL;
    size_t len = 0;
    REQUIRE(charter_print(c, &printed, &len) == TRIS_OK);
    REQUIRE(span_eq(span_of(printed, len), text));
    free(printed);
}

/* Every founder that we are signs; the other copy gets the signatures by merging. */
static void sign_all(struct charter *c, struct charter *copy)
{
    for (size_t i = 0; i < SIGNERS; i++) {
        struct tris_house_id id;
        signer_id(i, &id);
        const struct house_line *line = charter_find(c, &id);
        bool founder = line != NULL && line->role != TRIS_ROLE_OBSERVER;
        enum tris_err err = charter_sign(c, signer_key(i));
        REQUIRE(err == (founder ? TRIS_OK : TRIS_ERR_NOT_FOUND));
    }
    REQUIRE(charter_merge(copy, c) == TRIS_OK && copy->sig_count == c->sig_count);
    REQUIRE(charter_complete(c) == charter_complete(copy));
}

static void check(struct span text)
{
    struct charter c, copy, again;
    uint32_t line = 0;
    enum tris_err err = charter_parse(text, &c, &line);
    if (err != TRIS_OK) {
        REQUIRE(line >= 1 && c.member == NULL && c.sig == NULL);
        return;
    }
    struct tris_fed_id fed;
    charter_fed_id(text, &fed);
    REQUIRE(tris_fed_id_eq(&fed, &c.fed));
    REQUIRE(c.founder_count >= 1 && c.founder_count <= c.member_count);
    same_text(&c, text);
    REQUIRE(charter_parse(text, &copy, &line) == TRIS_OK);
    sign_all(&c, &copy);
    char *printed = NULL;
    size_t len = 0;
    REQUIRE(charter_print(&c, &printed, &len) == TRIS_OK);
    REQUIRE(charter_parse(span_of(printed, len), &again, &line) == TRIS_OK);
    same_text(&copy, span_of(printed, len));
    free(printed);
    charter_fini(&again);
    charter_fini(&copy);
    charter_fini(&c);
}

void fuzz_one(struct span input)
{
    static uint8_t bytes[TEXT_BYTES_MAX];
    struct rbuf in = rbuf_of(input);
    uint8_t which = fuzz_u8(&in);
    struct span text = fuzz_rest(&in);
    check(text);
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    if (signer_charter(text, which, &w)) {
        check(wbuf_span(&w));
    }
}
