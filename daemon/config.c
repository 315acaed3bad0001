/* The table of options and everything that follows from it; see config.h. */
#include "daemon/config_int.h"

#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "proto/assert.h"

struct config_option {
    const char *name;    /* as shown */
    const char *section; /* of the INI file; "" = above the first section */
    const char *key;
    const char *env;          /* NULL = none */
    const char *flag;         /* NULL = none */
    const char *placeholder;  /* of the flag's value; NULL = the flag takes none */
    const char *flag_value;   /* what a flag without a value means */
    const char *default_text; /* data and socket are derived instead */
    const char *help;
};

static const struct config_option options[CONFIG_KEY_COUNT] = {
    [CONFIG_DATA] = {"data", "", "data", "TRIS_DATA", "--data", "DIR", NULL, "",
                     "data directory, made by `tris init`"},
    [CONFIG_LISTEN] = {"listen", "", "listen", "TRIS_LISTEN", "--listen", "ADDR", NULL, "",
                       "host:port or [v6]:port to accept peers on, comma separated; "
                       "unset: dial only"},
    [CONFIG_SOCKET] = {"socket", "", "socket", "TRIS_SOCKET", "--socket", "PATH", NULL, "",
                       "control socket; default DIR/trisd.sock"},
    [CONFIG_SOCKET_GROUP] = {"socket_group", "", "socket_group", NULL, "--socket-group", "GROUP",
                             NULL, "",
                             "who may use the control socket besides this user; unset: nobody"},
    [CONFIG_LOG_LEVEL] = {"log.level", "log", "level", "TRIS_LOG", "--log-level", "LEVEL", NULL,
                          "info", "error, warn, info or debug"},
    [CONFIG_LOG_FORMAT] = {"log.format", "log", "format", NULL, "--log-json", NULL, "json", "text",
                           "text or json"},
    [CONFIG_PEERS_DIAL] = {"peers.dial", "peers", "dial", NULL, NULL, NULL, NULL, "auto",
                           "auto: any member with an address; configured: only those of "
                           "`tris peer add`"},
    [CONFIG_PEERS_DIAL_MAX] = {"peers.dial_max", "peers", "dial_max", NULL, NULL, NULL, NULL, "8",
                               "members dialled by themselves"},
    [CONFIG_PEERS_INBOUND_MAX] = {"peers.inbound_max", "peers", "inbound_max", NULL, NULL, NULL,
                                  NULL, "128", "sessions that others may open"},
    [CONFIG_SYNC_HEARTBEAT_MS] = {"sync.heartbeat_ms", "sync", "heartbeat_ms", NULL, NULL, NULL,
                                  NULL, "15000", "announcement of the own root"},
    [CONFIG_STORE_MAP_BYTES] = {"store.map_bytes", "store", "map_bytes", NULL, NULL, NULL, NULL,
                                "68719476736", "largest size of the store (a sparse file)"},
    [CONFIG_IMPORT_MAX_CHANGE] = {"import.max_change", "import", "max_change", NULL, NULL, NULL,
                                  NULL, "30",
                                  "percent of a source's records that one import may change "
                                  "without --force"},
    [CONFIG_GUARD_WAIT_MS] = {"guard.wait_ms", "guard", "wait_ms", NULL, NULL, NULL, NULL, "60000",
                              "after a start: until what one peer holds of the own log is enough "
                              "to seal"},
    [CONFIG_GUARD_ALONE_MS] = {"guard.alone_ms", "guard", "alone_ms", NULL, NULL, NULL, NULL, "0",
                               "until sealing begins without any peer; 0: never. Only where no "
                               "older copy of the data directory can be"},
};

enum tris_err config_fail(struct config_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return TRIS_ERR_INVALID;
}

enum config_key config_find(const char *section, const char *key)
{
    size_t i = 0;
    while (i < CONFIG_KEY_COUNT &&
           (strcmp(options[i].section, section) != 0 || strcmp(options[i].key, key) != 0)) {
        i++;
    }
    return (enum config_key)i;
}

const char *config_key_name(enum config_key key)
{
    return options[key].name;
}

/* ---- command line ---- */

static enum tris_err args_join_listen(struct config_args *out, const char *value,
                                      struct config_error *error)
{
    size_t have = strlen(out->joined_listen);
    int len = snprintf(out->joined_listen + have, sizeof out->joined_listen - have, "%s%s",
                       have > 0 ? "," : "", value);
    if (len < 0 || (size_t)len >= sizeof out->joined_listen - have) {
        return config_fail(error, "--listen: too many addresses");
    }
    out->flag[CONFIG_LISTEN] = out->joined_listen;
    return TRIS_OK;
}

