/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter list: lists all domains and disks, with one call. */

#include <string.h>

#include "sinter-commands.h"
#include "text/sinter-disk-text.h"
#include "sinter-error.h"
#include "bus/sinter-object.h"
#include "sinter-units.h"

typedef struct {
    gboolean all;
    gboolean chains;
} Options;

/* One domain, with the objects that belong to it. */
typedef struct {
    const SinterProperties *properties;
    char *sort_key;
    GPtrArray *disks; /* of SinterObject, not owned */
} Domain;

typedef struct {
    GPtrArray *domains; /* of SinterObject */
    GPtrArray *disks;   /* of SinterObject */
    GPtrArray *jobs;    /* of SinterObject */
    GPtrArray *rows;    /* of Domain, by name */
} Listing;

static void
domain_free(gpointer data)
{
    Domain *domain = data;

    g_free(domain->sort_key);
    g_ptr_array_unref(domain->disks);
    g_free(domain);
}

static void
listing_clear(Listing *listing)
{
    g_clear_pointer(&listing->rows, g_ptr_array_unref);
    g_clear_pointer(&listing->domains, g_ptr_array_unref);
    g_clear_pointer(&listing->disks, g_ptr_array_unref);
    g_clear_pointer(&listing->jobs, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Listing, listing_clear)

static int
compare_domains(gconstpointer a, gconstpointer b)
{
    const Domain *first = *(const Domain *const *)a;
    const Domain *second = *(const Domain *const *)b;

    return strcmp(first->sort_key, second->sort_key);
}

static gboolean
is_wanted(const SinterObject *disk, const Options *options)
{
    if (!options->all && sinter_disk_text_is_drive(disk->properties))
        return FALSE;
    return !options->chains || sinter_properties_get_number(disk->properties, "Depth") > 1;
}

/* The order of the definition is that of the domain's list of paths. */
static void
add_disks(Domain *domain, GHashTable *disks_by_path, const Options *options)
{
    g_autofree const char **paths = sinter_properties_get_strings(domain->properties, "Disks");

    for (guint i = 0; paths[i]; i++) {
        SinterObject *disk = g_hash_table_lookup(disks_by_path, paths[i]);

        if (disk && is_wanted(disk, options))
            g_ptr_array_add(domain->disks, disk);
    }
}

static Domain *
new_domain(const SinterObject *object, GHashTable *disks_by_path, const Options *options)
{
    Domain *domain = g_new0(Domain, 1);
    const char *name = sinter_properties_get_string(object->properties, "Name");

    domain->properties = object->properties;
    domain->sort_key = g_utf8_collate_key_for_filename(name, -1); /* sorts vm2 before vm10 */
    domain->disks = g_ptr_array_new();
    add_disks(domain, disks_by_path, options);
    return domain;
}

static gboolean
is_named(const SinterObject *domain, char **names)
{
    const char *name = sinter_properties_get_string(domain->properties, "Name");
    const char *uuid = sinter_properties_get_string(domain->properties, "Uuid");

    return !names[0] || g_strv_contains((const char *const *)names, name) ||
           g_strv_contains((const char *const *)names, uuid);
}

static void
fill(Listing *listing, GVariant *all, const Options *options, char **names)
{
    g_autoptr(GHashTable) disks_by_path = g_hash_table_new(g_str_hash, g_str_equal);

    listing->domains = sinter_object_select(all, SINTER_IFACE("Domain"));
    listing->disks = sinter_object_select(all, SINTER_IFACE("Disk"));
    listing->jobs = sinter_object_select(all, SINTER_IFACE("Job"));
    listing->rows = g_ptr_array_new_with_free_func(domain_free);
    for (guint i = 0; i < listing->disks->len; i++) {
        SinterObject *disk = g_ptr_array_index(listing->disks, i);

        g_hash_table_insert(disks_by_path, disk->path, disk);
    }
    for (guint i = 0; i < listing->domains->len; i++) {
        const SinterObject *object = g_ptr_array_index(listing->domains, i);
        Domain *domain;

        if (!is_named(object, names))
            continue;
        domain = new_domain(object, disks_by_path, options);
        if (options->chains && domain->disks->len == 0)
            domain_free(domain);
        else
            g_ptr_array_add(listing->rows, domain);
    }
    g_ptr_array_sort(listing->rows, compare_domains);
}

static gboolean
check_names(const Listing *listing, char **names, GError **error)
{
    for (; *names; names++) {
        char *one[] = { *names, NULL };
        gboolean found = FALSE;

        for (guint i = 0; i < listing->domains->len && !found; i++)
            found = is_named(g_ptr_array_index(listing->domains, i), one);
        if (!found) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "no domain '%s'", *names);
            return FALSE;
        }
    }
    return TRUE;
}

static const SinterProperties *
find_job(const Listing *listing, const SinterObject *disk)
{
    const char *path = sinter_properties_get_string(disk->properties, "Job");

    for (guint i = 0; i < listing->jobs->len; i++) {
        const SinterObject *job = g_ptr_array_index(listing->jobs, i);

        if (strcmp(job->path, path) == 0)
            return job->properties;
    }
    return NULL;
}

