/* Files, keys and sealed backups of the offline commands. */
#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/keys.h"

static char dir[256];

static int make_dir(void **state)
{
    (void)state;
    test_dir_make(dir, sizeof dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    test_dir_remove(dir);
    return 0;
}

static const char *in_dir(const char *name)
{
    static char path[FILE_PATH_BYTES];
    assert_true(file_path(dir, name, path));
    return path;
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (unsigned)st.st_mode & 0777U;
}

static void a_file_is_kept_unless_replacing_is_asked_for(void **state)
{
    (void)state;
    char *text;
    size_t len;
    assert_int_equal(file_write(in_dir("f"), span_str("one"), 0600, FILE_KEEP_OLD), TRIS_OK);
    assert_int_equal(file_write(in_dir("f"), span_str("two"), 0600, FILE_KEEP_OLD),
                     TRIS_ERR_EXISTS);
    assert_int_equal(file_read(in_dir("f"), 3, &text, &len), TRIS_OK);
    assert_string_equal(text, "one");
    file_free(text, len);
    assert_int_equal(file_write(in_dir("f"), span_str("three"), 0644, FILE_REPLACE), TRIS_OK);
    assert_int_equal(mode_of(in_dir("f")), 0644);
    assert_int_equal(file_read(in_dir("f"), 4, &text, &len), TRIS_ERR_TOO_LARGE);
    assert_int_equal(file_read(in_dir("f"), 5, &text, &len), TRIS_OK);
    assert_string_equal(text, "three");
    file_free(text, len);
}

static void a_large_file_is_read_up_to_its_limit_exactly(void **state)
{
    (void)state;
    enum { SIZE = 100000 };
    char *bytes = calloc(1, SIZE), *text;
    size_t len;
    assert_non_null(bytes);
    memset(bytes, 'x', SIZE);
    assert_int_equal(file_write(in_dir("f"), span_of(bytes, SIZE), 0600, FILE_REPLACE), TRIS_OK);
    assert_int_equal(file_read(in_dir("f"), SIZE, &text, &len), TRIS_OK);
    assert_int_equal(len, SIZE);
    assert_memory_equal(text, bytes, SIZE);
    file_free(text, len);
    assert_int_equal(file_read(in_dir("f"), SIZE - 1, &text, &len), TRIS_ERR_TOO_LARGE);
    free(bytes);
}

static void nothing_is_left_behind_when_a_file_cannot_be_written(void **state)
{
    (void)state;
    assert_int_equal(file_write(in_dir("none/f"), span_str("x"), 0600, FILE_REPLACE),
                     TRIS_ERR_NOT_FOUND);
    assert_int_equal(mkdir(in_dir("f"), 0700), 0);
    assert_int_not_equal(file_write(in_dir("f"), span_str("x"), 0600, FILE_REPLACE), TRIS_OK);
    assert_int_equal(rmdir(in_dir("f")), 0);
    assert_int_equal(rmdir(dir), 0); /* empty: no temporary file is left */
    assert_int_equal(mkdir(dir, 0700), 0);
}

static void keys_are_stored_for_the_owner_only_and_load_alike(void **state)
{
    (void)state;
    struct keys made, loaded;
    const char *file;
    assert_int_equal(keys_require(dir, &made, &file), TRIS_ERR_NOT_INIT);
    assert_int_equal(keys_load(dir, &made, &file), TRIS_OK);
    assert_false(made.has_identity || made.has_transport);
    keys_make_missing(&made);
    assert_int_equal(keys_store(dir, &made, NULL, &file), TRIS_OK);
    assert_int_equal(mode_of(in_dir(IDENTITY_FILE)), 0600);
    assert_int_equal(mode_of(in_dir(TRANSPORT_FILE)), 0600);
    assert_int_equal(keys_require(dir, &loaded, &file), TRIS_OK);
    assert_memory_equal(&loaded, &made, sizeof made);
}

static void one_missing_key_is_made_and_the_other_one_stays(void **state)
{
    (void)state;
    struct keys first, second;
    const char *file;
    assert_int_equal(keys_load(dir, &first, &file), TRIS_OK);
    keys_make_missing(&first);
    assert_int_equal(keys_store(dir, &first, NULL, &file), TRIS_OK);
    assert_int_equal(unlink(in_dir(TRANSPORT_FILE)), 0);
    assert_int_equal(keys_load(dir, &second, &file), TRIS_OK);
    assert_true(second.has_identity && !second.has_transport);
    keys_make_missing(&second);
    assert_int_equal(keys_store(dir, &second, NULL, &file), TRIS_OK);
    assert_memory_equal(&second.identity, &first.identity, sizeof first.identity);
    assert_memory_not_equal(&second.transport, &first.transport, sizeof first.transport);
}

static void a_key_that_others_may_read_is_refused(void **state)
{
    (void)state;
    static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0644, 0660};
    struct keys keys;
    const char *file;
    assert_int_equal(keys_load(dir, &keys, &file), TRIS_OK);
    keys_make_missing(&keys);
    assert_int_equal(keys_store(dir, &keys, NULL, &file), TRIS_OK);
    for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
        assert_int_equal(chmod(in_dir(TRANSPORT_FILE), open_modes[i]), 0);
        assert_int_equal(keys_load(dir, &keys, &file), TRIS_ERR_PERMISSION);
        assert_string_equal(file, TRANSPORT_FILE);
        assert_true(sodium_is_zero((const uint8_t *)&keys, sizeof keys));
    }
    assert_int_equal(chmod(in_dir(TRANSPORT_FILE), 0400), 0);
    assert_int_equal(keys_load(dir, &keys, &file), TRIS_OK);
}

