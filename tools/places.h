/* Where things lie: data directory, control socket, message catalogues. */
#ifndef TRIS_TOOLS_PLACES_H
#define TRIS_TOOLS_PLACES_H

#include "tools/files.h"
#include "tools/tris.h"

/* Fills data_dir, socket_path and config_path of `cli`: flag, environment, configuration file,
 * default. The values given may be NULL. False if a path is too long. */
bool places_find(struct cli *cli, const char *data, const char *socket, const char *config);

/* "locale" beside the program (a build folder), else PREFIX/share/locale; NULL if unknown. */
const char *places_locale_dir(char out[FILE_PATH_BYTES]);

#endif
