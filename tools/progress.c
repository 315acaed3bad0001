/* Progress lines; see progress.h. */
#include "tools/progress.h"

#include <stdio.h>

enum { FIRST_MS = 1000, EVERY_MS = 200, BAR_CELLS = 30 };

void progress_start(struct progress *p, const struct cli *cli, uint64_t total)
{
    *p = (struct progress){.cli = cli, .total = total, .started_ms = clock_wall_ms()};
}

static void draw(struct progress *p, unsigned percent, uint64_t rows)
{
    char bar[BAR_CELLS + 1], count[SHOW_BYTES];
    for (unsigned i = 0; i < BAR_CELLS; i++) {
        bar[i] = i * 100 < percent * BAR_CELLS ? '#' : '.';
    }
    bar[BAR_CELLS] = '\0';
    (void)fprintf(stderr, "\r[%s] %3u %%  %s\033[K", bar, percent,
                  p->bytes ? show_bytes(rows, count) : show_count((int64_t)rows, count));
    (void)fflush(stderr);
    p->drawn = true;
}

void progress_show(struct progress *p, uint64_t done, uint64_t rows)
{
    uint64_t now = clock_wall_ms();
    if (p->cli->quiet || now < p->started_ms + FIRST_MS || p->total == 0) {
        return;
    }
    unsigned percent = (unsigned)(done < p->total ? done * 100 / p->total : 100);
    if (p->cli->tty_err) {
        if (now >= p->shown_ms + EVERY_MS) {
            draw(p, percent, rows);
            p->shown_ms = now;
        }
    } else if (percent / 10 > p->tenth) {
        p->tenth = percent / 10;
        (void)fprintf(stderr, "%u %%\n", p->tenth * 10);
    }
}

void progress_end(struct progress *p)
{
    if (p->drawn) {
        (void)fputs("\r\033[K", stderr);
    }
}
