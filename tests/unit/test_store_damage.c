/* Every table's rows damaged, one after the other: readers and writers answer with an error that
 * says so or with what can still be read, never with a fault; the audit names the damage; and the
 * store is good again once the row is as it was. */
#include "storage/levels.h"
#include "tests/unit/store_draw.h"

enum { ROWS = 5, ENTRIES = 24, VALUE_BYTES_MAX = 128 * 1024 };

/* What can happen to a row. */
enum damage {
    VALUE_SHORT, /* its last byte is gone */
    VALUE_LONG,
    VALUE_EMPTY,
    VALUE_ONES,
    FIRST_FLIPPED,
    LAST_FLIPPED,
    KEY_SHORT,
    KEY_LONG,
    KEY_ONES, /* but for its first byte */
    ROW_GONE,
    DAMAGES
};

struct world {
    struct fix f;
    struct script_log own, gov, local, other, fork;
    uint32_t no_own, no_other, no_fork;
    struct verified_segment next; /* what `other` has more than is held */
    uint64_t damaged, noticed, refused;
};

static void deliver(struct world *w, struct script_log *l, uint64_t end, uint32_t *no)
{
    struct store_txn *t;
    ok(store_txn_begin(w->f.s, &t));
    *no = script_no(l, t);
    script_deliver(l, t, end);
    ok(store_commit(t));
}

static struct entry_header listing_header(void)
{
    return header_create(KIND_LISTING);
}

static struct span listing(struct fix *f)
{
    static const char *const pairs[][2] = {
        {"type", "offer"},
        {"title", "Saal"},
        {"topics", "diversity|other"},
        {"contribution", "rooms"},
        {"valid_to", "2026-03-01"},
        {"status", "open"},
        {"valid_from", "2026-01-01"},
        {"radius", "national"},
    };
    struct wbuf scratch = wbuf_of(f->scratch, TRIS_PAYLOAD_BYTES_MAX);
    struct wbuf out = wbuf_of(f->payload, TRIS_PAYLOAD_BYTES_MAX);
    record_init(f->record, schema_kind(KIND_LISTING));
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        fix_set(f, &scratch, pairs[i][0], pairs[i][1]);
    }
    ok(record_encode(f->record, &out));
    return wbuf_span(&out);
}

static void draw(struct world *w, struct script_log *l, uint8_t house, enum tris_topic topic,
                 bool good, struct test_rng *rng)
{
    struct entry_header header = listing_header();
    script_init(l, &w->f, house, topic, 0, ENTRIES + 8);
    script_draw(l, &w->f, rng, ENTRIES, good);
    if (topic != TRIS_TOPIC_GOV) {
        (void)script_add(l, &header, listing(&w->f), false);
    }
}

/* Logs of three houses, drafts with what became of them, a fork with its proof, words, settings. */
static void world_init(struct world *w)
{
    struct test_rng rng = {.state = 7};
    struct store_txn *t;
    struct script_log branch;
    static uint8_t proof[FORK_PROOF_BYTES_MAX];
    uint32_t no;
    uint64_t no_draft = 0, seq = 0;
    struct store_draft draft;
    memset(w, 0, sizeof *w);
    fix_init(&w->f);
    script_no_sync(w->f.s);
    w->f.s->fresh_max = 4;
    draw(w, &w->own, 1, TRIS_TOPIC_DATA, true, &rng);
    draw(w, &w->gov, 2, TRIS_TOPIC_GOV, false, &rng);
    draw(w, &w->local, 1, TRIS_TOPIC_LOCAL, true, &rng);
    draw(w, &w->other, 2, TRIS_TOPIC_DATA, false, &rng);
    draw(w, &w->fork, 3, TRIS_TOPIC_DATA, false, &rng);
    deliver(w, &w->own, w->own.count, &w->no_own);
    deliver(w, &w->gov, w->gov.count, &no);
    deliver(w, &w->local, w->local.count, &no);
    deliver(w, &w->other, 9, &w->no_other);
    deliver(w, &w->other, w->other.count - 3, &w->no_other);
    deliver(w, &w->fork, 20, &w->no_fork);
    script_branch(&branch, &w->f, &w->fork, 12);
    (void)script_add(
        &branch,
        &(struct entry_header){
            .version = ENTRY_VERSION, .verb = VERB_PUT, .kind = KIND_PARTNER, .time_ms = 5},
        fix_partner(&w->f, "Zweig", "Z", "05315", NULL), false);
    ok(store_txn_begin(w->f.s, &t));
    (void)script_fork(&w->fork, t, script_proof(&w->f, &w->fork, 20, &branch, 13, 12, proof));
    ok(store_setting_put(t, "peer/a", span_str("1")));
    ok(store_log_cut(t, w->no_own, w->own.count - 6, STORE_TAIL_DRAFT));
    ok(store_draft_next(store_txn_view(t), &no_draft, &draft));
    ok(own_append(t, w->no_own, header_create(KIND_PARTNER),
                  fix_partner(&w->f, "Wieder", "Z", "05315", NULL), &seq));
    ok(store_draft_settle(t, no_draft, DRAFT_WRITTEN, TRIS_OK, seq));
    ok(store_draft_next(store_txn_view(t), &no_draft, &draft));
    ok(store_draft_settle(t, no_draft, DRAFT_DROPPED, TRIS_OK, 0));
    ok(store_commit(t));
    script_follow(w->f.s, UINT32_MAX);
    script_segment(&w->other, w->other.count - 3, w->other.count, &w->next);
    script_fini(&branch);
    audit_clean(w->f.s);
}

