/* Signals that wait; see signals.h. */
#include "tools/signals.h"

#include <stddef.h>
#include <time.h>

void signals_hold(struct signals *s)
{
    (void)sigemptyset(&s->held);
    (void)sigaddset(&s->held, SIGINT);
    (void)sigaddset(&s->held, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &s->held, &s->before);
}

bool signals_came(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
}

void signals_release(const struct signals *s, bool take)
{
    const struct timespec at_once = {0, 0};
    if (take) {
        (void)sigtimedwait(&s->held, NULL, &at_once);
    }
    (void)sigprocmask(SIG_SETMASK, &s->before, NULL);
}
