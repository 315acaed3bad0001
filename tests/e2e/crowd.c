/* Test tool: very many connections to a daemon at once that never become sessions.
 *
 *   e2e_crowd KIND COUNT PORT CHARTER KEY-DIR VICTIM-SLUG
 *
 * Keeps COUNT sockets until standard input ends; what the daemon closes is opened anew, each at
 * most once in REOPEN_MS. Prints "crowd COUNT" when each was open once, at the end "opened N
 * answered N": how many connections there were, and how many got a byte. Kinds: the table below;
 * "mixed" is all of them in turn. With "burst", COUNT connections one after the other, each with a
 * first message that the gate refuses; with "knock", the same without a byte. Only for tests and
 * benches. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "tests/e2e/peer.h"

enum {
    CALLERS_MAX = 4096,
    GARBAGE_BYTES = 300,
    REOPEN_MS = 500,
    DRIP_MS = 100,
    LOOK_MS = 20,
    SPARE_FDS = 64,
};

struct words {
    uint8_t bytes[HELLO_BYTES];
    size_t len;
};

enum caller_kind {
    CALLER_SILENT,
    CALLER_DRIP,
    CALLER_GARBAGE,
    CALLER_GUESS,
    CALLER_HELD,
    CALLER_ALL
};

static const struct {
    const char *name;
    bool slow; /* a byte at a time */
} kinds[CALLER_ALL] = {
    [CALLER_SILENT] = {"silent", false}, /* not a byte */
    [CALLER_DRIP] = {"drip", true},      /* a true first message, byte by byte */
    [CALLER_GARBAGE] = {"garbage", false},
    [CALLER_GUESS] = {"guess", false}, /* the first message of an invitation that is guessed */
    [CALLER_HELD] = {"held", false},   /* a recorded first message of a member, then nothing */
};

struct caller {
    int fd; /* -1: closed */
    enum caller_kind kind;
    size_t sent;
    uint64_t opened_ms, sent_ms;
    bool answered;
};

static struct caller callers[CALLERS_MAX];
static struct words words[CALLER_ALL];
static uint64_t opened, answered;

/* ---- what each kind says ---- */

static void words_make(const struct peer *p)
{
    struct hello h;
    hello_make(p, &p->charter.fed, &p->own, &h);
    for (size_t i = 0; i < CALLER_ALL; i++) {
        memcpy(words[i].bytes, h.first, h.first_len);
        words[i].len = h.first_len;
    }
    words[CALLER_SILENT].len = 0;
    randombytes_buf(words[CALLER_GARBAGE].bytes, GARBAGE_BYTES);
    words[CALLER_GARBAGE].bytes[0] = 0xff; /* no pattern */
    words[CALLER_GARBAGE].len = GARBAGE_BYTES;
    words[CALLER_GUESS].bytes[0] = NOISE_IKPSK1; /* its gate is of our own making */
}

/* ---- callers ---- */

static void caller_close(struct caller *c)
{
    close(c->fd);
    c->fd = -1;
}

static void caller_open(struct caller *c, uint16_t port, uint64_t now)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    c->sent = 0;
    c->opened_ms = now;
    c->sent_ms = 0;
    c->answered = false;
    if (c->fd < 0) {
        die("no socket: raise ulimit -n");
    }
    if (connect(c->fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        die("no connection");
    }
    opened++;
}

static void caller_say(struct caller *c, uint64_t now)
{
    const struct words *w = &words[c->kind];
    bool slow = kinds[c->kind].slow;
    if (c->sent == w->len || (slow && now - c->sent_ms < DRIP_MS)) {
        return;
    }
    size_t len = slow ? 1 : w->len - c->sent;
    ssize_t sent = send(c->fd, w->bytes + c->sent, len, MSG_NOSIGNAL);
    if (sent > 0) {
        c->sent += (size_t)sent;
        c->sent_ms = now;
    }
}

static void caller_hear(struct caller *c)
{
    uint8_t bytes[HELLO_BYTES];
    ssize_t len = recv(c->fd, bytes, sizeof bytes, 0);
    if (len > 0 && !c->answered) {
        c->answered = true;
        answered++;
    } else if (len == 0 || (len < 0 && errno != EAGAIN)) {
        caller_close(c);
    }
}

/* True when standard input has ended. */
static bool look(struct pollfd *fds, size_t count)
{
    fds[count] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    for (size_t i = 0; i < count; i++) {
        fds[i] = (struct pollfd){.fd = callers[i].fd, .events = POLLIN};
    }
    (void)poll(fds, count + 1, LOOK_MS);
    for (size_t i = 0; i < count; i++) {
        if (callers[i].fd >= 0 && fds[i].revents != 0) {
            caller_hear(&callers[i]);
        }
    }
    return fds[count].revents != 0;
}

static void crowd(uint16_t port, size_t count)
{
    static struct pollfd fds[CALLERS_MAX + 1];
    bool said = false;
    do {
        uint64_t now = now_ms();
        for (size_t i = 0; i < count; i++) {
            struct caller *c = &callers[i];
            if (c->fd < 0 && now - c->opened_ms >= REOPEN_MS) {
                caller_open(c, port, now);
            } else if (c->fd >= 0) {
                caller_say(c, now);
            }
        }
        if (!said && opened >= count) {
            said = true;
            printf("crowd %zu\n", count);
            fflush(stdout);
        }
    } while (!look(fds, count));
}

/* One after the other, each until it is closed. */
static void burst(struct peer *p, size_t count, bool talks)
{
    for (size_t i = 0; i < count; i++) {
        peer_connect(p);
        if (talks) {
            bytes_send(p, span_of(words[CALLER_GUESS].bytes, words[CALLER_GUESS].len));
        } else {
            shutdown(p->fd, SHUT_WR);
        }
        while (bytes_read(p, 5000)) {
            answered++;
        }
        close(p->fd);
        opened++;
    }
}

/* ---- start ---- */

static void limit_raise(size_t count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < count + SPARE_FDS) {
        limit.rlim_cur = limit.rlim_max < count + SPARE_FDS ? limit.rlim_max : count + SPARE_FDS;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool crowd_make(const char *name, size_t count)
{
    bool known = strcmp(name, "mixed") == 0;
    for (size_t i = 0; i < count; i++) {
        callers[i].fd = -1;
        callers[i].kind = (enum caller_kind)(i % CALLER_ALL);
        for (size_t k = 0; k < CALLER_ALL; k++) {
            if (strcmp(kinds[k].name, name) == 0) {
                callers[i].kind = (enum caller_kind)k;
                known = true;
            }
        }
    }
    return known;
}

int main(int argc, char **argv)
{
    static struct peer p;
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    bool talks = argc > 1 && strcmp(argv[1], "burst") == 0;
    bool one_by_one = talks || (argc > 1 && strcmp(argv[1], "knock") == 0);
    if (argc != 7 || count == 0 || (!one_by_one && count > CALLERS_MAX) || sodium_init() < 0 ||
        (!one_by_one && !crowd_make(argv[1], count))) {
        fputs("usage: e2e_crowd KIND COUNT PORT CHARTER KEY-DIR VICTIM-SLUG\n", stderr);
        return 2;
    }
    p.port = (uint16_t)strtoul(argv[3], NULL, 10);
    peer_load(&p, argv[4], argv[5], argv[6]);
    words_make(&p);
    if (one_by_one) {
        burst(&p, count, talks);
    } else {
        limit_raise(count);
        crowd(p.port, count);
    }
    charter_fini(&p.charter);
    printf("opened %llu answered %llu\n", (unsigned long long)opened, (unsigned long long)answered);
    return 0;
}
