/* What the machine itself can do, one thread: hashes, signatures, encryption, LMDB, durable
 * commits, loopback. The rows that the figures of tris are held against.
 *
 * bench_machine [directory]           prints "name<TAB>value<TAB>unit" lines
 * bench_machine [directory] commits   one durable commit for each line read, prints its duration
 *                                     in microseconds: to be measured beside something else */
#include <arpa/inet.h>
#include <lmdb.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    RECORD_BYTES = 400,
    HASHES = 400000,
    VERIFICATIONS = 5000,
    BOX_BYTES = 65519,
    BOXES = 4000,
    APPENDS = 131072,
    APPENDS_A_COMMIT = 32768,
    COMMITS = 100,
    LOOP_CHUNK = 262144,
    LOOP_CHUNKS = 4096,
    MAP_BYTES = 1 << 30,
};

struct place {
    char dir[512];
    MDB_env *env;
    MDB_dbi dbi;
};

static void must(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench_machine: %s failed\n", what);
        exit(1);
    }
}

static double now_s(void)
{
    struct timespec at;
    must(clock_gettime(CLOCK_MONOTONIC, &at) == 0, "the clock");
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Processor time: what one core does, whatever else the machine does meanwhile. */
static double cpu_s(void)
{
    struct timespec at;
    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at) == 0, "the clock");
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void row(const char *name, double value, const char *unit)
{
    printf("%s\t%.6g\t%s\n", name, value, unit);
    (void)fflush(stdout);
}

static void bench_hash(void)
{
    static uint8_t data[RECORD_BYTES];
    uint8_t hash[32];
    double start = cpu_s();
    for (int i = 0; i < HASHES; i++) {
        (void)crypto_generichash(hash, sizeof hash, data, sizeof data, NULL, 0);
        memcpy(data, hash, sizeof hash);
    }
    row("BLAKE2b-256 of 400 bytes", HASHES / (cpu_s() - start), "hashes/s");
}

static void bench_signature(void)
{
    uint8_t pub[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    uint8_t signature[crypto_sign_BYTES];
    static const uint8_t text[96] = {1};
    (void)crypto_sign_keypair(pub, secret);
    (void)crypto_sign_detached(signature, NULL, text, sizeof text, secret);
    double start = cpu_s();
    for (int i = 0; i < VERIFICATIONS; i++) {
        must(crypto_sign_verify_detached(signature, text, sizeof text, pub) == 0, "a signature");
    }
    row("Ed25519 verification", VERIFICATIONS / (cpu_s() - start), "signatures/s");
}

static void bench_box(void)
{
    static uint8_t data[BOX_BYTES + crypto_aead_chacha20poly1305_ietf_ABYTES];
    uint8_t key[crypto_aead_chacha20poly1305_ietf_KEYBYTES] = {3};
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {0};
    double start = cpu_s();
    for (int i = 0; i < BOXES; i++) {
        memcpy(nonce, &i, sizeof i);
        (void)crypto_aead_chacha20poly1305_ietf_encrypt(data, NULL, data, BOX_BYTES, NULL, 0, NULL,
                                                        nonce, key);
    }
    row("ChaCha20-Poly1305, frames of 64 KiB", (double)BOXES * BOX_BYTES / (cpu_s() - start) / 1e9,
        "GB/s");
}

static void place_open(struct place *p, const char *base)
{
    (void)snprintf(p->dir, sizeof p->dir, "%s/bench-machine-XXXXXX", base);
    must(mkdtemp(p->dir) != NULL, "a directory");
    must(mdb_env_create(&p->env) == 0 && mdb_env_set_mapsize(p->env, MAP_BYTES) == 0 &&
             mdb_env_open(p->env, p->dir, 0, 0600) == 0,
         "the store");
    MDB_txn *txn;
    must(mdb_txn_begin(p->env, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, NULL, 0, &p->dbi) == 0 &&
             mdb_txn_commit(txn) == 0,
         "the table");
}

static void place_close(struct place *p)
{
    static const char *const names[] = {"/data.mdb", "/lock.mdb"};
    mdb_env_close(p->env);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[600];
        (void)snprintf(path, sizeof path, "%s%s", p->dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(p->dir);
}

static void put(struct place *p, MDB_txn *txn, uint64_t number, size_t bytes)
{
    static uint8_t data[RECORD_BYTES];
    uint8_t key[8];
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)(number >> (56 - 8 * i));
    }
    MDB_val k = {sizeof key, key};
    MDB_val v = {bytes, data};
    must(mdb_put(txn, p->dbi, &k, &v, MDB_APPEND) == 0, "a row");
}

