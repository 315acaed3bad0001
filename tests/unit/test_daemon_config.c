/* Configuration: precedence, origins, and the refusal of whatever is not in the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"

struct fixture {
    char dir[64];
    char file[96];
    struct config config;
    struct config_args args;
    struct config_error error;
};

static void write_file(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void clear_environment(void)
{
    static const char *const names[] = {"TRIS_DATA",     "TRIS_CONFIG",   "TRIS_SOCKET",
                                        "TRIS_LISTEN",   "TRIS_LOG",      "XDG_CONFIG_HOME",
                                        "XDG_DATA_HOME", "JOURNAL_STREAM"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    clear_environment();
    snprintf(f->dir, sizeof f->dir, "/tmp/tris-config-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->file, sizeof f->file, "%s/trisd.conf", f->dir);
    f->args.file = f->file;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static enum tris_err load(struct fixture *f, const char *text)
{
    write_file(f->file, text, strlen(text));
    return config_load(&f->args, &f->config, &f->error);
}

static void assert_refused(struct fixture *f, const char *text, const char *place,
                           const char *reason)
{
    char want[128];
    assert_int_equal(load(f, text), TRIS_ERR_INVALID);
    snprintf(want, sizeof want, "%s:%s", f->file, place);
    if (strncmp(f->error.text, want, strlen(want)) != 0 || strstr(f->error.text, reason) == NULL) {
        fail_msg("got \"%s\", expected %s ... %s", f->error.text, want, reason);
    }
}

static void defaults_hold_for_an_empty_file(void **state)
{
    struct fixture *f = *state;
    setenv("XDG_DATA_HOME", f->dir, 1);
    assert_int_equal(load(f, ""), TRIS_OK);
    assert_int_equal(f->config.listen_count, 0);
    assert_int_equal(f->config.dial_max, 8);
    assert_int_equal(f->config.inbound_max, 128);
    assert_true(f->config.dial_auto);
    assert_int_equal(f->config.heartbeat_ms, 15000);
    assert_int_equal(f->config.log_level, LOG_INFO);
    assert_int_equal(f->config.log_format, LOG_TEXT);
    assert_true(f->config.map_bytes == UINT64_C(64) << 30);
    assert_int_equal(f->config.import_max_change, 30);
    assert_string_equal(f->config.value[CONFIG_LOG_LEVEL].origin, "default");
    char data[96], socket[128];
    snprintf(data, sizeof data, "%s/tris", f->dir);
    snprintf(socket, sizeof socket, "%s/tris/trisd.sock", f->dir);
    assert_string_equal(f->config.data, data);
    assert_string_equal(f->config.socket, socket);
}

static void file_values_are_taken_with_their_line(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f, "; comment\ndata = /srv/tris\nlisten = 127.0.0.1:0, [::1]:8747\n"
                             "[log]\nlevel = debug\nformat = json\n[peers]\ndial = configured\n"
                             "dial_max=0\n[sync]\nheartbeat_ms = 200\n"),
                     TRIS_OK);
    assert_string_equal(f->config.data, "/srv/tris");
    assert_int_equal(f->config.listen_count, 2);
    assert_string_equal(f->config.listen[1], "[::1]:8747");
    assert_int_equal(f->config.log_level, LOG_DEBUG);
    assert_int_equal(f->config.log_format, LOG_JSON);
    assert_false(f->config.dial_auto);
    assert_int_equal(f->config.dial_max, 0);
    assert_int_equal(f->config.heartbeat_ms, 200);
    char origin[128];
    snprintf(origin, sizeof origin, "%s:5", f->file);
    assert_string_equal(f->config.value[CONFIG_LOG_LEVEL].origin, origin);
}

static void socket_is_shared_only_with_a_group_that_exists(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f, ""), TRIS_OK);
    assert_false(f->config.socket_shared);
    assert_int_equal(load(f, "socket_group = root\n"), TRIS_OK);
    assert_true(f->config.socket_shared);
    assert_int_equal(f->config.socket_gid, 0);
    assert_int_equal(load(f, "data = /x\nsocket_group = no-such-group\n"), TRIS_ERR_INVALID);
    char expected[128];
    snprintf(expected, sizeof expected, "%s:2: socket_group", f->file);
    assert_non_null(strstr(f->error.text, expected));
}

static void flag_beats_environment_beats_folder_beats_file(void **state)
{
    struct fixture *f = *state;
    char path[160];
    snprintf(path, sizeof path, "%s.d", f->file);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s.d/10.conf", f->file);
    write_file(path, "data=/ten\nsocket=/ten.sock\nlisten=127.0.0.1:10\n", 48);
    snprintf(path, sizeof path, "%s.d/20.conf", f->file);
    write_file(path, "socket=/twenty.sock\n", 20);
    snprintf(path, sizeof path, "%s.d/30.conf.bak", f->file);
    write_file(path, "nonsense", 8);
    setenv("TRIS_LISTEN", "127.0.0.1:20", 1);
    setenv("TRIS_LOG", "warn", 1);
    f->args.flag[CONFIG_LOG_LEVEL] = "error";
    assert_int_equal(load(f, "data=/file\nsocket=/file.sock\n[log]\nlevel=debug\n"), TRIS_OK);
    assert_string_equal(f->config.data, "/ten");
    assert_string_equal(f->config.socket, "/twenty.sock");
    assert_string_equal(f->config.listen[0], "127.0.0.1:20");
    assert_string_equal(f->config.value[CONFIG_LISTEN].origin, "environment TRIS_LISTEN");
    assert_int_equal(f->config.log_level, LOG_ERROR);
    assert_string_equal(f->config.value[CONFIG_LOG_LEVEL].origin, "flag --log-level");
}

static void unknown_keys_and_sections_are_refused_with_their_line(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, "data=/a\nlisten_on=x\n", "2:", "unknown option listen_on");
    assert_refused(f, "data=/a\n[log]\ncolour=red\n", "3:", "unknown option log.colour");
    assert_refused(f, "[sinc]\nheartbeat_ms=5\n", "2:", "unknown option sinc.heartbeat_ms");
    assert_refused(f, "[log]\ndata=/a\n", "2:", "unknown option log.data");
}

static void a_key_that_is_set_twice_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, "data=/a\nsocket=/s\ndata=/b\n", "3:", "twice");
    assert_refused(f, "data=/a\n  /continued\n", "2:", "twice");
}

static void lines_are_refused_from_200_bytes_on(void **state)
{
    struct fixture *f = *state;
    char text[256];
    memset(text, 'x', sizeof text);
    memcpy(text, "data=/", 6);
    text[199] = '\n';
    text[200] = '\0';
    assert_int_equal(load(f, text), TRIS_OK);
    assert_int_equal(strlen(f->config.data), 199 - 5);
    text[199] = 'x';
    text[200] = '\n';
    text[201] = '\0';
    assert_refused(f, text, "1:", "longer than 199");
    text[200] = '\0'; /* the same without a line feed */
    assert_refused(f, text, "1:", "longer than 199");
}