static void world_fini(struct world *w)
{
    script_fini(&w->own);
    script_fini(&w->gov);
    script_fini(&w->local);
    script_fini(&w->other);
    script_fini(&w->fork);
    fix_fini(&w->f);
}

/* ---- everything that reads ---- */

/* Rows that make no sense are no lack of memory or disk, and no reason to stop the process. */
static void answer(struct world *w, enum tris_err err, const char *what)
{
    static const enum tris_err never[] = {
        TRIS_ERR_NO_MEMORY, TRIS_ERR_DISK_FULL, TRIS_ERR_MAP_FULL,
        TRIS_ERR_IO,        TRIS_ERR_READ_ONLY, TRIS_ERR_UNKNOWN_STATE,
    };
    w->refused += err == TRIS_ERR_CORRUPT;
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (err == never[i]) {
            fail_msg("%s: %s", what, tris_err_text(err));
        }
    }
}

static bool each_row(void *ctx, const struct cube_row *row)
{
    *(uint64_t *)ctx += row->a;
    return true;
}

static bool each_hit(void *ctx, const struct match_hit *hit)
{
    *(uint64_t *)ctx += hit->valid_to;
    return true;
}

static void read_records(struct world *w, struct store_view *v)
{
    static const uint32_t kinds[] = {KIND_PARTNER, KIND_LISTING};
    for (size_t i = 0; i < 6; i++) {
        struct record_filter filter = {.kind = kinds[i % 2], .with_ended = i > 1};
        struct record_ref cursor = {UINT32_MAX, 0};
        struct store_record record;
        enum tris_err err;
        memcpy(filter.region, i > 3 ? "05" : "", i > 3 ? 3 : 1);
        for (int n = 0; n < 200; n++) {
            err = store_record_next(v, &filter, &cursor, &record);
            if (err != TRIS_OK) {
                break;
            }
            struct record_ref at = {0, UINT64_MAX};
            while ((err = store_record_history(v, record.ref, &at)) == TRIS_OK && ++n < 200) {
                enum tris_err reason;
                answer(w, store_entry_effect(v, at.log_no, at.seq, &reason), "effect");
            }
            answer(w, err, "history");
        }
        answer(w, err, "records");
    }
}