/* True if `arg` is `flag` or `flag=value`; *value points behind the =, or is NULL. */
static bool arg_is(const char *arg, const char *flag, const char **value)
{
    size_t len = strlen(flag);
    if (strncmp(arg, flag, len) != 0 || (arg[len] != '\0' && arg[len] != '=')) {
        return false;
    }
    *value = arg[len] == '=' ? arg + len + 1 : NULL;
    return true;
}

/* The option whose flag this argument is, or CONFIG_KEY_COUNT. */
static enum config_key arg_option(const char *arg, const char **value)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (options[i].flag != NULL && arg_is(arg, options[i].flag, value)) {
            return (enum config_key)i;
        }
    }
    return CONFIG_KEY_COUNT;
}

static bool arg_is_switch(const char *arg, struct config_args *out)
{
    if (strcmp(arg, "--check") == 0) {
        out->check = true;
    } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
        out->help = true;
    } else if (strcmp(arg, "--version") == 0) {
        out->version = true;
    } else {
        return false;
    }
    return true;
}

enum tris_err config_args_parse(int argc, char **argv, struct config_args *out,
                                struct config_error *error)
{
    memset(out, 0, sizeof *out);
    for (int i = 1; i < argc; i++) {
        if (arg_is_switch(argv[i], out)) {
            continue;
        }
        const char *value = NULL;
        bool is_config = arg_is(argv[i], "--config", &value);
        enum config_key key = is_config ? CONFIG_KEY_COUNT : arg_option(argv[i], &value);
        if (!is_config && key == CONFIG_KEY_COUNT) {
            return config_fail(error, "unknown argument %.100s", argv[i]);
        }
        if (!is_config && options[key].placeholder == NULL) {
            if (value != NULL) {
                return config_fail(error, "%s takes no value", options[key].flag);
            }
            out->flag[key] = options[key].flag_value;
            continue;
        }
        const char *flag = is_config ? "--config" : options[key].flag;
        if (value == NULL && ++i < argc) {
            value = argv[i];
        }
        if (value == NULL || *value == '\0') {
            return config_fail(error, "%s needs a value", flag);
        }
        enum tris_err err = TRIS_OK;
        if (is_config) {
            out->file = value;
        } else if (key == CONFIG_LISTEN) {
            err = args_join_listen(out, value, error);
        } else {
            out->flag[key] = value;
        }
        if (err != TRIS_OK) {
            return err;
        }
    }
    return TRIS_OK;
}

/* ---- values ---- */

enum tris_err config_set(struct config *c, enum config_key key, const char *text,
                         const char *origin, struct config_error *error)
{
    struct config_value *v = &c->value[key];
    if (strlen(text) >= sizeof v->text) {
        return config_fail(error, "%s: %s: the value is too long", origin, options[key].name);
    }
    snprintf(v->text, sizeof v->text, "%s", text);
    snprintf(v->origin, sizeof v->origin, "%s", origin);
    return TRIS_OK;
}

/* ---- defaults and meaning ---- */

static enum tris_err load_defaults(struct config *c, struct config_error *error)
{
    enum tris_err err = TRIS_OK;
    for (size_t i = 0; i < CONFIG_KEY_COUNT && err == TRIS_OK; i++) {
        err = config_set(c, (enum config_key)i, options[i].default_text, "default", error);
    }
    const char *xdg = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    char *data = c->value[CONFIG_DATA].text;
    if (xdg != NULL && *xdg == '/') {
        snprintf(data, CONFIG_VALUE_BYTES, "%s/tris", xdg);
    } else if (home != NULL && *home == '/') {
        snprintf(data, CONFIG_VALUE_BYTES, "%s/.local/share/tris", home);
    }
    return err;
}

static enum tris_err load_env_and_flags(const struct config_args *args, struct config *c,
                                        struct config_error *error)
{
    enum tris_err err = TRIS_OK;
    for (size_t i = 0; i < CONFIG_KEY_COUNT && err == TRIS_OK; i++) {
        const char *env = options[i].env == NULL ? NULL : getenv(options[i].env);
        char origin[CONFIG_ORIGIN_BYTES];
        if (env != NULL && *env != '\0') {
            snprintf(origin, sizeof origin, "environment %s", options[i].env);
            err = config_set(c, (enum config_key)i, env, origin, error);
        }
        if (err == TRIS_OK && args->flag[i] != NULL) {
            snprintf(origin, sizeof origin, "flag %s", options[i].flag);
            err = config_set(c, (enum config_key)i, args->flag[i], origin, error);
        }
    }
    return err;
}

static enum tris_err value_refuse(const struct config *c, enum config_key key, const char *allowed,
                                  struct config_error *error)
{
    return config_fail(error, "%s: %s: \"%.60s\" is not allowed: %s", c->value[key].origin,
                       options[key].name, c->value[key].text, allowed);
}

