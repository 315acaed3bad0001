/* Start-up and shutdown order; see daemon.h.
 *
 * Start: data directory, store (takes the lock), mark, first transaction, members and frontier,
 * control socket, writer thread, listeners and dialling, signals, READY.
 * End: STOPPING, listeners close and sessions say goodbye, the writer commits what it has and ends,
 * the control socket answers and closes, signals close; the loop runs empty; the store closes. */
#include "daemon/daemon.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/conn.h"
#include "daemon/datadir.h"
#include "daemon/files.h"
#include "daemon/heads.h"
#include "daemon/membership.h"
#include "proto/assert.h"

enum { DAEMON_FLUSH_MS = 2000 };

/* ---- start ---- */

static enum tris_err open_datadir(struct daemon *d, struct refusal *why)
{
    struct datadir *dir = malloc(sizeof *dir);
    if (dir == NULL) {
        return refuse(why, TRIS_ERR_NO_MEMORY, "free some memory", "not enough memory");
    }
    enum tris_err err = datadir_load(d->config.data, d->passphrase, dir, why);
    if (err == TRIS_OK) {
        d->identity = dir->identity;
        d->transport = dir->transport;
        d->own_line = dir->line;
        d->own = dir->line.id;
        d->role = dir->line.role;
        d->charter = dir->charter;
        d->charter_open = true;
        memcpy(d->own_line_text, dir->line_text, sizeof d->own_line_text);
        sodium_memzero(dir, sizeof *dir);
    }
    free(dir);
    return err;
}

static enum tris_err refuse_store(struct refusal *why, enum tris_err err, const char *detail)
{
    const char *next = "tris doctor";
    if (err == TRIS_ERR_NOT_INIT || err == TRIS_ERR_NOT_FOUND) {
        err = TRIS_ERR_NOT_INIT;
        next = "tris init --charter FILE";
    } else if (err == TRIS_ERR_IN_USE) {
        next = "tris status (or stop the other process)";
    } else if (err == TRIS_ERR_BAD_FS) {
        next = "choose a local file system with --data DIR";
    }
    return refuse(why, err, next, "the store cannot be opened: %s%s%s", tris_err_text(err),
                  detail[0] != '\0' ? ": " : "", detail);
}

static enum tris_err open_store(struct daemon *d, struct refusal *why)
{
    char detail[512] = "";
    struct store_opts opts = {
        .dir = d->config.data,
        .map_bytes = d->config.map_bytes,
        .fed = d->charter.fed,
        .own = d->own,
        .own_epoch = d->own_line.epoch,
        .own_key = d->own_line.key,
    };
    enum tris_err err = store_open(&opts, &d->store, detail, sizeof detail);
    if (err != TRIS_OK) {
        d->store = NULL;
        return refuse_store(why, err, detail);
    }
    return TRIS_OK;
}

/* A mark that does not fit the store is no reason to stay down: everything works but sealing. */
static enum tris_err open_guard(struct daemon *d)
{
    char detail[CONFIRM_DETAIL_BYTES] = "";
    enum tris_err mark = store_mark_check(d->store, detail, sizeof detail);
    static const enum tris_err doubtful[] = {TRIS_OK, TRIS_ERR_BAD_MARK, TRIS_ERR_MARK_AHEAD,
                                             TRIS_ERR_MARK_MISSING, TRIS_ERR_MARK_FOREIGN};
    for (size_t i = 0; i < sizeof doubtful / sizeof doubtful[0]; i++) {
        if (mark == doubtful[i]) {
            return confirm_load(d, mark, detail);
        }
    }
    return mark;
}

/* What is kept in memory: what the first entries have made of the members, and the frontier. */
static enum tris_err open_memory(struct daemon *d)
{
    struct store_members *members = writer_take_members(d->writer);
    enum tris_err err = members != NULL ? membership_first(d, members) : TRIS_OK;
    if (err == TRIS_OK) {
        err = frontier_new(&d->frontier);
    }
    if (err == TRIS_OK) {
        err = heads_load(d->store, d->frontier);
    }
    if (err == TRIS_OK) {
        err = invites_load(d);
    }
    return err == TRIS_OK ? membership_inviter(d) : err;
}