static void read_finds(struct world *w, struct store_view *v)
{
    struct record_ref ref, cursor = {UINT32_MAX, 0}, found[8];
    uint64_t sum = 0;
    uint32_t examined;
    size_t count;
    const struct span source = span_str("liste");
    const struct match_query query = {.kind = KIND_LISTING,
                                      .type = LISTING_TYPE_OFFER,
                                      .topic_count = 2,
                                      .topics = {TOPIC_DIVERSITY, TOPIC_OTHER},
                                      .log_no = w->no_other};
    struct match_query own = query;
    own.log_no = w->no_own;
    answer(w, store_find_source(v, KIND_PARTNER, source, span_str("P-1"), &ref), "by source");
    answer(w, store_find_source(v, KIND_PARTNER, source, span_str("P-2"), &ref), "by source");
    answer(w, store_count_source(v, KIND_PARTNER, source, 100, &sum), "count by source");
    answer(w, store_find_name(v, KIND_PARTNER, span_str("Auch gut"), span_str("14713"), &ref),
           "by name");
    answer(w,
           store_find_unsourced(v, KIND_PARTNER, span_str("Immer gut"), span_str("05315"),
                                span_str("andere"), &ref),
           "unsourced");
    answer(w, store_match_each(v, &query, 100, each_hit, &sum, &examined), "match");
    answer(w, store_match_each(v, &own, 100, each_hit, &sum, &examined), "match");
    answer(w, store_word_search(v, span_str("gut im"), &cursor, found, 8, &count), "search");
    cursor.log_no = UINT32_MAX;
    answer(w, store_word_search(v, span_str("saal"), &cursor, found, 8, &count), "search");
    (void)store_word_behind(v);
    for (int rollup = CUBE_SECTOR; rollup <= CUBE_TOPIC; rollup++) {
        static const int levels[] = {0, 2, 5};
        for (size_t i = 0; i < 3; i++) {
            answer(w, store_cube_each(v, (enum cube_rollup)rollup, levels[i], "", each_row, &sum),
                   "cube");
        }
    }
}

static void read_log(struct world *w, struct store_view *v, uint32_t no)
{
    struct store_log log;
    struct tree_node node = {1, 0, {{0}}};
    struct tree tree;
    struct tris_hash root;
    struct entry entry;
    struct seal seal;
    uint32_t count = 0;
    uint64_t size = 0, bytes = 0, entries = 0;
    static uint8_t run[TRIS_SEGMENT_BYTES_MAX];
    struct wbuf out = wbuf_of(run, sizeof run);
    answer(w, store_log_get(v, no, &log), "log");
    answer(w, store_segment_read(v, no, 0, &out, &count, &seal), "segment");
    answer(w, store_seal_covering(v, no, 1, &seal), "seal");
    answer(w, store_tree_nodes(v, no, &node, 1), "node");
    answer(w, store_tree_at(v, no, 11, &tree), "tree");
    answer(w, store_root_at(v, no, 7, &root), "root");
    answer(w, store_count_kind(v, no, KIND_PARTNER, &size), "count");
    answer(w, store_unsealed(v, no, &entries, &bytes), "unsealed");
    answer(w, store_unsealed_step(v, no, 0, &size, &tree), "step");
    for (uint64_t seq = 0; seq < ENTRIES; seq += 5) {
        answer(w, store_entry_get(v, no, seq, &entry), "entry");
    }
}

static void read_rest(struct world *w, struct store_view *v)
{
    struct store_info info;
    struct feed_item item = {0};
    struct span value;
    char key[64] = "peer/", detail[256];
    uint64_t no = 0, sealed, arrived, seq, draft_no;
    struct store_draft draft;
    enum tris_err err;
    struct store_mark_state mark;
    answer(w, store_info(v, &info), "info");
    for (int i = 0; (err = store_feed_next(v, item.arrival, &item)) == TRIS_OK && i < 200; i++) {
    }
    answer(w, err, "feed");
    answer(w, store_setting_next(v, "peer/", key, sizeof key, &value), "setting");
    answer(w, store_house_heard(v, &w->other.w.ref.house, &sealed, &arrived), "heard");
    answer(w, store_house_card(v, &w->other.w.ref, &value), "card");
    for (int i = 0; (err = store_draft_next(v, &no, &draft)) == TRIS_OK && i < 20; i++) {
    }
    answer(w, err, "drafts");
    for (seq = w->own.count - 7; seq < w->own.count; seq++) {
        uint64_t now;
        answer(w, alias_of(v, TRIS_TOPIC_DATA, seq, &now, &draft_no), "alias");
    }
    (void)store_count_inert(v);
    err = store_mark_look(w->f.s, &mark, detail, sizeof detail);
    answer(w, err, "mark");
}

