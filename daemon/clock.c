/* Wall and monotonic time; see clock.h. */
#include "daemon/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/assert.h"
#include "proto/day.h"

static uint64_t clock_read_ms(clockid_t id)
{
    struct timespec now;
    int rc = clock_gettime(id, &now);
    tris_assert(rc == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_wall_ms(void)
{
    return clock_read_ms(CLOCK_REALTIME);
}

uint64_t clock_mono_ms(void)
{
    return clock_read_ms(CLOCK_MONOTONIC);
}

/* False: TZ names no zone. */
static bool zone_time(uint64_t wall_ms, struct tm *out)
{
    const time_t seconds = (time_t)(wall_ms / 1000);
    const char *zone = getenv("TZ");
    return zone != NULL && zone[0] != '\0' && localtime_r(&seconds, out) != NULL;
}

uint32_t clock_hour(uint64_t wall_ms)
{
    struct tm tm;
    return zone_time(wall_ms, &tm) ? (uint32_t)tm.tm_hour : hour_berlin(wall_ms);
}

uint32_t clock_day(uint64_t wall_ms)
{
    struct tm tm;
    if (!zone_time(wall_ms, &tm)) {
        return day_berlin(wall_ms);
    }
    return (uint32_t)(tm.tm_year + 1900) * 10000 + (uint32_t)(tm.tm_mon + 1) * 100 +
           (uint32_t)tm.tm_mday;
}

uint32_t clock_today(void)
{
    return clock_day(clock_wall_ms());
}

void clock_text(uint64_t wall_ms, char out[CLOCK_TEXT_BYTES])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    size_t len = 0;
    if (gmtime_r(&seconds, &utc) != NULL) {
        len = strftime(out, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
    }
    snprintf(out + len, CLOCK_TEXT_BYTES - len, ".%03uZ", (unsigned)(wall_ms % 1000));
}
