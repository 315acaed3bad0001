/* Limits of one peer, and pacing; see limits.h. */
#include "daemon/limits.h"

#include <stdio.h>

enum { HOURS = 24, RATE_DIGITS_MAX = 10, US_PER_MS = 1000, US_PER_SECOND = 1000000 };

/* Takes a number of at most `digits` digits from the front of the text. */
static bool take_number(struct span *text, size_t digits, uint64_t *out)
{
    size_t n = 0;
    uint64_t value = 0;
    while (n < text->len && text->ptr[n] >= '0' && text->ptr[n] <= '9') {
        value = value * 10 + (uint64_t)(text->ptr[n] - '0');
        if (++n > digits) {
            return false;
        }
    }
    *out = value;
    *text = span_of(text->ptr + n, text->len - n);
    return n > 0;
}

static bool take_word(struct span *text, const char *word)
{
    struct span wanted = span_str(word);
    if (text->len < wanted.len || memcmp(text->ptr, wanted.ptr, wanted.len) != 0) {
        return false;
    }
    *text = span_of(text->ptr + wanted.len, text->len - wanted.len);
    return true;
}

static bool take_hours(struct span *text, struct limits *out)
{
    uint64_t from, to;
    if (!take_number(text, 2, &from) || !take_word(text, "-") || !take_number(text, 2, &to) ||
        from >= HOURS || to > HOURS || from == to) {
        return false;
    }
    const bool always = from == 0 && to == HOURS;
    out->from = always ? 0 : (uint8_t)from;
    out->to = always ? 0 : (uint8_t)to;
    return true;
}

enum tris_err limits_hours_parse(struct span text, struct limits *out)
{
    struct limits hours = *out;
    if (!take_hours(&text, &hours) || text.len > 0) {
        return TRIS_ERR_INVALID;
    }
    *out = hours;
    return TRIS_OK;
}

const char *limits_hours_text(const struct limits *l, char out[LIMITS_TEXT_BYTES])
{
    out[0] = '\0';
    if (l->from != l->to) {
        (void)snprintf(out, LIMITS_TEXT_BYTES, "%u-%u", (unsigned)l->from, (unsigned)l->to);
    }
    return out;
}

bool limits_rate_valid(uint64_t rate)
{
    return rate == 0 || (rate >= LIMITS_RATE_MIN && rate <= LIMITS_RATE_MAX);
}

const char *limits_print(const struct limits *l, char out[LIMITS_TEXT_BYTES])
{
    char rate[32] = "", hours[LIMITS_TEXT_BYTES];
    if (l->rate != 0) {
        (void)snprintf(rate, sizeof rate, "rate=%llu", (unsigned long long)l->rate);
    }
    (void)limits_hours_text(l, hours);
    const bool has_hours = hours[0] != '\0';
    (void)snprintf(out, LIMITS_TEXT_BYTES, "%s%s%s%.8s%s%s", rate,
                   rate[0] != '\0' && has_hours ? " " : "", has_hours ? "hours=" : "", hours,
                   l->paused && (rate[0] != '\0' || has_hours) ? " " : "",
                   l->paused ? "paused" : "");
    return out;
}

static bool take_limit(struct span *text, struct limits *l)
{
    if (take_word(text, "rate=")) {
        return take_number(text, RATE_DIGITS_MAX, &l->rate) && limits_rate_valid(l->rate);
    }
    if (take_word(text, "hours=")) {
        return take_hours(text, l);
    }
    l->paused = take_word(text, "paused");
    return l->paused;
}

enum tris_err limits_parse(struct span text, struct limits *out)
{
    struct limits l = {0};
    *out = l;
    while (text.len > 0) {
        if (!take_limit(&text, &l) || (text.len > 0 && !(take_word(&text, " ") && text.len > 0))) {
            return TRIS_ERR_INVALID;
        }
    }
    *out = l;
    return TRIS_OK;
}

enum tris_err limits_allow(const struct limits *l, uint32_t hour)
{
    if (l->paused) {
        return TRIS_ERR_PAUSED;
    }
    const bool inside = l->from < l->to ? hour >= l->from && hour < l->to
                                        : l->from == l->to || hour >= l->from || hour < l->to;
    return inside ? TRIS_OK : TRIS_ERR_HOURS;
}

uint64_t pace_wait(const struct pace *p, uint64_t now_ms)
{
    const uint64_t free_ms = (p->free_us + US_PER_MS - 1) / US_PER_MS;
    return free_ms > now_ms ? free_ms - now_ms : 0;
}

void pace_spend(struct pace *p, uint64_t rate, size_t bytes, uint64_t now_ms)
{
    const uint64_t burst = now_ms > LIMITS_BURST_MS ? (now_ms - LIMITS_BURST_MS) * US_PER_MS : 0;
    const uint64_t base = p->free_us > burst ? p->free_us : burst;
    p->free_us = base + ((uint64_t)bytes * US_PER_SECOND + rate - 1) / rate;
}