/* ---- everything that writes, to be given up ---- */

static void write_all(struct world *w, size_t which)
{
    struct store_txn *t;
    uint64_t seq = 0, behind = 0;
    uint32_t no;
    ok(store_txn_begin(w->f.s, &t));
    enum tris_err err = TRIS_OK;
    struct entry_header header = header_change(VERB_PUT, KIND_PARTNER, 0, 0);
    struct span payload = fix_partner(&w->f, "Anders", "S", "05316", "P-1");
    switch (which) {
    case 0:
        err = store_log_ensure(t, &w->other.w.ref, &no);
        err = err == TRIS_OK ? store_append_segment(t, no, &w->next, 5) : err;
        break;
    case 1:
        err = own_append(t, w->no_own, header_create(KIND_PARTNER), payload, &seq);
        answer(w, err, "create");
        err = own_append(t, w->no_own, header, payload, &seq);
        break;
    case 2:
        err = store_log_cut(t, w->no_own, 3, STORE_TAIL_DRAFT);
        break;
    case 3:
        err = store_log_cut(t, w->no_fork, 5, STORE_TAIL_DROP);
        break;
    case 4:
        err = store_log_cut(t, w->no_other, 2, STORE_TAIL_DROP);
        break;
    case 5:
        err = store_word_follow(t, UINT32_MAX, &behind);
        break;
    case 6:
        err = store_draft_settle(t, 3, DRAFT_DROPPED, TRIS_OK, 0);
        break;
    default:
        header = header_change(VERB_END, KIND_PARTNER, 0, 0);
        err = own_append(t, w->no_own, header, span_of("\x81\x01\x01", 3), &seq);
        break;
    }
    answer(w, err, "write");
    struct store_view *v = store_txn_view(t);
    answer(w, view_settle(v), "settle");
    store_abort(t);
}

/* ---- damage ---- */

struct row {
    uint8_t key[KEY_BYTES_MAX + 256];
    uint8_t value[VALUE_BYTES_MAX];
    size_t key_len, value_len;
};

/* Every row of the table that is looked at: the first, the last and some between; how many. */
static size_t rows_of(struct store *s, enum db_table table, struct row rows[ROWS])
{
    struct store_view *v;
    MDB_cursor *cursor;
    struct span key, value;
    uint64_t all, at = 0;
    size_t count = 0;
    ok(store_view_begin(s, &v));
    ok(view_rows(v, table, &all));
    ok(view_cursor(v, table, &cursor));
    for (enum tris_err err = cursor_get(cursor, MDB_FIRST, &key, &value); err == TRIS_OK;
         err = cursor_get(cursor, MDB_NEXT, &key, &value), at++) {
        if (count == ROWS || at != (all - 1) * count / (ROWS - 1)) {
            if (all > ROWS || count == ROWS) {
                continue;
            }
        }
        assert_true(key.len <= sizeof rows[count].key && value.len <= VALUE_BYTES_MAX);
        memcpy(rows[count].key, key.ptr, key.len);
        memcpy(rows[count].value, value.ptr, value.len);
        rows[count].key_len = key.len;
        rows[count++].value_len = value.len;
    }
    mdb_cursor_close(cursor);
    store_view_end(v);
    return count;
}

/* The row as it will be; false: this row cannot be damaged so. */
static bool spoil(struct row *r, enum damage how)
{
    switch (how) {
    case VALUE_SHORT:
        r->value_len -= r->value_len > 0;
        return true;
    case VALUE_LONG:
        r->value[r->value_len++] = 0;
        return true;
    case VALUE_EMPTY:
        r->value_len = 0;
        return true;
    case VALUE_ONES:
        memset(r->value, 0xff, r->value_len);
        return true;
    case FIRST_FLIPPED:
        r->value[0] ^= 1;
        return r->value_len > 0;
    case LAST_FLIPPED:
        r->value[r->value_len - (r->value_len > 0)] ^= 1;
        return r->value_len > 0;
    case KEY_SHORT:
        r->key_len--;
        return r->key_len > 0;
    case KEY_LONG:
        r->key[r->key_len++] = 0xff;
        return true;
    case KEY_ONES:
        memset(r->key + 1, 0xff, r->key_len - 1);
        return true;
    case ROW_GONE:
    case DAMAGES:
        return true;
    }
    return false;
}

