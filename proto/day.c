/* Days of the calendar; see day.h. */
#include "proto/day.h"

#include <stdbool.h>

enum { MS_PER_HOUR = 3600000, HOURS_PER_DAY = 24, MARCH = 3, OCTOBER = 10, CHANGE_HOUR = 1 };

/* Civil date of a number of days since 1970-01-01, counting years from March on. */
static uint32_t day_of(uint64_t days)
{
    const uint64_t since = days + 719468; /* from 0000-03-01 */
    const uint64_t era = since / 146097;
    const uint64_t of_era = since % 146097;
    const uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const uint64_t shifted = (5 * of_year + 2) / 153; /* 0 is March */
    const uint64_t day = of_year - (153 * shifted + 2) / 5 + 1;
    const uint64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    return (uint32_t)((year + era * 400 + (month <= 2 ? 1 : 0)) * 10000 + month * 100 + day);
}

/* True from the last Sunday of this month of 31 days on, 01:00 UTC. */
static bool changed(uint64_t days, uint64_t hour)
{
    const uint32_t day = day_of(days) % 100;
    const uint64_t weekday = (days + 4) % 7; /* 0 is Sunday; 1970-01-01 was a Thursday */
    if (weekday == 0 && day > 24) {
        return hour >= CHANGE_HOUR;
    }
    return day > weekday && day - weekday > 24; /* the last Sunday was before */
}

/* Hours since 1970 by the clocks of Berlin. */
static uint64_t hours_berlin(uint64_t wall_ms)
{
    const uint64_t hours = wall_ms / MS_PER_HOUR;
    const uint64_t days = hours / HOURS_PER_DAY;
    const uint64_t hour = hours % HOURS_PER_DAY;
    const uint32_t month = day_of(days) / 100 % 100;
    bool summer = month > MARCH && month < OCTOBER;
    if (month == MARCH) {
        summer = changed(days, hour);
    } else if (month == OCTOBER) {
        summer = !changed(days, hour);
    }
    return hours + (summer ? 2 : 1);
}

uint32_t day_berlin(uint64_t wall_ms)
{
    return day_of(hours_berlin(wall_ms) / HOURS_PER_DAY);
}

uint32_t hour_berlin(uint64_t wall_ms)
{
    return (uint32_t)(hours_berlin(wall_ms) % HOURS_PER_DAY);
}
