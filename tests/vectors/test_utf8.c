/* utf8_valid against files of numbered byte sequences: {"cases": [{"id", "hex", "valid_utf8"}]};
 * also against a JSON array of texts, each of which is valid UTF-8 as a JSON reader gives it. */
#include "proto/pack.h"
#include "tests/vectors/vectors.h"

static void judge_hex(struct vectors *v, const json_t *test)
{
    const char *name = vectors_text(test, "id");
    const json_t *expected = json_object_get(test, "valid_utf8");
    size_t len = 0;
    uint8_t *bytes = vectors_bytes(test, "hex", &len);
    if (expected == NULL) {
        expected = json_object_get(test, "valid");
    }
    name = name != NULL ? name : "case without id";
    if (bytes == NULL || !json_is_boolean(expected)) {
        vectors_result(v, name, false, "the case is malformed");
    } else {
        bool valid = utf8_valid(span_of(bytes, len));
        vectors_result(v, name, valid == json_is_true(expected),
                       valid ? "invalid bytes were accepted" : "a valid text was refused");
    }
    free(bytes);
}

static void judge_text(struct vectors *v, const json_t *text, size_t index)
{
    char name[32];
    (void)snprintf(name, sizeof name, "text %zu", index);
    vectors_result(v, name,
                   json_is_string(text) &&
                       utf8_valid(span_of(json_string_value(text), json_string_length(text))),
                   "a valid text was refused");
}

static bool judge(struct vectors *v, const json_t *document)
{
    const json_t *cases = json_object_get(document, "cases");
    if (json_is_array(cases)) {
        for (size_t i = 0; i < json_array_size(cases); i++) {
            judge_hex(v, json_array_get(cases, i));
        }
        return true;
    }
    for (size_t i = 0; i < json_array_size(document); i++) {
        judge_text(v, json_array_get(document, i), i);
    }
    return json_is_array(document);
}

int main(int argc, char **argv)
{
    return vectors_main(argc, argv, judge);
}