static void replace(struct store *s, enum db_table table, const struct row *from,
                    const struct row *to)
{
    MDB_txn *txn;
    assert_int_equal(mdb_txn_begin(s->env, NULL, 0, &txn), 0);
    if (from != NULL) {
        MDB_val key = {from->key_len, (void *)(uintptr_t)from->key};
        assert_int_equal(mdb_del(txn, s->dbi[table], &key, NULL), 0);
    }
    if (to != NULL) {
        MDB_val key = {to->key_len, (void *)(uintptr_t)to->key};
        MDB_val value = {to->value_len, (void *)(uintptr_t)to->value};
        assert_int_equal(mdb_put(txn, s->dbi[table], &key, &value, 0), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
}

/* Of a draft that is settled the header is left, with a commitment of what is not there any more.
 */
static bool is_settled_draft(enum db_table table, const struct row *row)
{
    struct draft_row draft;
    return table == DB_DRAFT &&
           row_draft_decode(span_of(row->value, row->value_len), &draft) == TRIS_OK &&
           (draft.state == DRAFT_WRITTEN || draft.state == DRAFT_DROPPED);
}

/* What no audit can see: settings are anybody's words, and seals between others may have been
 * thinned out. */
static bool unseen(enum db_table table, const struct row *row, enum damage how)
{
    return table == DB_META || table == DB_SETTING || (table == DB_SEAL && how == ROW_GONE) ||
           (how == LAST_FLIPPED && is_settled_draft(table, row));
}

static void strike(struct world *w, enum db_table table, const struct row *row, enum damage how)
{
    static struct row spoilt;
    struct store_view *v;
    struct audit_report report = {0};
    spoilt = *row;
    if (!spoil(&spoilt, how) ||
        (spoilt.key_len == row->key_len && spoilt.value_len == row->value_len &&
         memcmp(spoilt.key, row->key, row->key_len) == 0 &&
         memcmp(spoilt.value, row->value, row->value_len) == 0 && how != ROW_GONE)) {
        return;
    }
    replace(w->f.s, table, row, how == ROW_GONE ? NULL : &spoilt);
    w->damaged++;
    ok(store_view_begin(w->f.s, &v));
    read_records(w, v);
    read_finds(w, v);
    read_log(w, v, w->no_own);
    read_log(w, v, w->no_other);
    read_log(w, v, w->no_fork);
    read_rest(w, v);
    store_view_end(v);
    for (size_t i = 0; i < 8; i++) {
        write_all(w, i);
    }
    enum tris_err err = store_audit(w->f.s, false, NULL, NULL, &report);
    if (err == TRIS_OK && report.problems == 0 && !unseen(table, row, how)) {
        char hex[2 * sizeof row->key + 1];
        tris_hex(row->key, row->key_len, hex);
        fail_msg("not noticed: table %s, row %s, damage %d", db_table_name(table), hex, (int)how);
    }
    w->noticed += err != TRIS_OK || report.problems > 0;
    err = store_audit(w->f.s, true, NULL, NULL, &report);
    answer(w, err, "fast audit");
    replace(w->f.s, table, how == ROW_GONE ? NULL : &spoilt, row);
}

static void test_damage_is_said_and_goes_no_further(void **state)
{
    (void)state;
    static struct world w;
    static struct row rows[ROWS];
    world_init(&w);
    for (int table = DB_META; table < DB_TABLES; table++) {
        const size_t count = rows_of(w.f.s, (enum db_table)table, rows);
        for (size_t i = 0; i < count; i++) {
            for (int how = 0; how < DAMAGES; how++) {
                strike(&w, (enum db_table)table, &rows[i], (enum damage)how);
            }
        }
        audit_clean(w.f.s);
    }
    print_message("%llu damaged, %llu noticed, %llu answers refused\n",
                  (unsigned long long)w.damaged, (unsigned long long)w.noticed,
                  (unsigned long long)w.refused);
    assert_true(w.refused > 0 && w.noticed > w.damaged / 2);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damage_is_said_and_goes_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
