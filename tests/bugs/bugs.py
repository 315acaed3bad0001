"""The seeded bugs: realistic mistakes, each of which some test must find (`make bugs`).

find: text of the file, once (or its at-th occurrence); put: what a tired hand would have written.
Text that ends in `;` or `}` is a statement, all else an expression.
"""
from typing import NamedTuple


class Bug(NamedTuple):
    number: int
    name: str
    file: str
    find: str
    put: str
    at: int = 1
    many: bool = False  # the first of several occurrences is meant


BUGS = [
    # ---- proto: trees, entries, seals
    Bug(1, "children of a right edge swapped", "proto/tree.c",
        "tree_node_hash(&t->peak[k], &up, &up);", "tree_node_hash(&up, &t->peak[k], &up);", at=2),
    Bug(2, "old root of a consistency proof not compared", "proto/tree.c",
        "root_is(&t, old_root)", "TRIS_OK"),
    Bug(3, "inclusion proof without its right half", "proto/tree.c",
        "push_range(&t, nodes, proof, left, count);\n    tris_assert(t.size == size);\n"
        "    return root_is(&t, root);",
        "(void)push_range; return TRIS_OK;", many=True),
    Bug(4, "signature of a seal not checked", "proto/segment.c",
        "err = seal_verify(seal, key);", "err = TRIS_OK;"),
    Bug(5, "root of a segment not compared with its seal", "proto/segment.c",
        "tris_hash_eq(&root, &seal->root)", "true"),
    Bug(6, "one entry too many between two seals", "proto/segment.c",
        "count > TRIS_SEAL_SPACING_MAX", "count > TRIS_SEAL_SPACING_MAX + 1"),
    Bug(7, "leaf without its position", "proto/entry.c",
        "wbuf_u64(&prefix, seq);", "wbuf_u64(&prefix, 0);"),
    Bug(8, "commitment without salt", "proto/entry.c",
        "salt->b", "NULL", many=True),
    Bug(9, "array 16 with few items accepted", "proto/entry.c", "items <= 0x0f", "false"),
    Bug(10, "of two seals the older one is newer", "proto/seal.c",
        "cmp = u64_cmp(a->time_ms, b->time_ms);", "cmp = u64_cmp(b->time_ms, a->time_ms);"),
    # ---- proto: frontier
    Bug(11, "day of a seal not in the digest", "proto/frontier.c",
        "wbuf_u32(&w, item->day);", "wbuf_u32(&w, 0);"),
    Bug(12, "wrong bucket marked as changed", "proto/frontier.c",
        "f->buckets[item->id.b[0]].dirty = true;",
        "f->buckets[(item->id.b[0] + 1) % TRIS_FRONTIER_BUCKETS].dirty = true;"),
    Bug(13, "changed since: one change is missed", "proto/session_serve.c",
        "item->stamp > a->stamp", "item->stamp > a->stamp + 1"),
    Bug(14, "last bit of a bucket set ignored", "proto/session_serve.c",
        "return (a->buckets[bucket / 8] >> (bucket % 8) & 1) != 0;",
        "return bucket % 8 != 7 && (a->buckets[bucket / 8] >> (bucket % 8) & 1) != 0;"),
    # ---- proto: session
    Bug(15, "ranges asked for from one entry too late", "proto/session_pull.c",
        "m.get_range.first = fetch->first;",
        "m.get_range.first = fetch->first + (fetch->seal ? 0 : 1);"),
    Bug(16, "credit of segments is never given back", "proto/session_recv.c",
        "p->segments_waiting--;", "(void)0;"),
    Bug(17, "credit leaks with every segment", "proto/session_recv.c",
        "p->bytes_waiting -= len;", "p->bytes_waiting -= len / 2;"),
    Bug(18, "peer over its credit is not noticed", "proto/session_recv.c",
        "m->wire.len > p->credit_left", "false"),
    Bug(19, "memory of what was sent runs ahead", "proto/session_serve.c",
        "position_raise(s, o->log_no, end);", "position_raise(s, o->log_no, end + 64);"),
    Bug(20, "fetching a log is never given up", "proto/session_pull.c",
        "item->fetcher = 0;", "(void)item;"),
    Bug(21, "another house answers and is believed", "proto/session_hello.c",
        "!tris_house_id_eq(&welcome.house, &s->config.peer_id)", "false"),
    Bug(22, "gate not compared", "proto/session_hello.c",
        "sodium_memcmp(prefix.ptr + 1, gate, sizeof gate) != 0", "false"),
    Bug(23, "frame of any length", "proto/frame.c", "length > row->length_max", "false"),
    # ---- storage
    Bug(30, "counter not decremented on end", "storage/fold.c",
        "count_record(t, &fold->old, -1);", "(void)0;", at=2),
    Bug(31, "counter not decremented on edit", "storage/fold.c",
        "count_record(t, &fold->old, -1);", "(void)0;", many=True),
    Bug(32, "district counted, its state and country not", "storage/delta.c",
        "strlen(region) == 5 ? 3 : 1", "strlen(region) == 5 ? 2 : 1"),
    Bug(33, "old district left in the index", "storage/fold.c",
        "txn_del(t, DB_REGION, key_span(&key));", "(void)0;"),
    Bug(34, "old name left in the index of duplicates", "storage/dup.c",
        "txn_del(t, table, key_span(before));", "(void)0;"),
    Bug(35, "an end without a reason does not end", "storage/fold.c",
        "row.ended = true;", "row.ended = fold->end_reason != 0;"),
    Bug(36, "entry without effect breaks the chain of its record", "storage/fold.c",
        "row.named_seq = seq;", "(void)0;"),
    Bug(37, "kind of a change not compared with its record", "storage/fold.c",
        "header->kind != fold->old.kind", "false"),
    Bug(38, "changes of an ended record take effect", "storage/fold.c",
        "return fold->old.ended ? TRIS_ERR_ENDED : TRIS_OK;", "return TRIS_OK;"),
    Bug(39, "card that arrives last wins", "storage/fold.c",
        "!house_line_newer(fold->card_ms, fold->card, old_ms, old)", "false"),
    Bug(40, "counter that reaches zero keeps its last value", "storage/txn.c",
        "txn_del(t, (enum db_table)x->table, key);", "(void)0;"),
    Bug(41, "seals thinned beyond the spacing", "storage/seals.c",
        "high->seal.size - low->seal.size <= TRIS_SEAL_SPACING_MAX",
        "high->seal.size - low->seal.size <= 2 * TRIS_SEAL_SPACING_MAX"),
    Bug(42, "feed takes entries of two logs for one run", "storage/txn.c",
        "run->log_no == log_no", "true"),
    Bug(43, "older seal of the same size replaces the newer one", "storage/log.c",
        "segment->count == 0 && (!log->has_seal || seal_cmp(&segment->seal, &log->seal) <= 0)",
        "false"),
    Bug(44, "head without its data", "storage/log.c",
        "txn_append(t, DB_ENTRY, &key, entry->wire);",
        "if (seq % 64 != 63) { txn_append(t, DB_ENTRY, &key, entry->wire); }"),
    Bug(45, "old words stay in the search index", "storage/words.c",
        "change_words(f, plan, ref, old, false)", "TRIS_OK"),
    Bug(46, "commits are not synced", "storage/store.c",
        "MDB_NOTLS | flags", "MDB_NOTLS | MDB_NOSYNC | flags"),
    Bug(47, "mark is not synced", "storage/mark.c", "fdatasync(fd) == 0", "true"),
    # ---- daemon
    Bug(60, "failed commit is acknowledged", "daemon/writer_batch.c",
        "err = store_commit(b->txn);", "err = store_commit(b->txn); err = TRIS_OK;"),
    Bug(61, "seal leaves although the mark failed", "daemon/writer_thread.c",
        "held_take(&w->held, &w->batch);", "(void)0;"),
    Bug(62, "segments of another log are believed", "daemon/writer_batch.c",
        "log.own || log.ref.topic == TRIS_TOPIC_LOCAL", "false"),
]
