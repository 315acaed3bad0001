/* QR codes on a terminal. */
#ifndef TRIS_TOOLS_QR_H
#define TRIS_TOOLS_QR_H

#include "tools/tris.h"

/* Prints the text as a QR code (error correction L) of half blocks on stdout, with the quiet zone
 * that scanners want; light on dark, in colours of its own where there are any. False: too long, or
 * no memory. */
bool qr_print(const struct cli *cli, const char *text);

#endif
