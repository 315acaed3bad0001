/* Configuration: one table of options is the source of INI parsing, environment, flags, --help,
 * `config show --origin` and --check.
 *
 * Precedence: flag, environment, the files of conf.d (later ones win), the file, default. Whatever
 * is not in the table is refused with file and line. */
#ifndef TRIS_DAEMON_CONFIG_H
#define TRIS_DAEMON_CONFIG_H

#include <sys/types.h>

#include "daemon/log.h"
#include "proto/err.h"
#include "proto/limits.h"

enum {
    CONFIG_LISTEN_MAX = 8,
    CONFIG_VALUE_BYTES = 1024,
    CONFIG_ORIGIN_BYTES = 320,
    CONFIG_ERROR_BYTES = 640,
    CONFIG_LINE_BYTES_MAX = 199, /* inih cuts longer lines without a word */
};

enum config_key {
    CONFIG_DATA,
    CONFIG_LISTEN,
    CONFIG_SOCKET,
    CONFIG_SOCKET_GROUP,
    CONFIG_LOG_LEVEL,
    CONFIG_LOG_FORMAT,
    CONFIG_PEERS_DIAL,
    CONFIG_PEERS_DIAL_MAX,
    CONFIG_PEERS_INBOUND_MAX,
    CONFIG_SYNC_HEARTBEAT_MS,
    CONFIG_STORE_MAP_BYTES,
    CONFIG_IMPORT_MAX_CHANGE,
    CONFIG_GUARD_WAIT_MS,
    CONFIG_GUARD_ALONE_MS,
    CONFIG_KEY_COUNT,
};

struct config_value {
    char text[CONFIG_VALUE_BYTES];    /* "" = unset */
    char origin[CONFIG_ORIGIN_BYTES]; /* "default", "environment TRIS_DATA", "flag --data",
                                         "FILE:LINE" */
};

struct config {
    struct config_value value[CONFIG_KEY_COUNT];
    /* what the texts mean; filled by config_finish */
    const char *data; /* into value[] */
    const char *socket;
    bool socket_shared;                                     /* the group may connect too */
    gid_t socket_gid;                                       /* only then */
    char listen[CONFIG_LISTEN_MAX][TRIS_ADDRESS_BYTES_MAX]; /* host:port, numeric hosts only */
    size_t listen_count;
    enum log_level log_level;
    enum log_format log_format;
    bool dial_auto;
    uint32_t dial_max, inbound_max;
    uint64_t heartbeat_ms, map_bytes;
    uint32_t import_max_change; /* percent */
    uint64_t guard_wait_ms, guard_alone_ms;
};

/* What the command line asks for besides the options. */
struct config_args {
    bool check, help, version;
    const char *file;                       /* --config or TRIS_CONFIG; NULL: the default places */
    const char *flag[CONFIG_KEY_COUNT];     /* NULL: not given; points into argv */
    char joined_listen[CONFIG_VALUE_BYTES]; /* --listen may repeat */
};

/* A file that cannot be read or a value that is refused. */
struct config_error {
    char text[CONFIG_ERROR_BYTES]; /* "FILE:LINE: what is wrong" */
};

/* TRIS_ERR_INVALID with the reason in `error`. */
TRIS_MUST_CHECK enum tris_err config_args_parse(int argc, char **argv, struct config_args *out,
                                                struct config_error *error);
/* Reads defaults, files, environment (getenv) and flags, then checks every value. `out` is about
 * 20 KiB and holds no heap memory. */
TRIS_MUST_CHECK enum tris_err config_load(const struct config_args *args, struct config *out,
                                          struct config_error *error);

/* "data", "listen", "log.level", ... */
const char *config_key_name(enum config_key key);
/* Writes the --help text. */
void config_help(int fd);
/* Splits "host:port" or "[v6]:port"; the host without brackets. false if it has another shape. */
bool config_address_split(const char *address, char *host, size_t host_size, uint16_t *port);

#endif