static void a_nul_byte_is_refused(void **state)
{
    struct fixture *f = *state;
    write_file(f->file, "data=/a\0b\nsocket=/s\n", 20);
    assert_int_equal(config_load(&f->args, &f->config, &f->error), TRIS_ERR_INVALID);
}

static void malformed_lines_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, "data=/a\nwhatever\n", "2:", "neither");
    assert_refused(f, "data=/a\n\n[log\nlevel=info\n", "3:", "neither");
}

static void values_outside_their_range_are_refused(void **state)
{
    static const struct {
        const char *text, *place, *reason;
    } rows[] = {
        {"data=/a\n[log]\nlevel=loud\n", "3:", "error, warn, info or debug"},
        {"data=/a\n[log]\nformat=xml\n", "3:", "text or json"},
        {"data=/a\n[peers]\ndial=all\n", "3:", "auto or configured"},
        {"data=/a\n[peers]\ndial_max=65\n", "3:", "from 0 to 64"},
        {"data=/a\n[peers]\ndial_max=-1\n", "3:", "from 0 to 64"},
        {"data=/a\n[peers]\ninbound_max=513\n", "3:", "from 0 to 512"},
        {"data=/a\n[sync]\nheartbeat_ms=49\n", "3:", "from 50"},
        {"data=/a\n[sync]\nheartbeat_ms=\n", "3:", "from 50"},
        {"data=/a\n[store]\nmap_bytes=99999999999999999999\n", "3:", "a number"},
        {"data=/a\n[import]\nmax_change=101\n", "3:", "from 0 to 100"},
        {"data=/a\nlisten=localhost:8747\n", "2:", "numeric"},
        {"data=/a\nlisten=127.0.0.1\n", "2:", "numeric"},
        {"data=/a\nlisten=127.0.0.1:65536\n", "2:", "numeric"},
        {"data=/a\nlisten=::1:8747\n", "2:", "numeric"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_refused(*state, rows[i].text, rows[i].place, rows[i].reason);
    }
}

static void more_than_eight_listeners_are_refused(void **state)
{
    struct fixture *f = *state;
    f->args.flag[CONFIG_DATA] = "/a";
    f->args.flag[CONFIG_LISTEN] = "1.1.1.1:1,1.1.1.1:2,1.1.1.1:3,1.1.1.1:4,1.1.1.1:5,1.1.1.1:6,"
                                  "1.1.1.1:7,1.1.1.1:8";
    assert_int_equal(load(f, ""), TRIS_OK);
    assert_int_equal(f->config.listen_count, 8);
    f->args.flag[CONFIG_LISTEN] = "1.1.1.1:1,1.1.1.1:2,1.1.1.1:3,1.1.1.1:4,1.1.1.1:5,1.1.1.1:6,"
                                  "1.1.1.1:7,1.1.1.1:8,1.1.1.1:9";
    assert_int_equal(load(f, ""), TRIS_ERR_INVALID);
}

static void a_named_file_must_exist(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(config_load(&f->args, &f->config, &f->error), TRIS_ERR_INVALID);
    assert_non_null(strstr(f->error.text, "no such file"));
}

static enum tris_err parse(struct fixture *f, const char *first, const char *second,
                           const char *third, const char *fourth)
{
    const char *argv[] = {"trisd", first, second, third, fourth};
    int argc = 1;
    while (argc < 5 && argv[argc] != NULL) {
        argc++;
    }
    return config_args_parse(argc, (char **)argv, &f->args, &f->error);
}

static void arguments_are_read_in_both_forms(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "--data", "/d", "--log-json", "--socket=/s"), TRIS_OK);
    assert_string_equal(f->args.flag[CONFIG_DATA], "/d");
    assert_string_equal(f->args.flag[CONFIG_SOCKET], "/s");
    assert_string_equal(f->args.flag[CONFIG_LOG_FORMAT], "json");
    assert_int_equal(parse(f, "--listen", "127.0.0.1:1", "--listen=127.0.0.1:2", "--check"),
                     TRIS_OK);
    assert_string_equal(f->args.flag[CONFIG_LISTEN], "127.0.0.1:1,127.0.0.1:2");
    assert_true(f->args.check);
}

