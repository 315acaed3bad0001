/* The frame around each fuzz target: no input may take more than 100 ms of processor time, hold
 * more heap than its target allows, or leave any of it behind. Crashes, undefined behaviour and
 * hangs are the sanitizers' and libFuzzer's matter. */
#include <sanitizer/allocator_interface.h>
#include <time.h>

#include "tests/fuzz/fuzz.h"

enum {
    SLOW_US = 100 * 1000,
    REPEATS = 3, /* first-time costs (caches of libc, page faults) are not the input's */
};

/* What the hooks count, of this thread: libFuzzer has another one that watches the process. */
static _Thread_local struct {
    bool on;
    int64_t live, peak;
} heap;

static void on_malloc(const volatile void *ptr, size_t size)
{
    (void)ptr;
    if (heap.on) {
        heap.live += (int64_t)size;
        heap.peak = heap.live > heap.peak ? heap.live : heap.peak;
    }
}

static void on_free(const volatile void *ptr)
{
    if (heap.on && ptr != NULL) {
        heap.live -= (int64_t)__sanitizer_get_allocated_size(ptr);
    }
}

static int64_t now_us(clockid_t clock)
{
    struct timespec t;
    REQUIRE(clock_gettime(clock, &t) == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct cost {
    bool slow, leaks;
};

static struct cost run_once(struct span input)
{
    int64_t wall = now_us(CLOCK_MONOTONIC);
    heap.live = heap.peak = 0;
    heap.on = true;
    fuzz_one(input);
    heap.on = false;
    REQUIRE(heap.peak <= (int64_t)fuzz_heap_bytes_max);
    return (struct cost){now_us(CLOCK_MONOTONIC) - wall > SLOW_US, heap.live > 0};
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    REQUIRE(sodium_init() >= 0);
    REQUIRE(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) != 0);
    fuzz_setup();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    struct cost cost = run_once(input);
    if (!cost.slow && !cost.leaks) {
        return 0;
    }
    bool slow = cost.slow, leaks = cost.leaks;
    for (int i = 0; i < REPEATS && (slow || leaks); i++) {
        int64_t cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
        cost = run_once(input);
        slow = slow && now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu > SLOW_US;
        leaks = leaks && cost.leaks;
    }
    if (slow) {
        fuzz_fail("an input takes at most 100 ms", __FILE__, __LINE__);
    }
    if (leaks) {
        fuzz_fail("an input frees what it allocates", __FILE__, __LINE__);
    }
    return 0;
}
