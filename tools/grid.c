/* Tables for people; see grid.h. Data that others wrote goes through show_text only. */
#include "tools/grid.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/assert.h"
#include "proto/text.h"

enum { GRID_COLUMNS_MAX = 16, GRID_CELLS_MIN = 8, GRID_GAP = 2 };

struct grid {
    const struct cli *cli;
    struct libscols_table *table;
    struct libscols_line *line;
    size_t column, rows, columns;
    int flags[GRID_COLUMNS_MAX];
    size_t width[GRID_COLUMNS_MAX]; /* of the widest cell */
};

struct grid *grid_new(const struct cli *cli, const char *const *titles, const int *flags,
                      size_t columns)
{
    struct grid *t = calloc(1, sizeof *t);
    if (t == NULL || (t->table = scols_new_table()) == NULL) {
        abort();
    }
    tris_assert(columns <= GRID_COLUMNS_MAX);
    t->cli = cli;
    t->columns = columns;
    (void)scols_table_enable_colors(t->table, cli->color_out ? 1 : 0);
    (void)scols_table_enable_noencoding(t->table, 1); /* show_text has done it, and once */
    (void)scols_table_set_column_separator(t->table, "  ");
    (void)scols_table_set_termforce(t->table,
                                    cli->tty_out ? SCOLS_TERMFORCE_AUTO : SCOLS_TERMFORCE_NEVER);
    for (size_t i = 0; i < columns; i++) {
        int f = flags != NULL ? flags[i] : 0;
        t->flags[i] = f;
        t->width[i] = text_width(span_str(titles[i]));
        int scols = ((f & GRID_RIGHT) != 0 ? SCOLS_FL_RIGHT : 0) |
                    ((f & GRID_TRUNCATE) != 0 && cli->tty_out ? SCOLS_FL_TRUNC : 0);
        struct libscols_column *column = scols_table_new_column(t->table, titles[i], 0, scols);
        if (column == NULL) {
            abort();
        }
        if (cli->color_out) {
            (void)scols_cell_set_color(scols_column_get_header(column), "bold");
        }
    }
    return t;
}

void grid_row(struct grid *t)
{
    t->line = scols_table_new_line(t->table, NULL);
    if (t->line == NULL) {
        abort();
    }
    t->column = 0;
    t->rows++;
}

void grid_text(struct grid *t, const char *text)
{
    char *safe = show_text(text, 0);
    size_t width = text_width(span_str(safe));
    if (t->width[t->column] < width) {
        t->width[t->column] = width;
    }
    if (scols_line_refer_data(t->line, t->column++, safe) != 0) {
        abort();
    }
}

void grid_count(struct grid *t, int64_t n)
{
    char buffer[SHOW_BYTES];
    grid_text(t, show_count(n, buffer));
}

void grid_bool(struct grid *t, bool value)
{
    grid_text(t, value ? _("yes") : "-");
}

/* Takes from the widest column that may be cut until the table fits; what is cut ends with an
 * ellipsis, which libsmartcols itself does not write. */
static void fit(struct grid *t, size_t room)
{
    struct libscols_iter *iter = scols_new_iter(SCOLS_ITER_FORWARD);
    struct libscols_line *line;
    size_t total = (t->columns - 1) * GRID_GAP;
    for (size_t i = 0; i < t->columns; i++) {
        total += t->width[i];
    }
    while (total > room) {
        size_t widest = t->columns;
        for (size_t i = 0; i < t->columns; i++) {
            if ((t->flags[i] & GRID_TRUNCATE) != 0 && t->width[i] > GRID_CELLS_MIN &&
                (widest == t->columns || t->width[i] > t->width[widest])) {
                widest = i;
            }
        }
        if (widest == t->columns) {
            break;
        }
        t->width[widest]--;
        total--;
    }
    while (iter != NULL && scols_table_next_line(t->table, iter, &line) == 0) {
        for (size_t i = 0; i < t->columns; i++) {
            const char *text = scols_cell_get_data(scols_line_get_cell(line, i));
            if (text != NULL && text_width(span_str(text)) > t->width[i] &&
                scols_line_refer_data(line, i, show_text(text, t->width[i])) != 0) {
                abort();
            }
        }
    }
    scols_free_iter(iter);
}

void grid_print(struct grid *t, const char *empty)
{
    if (t->rows > 0) {
        size_t room = scols_table_get_termwidth(t->table);
        if (t->cli->tty_out && room > 0) {
            fit(t, room);
        }
        (void)scols_print_table(t->table);
    } else if (empty != NULL) {
        (void)puts(empty);
    }
    scols_unref_table(t->table);
    free(t);
}
