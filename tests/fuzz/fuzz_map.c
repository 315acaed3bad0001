/* Map files of foreign lists, for a header and values out of the same input. */
#include "tests/fuzz/fuzz.h"
#include "tools/import_map.h"

const size_t fuzz_heap_bytes_max = 1024 * 1024;

void fuzz_setup(void)
{
}

/* Values of the list, as the rules of the map see them. */
static void use(struct list_map *map, struct span text)
{
    struct map_rule *rule;
    for (size_t i = 0; (rule = list_map_rule(map, i)) != NULL; i++) {
        bool known = false, rest = false;
        REQUIRE(rule->count >= 1 && rule->count <= MAP_SOURCES_MAX);
        REQUIRE(list_map_fills(map, rule->field));
        struct span value = list_map_value(map, rule->field, text, &known);
        REQUIRE(known || value.ptr == text.ptr);
        struct span other = list_map_rest(map, rule->field, &rest);
        REQUIRE(rest || other.len == 0);
    }
    const struct map_constant *constant;
    for (size_t i = 0; (constant = list_map_constant(map, i)) != NULL; i++) {
        REQUIRE(constant->field != NULL && constant->text != NULL);
    }
}

static void columns(struct list_map *map, struct span header)
{
    static struct columns c;
    struct rbuf r = rbuf_of(header);
    c.kind = list_map_kind(map);
    c.map = map;
    columns_clear(&c);
    while (rbuf_left(&r) > 0 && c.count < COLUMNS_MAX) {
        size_t start = r.pos, len = 0;
        while (rbuf_left(&r) > 0 && rbuf_u8(&r) != ';') {
            len++;
        }
        size_t index = columns_add(&c, span_of(header.ptr + start, len));
        REQUIRE(index < c.count);
    }
    (void)columns_missing(&c);
    for (size_t i = 0; i < c.kind->field_count; i++) {
        size_t at = columns_of_field(&c, &c.kind->fields[i]);
        REQUIRE(at == COLUMNS_MAX || c.column[at].field == &c.kind->fields[i]);
        (void)columns_has(&c, c.kind->fields[i].name);
    }
}

void fuzz_one(struct span input)
{
    struct rbuf in = rbuf_of(input);
    uint8_t first = fuzz_u8(&in);
    struct span header = fuzz_take(&in, fuzz_u8(&in));
    struct list_map *map = NULL;
    char fault[MAP_FAULT_BYTES];
    const struct kind *kind =
        first % 2 == 0 ? NULL : schema_kind_at(first / 2 % schema_kind_count());
    enum tris_err err = list_map_read(fuzz_file(fuzz_rest(&in)), kind, &map, fault);
    REQUIRE((err == TRIS_OK) == (map != NULL) && (err == TRIS_OK) == (fault[0] == '\0'));
    if (err != TRIS_OK) {
        return;
    }
    REQUIRE(list_map_kind(map) != NULL && list_map_source(map) != NULL);
    REQUIRE(kind == NULL || list_map_kind(map) == kind);
    use(map, header);
    columns(map, header);
    list_map_free(map);
}
