/* Words of records: how texts are cut, shared by the index and the search. */
#ifndef TRIS_STORAGE_SEARCH_H
#define TRIS_STORAGE_SEARCH_H

#include "storage/txn.h"

enum { SEARCH_TEXT_BYTES_MAX = 64 * 1024, SEARCH_WORDS_MAX = 2048 };

/* The folded searchable texts of a record, words separated by single spaces, into `out`
 * (SEARCH_TEXT_BYTES_MAX); at the end nothing is cut in the middle of a code point. */
TRIS_MUST_CHECK enum tris_err search_text(const struct fields_plan *plan, struct span payload,
                                          struct record *scratch, struct wbuf *out);
/* The arrival number up to which the search index has come; 0: it has not begun. */
TRIS_MUST_CHECK enum tris_err word_followed(const struct store_view *v, uint64_t *arrival);
/* Takes the entries [size, end) of a log, all of which it knows, out of the search index. They and
 * their judgements are still in their tables. */
void word_unfollow(struct store_txn *t, uint32_t no, uint64_t size, uint64_t end);
/* The next word of a folded text, `*at` moves on; false at the end. */
bool search_word_next(struct span text, size_t *at, struct span *word);
/* What of a word the index holds: at most KEY_WORD_BYTES_MAX bytes, whole code points. */
struct span search_word_cut(struct span word);

#endif
