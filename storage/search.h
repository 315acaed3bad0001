/* Words of records: how texts are cut, shared by the index and the search. */
#ifndef TRIS_STORAGE_SEARCH_H
#define TRIS_STORAGE_SEARCH_H

#include "storage/db.h"

enum { SEARCH_TEXT_BYTES_MAX = 64 * 1024, SEARCH_WORDS_MAX = 2048 };

/* The folded searchable texts of a record, words separated by single spaces, into `out`
 * (SEARCH_TEXT_BYTES_MAX); at the end nothing is cut in the middle of a code point. */
TRIS_MUST_CHECK enum tris_err search_text(const struct fields_plan *plan, struct span payload,
                                          struct record *scratch, struct wbuf *out);
/* The next word of a folded text, `*at` moves on; false at the end. */
bool search_word_next(struct span text, size_t *at, struct span *word);
/* What of a word the index holds: at most KEY_WORD_BYTES_MAX bytes, whole code points. */
struct span search_word_cut(struct span word);

#endif
