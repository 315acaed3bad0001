/* Where the newest backup is remembered, for status. */
#ifndef TRIS_DAEMON_CTL_BACKUP_H
#define TRIS_DAEMON_CTL_BACKUP_H

#define CTL_BACKUP_SETTING "backup/last" /* "TIME_MS BYTES PATH" */
enum { CTL_BACKUP_PATH_BYTES = 1024, CTL_BACKUP_SETTING_BYTES = 1100 };

#endif
