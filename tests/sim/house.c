/* Keys, start and end of a house; see house.h. */
#include "tests/sim/house.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "proto/assert.h"
#include "tests/sim/check.h"
#include "tests/sim/net.h"
#include "tests/sim/operator.h"
#include "tests/sim/rotate.h"

enum { MAP_BYTES = 1 << 28, DOWN_MS_MAX = 12 * SIM_HOUR_MS };

uint64_t house_wall_ms(const struct house *h)
{
    return clock_show(&h->clock, h->sim->now_ms);
}

void house_key(const struct house *h, uint32_t epoch, struct tris_sign_pub *pub,
               struct tris_sign_secret *secret)
{
    uint8_t seed[crypto_sign_SEEDBYTES];
    if (epoch == 0) {
        memcpy(pub->b, h->id.b, sizeof pub->b);
        *secret = h->identity;
        return;
    }
    struct rng keys = rng_of(h->sim->options.seed, 5000 + h->who * HOUSE_EPOCHS + epoch);
    rng_bytes(&keys, seed, sizeof seed);
    (void)crypto_sign_seed_keypair(pub->b, secret->b, seed);
}

uint32_t house_own_no(const struct house *h, uint32_t epoch, enum tris_topic topic)
{
    for (uint32_t no = 0; no < h->logs; no++) {
        if (h->log_of[no] == house_log_at(h->sim, h->who, epoch, topic)) {
            return no;
        }
    }
    return SIM_NONE;
}

void house_init(struct house *h, struct sim *sim, uint32_t no, uint32_t who)
{
    struct rng keys = rng_of(sim->options.seed, 2000 + who);
    uint8_t seed[crypto_sign_SEEDBYTES];
    struct tris_dh_secret secret;
    memset(h, 0, sizeof *h);
    h->sim = sim;
    h->no = no;
    h->who = who;
    h->lost = true; /* there is nothing yet */
    rng_bytes(&keys, seed, sizeof seed);
    (void)crypto_sign_seed_keypair(h->id.b, h->identity.b, seed);
    house_key(h, 0, &h->seal_key, &h->key);
    rng_bytes(&keys, secret.b, sizeof secret.b);
    noise_keypair_from_secret(&secret, &h->transport);
    h->rng = rng_of(sim->options.seed, 3000 + no);
    (void)snprintf(h->dir, sizeof h->dir, "%s/h%u", sim->options.dir, no);
    h->disk = disk_new(h->dir, rng_of(sim->options.seed, 4000 + no));
    h->peers = calloc(sim->houses, sizeof *h->peers);
    h->verified = malloc(sizeof *h->verified);
    h->staff = operator_new(h);
    tris_assert(h->peers != NULL && h->verified != NULL);
    for (uint32_t i = 0; i < sim->houses; i++) {
        h->peers[i].conn = SIM_NONE;
    }
    h->tail = &h->first;
    h->dial_ms = UINT64_MAX;
    h->clock.offset_ms = (int64_t)rng_below(&keys, 2 * SIM_MINUTE_MS) - SIM_MINUTE_MS;
}

void house_fini(struct house *h)
{
    if (h->sim == NULL) {
        return; /* there never was a clone */
    }
    house_write_stop(h);
    frontier_free(h->frontier);
    members_fini(&h->members);
    store_close(h->store);
    operator_free(h->staff);
    disk_free(h->disk);
    free(h->peers);
    free(h->verified);
}

/* ---- start ---- */

static enum tris_err ensure(struct house *h, struct store_txn *t, uint32_t owner,
                            enum tris_topic topic, uint32_t *no)
{
    struct tris_log_ref ref = {.house = h->sim->house[owner].id, .topic = topic};
    memcpy(ref.seal_key.b, ref.house.b, sizeof ref.seal_key.b);
    if (owner == h->who && topic != TRIS_TOPIC_LOCAL) {
        ref.epoch = h->epoch;
        ref.seal_key = h->seal_key;
    }
    enum tris_err err = store_log_ensure(t, &ref, no);
    if (err == TRIS_OK) {
        tris_assert(*no < HOUSE_LOGS_MAX);
        h->log_of[*no] = topic == TRIS_TOPIC_LOCAL ? (uint32_t)SIM_NONE
                                                   : house_log_at(h->sim, owner, ref.epoch, topic);
    }
    return err;
}

