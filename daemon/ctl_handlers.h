/* Every control method's handler, one declaration each; the table is in ctl_table.c. */
#ifndef TRIS_DAEMON_CTL_HANDLERS_H
#define TRIS_DAEMON_CTL_HANDLERS_H

#include "daemon/ctl.h"

ctl_handler ctl_status;
ctl_handler ctl_house_list, ctl_house_show;
ctl_handler ctl_record_list, ctl_record_show, ctl_record_history;
ctl_handler ctl_listing_match;
ctl_handler ctl_record_set, ctl_record_end, ctl_record_publish;
ctl_handler ctl_import_begin, ctl_import_check, ctl_import_rows, ctl_export_page;
ctl_handler ctl_import_list, ctl_import_undo;
ctl_handler ctl_national_overview, ctl_national_regions, ctl_national_sectors;
ctl_handler ctl_peer_list, ctl_peer_show, ctl_peer_add, ctl_peer_remove, ctl_peer_ping;
ctl_handler ctl_invite_create, ctl_invite_list, ctl_invite_cancel;
ctl_handler ctl_peer_limits, ctl_why;
ctl_handler ctl_sync_status, ctl_sync_compare, ctl_sync_now, ctl_sync_wait;
ctl_handler ctl_log_tail, ctl_log_show, ctl_log_level, ctl_log_recent, ctl_log_forks, ctl_log_fork;
ctl_handler ctl_log_heads, ctl_log_page, ctl_log_compare, ctl_log_take;
ctl_handler ctl_audit, ctl_config_show;
ctl_handler ctl_backup_create, ctl_backup_progress;
ctl_handler ctl_feed_next;
ctl_handler ctl_guard_decide;
ctl_handler ctl_member_list, ctl_member_show, ctl_member_candidates;
ctl_handler ctl_member_endorse, ctl_member_revoke, ctl_epoch_look;
ctl_handler ctl_draft_list, ctl_draft_show, ctl_draft_apply, ctl_draft_drop;

#endif
