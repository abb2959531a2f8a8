/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter snapshot: shows the snapshots of a domain, creates and deletes them. */

#include "sinter-commands.h"
#include "sinter-action.h"
#include "bus/sinter-object.h"
#include "follow/sinter-follow.h"
#include "sinter-work-options.h"
#include "sinter-text.h"
#include "text/sinter-snapshot-text.h"

typedef struct {
    char **disks;
    const char *description;
    SinterIgnoreOptions ignore;
    SinterBandwidthOptions bandwidth;
    SinterWaitOptions wait;
} Options;

/* --- list ------------------------------------------------------------------------------------- */

static void
print_names(const SinterObject *domain)
{
    GVariant *names = sinter_properties_get(domain->properties, "Snapshots");

    for (gsize i = 0; names && i < g_variant_n_children(names); i++) {
        const char *name = NULL;
        g_autofree char *printable = NULL;

        g_variant_get_child(names, i, "&s", &name);
        printable = sinter_text_printable(name);
        g_print("%s\n", printable);
    }
}

static void
print_tree(const SinterObject *domain)
{
    g_autoptr(SinterTree) tree = sinter_snapshot_text_tree(domain->properties);
    g_autofree char *drawing = sinter_tree_format(tree, sinter_text_is_utf8());

    g_print("%s", drawing);
}

static int
run_list(const SinterCommandCall *call, SinterClient *client, GError **error)
{
    g_autoptr(SinterObject) domain = NULL;

    /* libvirt does not announce new snapshots */
    sinter_client_rescan(client);
    domain = sinter_object_find_domain(client, call->operands[1], error);
    if (!domain)
        return SINTER_EXIT_FAILED;
    if (client->json != SINTER_JSON_OFF)
        sinter_client_print_json(client, sinter_object_to_json(domain));
    else if (client->globals->quiet)
        print_names(domain);
    else
        print_tree(domain);
    return SINTER_EXIT_DONE;
}

/* --- create and delete
 * ----------------------------------------------------------------------------------- */

/* Starts the jobs of @method, of @domain, and waits for them. */
static int
follow(SinterClient *client, const Options *options, const SinterObject *domain,
       const SinterMethod *method, GError **error)
{
    g_autoptr(SinterFollow) follow = sinter_follow_new(client, &options->wait, error);
    g_autoptr(GPtrArray) disks = follow ? sinter_object_read_disks(client, domain, error) : NULL;
    int status;

    if (!disks)
        return SINTER_EXIT_FAILED;
    g_ptr_array_set_free_func(disks, NULL);
    for (guint i = 0; i < disks->len; i++)
        sinter_follow_add_disk(follow, g_ptr_array_index(disks, i));
    sinter_follow_add(follow, sinter_properties_get_string(domain->properties, "Name"), method);
    status = sinter_follow_run(follow);
    if (client->json != SINTER_JSON_OFF)
        sinter_client_print_json(client, sinter_follow_to_json(follow));
    return status;
}

/* FALSE with an error: the daemon has no such disk. */
static gboolean
add_disks(SinterClient *client, const SinterObject *domain, char **names, GVariantDict *dict,
          GError **error)
{
    g_autoptr(GStrvBuilder) targets = g_strv_builder_new();
    g_auto(GStrv) list = NULL;

    for (; *names; names++) {
        g_autoptr(SinterObject) disk = sinter_object_find_disk(client, domain, *names, error);

        if (!disk)
            return FALSE;
        g_strv_builder_add(targets, sinter_properties_get_string(disk->properties, "Target"));
    }
    list = g_strv_builder_end(targets);
    g_variant_dict_insert_value(dict, "disks", g_variant_new_strv((const char *const *)list, -1));
    return TRUE;
}

static int
run_create(const SinterCommandCall *call, SinterClient *client, GError **error)
{
    const Options *options = call->options;
    g_autoptr(SinterObject) domain = sinter_object_find_domain(client, call->operands[1], error);
    g_autoptr(GVariantDict) dict = g_variant_dict_new(NULL);

    if (!domain || (options->disks && !add_disks(client, domain, options->disks, dict, error)))
        return SINTER_EXIT_FAILED;
    sinter_work_options_add_string(dict, "name", call->operands[2]);
    sinter_work_options_add_string(dict, "description", options->description);
    if (options->ignore.manager)
        g_variant_dict_insert(dict, "ignore-manager", "b", TRUE);
    if (options->ignore.migrated)
        g_variant_dict_insert(dict, "ignore-migrated", "b", TRUE);
    return follow(client, options, domain,
                  &(SinterMethod){
                      .path = domain->path,
                      .interface = SINTER_IFACE("Domain"),
                      .method = "CreateSnapshot",
                      .reply_type = "(o)",
                      .options = g_variant_dict_end(dict),
                  },
                  error);
}

static int
run_delete(const SinterCommandCall *call, SinterClient *client, GError **error)
{
    const Options *options = call->options;
    g_autoptr(SinterObject) domain = sinter_object_find_domain(client, call->operands[1], error);
    g_autoptr(GVariantDict) dict = g_variant_dict_new(NULL);

    if (!domain || !sinter_bandwidth_options_add(&options->bandwidth, dict, error))
        return SINTER_EXIT_FAILED;
    sinter_ignore_options_add(&options->ignore, dict);
    return follow(client, options, domain,
                  &(SinterMethod){
                      .path = domain->path,
                      .interface = SINTER_IFACE("Domain"),
                      .method = "DeleteSnapshot",
                      .arguments = g_variant_new("(s)", call->operands[2]),
                      .reply_type = "(ao)",
                      .options = g_variant_dict_end(dict),
                  },
                  error);
}

/* --- the command ------------------------------------------------------------------------------ */

static const SinterAction actions[] = {
    { "list", 2, 2, "a domain" },
    { "create", 2, 3, "a domain, and a name or none" },
    { "delete", 3, 3, "a domain and a snapshot" },
};

static int (*const runs[])(const SinterCommandCall *call, SinterClient *client,
                           GError **error) = { run_list, run_create, run_delete };

static int
run(const SinterCommandCall *call, GError **error)
{
    int action = sinter_action_find(actions, G_N_ELEMENTS(actions), call, error);
    g_autoptr(SinterClient) client = action >= 0 ? sinter_client_open(call->globals, error) : NULL;

    return client ? runs[action](call, client, error) : SINTER_EXIT_FAILED;
}

static const SinterOption option_rows[] = {
    { "disk", 0, "DISK", "create: only of this disk; can be repeated",
      SINTER_OPTION_MEMBER(Options, disks), .kind = SINTER_OPTION_LIST },
    { "description", 0, "TEXT", "create: a text that libvirt keeps with the snapshot",
      SINTER_OPTION_MEMBER(Options, description) },
    SINTER_IGNORE_OPTIONS(Options),
    SINTER_BANDWIDTH_OPTIONS(Options),
    SINTER_WAIT_OPTIONS(Options),
};

const SinterCommand sinter_command_snapshot = {
    .name = "snapshot",
    .summary = "list, create and delete the snapshots of a domain",
    .operands = "list DOMAIN | create DOMAIN [NAME] | delete DOMAIN NAME",
    .description = "'list' prints a line for each snapshot, below the one that it derives from. "
                   "'create' puts a\nnew overlay on all writable disks at the same moment; the "
                   "present images keep the state. 'delete'\nmerges the layers above the states of "
                   "a snapshot into them; all other snapshots keep their\nstates.",
    .min_operands = 2,
    .max_operands = 3,
    .options = option_rows,
    .n_options = G_N_ELEMENTS(option_rows),
    .options_size = sizeof(Options),
    .run = run,
};
