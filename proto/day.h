/* Days of the calendar as YYYYMMDD, and which one it is in Germany. Pure: times are parameters. */
#ifndef TRIS_PROTO_DAY_H
#define TRIS_PROTO_DAY_H

#include <stdint.h>

/* The day in Europe/Berlin at a time in ms since 1970 UTC: an hour ahead, two from the last Sunday
 * of March to that of October, 01:00 UTC (the rule since 1996). Needs no table of zones. */
uint32_t day_berlin(uint64_t wall_ms);
/* The hour there, 0 to 23. */
uint32_t hour_berlin(uint64_t wall_ms);

#endif