/* All logs of the federation exist from the start, own ones first; if membership changes, those of
 * the founders. */
static enum tris_err ensure_logs(struct house *h)
{
    struct store_txn *t;
    uint32_t no;
    enum tris_err err = store_txn_begin(h->store, &t);
    if (err != TRIS_OK) {
        return err;
    }
    for (int topic = 0; topic < HOUSE_TOPICS && err == TRIS_OK; topic++) {
        err = ensure(h, t, h->who, (enum tris_topic)topic, &h->own_no[topic]);
    }
    for (uint32_t i = 0; i < h->sim->houses && h->sim->plans == NULL && err == TRIS_OK; i++) {
        err = ensure(h, t, i, TRIS_TOPIC_GOV, &no);
        if (err == TRIS_OK) {
            err = ensure(h, t, i, TRIS_TOPIC_DATA, &no);
        }
    }
    if (err == TRIS_OK) {
        err = store_former_take_back(t);
    }
    if (err != TRIS_OK) {
        store_abort(t);
        return err;
    }
    h->logs = h->sim->houses * 2 + 1;
    return store_commit(t);
}

static enum tris_err open_store(struct house *h)
{
    char detail[256];
    struct store_opts opts = {.dir = h->dir,
                              .map_bytes = MAP_BYTES,
                              .create = h->lost,
                              .fed = h->sim->fed,
                              .own = h->id,
                              .own_epoch = h->epoch,
                              .own_key = h->seal_key};
    enum tris_err err = store_open(&opts, &h->store, detail, sizeof detail);
    if (err != TRIS_OK) {
        h->store = NULL;
        if (!disk_crashed(h->disk) && !disk_is_full(h->disk)) {
            sim_fail(h->sim, "house %u: its store does not open: %s", h->no, detail);
        }
        return err;
    }
    h->lost = false;
    err = store_mark_check(h->store, detail, sizeof detail);
    if (err != TRIS_OK && !h->mark_owed && !disk_crashed(h->disk)) {
        sim_fail(h->sim, "house %u: after a crash the mark is bad: %s (%s)", h->no,
                 tris_err_name(err), detail);
    }
    return disk_crashed(h->disk) ? TRIS_ERR_IO : house_guard_load(h, err);
}

static enum tris_err load(struct house *h)
{
    enum tris_err err = ensure_logs(h);
    if (err == TRIS_OK && h->sim->plans != NULL) {
        err = house_members_open(h);
    }
    if (err != TRIS_OK) {
        return err;
    }
    check_started(h);
    err = house_write_first(h);
    if (err == TRIS_OK) {
        err = frontier_new(&h->frontier);
    }
    for (uint32_t no = 0; no < h->logs && err == TRIS_OK; no++) {
        err = house_publish(h, no);
    }
    return err;
}

void house_start(struct house *h)
{
    struct sim *sim = h->sim;
    tris_assert(!h->up && h->store == NULL);
    h->life++;
    h->starting = false;
    rng_bytes(&h->rng, &h->instance, sizeof h->instance);
    enum tris_err err = open_store(h);
    if (err == TRIS_OK) {
        err = load(h);
    }
    if (err != TRIS_OK) {
        sim_trace(sim, "house %u does not start: %s", h->no, tris_err_name(err));
        if (!disk_crashed(h->disk) && !disk_was_full(h->disk)) {
            sim_fail(sim, "house %u does not start: %s", h->no, tris_err_name(err));
        }
        if (!house_crashed(h)) {
            house_down(h, false, true);
            house_start_later(h);
        }
        return;
    }
    h->up = true;
    sim_trace(sim, "house %u is up (life %" PRIu64 ")", h->no, h->life);
    h->sealed_day = house_wall_ms(h) / SIM_DAY_MS;
    sim_after(sim, SIM_DAY_MS - house_wall_ms(h) % SIM_DAY_MS + rng_below(&h->rng, SIM_MINUTE_MS),
              EVENT_DAY, h->no, 0, h->life);
    house_guard_open(h);
    house_guard_members(h);
    rotate_look(h);
    house_redial(h);
}