static enum tris_err value_number(const struct config *c, enum config_key key, uint64_t min,
                                  uint64_t max, uint64_t *out, struct config_error *error)
{
    const char *text = c->value[key].text;
    size_t len = strlen(text);
    uint64_t value = 0;
    bool good = len > 0 && len <= 19; /* 19 digits fit */
    for (size_t i = 0; good && i < len; i++) {
        good = text[i] >= '0' && text[i] <= '9';
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (!good || value < min || value > max) {
        char allowed[80];
        snprintf(allowed, sizeof allowed, "a number from %llu to %llu", (unsigned long long)min,
                 (unsigned long long)max);
        return value_refuse(c, key, allowed, error);
    }
    *out = value;
    return TRIS_OK;
}

bool config_address_split(const char *address, char *host, size_t host_size, uint16_t *port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || strlen(colon + 1) == 0 || strlen(colon + 1) > 5) {
        return false;
    }
    uint32_t number = 0;
    for (const char *p = colon + 1; *p != '\0'; p++) {
        if (*p < '0' || *p > '9') {
            return false;
        }
        number = number * 10 + (uint32_t)(*p - '0');
    }
    const char *first = address;
    size_t len = (size_t)(colon - address);
    if (address[0] == '[') {
        if (len < 3 || address[len - 1] != ']') {
            return false;
        }
        first++;
        len -= 2;
    } else if (memchr(address, ':', len) != NULL) {
        return false; /* an IPv6 address without its brackets */
    }
    if (number > UINT16_MAX || len >= host_size) {
        return false;
    }
    memcpy(host, first, len);
    host[len] = '\0';
    *port = (uint16_t)number;
    return true;
}

static bool address_is_numeric(const char *address)
{
    char host[TRIS_ADDRESS_BYTES_MAX];
    uint16_t port;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (!config_address_split(address, host, sizeof host, &port)) {
        return false;
    }
    return address[0] == '[' ? uv_ip6_addr(host, port, &v6) == 0
                             : uv_ip4_addr(host, port, &v4) == 0;
}

static enum tris_err finish_listen(struct config *c, struct config_error *error)
{
    static const char allowed[] = "numeric addresses such as 127.0.0.1:8747 or [::]:8747, comma "
                                  "separated, at most 8";
    const char *text = c->value[CONFIG_LISTEN].text;
    c->listen_count = 0;
    while (*text != '\0') {
        text += strspn(text, " \t,");
        size_t len = strcspn(text, " \t,");
        if (len == 0) {
            break;
        }
        if (c->listen_count == CONFIG_LISTEN_MAX || len >= TRIS_ADDRESS_BYTES_MAX) {
            return value_refuse(c, CONFIG_LISTEN, allowed, error);
        }
        char *slot = c->listen[c->listen_count];
        memcpy(slot, text, len);
        slot[len] = '\0';
        if (!address_is_numeric(slot)) {
            return value_refuse(c, CONFIG_LISTEN, allowed, error);
        }
        c->listen_count++;
        text += len;
    }
    return TRIS_OK;
}

static enum tris_err finish_paths(struct config *c, struct config_error *error)
{
    struct config_value *data = &c->value[CONFIG_DATA], *socket = &c->value[CONFIG_SOCKET];
    if (data->text[0] == '\0') {
        return config_fail(error, "data: no directory is given; use --data DIR");
    }
    if (socket->text[0] == '\0') {
        int len = snprintf(socket->text, sizeof socket->text, "%.900s/trisd.sock", data->text);
        tris_assert(len > 0 && (size_t)len < sizeof socket->text);
    }
    c->data = data->text;
    c->socket = socket->text;
    return TRIS_OK;
}

static enum tris_err finish_socket_group(struct config *c, struct config_error *error)
{
    const char *name = c->value[CONFIG_SOCKET_GROUP].text;
    c->socket_shared = *name != '\0';
    if (!c->socket_shared) {
        return TRIS_OK;
    }
    const struct group *group = getgrnam(name);
    if (group == NULL) {
        return value_refuse(c, CONFIG_SOCKET_GROUP, "the name of a group of this machine", error);
    }
    c->socket_gid = group->gr_gid;
    return TRIS_OK;
}

static enum tris_err finish_log(struct config *c, struct config_error *error)
{
    const char *format = c->value[CONFIG_LOG_FORMAT].text;
    if (!log_level_parse(span_str(c->value[CONFIG_LOG_LEVEL].text), &c->log_level)) {
        return value_refuse(c, CONFIG_LOG_LEVEL, "error, warn, info or debug", error);
    }
    if (strcmp(format, "json") == 0) {
        c->log_format = LOG_JSON;
    } else if (strcmp(format, "text") == 0) {
        c->log_format = getenv("JOURNAL_STREAM") != NULL ? LOG_JOURNAL : LOG_TEXT;
    } else {
        return value_refuse(c, CONFIG_LOG_FORMAT, "text or json", error);
    }
    return TRIS_OK;
}

