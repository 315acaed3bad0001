/* Time: the only place that reads the wall clock. Monotonic time is for deadlines, wall time for
 * what is stored, signed and shown. Both may be called from any thread. */
#ifndef TRIS_DAEMON_CLOCK_H
#define TRIS_DAEMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum { CLOCK_MS_PER_DAY = 86400000, CLOCK_TEXT_BYTES = 32 };

uint64_t clock_wall_ms(void); /* since 1970-01-01 UTC */
uint64_t clock_mono_ms(void); /* since some point in the past, never backwards */

/* The day at a time as YYYYMMDD: in the zone that TZ names, if it is set; else in Germany. */
uint32_t clock_day(uint64_t wall_ms);
uint32_t clock_today(void);
/* The hour of the day, 0 to 23, in the same zone. */
uint32_t clock_hour(uint64_t wall_ms);

/* RFC 3339 in UTC with milliseconds, NUL-terminated: "2026-11-23T08:40:11.123Z". */
void clock_text(uint64_t wall_ms, char out[CLOCK_TEXT_BYTES]);

#endif
