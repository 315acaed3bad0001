/* Language of human text: gettext catalogue "tris", English in the source. */
#ifndef TRIS_TOOLS_I18N_H
#define TRIS_TOOLS_I18N_H

#include <libintl.h>

#include "proto/schema.h"

#define _(text) gettext(text)
#define N_(text) (text)

/* Sets locale and catalogue. `lang` is "de", "en" or NULL (environment: TRIS_LANG, LC_ALL,
 * LC_MESSAGES, LANG). An ungenerated locale falls back to C.UTF-8 with LANGUAGE set, so that the
 * catalogue and UTF-8 widths still work. `locale_dir` is where LANG/LC_MESSAGES/tris.mo lies. */
enum label_lang i18n_init(const char *lang, const char *locale_dir);

#endif
