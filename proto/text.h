/* Unicode text rules: NFC for one's own writes, folding for search and duplicates, display width,
 * and escaping of foreign text before it reaches a terminal or a log. Uses utf8proc (pure). */
#ifndef TRIS_PROTO_TEXT_H
#define TRIS_PROTO_TEXT_H

#include "proto/buf.h"

/* True if the text is valid UTF-8 in NFC without control characters (LF allowed if `long_text`). */
bool text_is_clean(struct span text, bool long_text);

/* Appends the NFC form to `w`; TRIS_ERR_BAD_UTF8 or _NO_SPACE. */
TRIS_MUST_CHECK enum tris_err text_nfc(struct span text, struct wbuf *w);

/* Appends the search form: case folded, marks removed, ä ö ü ß as a o u ss and ae oe ue likewise
 * as a o u, everything that is no letter or digit as single spaces, none at the ends. Stops
 * quietly at the end of `w` (between code points). Invalid UTF-8 gives nothing. */
void text_fold(struct span text, struct wbuf *w);

/* As text_fold, with legal-form suffixes ("e. V.", "gGmbH", ...) taken off the end: the duplicate
 * key of a partner together with its region. */
void text_fold_name(struct span text, struct wbuf *w);

/* Columns on a terminal. */
size_t text_width(struct span text);

/* Appends the text with control characters, bidi controls and invalid bytes written as \xNN or
 * \u{N}, so that it cannot steer a terminal or forge a log line. */
void text_escape(struct span text, struct wbuf *w);

#endif
