/* The house line of init: from options, the district table and what is there. */
#include <stdio.h>

#include "proto/district.h"
#include "proto/text.h"
#include "tools/address.h"
#include "tools/init.h"

static bool copy_field(char *out, size_t size, const char *text)
{
    int len = snprintf(out, size, "%s", text);
    return len >= 0 && (size_t)len < size;
}

/* "5315" is the district 05315 without the zero that spreadsheets take away. */
static int bad_region(const struct init *in, const char *region)
{
    char fixed[8];
    int len = snprintf(fixed, sizeof fixed, "0%s", region);
    if (len == 5 && district_find(span_str(fixed)) != NULL) {
        return cli_usage(in->cli, "tris help init",
                         _("there is no district \"%s\"; did you mean %s?"), region, fixed);
    }
    return cli_usage(in->cli, "tris help init",
                     _("there is no district \"%s\": 5 digits (AGS), or DE"), region);
}

static int line_region(struct init *in, const char *region, bool observer)
{
    bool germany = strcmp(region, "DE") == 0;
    if (!germany && district_find(span_str(region)) == NULL) {
        return bad_region(in, region);
    }
    in->line.role = observer  ? TRIS_ROLE_OBSERVER
                    : germany ? TRIS_ROLE_COORDINATION
                              : TRIS_ROLE_HOUSE;
    (void)copy_field(in->line.region, sizeof in->line.region, region);
    return EXIT_OK;
}

/* The slug that nobody has to think about: from the district table. */
static void line_default_slug(struct init *in)
{
    const struct district *district = district_find(span_str(in->line.region));
    const char *base = district != NULL ? district->slug : "";
    char slug[TRIS_SLUG_BYTES_MAX + 1];
    int len = 0;
    switch (in->line.role) {
    case TRIS_ROLE_HOUSE:
        len = snprintf(slug, sizeof slug, "%s", base);
        break;
    case TRIS_ROLE_OBSERVER:
        len = snprintf(slug, sizeof slug, "%s%sobserver", base, base[0] != '\0' ? "-" : "");
        break;
    case TRIS_ROLE_COORDINATION:
        len = snprintf(slug, sizeof slug, "bund");
        break;
    }
    if (len > 0 && (size_t)len < sizeof slug) {
        (void)copy_field(in->line.slug, sizeof in->line.slug, slug);
    }
}

static int line_name(struct init *in, const char *name)
{
    struct wbuf w = wbuf_of(in->line.name, sizeof in->line.name - 1);
    memset(in->line.name, 0, sizeof in->line.name);
    enum tris_err err = text_nfc(span_str(name), &w);
    if (err != TRIS_OK || w.err != TRIS_OK || w.len == 0 || !text_is_clean(wbuf_span(&w), false)) {
        return cli_usage(in->cli, "tris help init", _("--name: 1 to %d characters of one line"),
                         TRIS_NAME_CHARS_MAX);
    }
    return EXIT_OK;
}

static int line_from_options(struct init *in, bool exists)
{
    const char *region = args_value(in->args, "region"), *name = args_value(in->args, "name");
    const char *slug = args_value(in->args, "slug");
    bool observer = args_flag(in->args, "observer");
    if (!exists && name == NULL) {
        return cli_usage(in->cli, "tris help init",
                         _("a new house needs --region AGS and --name NAME"));
    }
    if (!exists && region == NULL && !observer) {
        return cli_usage(in->cli, "tris help init", _("a new house needs --region AGS"));
    }
    int code = EXIT_OK;
    if (region != NULL || observer) {
        const char *kept = exists ? in->line.region : "DE";
        char wanted[sizeof in->line.region];
        if (!copy_field(wanted, sizeof wanted, region != NULL ? region : kept)) {
            return bad_region(in, region);
        }
        code = line_region(in, wanted, observer || (exists && in->line.role == TRIS_ROLE_OBSERVER));
    }
    if (code == EXIT_OK && name != NULL) {
        code = line_name(in, name);
    }
    if (code == EXIT_OK && slug != NULL && !copy_field(in->line.slug, sizeof in->line.slug, slug)) {
        code = cli_usage(in->cli, "tris help init", _("--slug: at most %d characters"),
                         TRIS_SLUG_BYTES_MAX);
    } else if (code == EXIT_OK && slug == NULL && (!exists || region != NULL)) {
        line_default_slug(in);
    }
    return code == EXIT_OK ? address_options(in->cli, in->args, "tris help init", &in->line) : code;
}

static bool line_same(const struct house_line *a, const struct house_line *b)
{
    bool same = a->role == b->role && strcmp(a->region, b->region) == 0 &&
                strcmp(a->slug, b->slug) == 0 && strcmp(a->name, b->name) == 0 &&
                a->addr_count == b->addr_count && tris_house_id_eq(&a->id, &b->id) &&
                a->epoch == b->epoch && tris_dh_pub_eq(&a->transport, &b->transport);
    for (uint32_t i = 0; same && i < a->addr_count; i++) {
        same = strcmp(a->addr[i], b->addr[i]) == 0;
    }
    return same;
}

void init_own_id(const struct init *in, struct tris_house_id *out)
{
    if (in->line.epoch > 0) {
        *out = in->line.id;
    } else if (in->invite.again_epoch > 0) {
        *out = in->invite.again;
    } else {
        keys_house_id(&in->keys, out);
    }
}

int init_line_prepare(struct init *in)
{
    struct house_line old;
    enum tris_err err = keys_line_load(in->cli->data_dir, &in->line);
    bool exists = err == TRIS_OK;
    if (!exists && err != TRIS_ERR_NOT_FOUND) {
        return offline_file_error(in->cli, err, HOUSE_LINE_FILE, _("nothing was written"));
    }
    old = in->line;
    int code = line_from_options(in, exists);
    if (code != EXIT_OK) {
        return code;
    }
    if (in->invite.again_epoch > 0) {
        in->line.id = in->invite.again;
        in->line.epoch = in->invite.again_epoch;
    } else if (in->line.epoch == 0) {
        keys_house_id(&in->keys, &in->line.id);
    }
    in->line.transport = in->keys.transport.pub;
    if (exists && line_same(&old, &in->line)) {
        err = house_line_print(&in->line, in->text, sizeof in->text);
        return err == TRIS_OK ? EXIT_OK : offline_file_error(in->cli, err, HOUSE_LINE_FILE, NULL);
    }
    if (in->has_charter) {
        return cli_error(in->cli, TRIS_ERR_EXISTS, _("house line, keys and charter"),
                         "tris house edit",
                         _("this house belongs to a federation already; its line cannot be made "
                           "anew here"));
    }
    in->line.time_ms = clock_wall_ms();
    err = house_line_make(&in->line, &in->keys.identity, in->text, sizeof in->text);
    if (err != TRIS_OK) {
        return cli_usage(in->cli, "tris help init",
                         _("a value is not allowed: slugs have a-z, 0-9 and -, addresses are "
                           "HOST:PORT or [IPV6]:PORT"));
    }
    in->line_made = true;
    return EXIT_OK;
}
