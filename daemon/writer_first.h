/* The first transaction of a start: all logs of the federation exist, the house has its card and
 * its record. On the loop thread, before the writer thread exists. */
#ifndef TRIS_DAEMON_WRITER_FIRST_H
#define TRIS_DAEMON_WRITER_FIRST_H

#include "daemon/writer_batch.h"

/* Forgets what the restore guard kept of a former key, ensures the own logs, sets d->gov_no,
 * data_no, local_no; evaluates who belongs and ensures their logs. *members is the caller's, to be
 * ended with members_free. */
TRIS_MUST_CHECK enum tris_err first_logs(struct daemon *d, struct store_members **members);
/* Writes the card if it differs from the newest one, and the house record if there is none;
 * commits, and if the guard lets it, seals and writes the mark. */
TRIS_MUST_CHECK enum tris_err first_entries(struct daemon *d, struct batch *b);

#endif
