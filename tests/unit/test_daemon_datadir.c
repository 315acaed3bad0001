/* What a data directory must have before the daemon starts, and what it says otherwise. */
#include "tests/lib/testlib.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/passphrase.h"

struct fixture {
    char dir[256];
    struct tris_sign_secret identity;
    struct noise_keypair transport;
    struct house_line line;
    char line_text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct passphrase passphrase;
    struct datadir loaded;
    struct refusal why;
};

static void put(const struct fixture *f, const char *name, const char *text, mode_t mode)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void take_away(const struct fixture *f, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    assert_int_equal(unlink(path), 0);
}

static void put_charter(struct fixture *f, bool sign)
{
    static const uint8_t nonce[32] = {3};
    struct charter c;
    char *text;
    size_t len;
    assert_int_equal(charter_new("Test", nonce, &f->line, 1, 1, 2, &c), TRIS_OK);
    if (sign) {
        assert_int_equal(charter_sign(&c, &f->identity), TRIS_OK);
    }
    assert_int_equal(charter_print(&c, &text, &len), TRIS_OK);
    put(f, "charter", text, 0644);
    free(text);
    charter_fini(&c);
}

static void put_keys(struct fixture *f)
{
    char text[KEYFILE_BYTES_MAX];
    assert_int_equal(keyfile_identity_print(&f->identity, text, sizeof text), TRIS_OK);
    put(f, "identity.key", text, 0600);
    assert_int_equal(keyfile_transport_print(&f->transport, text, sizeof text), TRIS_OK);
    put(f, "transport.key", text, 0600);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct tris_sign_pub pub;
    struct tris_dh_secret secret;
    assert_non_null(f);
    test_dir_make(f->dir, sizeof f->dir);
    assert_int_equal(crypto_sign_keypair(pub.b, f->identity.b), 0);
    randombytes_buf(secret.b, sizeof secret.b);
    noise_keypair_from_secret(&secret, &f->transport);
    f->line = (struct house_line){
        .role = TRIS_ROLE_HOUSE, .region = "05315", .slug = "koeln", .name = "Haus Köln"};
    f->line.transport = f->transport.pub;
    assert_int_equal(house_line_make(&f->line, &f->identity, f->line_text, sizeof f->line_text),
                     TRIS_OK);
    put_keys(f);
    put(f, "house.line", f->line_text, 0644);
    put_charter(f, true);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    test_dir_remove(f->dir);
    free(f);
    return 0;
}

static void assert_refused(struct fixture *f, int exit_code, const char *what)
{
    assert_true(datadir_load(f->dir, &f->passphrase, &f->loaded, &f->why) != TRIS_OK);
    assert_int_equal(f->why.exit_code, exit_code);
    if (strstr(f->why.what, what) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", f->why.what, what);
    }
    assert_true(f->why.unchanged[0] != '\0' && f->why.next[0] != '\0');
    assert_true(sodium_is_zero((const uint8_t *)&f->loaded, sizeof f->loaded));
}

static void a_complete_directory_loads(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(datadir_load(f->dir, &f->passphrase, &f->loaded, &f->why), TRIS_OK);
    assert_memory_equal(f->loaded.identity.b, f->identity.b, sizeof f->identity.b);
    assert_string_equal(f->loaded.line_text, f->line_text);
    assert_int_equal(f->loaded.charter.founder_count, 1);
    charter_fini(&f->loaded.charter);
}

static void a_missing_part_exits_with_10_and_names_it(void **state)
{
    static const char *const parts[] = {"charter", "house.line", "transport.key", "identity.key"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        take_away(f, parts[i]);
        assert_refused(f, 10, parts[i]);
        assert_non_null(strstr(f->why.next, "tris init"));
    }
}

static void a_directory_that_everybody_writes_exits_with_13(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(chmod(f->dir, 0777), 0);
    assert_refused(f, 13, f->dir);
    assert_non_null(strstr(f->why.next, "chmod 700"));
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(datadir_load(f->dir, &f->passphrase, &f->loaded, &f->why), TRIS_OK);
    charter_fini(&f->loaded.charter);
}