/* --- output formats --------------------------------------------------------------------------- */

static void
print_names(const Listing *listing)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < listing->rows->len; i++) {
        const Domain *domain = g_ptr_array_index(listing->rows, i);
        g_autofree char *name =
            sinter_text_printable(sinter_properties_get_string(domain->properties, "Name"));

        g_string_append_printf(text, "%s\n", name);
    }
    g_print("%s", text->str);
}

static JsonNode *
to_json(const Listing *listing)
{
    JsonArray *array = json_array_new();
    JsonNode *node = json_node_alloc();

    for (guint i = 0; i < listing->rows->len; i++) {
        const Domain *domain = g_ptr_array_index(listing->rows, i);
        JsonObject *object = sinter_properties_to_json(domain->properties);
        JsonArray *disks = json_array_new();

        for (guint j = 0; j < domain->disks->len; j++) {
            const SinterObject *disk = g_ptr_array_index(domain->disks, j);
            const SinterProperties *job = find_job(listing, disk);
            JsonObject *member = sinter_properties_to_json(disk->properties);

            if (job)
                json_object_set_object_member(member, "job", sinter_properties_to_json(job));
            json_array_add_object_element(disks, member);
        }
        json_object_set_array_member(object, "disks", disks);
        json_array_add_object_element(array, object);
    }
    json_node_init_array(node, array);
    json_array_unref(array);
    return node;
}

static void
append_sums(GString *text, const Listing *listing)
{
    guint64 reclaimable = 0;
    guint n_disks = 0;
    g_autofree char *bytes = NULL;

    for (guint i = 0; i < listing->rows->len; i++) {
        const Domain *domain = g_ptr_array_index(listing->rows, i);

        for (guint j = 0; j < domain->disks->len; j++) {
            const SinterObject *disk = g_ptr_array_index(domain->disks, j);

            reclaimable += sinter_properties_get_number(disk->properties, "ReclaimableBytes");
            n_disks++;
        }
    }
    bytes = sinter_units_format_bytes(reclaimable);
    g_string_append_printf(text, "\n%u domain%s, %u disk%s; %s%s reclaimable\n", listing->rows->len,
                           listing->rows->len == 1 ? "" : "s", n_disks, n_disks == 1 ? "" : "s",
                           reclaimable > 0 ? "up to " : "", reclaimable > 0 ? bytes : "nothing");
}

static void
print_table(const Listing *listing, gboolean legend)
{
    g_autoptr(SinterTable) table = sinter_disk_text_table_new();
    g_autofree char *rows = NULL;
    g_autoptr(GString) text = NULL;

    for (guint i = 0; i < listing->rows->len; i++) {
        const Domain *domain = g_ptr_array_index(listing->rows, i);

        if (domain->disks->len == 0)
            sinter_disk_text_add_row(table, domain->properties, NULL, NULL);
        for (guint j = 0; j < domain->disks->len; j++) {
            const SinterObject *disk = g_ptr_array_index(domain->disks, j);

            sinter_disk_text_add_row(table, domain->properties, disk->properties,
                                     find_job(listing, disk));
        }
    }
    rows = sinter_table_format(table, legend);
    text = g_string_new(rows);
    if (legend)
        append_sums(text, listing);
    g_print("%s", text->str);
}

static int
run(const SinterCommandCall *call, GError **error)
{
    g_autoptr(SinterClient) client = sinter_client_open(call->globals, error);
    g_autoptr(GVariant) all = NULL;
    g_auto(Listing) listing = { NULL };

    if (!client)
        return SINTER_EXIT_FAILED;
    if (!client->globals->quiet) /* the quiet output has only names; it is used for completion, and
                                  * a rescan is not needed */
        sinter_client_rescan(client);
    all = sinter_object_read_all(client, error);
    if (!all)
        return SINTER_EXIT_FAILED;
    fill(&listing, all, call->options, call->operands);
    if (!check_names(&listing, call->operands, error))
        return SINTER_EXIT_FAILED;
    if (client->json != SINTER_JSON_OFF)
        sinter_client_print_json(client, to_json(&listing));
    else if (client->globals->quiet)
        print_names(&listing);
    else
        print_table(&listing, !client->globals->no_legend);
    return SINTER_EXIT_DONE;
}

static const SinterOption option_rows[] = {
    { "all", 0, NULL, "also list CD-ROM and floppy drives", SINTER_OPTION_MEMBER(Options, all) },
    { "chains", 0, NULL, "only disks with more than one layer",
      SINTER_OPTION_MEMBER(Options, chains) },
};

const SinterCommand sinter_command_list = {
    .name = "list",
    .summary = "list domains and disks with chain depth, size and reclaimable space",
    .operands = "[DOMAIN …]",
    .max_operands = G_MAXUINT,
    .options = option_rows,
    .n_options = G_N_ELEMENTS(option_rows),
    .options_size = sizeof(Options),
    .run = run,
};
