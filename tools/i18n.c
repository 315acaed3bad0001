/* Chooses locale and catalogue; see i18n.h. Touches the environment once, at start. */
#include "tools/i18n.h"

#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The first of the variables that POSIX asks in this order. */
static const char *wanted_locale(void)
{
    static const char *const names[] = {"TRIS_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0') {
            return value;
        }
    }
    return "";
}

enum label_lang i18n_init(const char *lang, const char *locale_dir)
{
    const char *wanted = lang != NULL ? lang : wanted_locale();
    bool german = strncmp(wanted, "de", 2) == 0;
    const char *have = setlocale(LC_ALL, "");
    /* The catalogue is looked up only under a locale other than "C"; widths need UTF-8. */
    if (have == NULL || MB_CUR_MAX < 4 || strcmp(have, "C") == 0 || strcmp(have, "POSIX") == 0) {
        (void)setlocale(LC_ALL, "C.UTF-8");
    }
    (void)setlocale(LC_NUMERIC, "C");
    (void)setenv("LANGUAGE", german ? "de" : "en", 1);
    if (locale_dir != NULL) {
        (void)bindtextdomain("tris", locale_dir);
    }
    (void)bind_textdomain_codeset("tris", "UTF-8");
    (void)textdomain("tris");
    return german ? LANG_DE : LANG_EN;
}
