/* Tables for people; see grid.h. Data that others wrote goes through show_text only. */
#include "tools/grid.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>

struct grid {
    const struct cli *cli;
    struct libscols_table *table;
    struct libscols_line *line;
    size_t column, rows;
};

struct grid *grid_new(const struct cli *cli, const char *const *titles, const int *flags,
                      size_t columns)
{
    struct grid *t = calloc(1, sizeof *t);
    if (t == NULL || (t->table = scols_new_table()) == NULL) {
        abort();
    }
    t->cli = cli;
    (void)scols_table_enable_colors(t->table, cli->color_out ? 1 : 0);
    (void)scols_table_enable_noencoding(t->table, 1); /* show_text has done it, and once */
    (void)scols_table_set_column_separator(t->table, "  ");
    (void)scols_table_set_termforce(t->table,
                                    cli->tty_out ? SCOLS_TERMFORCE_AUTO : SCOLS_TERMFORCE_NEVER);
    for (size_t i = 0; i < columns; i++) {
        int f = flags != NULL ? flags[i] : 0;
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

void grid_print(struct grid *t, const char *empty)
{
    if (t->rows > 0) {
        (void)scols_print_table(t->table);
    } else if (empty != NULL) {
        (void)puts(empty);
    }
    scols_unref_table(t->table);
    free(t);
}
