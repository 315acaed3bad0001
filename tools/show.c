/* Numbers, times and foreign text as people read them on a screen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/day.h"
#include "proto/pack.h"
#include "proto/text.h"
#include "tools/tris.h"

static const char no_break_space[] = "\xc2\xa0";

uint64_t clock_wall_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint32_t clock_today(void)
{
    const uint64_t ms = clock_wall_ms();
    const time_t seconds = (time_t)(ms / 1000);
    const char *zone = getenv("TZ");
    struct tm tm;
    if (zone == NULL || zone[0] == '\0' || localtime_r(&seconds, &tm) == NULL) {
        return day_berlin(ms);
    }
    return (uint32_t)(tm.tm_year + 1900) * 10000 + (uint32_t)(tm.tm_mon + 1) * 100 +
           (uint32_t)tm.tm_mday;
}

/* Ends the text after `cells` columns with an ellipsis; the text is valid UTF-8 by then. */
static void cut_to(char *text, size_t cells)
{
    size_t len = strlen(text);
    if (cells == 0 || text_width(span_of(text, len)) <= cells) {
        return;
    }
    while (len > 0 && text_width(span_of(text, len)) >= cells) {
        do {
            len--;
        } while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80);
    }
    memcpy(text + len, "\xe2\x80\xa6", 4); /* the caller's buffer has room for the ellipsis */
}

char *show_text(const char *text, size_t cells)
{
    size_t len = strlen(text);
    size_t cap = len * 10 + 8; /* \u{10ffff} for each byte at worst */
    char *out = malloc(cap);
    if (out == NULL) {
        abort();
    }
    struct wbuf w = wbuf_of(out, cap - 5);
    text_escape(span_of(text, len), &w);
    out[w.len] = '\0';
    cut_to(out, cells);
    return out;
}

const char *show_age(uint64_t ms, char out[SHOW_BYTES])
{
    uint64_t s = ms / 1000, min = s / 60, h = min / 60, d = h / 24;
    if (d > 0) {
        (void)snprintf(out, SHOW_BYTES, _("%llu d %llu h"), (unsigned long long)d,
                       (unsigned long long)(h % 24));
    } else if (h > 0) {
        (void)snprintf(out, SHOW_BYTES, _("%llu h %llu min"), (unsigned long long)h,
                       (unsigned long long)(min % 60));
    } else if (min > 0) {
        (void)snprintf(out, SHOW_BYTES, _("%llu min"), (unsigned long long)min);
    } else {
        (void)snprintf(out, SHOW_BYTES, _("%llu s"), (unsigned long long)s);
    }
    return out;
}

const char *show_time(uint64_t ms, char out[SHOW_BYTES])
{
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    if (ms == 0 || localtime_r(&seconds, &tm) == NULL ||
        strftime(out, SHOW_BYTES, _("%Y-%m-%d %H:%M:%S"), &tm) == 0) {
        (void)snprintf(out, SHOW_BYTES, "-");
    }
    return out;
}

const char *show_rfc3339(uint64_t ms, char out[SHOW_BYTES])
{
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    char whole[32];
    if (ms == 0 || gmtime_r(&seconds, &tm) == NULL ||
        strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        out[0] = '\0';
        return out;
    }
    (void)snprintf(out, SHOW_BYTES, "%s.%03uZ", whole, (unsigned)(ms % 1000));
    return out;
}

const char *show_count(int64_t n, char out[SHOW_BYTES])
{
    char digits[24];
    size_t used = 0;
    int count = snprintf(digits, sizeof digits, "%lld", (long long)n);
    for (int i = 0; i < count && used + 4 < SHOW_BYTES; i++) {
        int left = count - i;
        if (i > 0 && left % 3 == 0 && digits[i - 1] != '-') {
            memcpy(out + used, no_break_space, 2);
            used += 2;
        }
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

const char *show_bytes(uint64_t bytes, char out[SHOW_BYTES])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    uint64_t whole = bytes;
    while (whole >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        whole = (whole + 512) / 1024;
        unit++;
    }
    (void)snprintf(out, SHOW_BYTES, "%llu %s", (unsigned long long)whole, units[unit]);
    return out;
}

const char *show_root(const char *hex, char out[SHOW_BYTES])
{
    if (strlen(hex) <= 4) {
        (void)snprintf(out, SHOW_BYTES, "-");
    } else {
        (void)snprintf(out, SHOW_BYTES, "%.4s\xe2\x80\xa6", hex);
    }
    return out;
}
