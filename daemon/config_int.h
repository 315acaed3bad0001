/* What config.c (options and their meaning) and config_file.c (INI files) share; for nobody else.
 */
#ifndef TRIS_DAEMON_CONFIG_INT_H
#define TRIS_DAEMON_CONFIG_INT_H

#include "daemon/config.h"

/* Fills the error and returns TRIS_ERR_INVALID. */
__attribute__((format(printf, 2, 3))) enum tris_err config_fail(struct config_error *error,
                                                                const char *format, ...);
/* The option of an INI key, CONFIG_KEY_COUNT if there is none. */
enum config_key config_find(const char *section, const char *key);
/* Stores a value as text with its origin; what it means is checked later. */
TRIS_MUST_CHECK enum tris_err config_set(struct config *c, enum config_key key, const char *text,
                                         const char *origin, struct config_error *error);
/* Reads the named or the default file, then its folder. */
TRIS_MUST_CHECK enum tris_err config_load_files(const struct config_args *args, struct config *c,
                                                struct config_error *error);

#endif
