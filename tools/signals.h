/* Ctrl-C and TERM wait for a moment at which nothing is half done. */
#ifndef TRIS_TOOLS_SIGNALS_H
#define TRIS_TOOLS_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct signals {
    sigset_t held, before;
};

/* Signals that end a program are kept waiting. */
void signals_hold(struct signals *s);
/* One of them has come: stop at the next good moment. */
bool signals_came(void);
/* As before; one that came takes effect, unless `take`: then it is used up. */
void signals_release(const struct signals *s, bool take);

#endif
