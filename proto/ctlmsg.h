/* Messages on the control socket: msgpack-RPC (the published spec), one value after the other.
 *
 * request [0, id, method, params], answer [1, id, error, result], notification [2, method, params].
 * params is an array of one map with str keys; result and error are maps with str keys. No outer
 * length: the reader finds the end of a value itself. Any msgpack-RPC client may talk.
 *
 * error  {"code": name from err.h, "exit": exit code, "message": what failed,
 *         "unchanged": what is unchanged, "next": the next command, "field": name}  (last 3 may be
 *         missing)
 * RECORD {"id","house","kind","scope","ended","created_ms","updated_ms","changes","sealed",
 *         "fields": {name: text, ...}}; values as CSV shows them; lists joined by |
 * Times are ms since 1970 UTC; roots and keys are hex text. Unknown parameters are refused.
 *
 * method          params                                        result
 * status          {}                                            {version, pid, uptime_ms,
 * house:{id, slug,name,region,role}, federation:{id,name}, listen, root, records:{partners,
 *                   partners_local, houses}, sync:{connected, equal, members, oldest_heard_ms},
 *                   store:{bytes, map_bytes, entries, inert, word_behind}, warnings:[text]}
 * house.list      {}                                            {items:[{id,slug,name,region,role,
 *                   own, sealed_ms, heard_ms, gov, data, partners, connected, record}]}
 * house.show      {house}                                       item as above + addresses,
 * record:RECORD record.list     {kind, scope?, house?, region?, ended?, match?, after?, limit?}
 *                                                               {items:[RECORD], after?: cursor
 * text} record.show     {id}                                          RECORD + payload: bin
 * record.history  {id}                                          {items:[{seq, verb, time_ms,
 * effect, sealed, fields}]} record.set      {kind, id?, scope?, fields:{name: text}, force?}  {id,
 * changed: bool, warnings:[text]} id missing: creates. An empty text removes a field. Own possible
 * duplicate (same folded name and region) without force: error "exists", exit 5. record.end {id,
 * reason?}                                 {id} record.publish  {id} {id: new, was: id}
 * import.begin    {kind, scope, source}                         {batch}
 * import.rows     {kind, scope, source, dry_run, rows:[[line, source_id, payload bin], ...]}
 *                                                               {new, changed, unchanged,
 * rejected:[[line, field, text]]}   rows <= 256; answered after the commit; several may be in
 * flight export.page     {kind, scope?, house?, after?, limit?}        {items:[[id, house, scope,
 * payload bin]], after?} national.overview {}                                          {houses,
 * fresh, stale, oldest_heard_ms, root, as_of, rules, partners, by_sector:{W,S,Z}, by_status:{..},
 * regions_covered, regions_total, records_inert} national.regions {level?: "state"|"district",
 * prefix?}        {root, as_of, items:[{region, name, partners, W, S, Z}]} national.sectors {}
 * {root, as_of, items:[{sector, label, partners, active, forms:{form: n}, topics:{topic: n}}]}
 * peer.list       {}                                            {items:[{house, slug, role,
 * address, configured, state, inbound, equal, rtt_ms, bytes_in, bytes_out, entries_in, entries_out,
 * last_heard_ms, last_error, next_dial_ms}]} peer.show       {house} item as above + frontier per
 * topic peer.add        {address, house}                              {house, added: bool}
 * peer.remove     {house}                                       {house}
 * peer.ping       {house, timeout_ms?}                          {house, rtt_ms, inbound}
 * sync.status     {}                                            {root, items:[{house, slug,
 * connected, equal, peer_root, behind?, last_heard_ms}], equal_all} sync.now        {house?}
 * {asked} sync.wait       {timeout_ms}                                  {equal: bool, root}  all
 * connected equal audit           {fast}                                        {entries, seals,
 * records, counters, problems, first_problem?} log.tail        {house?, topic?, count?}
 * {items:[ENTRY]} log.show        {house, topic?, seq}                          ENTRY + header,
 * payload: bin hex ENTRY {house, topic, seq, verb, kind, time_ms, record?, prev?, whole, sealed,
 * effect, bytes} config.show     {}                                            {items:[{key, value,
 * origin}]} log.level       {level}                                       {level}
 */
#ifndef TRIS_PROTO_CTLMSG_H
#define TRIS_PROTO_CTLMSG_H

#include "proto/pack.h"

enum ctl_type { CTL_REQUEST = 0, CTL_ANSWER = 1, CTL_NOTIFY = 2 };

struct ctl_message {
    enum ctl_type type;
    uint64_t id;
    struct span method; /* request, notification */
    struct span params; /* request: the one map, encoded; empty map if none was given */
    struct span error;  /* answer: encoded; one byte nil if none */
    struct span result; /* answer: encoded */
    size_t size;        /* bytes that the message took */
};

/* Takes one message off the front of `bytes`. TRIS_ERR_TRUNCATED: wait for more (the caller bounds
 * what it holds by TRIS_CTL_BYTES_MAX). Other errors: close. Spans point into `bytes`. */
TRIS_MUST_CHECK enum tris_err ctl_message_read(struct span bytes, struct ctl_message *out);

void ctl_write_request(struct wbuf *w, uint64_t id, const char *method, struct span params);
void ctl_write_result(struct wbuf *w, uint64_t id, struct span result);
void ctl_write_error(struct wbuf *w, uint64_t id, enum tris_err err, int exit_code,
                     const char *message, const char *unchanged, const char *next,
                     const char *field);

/* Lookup in an encoded map with str keys: the encoded value, or an empty span. */
struct span ctl_map_get(struct span map, const char *key);
/* TRIS_ERR_INVALID if the map has a key that is not in the NULL-terminated list; *unknown is it. */
TRIS_MUST_CHECK enum tris_err ctl_map_only(struct span map, const char *const *keys,
                                           struct span *unknown);

/* The exit code that belongs to an error (INTERFACES: 0 ok, 1 failed, 2 usage, 3 partly, 4 not
 * found, 5 decision, 10 not initialised, 11 daemon not reachable, 12 in use, 13 permission, 14
 * integrity, 20 peer unreachable, 21 peer refused, 130 interrupted). */
int ctl_exit_code(enum tris_err err);

#endif
