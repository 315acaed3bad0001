/* Names of faults; see census.h. */
#include "tests/sim/census.h"

#include <string.h>

#define FAULT_NAME(name, word, text) word,
#define FAULT_TEXT(name, word, text) text,
static const char *const names[FAULTS] = {FAULT_TABLE(FAULT_NAME)};
static const char *const texts[FAULTS] = {FAULT_TABLE(FAULT_TEXT)};

const char *fault_name(enum fault fault)
{
    return names[fault];
}

const char *fault_text(enum fault fault)
{
    return texts[fault];
}

enum fault fault_by_name(const char *name)
{
    enum fault fault = (enum fault)0;
    while (fault < FAULTS && strcmp(names[fault], name) != 0) {
        fault++;
    }
    return fault;
}