/* Seconds that one small durable commit took. */
static double commit_once(struct place *p, uint64_t number)
{
    MDB_txn *txn;
    double start = now_s();
    must(mdb_txn_begin(p->env, NULL, 0, &txn) == 0, "a transaction");
    put(p, txn, number, 40);
    must(mdb_txn_commit(txn) == 0, "a commit");
    return now_s() - start;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static void bench_store(struct place *p)
{
    static double took[COMMITS];
    double start = now_s();
    uint64_t number = 0;
    while (number < APPENDS) {
        MDB_txn *txn;
        must(mdb_txn_begin(p->env, NULL, 0, &txn) == 0, "a transaction");
        for (int i = 0; i < APPENDS_A_COMMIT; i++) {
            put(p, txn, number++, RECORD_BYTES);
        }
        must(mdb_txn_commit(txn) == 0, "a commit");
    }
    row("LMDB append of 400 bytes, 32,768 a durable commit", APPENDS / (now_s() - start), "rows/s");
    start = now_s();
    for (int i = 0; i < COMMITS; i++) {
        took[i] = commit_once(p, number++);
    }
    row("durable commits, one small row each", COMMITS / (now_s() - start), "commits/s");
    qsort(took, COMMITS, sizeof took[0], by_size);
    row("durable commit, median", took[COMMITS / 2] * 1e3, "ms");
    row("durable commit, p99", took[COMMITS * 99 / 100] * 1e3, "ms");
}

static void send_all(int fd)
{
    static uint8_t chunk[LOOP_CHUNK];
    for (int i = 0; i < LOOP_CHUNKS; i++) {
        for (size_t done = 0; done < sizeof chunk;) {
            ssize_t n = send(fd, chunk + done, sizeof chunk - done, MSG_NOSIGNAL);
            if (n <= 0) {
                _exit(1);
            }
            done += (size_t)n;
        }
    }
    _exit(0);
}

static void bench_loopback(void)
{
    static uint8_t chunk[LOOP_CHUNK];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    must(listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof at) == 0 &&
             listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&at, &size) == 0,
         "a listener");
    pid_t child = fork();
    must(child >= 0, "a process");
    if (child == 0) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
            _exit(1);
        }
        send_all(fd);
    }
    int fd = accept(listener, NULL, NULL);
    must(fd >= 0, "a connection");
    double start = now_s();
    double total = 0;
    ssize_t n;
    while ((n = recv(fd, chunk, sizeof chunk, 0)) > 0) {
        total += (double)n;
    }
    row("loopback, one connection", total / (now_s() - start) / 1e9, "GB/s");
    int status = 0;
    must(waitpid(child, &status, 0) == child && status == 0, "the sender");
    (void)close(fd);
    (void)close(listener);
}

static void commits_on_request(struct place *p)
{
    uint64_t number = 0;
    int c;
    while ((c = getchar()) != EOF) {
        if (c == '\n') {
            printf("%.0f\n", commit_once(p, number++) * 1e6);
            (void)fflush(stdout);
        }
    }
}

int main(int argc, char **argv)
{
    struct place place = {0};
    if (argc > 3 || (argc == 3 && strcmp(argv[2], "commits") != 0)) {
        fprintf(stderr, "usage: bench_machine [directory [commits]]\n");
        return 2;
    }
    must(sodium_init() >= 0, "libsodium");
    place_open(&place, argc > 1 ? argv[1] : "/tmp");
    if (argc == 3) {
        commits_on_request(&place);
    } else {
        bench_hash();
        bench_signature();
        bench_box();
        bench_store(&place);
        bench_loopback();
    }
    place_close(&place);
    return 0;
}
