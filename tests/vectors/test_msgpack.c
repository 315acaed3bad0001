/* The strict msgpack reader against files of values with all their encodings: it accepts the one
 * shortest encoding of each value in our subset and nothing else. The judge is msgpack-c: an
 * encoding is the shortest if unpacking and packing it again gives the same bytes. */
#include <msgpack.h>

#include "proto/limits.h"
#include "proto/pack.h"
#include "tests/vectors/vectors.h"

enum { WORK_MAX = 4096 };

struct work {
    const msgpack_object *object;
    unsigned depth;
};

/* Keys all unsigned or all str, strictly ascending. */
static bool keys_canonical(const msgpack_object_map *map)
{
    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object *key = &map->ptr[i].key;
        if (key->type != map->ptr[0].key.type ||
            (key->type != MSGPACK_OBJECT_STR && key->type != MSGPACK_OBJECT_POSITIVE_INTEGER)) {
            return false;
        }
        if (i == 0) {
            continue;
        }
        const msgpack_object *before = &map->ptr[i - 1].key;
        if (key->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
            if (before->via.u64 >= key->via.u64) {
                return false;
            }
            continue;
        }
        uint32_t a = before->via.str.size, b = key->via.str.size;
        int order = memcmp(before->via.str.ptr, key->via.str.ptr, a < b ? a : b);
        if (order > 0 || (order == 0 && a >= b)) {
            return false;
        }
    }
    return true;
}

/* Is every value of the tree in our subset? Walks with a list of its own, not by recursion. */
static bool tree_in_subset(const msgpack_object *root)
{
    static struct work list[WORK_MAX];
    size_t count = 0;
    list[count++] = (struct work){root, 1};
    while (count > 0) {
        struct work w = list[--count];
        const msgpack_object *o = w.object;
        bool array = o->type == MSGPACK_OBJECT_ARRAY, map = o->type == MSGPACK_OBJECT_MAP;
        uint32_t size = array ? o->via.array.size : map ? o->via.map.size : 0;
        if (o->type == MSGPACK_OBJECT_FLOAT32 || o->type == MSGPACK_OBJECT_FLOAT64 ||
            o->type == MSGPACK_OBJECT_EXT || size > TRIS_CONTAINER_ITEMS_MAX ||
            ((array || map) && w.depth > TRIS_PACK_DEPTH_MAX) || count + size > WORK_MAX ||
            (map && !keys_canonical(&o->via.map))) {
            return false;
        }
        for (uint32_t i = 0; i < size; i++) {
            const msgpack_object *child = array ? &o->via.array.ptr[i] : &o->via.map.ptr[i].val;
            list[count++] = (struct work){child, w.depth + 1};
        }
    }
    return true;
}

/* What msgpack-c says: one whole value of our subset in its shortest form. */
static bool judge_says(struct span bytes)
{
    msgpack_unpacked unpacked;
    msgpack_sbuffer again;
    msgpack_packer packer;
    size_t offset = 0;
    msgpack_unpacked_init(&unpacked);
    msgpack_sbuffer_init(&again);
    msgpack_packer_init(&packer, &again, msgpack_sbuffer_write);
    bool ok = msgpack_unpack_next(&unpacked, (const char *)bytes.ptr, bytes.len, &offset) ==
                  MSGPACK_UNPACK_SUCCESS &&
              offset == bytes.len && tree_in_subset(&unpacked.data) &&
              msgpack_pack_object(&packer, unpacked.data) == 0 &&
              span_eq(bytes, span_of(again.data, again.size));
    msgpack_sbuffer_destroy(&again);
    msgpack_unpacked_destroy(&unpacked);
    return ok;
}

static bool accepts(struct span bytes)
{
    return pack_check(bytes, PACK_CANONICAL) == TRIS_OK;
}

/* Every truncation and one trailing byte are refused; whatever a flipped bit leaves acceptable,
 * the judge accepts too. (It is not asked about the rest: it allocates by declared counts.) */
static const char *mutations(struct span bytes)
{
    uint8_t *copy = malloc(bytes.len + 1);
    const char *why = copy == NULL ? "out of memory" : NULL;
    for (size_t len = 0; why == NULL && len < bytes.len; len++) {
        why = accepts(span_of(bytes.ptr, len)) ? "a truncated value was accepted" : NULL;
    }
    if (why == NULL) {
        memcpy(copy, bytes.ptr, bytes.len);
        copy[bytes.len] = 0xc0;
        why = accepts(span_of(copy, bytes.len + 1)) ? "a trailing byte was accepted" : NULL;
    }
    for (size_t bit = 0; why == NULL && bit < bytes.len * 8; bit++) {
        copy[bit / 8] = (uint8_t)(copy[bit / 8] ^ 1U << bit % 8);
        if (accepts(span_of(copy, bytes.len)) && !judge_says(span_of(copy, bytes.len))) {
            why = "a flipped bit was accepted that msgpack-c refuses";
        }
        copy[bit / 8] = (uint8_t)(copy[bit / 8] ^ 1U << bit % 8);
    }
    free(copy);
    return why;
}