static void what_was_sealed_opens_with_its_passphrase_only(void **state)
{
    (void)state;
    char *sealed = NULL, *plain = NULL;
    size_t len = 0;
    assert_int_equal(passphrase_seal("correct horse", span_str("secret\n"), &sealed), TRIS_OK);
    struct span text = span_str(sealed);
    assert_true(sealed_is(text));
    assert_null(strstr(sealed, "secret"));
    assert_int_equal(passphrase_open("correct horse", text, &plain, &len), TRIS_OK);
    assert_string_equal(plain, "secret\n");
    file_free(plain, len);
    assert_int_equal(passphrase_open("correct hors", text, &plain, &len), TRIS_ERR_DECRYPT);
    sealed[text.len - 3] = sealed[text.len - 3] == '0' ? '1' : '0';
    assert_int_equal(passphrase_open("correct horse", text, &plain, &len), TRIS_ERR_DECRYPT);
    free(sealed);
}

static void a_sealed_key_loads_closed_and_is_stored_alike(void **state)
{
    (void)state;
    struct keys made, loaded;
    const char *file;
    char text[SEALED_KEY_BYTES_MAX];
    assert_int_equal(keys_load(dir, &made, &file), TRIS_OK);
    keys_make_missing(&made);
    assert_int_equal(keys_store(dir, &made, "correct horse", &file), TRIS_OK);
    assert_int_equal(mode_of(in_dir(IDENTITY_FILE)), 0600);
    assert_int_equal(keys_require(dir, &loaded, &file), TRIS_OK);
    assert_true(loaded.has_identity && sealed_is(span_str(loaded.sealed)));
    assert_true(sodium_is_zero(loaded.identity.b, sizeof loaded.identity.b));
    assert_memory_equal(&loaded.transport, &made.transport, sizeof made.transport);
    struct tris_sign_secret key;
    assert_int_equal(sealed_identity_open(span_str(loaded.sealed), "correct horse", &key), TRIS_OK);
    assert_memory_equal(&key, &made.identity, sizeof key);
    /* the same key sealed once more is another text: salt and nonce are new */
    assert_int_equal(keys_identity_text(&made, "correct horse", text), TRIS_OK);
    assert_string_not_equal(text, loaded.sealed);
    /* damaged: no key at all */
    text[strlen(text) - 2] = 'x';
    assert_int_equal(file_write(in_dir(IDENTITY_FILE), span_str(text), 0600, FILE_REPLACE),
                     TRIS_OK);
    assert_int_equal(keys_load(dir, &loaded, &file), TRIS_ERR_BAD_KEY);
    assert_string_equal(file, IDENTITY_FILE);
}

#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(a_file_is_kept_unless_replacing_is_asked_for),
        WITH_DIR(a_large_file_is_read_up_to_its_limit_exactly),
        WITH_DIR(nothing_is_left_behind_when_a_file_cannot_be_written),
        WITH_DIR(keys_are_stored_for_the_owner_only_and_load_alike),
        WITH_DIR(one_missing_key_is_made_and_the_other_one_stays),
        WITH_DIR(a_key_that_others_may_read_is_refused),
        cmocka_unit_test(what_was_sealed_opens_with_its_passphrase_only),
        WITH_DIR(a_sealed_key_loads_closed_and_is_stored_alike),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
