/* QR codes on a terminal; see qr.h. libqrencode finds the symbol, this draws it. */
#include "tools/qr.h"

#include <qrencode.h>
#include <stdio.h>

enum { QUIET = 4 }; /* modules around the symbol: ISO/IEC 18004 */

static bool is_light(const QRcode *code, int x, int y)
{
    x -= QUIET;
    y -= QUIET;
    bool inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
    return !inside || (code->data[y * code->width + x] & 1) == 0;
}

bool qr_print(const struct cli *cli, const char *text)
{
    /* two modules a character: upper half, lower half */
    static const char *const blocks[2][2] = {{" ", "\xe2\x96\x84"},
                                             {"\xe2\x96\x80", "\xe2\x96\x88"}};
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
    if (code == NULL) {
        return false;
    }
    const int size = code->width + 2 * QUIET;
    for (int y = 0; y < size; y += 2) {
        (void)fputs(cli->color_out ? "\x1b[97;40m" : "",
                    stdout); /* white on black, whatever is set */
        for (int x = 0; x < size; x++) {
            bool below = y + 1 >= size || is_light(code, x, y + 1);
            (void)fputs(blocks[is_light(code, x, y) ? 1 : 0][below ? 1 : 0], stdout);
        }
        (void)fputs(cli->color_out ? "\x1b[0m\n" : "\n", stdout);
    }
    QRcode_free(code);
    return true;
}
