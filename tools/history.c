/* What changed between two states of a record, in words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/lists.h"

static void put_change(FILE *out, const struct cli *cli, const struct kind *kind, const char *key,
                       const char *old, const char *now)
{
    const struct field *field = schema_field_by_name(kind, span_str(key));
    if (field == NULL) {
        (void)fprintf(out, "%s: %s%s%s", key, old, old[0] != '\0' ? " -> " : "", now);
        return;
    }
    char *a = field_shown(cli, field, old), *b = field_shown(cli, field, now);
    (void)fprintf(out, "%s: %s%s%s", cli->lang == LANG_DE ? field->label_de : field->label_en, a,
                  a[0] != '\0' ? " -> " : "", b);
    free(a);
    free(b);
}

char *describe_change(const struct cli *cli, const struct kind *kind, const json_t *now,
                      const json_t *before)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    const char *key;
    json_t *value;
    if (out == NULL) {
        abort();
    }
    const char *comma = "";
    json_object_foreach((json_t *)(uintptr_t)now, key, value)
    {
        const char *old = get_text(before, key);
        if (strcmp(old, get_text(now, key)) != 0) {
            (void)fputs(comma, out);
            put_change(out, cli, kind, key, old, get_text(now, key));
            comma = ", ";
        }
    }
    json_object_foreach((json_t *)(uintptr_t)before, key, value)
    {
        if (json_object_get(now, key) == NULL) {
            (void)fputs(comma, out);
            put_change(out, cli, kind, key, get_text(before, key), "-");
            comma = ", ";
        }
    }
    (void)fclose(out);
    return text;
}
