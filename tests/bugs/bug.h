/* What plant.py includes at the top of each file of the copy that has a bug. No system header in
 * here: it comes before what those files define for theirs. */
#ifndef TRIS_TESTS_BUG_H
#define TRIS_TESTS_BUG_H

char *getenv(const char *name);
int atoi(const char *text);

/* The number of the bug that is alive in this process: TRIS_BUG of the environment, 0 = none. */
static inline int bug_alive(void)
{
    static int number = -1;
    if (number < 0) {
        const char *text = getenv("TRIS_BUG");
        number = text != 0 ? atoi(text) : 0;
    }
    return number;
}

#define BUG(n) __builtin_expect(bug_alive() == (n), 0)

#endif
