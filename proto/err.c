/* Names, classes and sentences of the errors; see err.h. Also the failure path of assert.h. */
#include "proto/err.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/assert.h"

struct err_row {
    const char *name;
    enum tris_err_class class_;
    const char *text;
};

#define ERR_ROW(name, word, class_, text) {word, TRIS_CLASS_##class_, text},
static const struct err_row err_rows[] = {TRIS_ERR_TABLE(ERR_ROW)};
#undef ERR_ROW

_Static_assert(sizeof err_rows / sizeof err_rows[0] == TRIS_ERR_COUNT, "one row for each error");

const char *tris_err_name(enum tris_err err)
{
    tris_assert(err < TRIS_ERR_COUNT);
    return err_rows[err].name;
}

enum tris_err_class tris_err_class(enum tris_err err)
{
    tris_assert(err < TRIS_ERR_COUNT);
    return err_rows[err].class_;
}

const char *tris_err_text(enum tris_err err)
{
    tris_assert(err < TRIS_ERR_COUNT);
    return err_rows[err].text;
}

_Noreturn void tris_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
    abort();
}