void house_start_later(struct house *h)
{
    struct rng *rng = &h->sim->rng[STREAM_FAULT];
    uint64_t most = h->sim->calm ? 10 * SIM_SECOND_MS : DOWN_MS_MAX;
    h->starting = true;
    sim_after(h->sim, SIM_SECOND_MS + rng_scale(rng, most), EVENT_START, h->no, 0, h->life);
}

/* ---- end ---- */

void house_down(struct house *h, bool silent, bool kill)
{
    h->up = false;
    house_peers_stop(h, silent);
    house_write_stop(h);
    frontier_free(h->frontier);
    h->frontier = NULL;
    members_fini(&h->members);
    store_close(h->store);
    h->store = NULL;
    h->sim->census.sectors_lost += disk_settle(h->disk, kill);
}

/* ---- data lost ---- */

static void backup_path(const struct house *h, const char *what, char out[HOUSE_PATH_BYTES])
{
    (void)snprintf(out, HOUSE_PATH_BYTES, "%.200s/backup-%u.%s", h->sim->options.dir, h->no, what);
}

bool house_back_up(struct house *h)
{
    static const char *const names[][2] = {{"store/data.mdb", "mdb"}, {"mark", "mark"}};
    h->has_backup = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char from[HOUSE_PATH_BYTES], to[HOUSE_PATH_BYTES];
        (void)snprintf(from, sizeof from, "%.200s/%s", h->dir, names[i][0]);
        backup_path(h, names[i][1], to);
        h->has_backup = h->has_backup && disk_copy_file(from, to);
    }
    return h->has_backup;
}

/* What has left the house will come back; what was acknowledged and had not is lost with the disk.
 */
static void forget(struct house *h)
{
    h->recovering = true;
    h->mark_owed = true;
    check_forget(h);
    operator_forget(h, h->acked[TRIS_TOPIC_DATA].size);
}

void house_put_back(struct house *h, enum put_back how)
{
    char data[HOUSE_PATH_BYTES], mark[HOUSE_PATH_BYTES];
    tris_assert(h->has_backup);
    backup_path(h, "mdb", data);
    backup_path(h, "mark", mark);
    forget(h);
    house_down(h, true, true);
    bool good = disk_copy_in(h->disk, data, "store/data.mdb", how == PUT_BACK_MACHINE);
    if (how == PUT_BACK_MACHINE) {
        good = good && disk_copy_in(h->disk, mark, "mark", true);
    } else if (how == PUT_BACK_BACKUP) {
        (void)disk_remove(h->disk,
                          "mark"); /* what `tris backup restore` leaves is no mark either */
    }
    tris_assert(good);
    house_start_later(h);
}

void house_put_clone(struct house *h, struct house *clone, bool image)
{
    char data[HOUSE_PATH_BYTES], mark[HOUSE_PATH_BYTES], dir[HOUSE_PATH_BYTES + 8];
    tris_assert(h->has_backup && !clone->up);
    backup_path(h, "mdb", data);
    backup_path(h, "mark", mark);
    (void)snprintf(dir, sizeof dir, "%s/store", clone->dir);
    (void)mkdir(clone->dir, 0700); /* there from a former clone */
    (void)mkdir(dir, 0700);
    bool good = disk_copy_in(clone->disk, data, "store/data.mdb", false) &&
                disk_copy_in(clone->disk, mark, "mark", false);
    tris_assert(good);
    if (image) {
        disk_image(clone->disk, h->disk, "store/data.mdb");
    }
    clone->lost = false;
    clone->mark_owed = true;
}

void house_wipe(struct house *h)
{
    static const char *const names[] = {"store/data.mdb", "store/lock.mdb", "mark", "mark.tmp"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)disk_remove(h->disk, names[i]);
    }
    h->lost = true;
}

void house_lose(struct house *h)
{
    forget(h);
    house_down(h, true, true);
    house_wipe(h);
    house_start_later(h);
}

bool house_crashed(struct house *h)
{
    if (!disk_crashed(h->disk)) {
        return false;
    }
    struct census *census = &h->sim->census;
    census->struck[FAULT_CRASH]++;
    census->crashed_at[disk_crashed_at(h->disk)]++;
    sim_trace(h->sim, "house %u crashes in storage call %d", h->no, (int)disk_crashed_at(h->disk));
    house_down(h, rng_chance(&h->sim->rng[STREAM_FAULT], 500), false);
    house_start_later(h);
    return true;
}