/* Integers: "bignum" holds the decimal text where JSON numbers are too small. */
static bool same_number(const json_t *test, struct rbuf *r)
{
    const char *big = vectors_text(test, "bignum");
    const json_t *number = json_object_get(test, "number");
    char text[32];
    if (pack_peek(r) == PACK_UINT) {
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)pack_read_uint(r));
    } else {
        (void)snprintf(text, sizeof text, "%lld", (long long)pack_read_int(r));
    }
    if (big != NULL) {
        return strcmp(text, big) == 0;
    }
    return json_is_integer(number) && json_integer_value(number) == atoll(text);
}

/* Does the reader give the value that the file names? Containers are judged by their bytes only. */
static bool same_value(const json_t *test, struct span bytes)
{
    struct rbuf r = rbuf_of(bytes);
    const char *binary = vectors_text(test, "binary");
    const json_t *string = json_object_get(test, "string");
    if (json_object_get(test, "nil") != NULL) {
        pack_read_nil(&r);
    } else if (json_object_get(test, "bool") != NULL) {
        if (pack_read_bool(&r) != json_is_true(json_object_get(test, "bool"))) {
            return false;
        }
    } else if (string != NULL) {
        struct span text = pack_read_str(&r, bytes.len);
        if (!span_eq(text, span_of(json_string_value(string), json_string_length(string)))) {
            return false;
        }
    } else if (binary != NULL) {
        size_t len = 0;
        uint8_t *expected = vectors_unhex(binary, &len);
        struct span got = pack_read_bin(&r, bytes.len);
        bool same = expected != NULL && span_eq(got, span_of(expected, len));
        free(expected);
        return same && rbuf_finish(&r) == TRIS_OK;
    } else if (json_object_get(test, "number") != NULL || json_object_get(test, "bignum") != NULL) {
        return same_number(test, &r) && rbuf_finish(&r) == TRIS_OK;
    } else {
        (void)pack_read_any(&r, PACK_CANONICAL);
    }
    return rbuf_finish(&r) == TRIS_OK;
}

static const char *judge_encoding(const json_t *test, struct span bytes, unsigned *accepted)
{
    bool ours = accepts(bytes), theirs = judge_says(bytes);
    if (ours != theirs) {
        return ours ? "accepted, but it is not the shortest form in our subset"
                    : "refused, but it is the shortest form";
    }
    if (!ours) {
        return NULL;
    }
    ++*accepted;
    return same_value(test, bytes) ? mutations(bytes) : "another value was read";
}

/* Is the value one that always has a shortest form in our subset? Containers may hold a float. */
static bool is_plain(const json_t *test)
{
    return json_object_get(test, "nil") != NULL || json_object_get(test, "bool") != NULL ||
           json_object_get(test, "string") != NULL || json_object_get(test, "binary") != NULL ||
           json_object_get(test, "bignum") != NULL ||
           json_is_integer(json_object_get(test, "number"));
}

/* One value passes if every encoding of it is judged right and one is accepted: none where the
 * value is outside our subset. */
static void judge_value(struct vectors *v, const json_t *test, const char *group, size_t index)
{
    const json_t *encodings = json_object_get(test, "msgpack");
    unsigned accepted = 0;
    char name[160];
    const char *why = json_array_size(encodings) == 0 ? "the case is malformed" : NULL;
    (void)snprintf(name, sizeof name, "%s value %zu", group, index);
    for (size_t i = 0; why == NULL && i < json_array_size(encodings); i++) {
        const char *hex = json_string_value(json_array_get(encodings, i));
        size_t len = 0;
        uint8_t *bytes = vectors_unhex(hex, &len);
        why = bytes == NULL ? "an encoding is malformed"
                            : judge_encoding(test, span_of(bytes, len), &accepted);
        if (why != NULL) {
            (void)snprintf(name, sizeof name, "%s value %zu, %.80s", group, index,
                           hex == NULL ? "" : hex);
        }
        free(bytes);
    }
    if (why == NULL && accepted > 1) {
        why = "two encodings were accepted";
    }
    if (why == NULL && accepted == 0 && is_plain(test)) {
        why = "its shortest encoding is not among those of the case";
    }
    vectors_result(v, name, why == NULL, why);
}

static bool judge(struct vectors *v, const json_t *document)
{
    if (!json_is_object(document)) {
        return false;
    }
    for (void *at = json_object_iter((json_t *)document); at != NULL;
         at = json_object_iter_next((json_t *)document, at)) {
        const json_t *values = json_object_iter_value(at);
        if (!json_is_array(values)) {
            return false;
        }
        for (size_t i = 0; i < json_array_size(values); i++) {
            judge_value(v, json_array_get(values, i), json_object_iter_key(at), i);
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    return vectors_main(argc, argv, judge);
}