static enum tris_err open_parts(struct daemon *d, struct refusal *why)
{
    d->read_buf = malloc(CONN_READ_BYTES);
    enum tris_err err = d->read_buf == NULL ? TRIS_ERR_NO_MEMORY : TRIS_OK;
    if (err == TRIS_OK) {
        err = membership_open(d);
        (void)epoch_load(d);
    }
    if (err == TRIS_OK) {
        err = open_guard(d);
    }
    if (err == TRIS_OK) {
        err = writer_open(d, &d->writer);
    }
    if (err == TRIS_OK) {
        err = open_memory(d);
    }
    if (err == TRIS_OK) {
        err = overlay_open(d, &d->overlay);
    }
    if (err != TRIS_OK) {
        return refuse(why, err, "tris doctor", "the store cannot be used: %s", tris_err_text(err));
    }
    feed_open(d);
    err = ctl_open(d, d->config.socket, &d->ctl);
    if (err != TRIS_OK) {
        return refuse(why, err, "choose another place with --socket PATH",
                      "the control socket %s cannot be made: %s", d->config.socket,
                      tris_err_text(err));
    }
    return TRIS_OK;
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct daemon *d = signal->data;
    if (number == SIGHUP) {
        daemon_reload(d);
    } else if (!atomic_load(&d->stopping)) {
        LOG(&d->log, LOG_INFO, "signal", log_number("number", (uint64_t)number));
        daemon_stop(d, 0);
    }
}

static void open_signals(struct daemon *d)
{
    const struct {
        uv_signal_t *handle;
        int number;
    } rows[] = {{&d->sigterm, SIGTERM}, {&d->sigint, SIGINT}, {&d->sighup, SIGHUP}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int rc = uv_signal_init(&d->loop, rows[i].handle);
        tris_assert(rc == 0);
        rows[i].handle->data = d;
        rc = uv_signal_start(rows[i].handle, on_signal, rows[i].number);
        tris_assert(rc == 0);
    }
    d->signals_open = true;
}

static enum tris_err start_parts(struct daemon *d, struct refusal *why)
{
    enum tris_err err = writer_start(d->writer);
    if (err != TRIS_OK) {
        return refuse(why, err, "raise the limit of threads", "the writer thread did not start");
    }
    d->writer_started = true;
    open_signals(d);
    confirm_open(d);
    err = overlay_start(d->overlay);
    if (err != TRIS_OK) {
        return refuse(why, err, "ss -ltnp, then another --listen ADDR",
                      "the daemon cannot listen on one of its addresses (see the line above)");
    }
    return TRIS_OK;
}

static void log_started(struct daemon *d)
{
    char fed[65];
    tris_hex(d->charter.fed.b, sizeof d->charter.fed.b, fed);
    LOG(&d->log, LOG_INFO, "started", log_text("version", TRIS_VERSION),
        log_text("house", d->own_line.slug), log_text("federation", fed),
        log_number("members", d->members.count), log_number("pid", (uint64_t)getpid()),
        log_text("data", d->config.data));
    if (!daemon_is_member(d)) {
        LOG(&d->log, LOG_WARN, "not_a_member",
            log_text("reason", "nobody has vouched for this house yet: it gets no data of others"));
    }
}

/* Too few are no reason to stay down: most houses have few peers. */
static void look_at_files(struct daemon *d)
{
    const uint64_t needed = files_needed(&d->config), allowed = files_raise(needed);
    d->few_files = allowed < needed;
    if (d->few_files) {
        LOG(&d->log, LOG_WARN, "few_files", log_number("allowed", allowed),
            log_number("needed", needed),
            log_text("next", "raise ulimit -n, or LimitNOFILE of the service"));
    }
}

int daemon_open(struct daemon *d)
{
    struct refusal why;
    memset(&why, 0, sizeof why);
    atomic_store(&d->stopping, false);
    d->started_mono_ms = clock_mono_ms();
    log_init(&d->log, d->config.log_level, d->config.log_format);
    look_at_files(d);
    randombytes_buf(&d->instance_nonce, sizeof d->instance_nonce);
    enum tris_err err = open_datadir(d, &why);
    if (err == TRIS_OK) {
        err = open_store(d, &why);
    }
    if (err == TRIS_OK) {
        int rc = uv_loop_init(&d->loop);
        tris_assert(rc == 0);
        d->loop_open = true;
        err = open_parts(d, &why);
    }
    if (err == TRIS_OK) {
        err = start_parts(d, &why);
    }
    if (err != TRIS_OK) {
        refusal_print(&why);
        d->exit_code = why.exit_code;
        daemon_close(d);
        return why.exit_code;
    }
    log_started(d);
    notify_open(&d->notify, &d->loop);
    notify_ready(&d->notify);
    return 0;
}

/* ---- run and end ---- */

int daemon_run(struct daemon *d)
{
    int left = uv_run(&d->loop, UV_RUN_DEFAULT);
    tris_assert(left == 0);
    return d->exit_code;
}