static void unknown_and_incomplete_arguments_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "--colour", NULL, NULL, NULL), TRIS_ERR_INVALID);
    assert_int_equal(parse(f, "--data", NULL, NULL, NULL), TRIS_ERR_INVALID);
    assert_int_equal(parse(f, "--data=", NULL, NULL, NULL), TRIS_ERR_INVALID);
    assert_int_equal(parse(f, "--log-json=yes", NULL, NULL, NULL), TRIS_ERR_INVALID);
    assert_int_equal(parse(f, "start", NULL, NULL, NULL), TRIS_ERR_INVALID);
    assert_int_equal(parse(f, "--database=/x", NULL, NULL, NULL), TRIS_ERR_INVALID);
}

static void addresses_are_split_at_the_last_colon(void **state)
{
    char host[32];
    uint16_t port = 0;
    (void)state;
    assert_true(config_address_split("example.org:8747", host, sizeof host, &port));
    assert_string_equal(host, "example.org");
    assert_int_equal(port, 8747);
    assert_true(config_address_split("[::1]:0", host, sizeof host, &port));
    assert_string_equal(host, "::1");
    assert_false(config_address_split("::1:80", host, sizeof host, &port));
    assert_false(config_address_split(":80", host, sizeof host, &port));
    assert_false(config_address_split("a:", host, sizeof host, &port));
    assert_false(config_address_split("a:1x", host, sizeof host, &port));
    assert_false(config_address_split("[]:1", host, sizeof host, &port));
    assert_false(config_address_split("[::1:1", host, sizeof host, &port));
    assert_true(
        config_address_split("1234567890123456789012345678901:1", host, sizeof host, &port));
    assert_false(
        config_address_split("12345678901234567890123456789012:1", host, sizeof host, &port));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(defaults_hold_for_an_empty_file),
        CASE(file_values_are_taken_with_their_line),
        CASE(socket_is_shared_only_with_a_group_that_exists),
        CASE(flag_beats_environment_beats_folder_beats_file),
        CASE(unknown_keys_and_sections_are_refused_with_their_line),
        CASE(a_key_that_is_set_twice_is_refused),
        CASE(lines_are_refused_from_200_bytes_on),
        CASE(a_nul_byte_is_refused),
        CASE(malformed_lines_are_refused),
        CASE(values_outside_their_range_are_refused),
        CASE(more_than_eight_listeners_are_refused),
        CASE(a_named_file_must_exist),
        CASE(arguments_are_read_in_both_forms),
        CASE(unknown_and_incomplete_arguments_are_refused),
        CASE(addresses_are_split_at_the_last_colon),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