static enum tris_err finish_peers(struct config *c, struct config_error *error)
{
    const char *dial = c->value[CONFIG_PEERS_DIAL].text;
    c->dial_auto = strcmp(dial, "auto") == 0;
    if (!c->dial_auto && strcmp(dial, "configured") != 0) {
        return value_refuse(c, CONFIG_PEERS_DIAL, "auto or configured", error);
    }
    uint64_t dial_max = 0, inbound_max = 0;
    enum tris_err err = value_number(c, CONFIG_PEERS_DIAL_MAX, 0, 64, &dial_max, error);
    if (err == TRIS_OK) {
        err = value_number(c, CONFIG_PEERS_INBOUND_MAX, 0, 512, &inbound_max, error);
    }
    c->dial_max = (uint32_t)dial_max;
    c->inbound_max = (uint32_t)inbound_max;
    return err;
}

static enum tris_err config_finish(struct config *c, struct config_error *error)
{
    enum tris_err err = finish_paths(c, error);
    if (err == TRIS_OK) {
        err = finish_socket_group(c, error);
    }
    if (err == TRIS_OK) {
        err = finish_listen(c, error);
    }
    if (err == TRIS_OK) {
        err = finish_log(c, error);
    }
    if (err == TRIS_OK) {
        err = finish_peers(c, error);
    }
    if (err == TRIS_OK) {
        err = value_number(c, CONFIG_SYNC_HEARTBEAT_MS, 50, 600000, &c->heartbeat_ms, error);
    }
    if (err == TRIS_OK) { /* the smallest is for tests of a full map */
        err = value_number(c, CONFIG_STORE_MAP_BYTES, 1 << 20, UINT64_C(1) << 46, &c->map_bytes,
                           error);
    }
    uint64_t percent = 0;
    if (err == TRIS_OK) {
        err = value_number(c, CONFIG_IMPORT_MAX_CHANGE, 0, 100, &percent, error);
    }
    c->import_max_change = (uint32_t)percent;
    if (err == TRIS_OK) {
        err = value_number(c, CONFIG_GUARD_WAIT_MS, 0, 86400000, &c->guard_wait_ms, error);
    }
    if (err == TRIS_OK) {
        err = value_number(c, CONFIG_GUARD_ALONE_MS, 0, 86400000, &c->guard_alone_ms, error);
    }
    return err;
}

enum tris_err config_load(const struct config_args *args, struct config *out,
                          struct config_error *error)
{
    memset(out, 0, sizeof *out);
    error->text[0] = '\0';
    enum tris_err err = load_defaults(out, error);
    if (err == TRIS_OK) {
        err = config_load_files(args, out, error);
    }
    if (err == TRIS_OK) {
        err = load_env_and_flags(args, out, error);
    }
    return err == TRIS_OK ? config_finish(out, error) : err;
}

/* ---- help ---- */

static void help_option(int fd, const struct config_option *o)
{
    char left[40] = "";
    if (o->flag != NULL) {
        snprintf(left, sizeof left, "%s%s%s", o->flag, o->placeholder != NULL ? " " : "",
                 o->placeholder != NULL ? o->placeholder : "");
    }
    dprintf(fd, "  %-20s %-18s %-12s %s%s%s%s\n", left, o->name, o->env != NULL ? o->env : "",
            o->help, o->default_text[0] != '\0' ? " [" : "", o->default_text,
            o->default_text[0] != '\0' ? "]" : "");
}

void config_help(int fd)
{
    dprintf(fd,
            "trisd: the daemon of one house. It keeps the records of the house and exchanges\n"
            "signed change logs with the other houses of its federation.\n\n"
            "usage: trisd [--config FILE] [--data DIR] [--check] [options]\n\n"
            "  --config FILE        configuration (INI); then FILE.d/*.conf in order\n"
            "  --check              check configuration and data directory, then end\n"
            "  --version            version\n"
            "  --help               this text\n\n"
            "  %-20s %-18s %-12s %s\n",
            "flag", "configuration", "environment", "meaning [default]");
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        help_option(fd, &options[i]);
    }
    dprintf(fd, "\nA flag wins over the environment, that over FILE.d, that over FILE.\n"
                "TERM and INT end the daemon cleanly, HUP reads the configuration again.\n"
                "Exit codes: 0 ok, 1 failed, 2 usage, 10 not initialised, 12 data directory in "
                "use,\n13 permission, 14 integrity check failed.\n");
}