static void close_signals(struct daemon *d)
{
    if (d->signals_open) {
        d->signals_open = false;
        uv_close((uv_handle_t *)&d->sigterm, NULL);
        uv_close((uv_handle_t *)&d->sigint, NULL);
        uv_close((uv_handle_t *)&d->sighup, NULL);
    }
}

/* The second half of the end: nothing waits for a commit any more. */
void daemon_writer_ended(struct daemon *d)
{
    if (d->ctl != NULL) {
        ctl_stop(d->ctl, DAEMON_FLUSH_MS);
    }
    feed_close(d);
    confirm_close(d);
    close_signals(d);
    notify_close(&d->notify);
}

void daemon_stop(struct daemon *d, int exit_code)
{
    if (atomic_exchange(&d->stopping, true)) {
        return;
    }
    d->exit_code = exit_code;
    LOG(&d->log, d->signals_open ? LOG_INFO : LOG_DEBUG, "stopping",
        log_number("exit", (uint64_t)exit_code));
    notify_stopping(&d->notify);
    if (d->overlay != NULL) {
        overlay_stop(d->overlay, DAEMON_FLUSH_MS);
    }
    if (d->writer_started) {
        writer_stop(d->writer); /* daemon_writer_ended goes on */
    } else {
        daemon_writer_ended(d);
    }
}

void daemon_close(struct daemon *d)
{
    if (d->loop_open) {
        daemon_stop(d, d->exit_code);
        int left = uv_run(&d->loop, UV_RUN_DEFAULT);
        tris_assert(left == 0);
        int rc = uv_loop_close(&d->loop);
        tris_assert(rc == 0); /* EBUSY: a handle was forgotten */
        d->loop_open = false;
    }
    ctl_free(d->ctl);
    overlay_free(d->overlay);
    writer_free(d->writer);
    if (d->frontier != NULL) {
        frontier_free(d->frontier);
    }
    members_fini(&d->members);
    invites_fini(&d->invites);
    free(d->read_buf);
    if (d->store != NULL) {
        store_close(d->store);
    }
    if (d->charter_open) {
        charter_fini(&d->charter);
    }
    sodium_memzero(&d->identity, sizeof d->identity);
    sodium_memzero(&d->transport, sizeof d->transport);
}

/* ---- reload ---- */

/* What may change while the daemon runs; the rest is said to wait for the next start. */
static void reload_values(struct daemon *d, const struct config *fresh)
{
    static const bool live[CONFIG_KEY_COUNT] = {
        [CONFIG_LOG_LEVEL] = true,         [CONFIG_LOG_FORMAT] = true,
        [CONFIG_PEERS_DIAL] = true,        [CONFIG_PEERS_DIAL_MAX] = true,
        [CONFIG_PEERS_INBOUND_MAX] = true, [CONFIG_SYNC_HEARTBEAT_MS] = true,
        [CONFIG_IMPORT_MAX_CHANGE] = true,
    };
    for (size_t key = 0; key < CONFIG_KEY_COUNT; key++) {
        struct config_value *now = &d->config.value[key];
        if (live[key]) {
            *now = fresh->value[key];
        } else if (strcmp(now->text, fresh->value[key].text) != 0) {
            LOG(&d->log, LOG_WARN, "reload_waits",
                log_text("option", config_key_name((enum config_key)key)),
                log_text("next", "start the daemon anew for this option"));
        }
    }
}

static void reload_apply(struct daemon *d, const struct config *fresh)
{
    reload_values(d, fresh);
    d->config.log_level = fresh->log_level;
    d->config.log_format = fresh->log_format;
    d->config.dial_auto = fresh->dial_auto;
    d->config.dial_max = fresh->dial_max;
    d->config.inbound_max = fresh->inbound_max;
    look_at_files(d);
    d->config.import_max_change = fresh->import_max_change;
    d->config.heartbeat_ms = fresh->heartbeat_ms; /* of sessions that begin from now on */
    log_set_level(&d->log, fresh->log_level);
    atomic_store(&d->log.format, (int)fresh->log_format);
}

void daemon_reload(struct daemon *d)
{
    struct config_error error;
    struct config *fresh = malloc(sizeof *fresh);
    if (fresh == NULL || atomic_load(&d->stopping)) {
        free(fresh);
        return;
    }
    notify_reloading(&d->notify);
    if (config_load(&d->args, fresh, &error) == TRIS_OK) {
        reload_apply(d, fresh);
        overlay_reload(d->overlay);
        LOG(&d->log, LOG_INFO, "reloaded", log_text("level", log_level_name(fresh->log_level)));
    } else {
        LOG(&d->log, LOG_ERROR, "reload_failed", log_text("reason", error.text),
            log_text("unchanged", "the former configuration stays in use"));
    }
    free(fresh);
    notify_ready(&d->notify);
}
