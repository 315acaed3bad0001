/* The table of control methods: name to handler. Messages: proto/ctlmsg.h. */
#include "daemon/ctl_handlers.h"

const struct ctl_method ctl_methods[] = {
    {"status", ctl_status},
    {"house.list", ctl_house_list},
    {"house.show", ctl_house_show},
    {"record.list", ctl_record_list},
    {"record.show", ctl_record_show},
    {"record.history", ctl_record_history},
    {"record.set", ctl_record_set},
    {"record.end", ctl_record_end},
    {"record.publish", ctl_record_publish},
    {"import.begin", ctl_import_begin},
    {"import.rows", ctl_import_rows},
    {"export.page", ctl_export_page},
    {"national.overview", ctl_national_overview},
    {"national.regions", ctl_national_regions},
    {"national.sectors", ctl_national_sectors},
    {"peer.list", ctl_peer_list},
    {"peer.show", ctl_peer_show},
    {"peer.add", ctl_peer_add},
    {"peer.remove", ctl_peer_remove},
    {"peer.ping", ctl_peer_ping},
    {"sync.status", ctl_sync_status},
    {"sync.now", ctl_sync_now},
    {"sync.wait", ctl_sync_wait},
    {"audit", ctl_audit},
    {"log.tail", ctl_log_tail},
    {"log.show", ctl_log_show},
    {"log.level", ctl_log_level},
    {"config.show", ctl_config_show},
};
const size_t ctl_methods_count = sizeof ctl_methods / sizeof ctl_methods[0];