static void keys_that_others_may_read_exit_with_13(void **state)
{
    struct fixture *f = *state;
    char path[400];
    snprintf(path, sizeof path, "%s/transport.key", f->dir);
    assert_int_equal(chmod(path, 0640), 0);
    assert_refused(f, 13, "transport.key");
    assert_non_null(strstr(f->why.next, "chmod 600"));
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(datadir_load(f->dir, &f->passphrase, &f->loaded, &f->why), TRIS_OK);
    charter_fini(&f->loaded.charter);
}

static void a_link_in_place_of_a_key_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[400], other[400];
    snprintf(path, sizeof path, "%s/identity.key", f->dir);
    snprintf(other, sizeof other, "%s/elsewhere", f->dir);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    assert_refused(f, 13, "identity.key");
}

static void damaged_keys_are_refused(void **state)
{
    struct fixture *f = *state;
    put(f, "identity.key", "tris-identity-1 00\n", 0600);
    assert_refused(f, 13, "identity.key is damaged");
}

static void a_line_of_other_keys_is_refused(void **state)
{
    struct fixture *f = *state;
    struct tris_sign_pub pub;
    assert_int_equal(crypto_sign_keypair(pub.b, f->identity.b), 0);
    put_keys(f);
    assert_refused(f, 13, "not made with the keys");
}

static void a_charter_that_not_all_founders_signed_exits_with_10(void **state)
{
    struct fixture *f = *state;
    put_charter(f, false);
    assert_refused(f, 10, "not signed by all founders");
}

static void a_damaged_charter_names_its_line(void **state)
{
    struct fixture *f = *state;
    put(f, "charter", "tris-charter-1\nnonsense\n", 0644);
    assert_refused(f, 13, "charter, line 2");
}

static void a_file_beyond_its_limit_is_refused(void **state)
{
    struct fixture *f = *state;
    char text[SEALED_KEY_BYTES_MAX + 2], said[40];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    put(f, "identity.key", text, 0600);
    assert_true(datadir_load(f->dir, &f->passphrase, &f->loaded, &f->why) != TRIS_OK);
    snprintf(said, sizeof said, "larger than %d", SEALED_KEY_BYTES_MAX);
    assert_non_null(strstr(f->why.what, said));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void put_sealed(struct fixture *f, const char *passphrase)
{
    struct sealed head = {.ops = 1, .mem = SEALED_MEM_MIN};
    char text[SEALED_KEY_BYTES_MAX];
    assert_int_equal(sealed_identity_print(&head, passphrase, &f->identity, text), TRIS_OK);
    put(f, "identity.key", text, 0600);
}

static void name_file(const struct fixture *f, const char *variable, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s%s%s", f->dir, name[0] != '\0' ? "/" : "", name);
    assert_int_equal(setenv(variable, path, 1), 0);
}

static void assert_loads(struct fixture *f)
{
    if (datadir_load(f->dir, &f->passphrase, &f->loaded, &f->why) != TRIS_OK) {
        fail_msg("%s", f->why.what);
    }
    assert_memory_equal(f->loaded.identity.b, f->identity.b, sizeof f->identity.b);
    charter_fini(&f->loaded.charter);
}

static int no_variables(void **state)
{
    unsetenv("TRIS_PASSPHRASE_FILE");
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(close(STDIN_FILENO), 0); /* no terminal, wherever this runs */
    assert_int_equal(open("/dev/null", O_RDONLY), STDIN_FILENO);
    return setup(state);
}

static void a_sealed_key_opens_with_the_first_line_of_the_file(void **state)
{
    static const char *const texts[] = {"correct horse", "correct horse\n", "correct horse\r\n",
                                        "correct horse\nand a remark\n"};
    struct fixture *f = *state;
    put_sealed(f, "correct horse");
    name_file(f, "TRIS_PASSPHRASE_FILE", "pass");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        memset(&f->passphrase, 0, sizeof f->passphrase);
        put(f, "pass", texts[i], 0600);
        assert_loads(f);
        assert_true(f->passphrase.known);
        assert_string_equal(f->passphrase.text, "correct horse");
    }
}

static void what_is_no_passphrase_exits_with_13(void **state)
{
    struct fixture *f = *state;
    char large[SEALED_PASSPHRASE_BYTES_MAX + 1] = "";
    put_sealed(f, "correct horse");
    assert_refused(f, 13, "nobody gives it");
    name_file(f, "TRIS_PASSPHRASE_FILE", "pass");
    assert_refused(f, 13, "pass");
    put(f, "pass", "correct horse\n", 0640);
    assert_refused(f, 13, "may be read by others");
    put(f, "pass", "incorrect horse\n", 0600);
    assert_refused(f, 13, "does not open");
    put(f, "pass", "\n", 0600);
    assert_refused(f, 13, "empty");
    memset(large, 'x', sizeof large - 1);
    put(f, "pass", large, 0600);
    assert_refused(f, 13, "too long");
    large[sizeof large - 2] = '\n'; /* at the limit: a wrong one */
    put(f, "pass", large, 0600);
    assert_refused(f, 13, "does not open");
    assert_true(sodium_is_zero((const uint8_t *)&f->passphrase, sizeof f->passphrase));
    put(f, "identity.key", "tris-sealed-1 argon2id 1 8192 00\n", 0600);
    assert_refused(f, 13, "damaged");
}

/* systemd lets its user in by an access list, which shows as the mode of the group. */
static void a_credential_opens_it_where_no_file_is_named(void **state)
{
    struct fixture *f = *state;
    put_sealed(f, "correct horse");
    name_file(f, "CREDENTIALS_DIRECTORY", "");
    assert_refused(f, 13, "nobody gives it");
    put(f, "tris-passphrase", "correct horse\n", 0440);
    assert_loads(f);
    memset(&f->passphrase, 0, sizeof f->passphrase);
    take_away(f, "tris-passphrase");
    put(f, "tris-passphrase", "correct horse\n", 0444);
    assert_refused(f, 13, "others may read it");
}

/* A house that has got a new key starts anew in the same process. */
static void a_known_passphrase_is_not_asked_for_again_unless_it_fits_no_more(void **state)
{
    struct fixture *f = *state;
    put_sealed(f, "correct horse");
    name_file(f, "TRIS_PASSPHRASE_FILE", "pass");
    put(f, "pass", "correct horse\n", 0600);
    assert_loads(f);
    take_away(f, "pass");
    assert_loads(f);
    put_keys(f); /* the new key has none */
    assert_loads(f);
    put_sealed(f, "another one");
    assert_refused(f, 13, "pass");
    put_sealed(f, "correct horse");
    put(f, "pass", "correct horse\n", 0600);
    assert_loads(f);
    put_sealed(f, "another one");
    put(f, "pass", "another one\n", 0600);
    assert_loads(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_complete_directory_loads),
        CASE(a_missing_part_exits_with_10_and_names_it),
        CASE(a_directory_that_everybody_writes_exits_with_13),
        CASE(keys_that_others_may_read_exit_with_13),
        CASE(a_link_in_place_of_a_key_is_refused),
        CASE(damaged_keys_are_refused),
        CASE(a_line_of_other_keys_is_refused),
        CASE(a_charter_that_not_all_founders_signed_exits_with_10),
        CASE(a_damaged_charter_names_its_line),
        CASE(a_file_beyond_its_limit_is_refused),
        cmocka_unit_test_setup_teardown(a_sealed_key_opens_with_the_first_line_of_the_file,
                                        no_variables, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_passphrase_exits_with_13, no_variables,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_credential_opens_it_where_no_file_is_named, no_variables,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_known_passphrase_is_not_asked_for_again_unless_it_fits_no_more, no_variables,
            teardown),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
