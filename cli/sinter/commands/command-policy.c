/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter policy: shows what policies would do, and the values that hold for a domain. */

#include "sinter-commands.h"
#include "sinter-action.h"
#include "bus/sinter-object.h"
#include "text/sinter-policy-text.h"

typedef struct {
    gboolean all;
} Options;

/* (transfer full) (nullable) (element-type SinterProperties): an entry for each disk */
static GPtrArray *
ask(SinterClient *client, const char *domain, GError **error)
{
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GVariant) list = NULL;
    GPtrArray *disks;

    /* libvirt does not announce new snapshots */
    sinter_client_rescan(client);
    reply = sinter_client_call(client,
                               &(SinterMethod){
                                   .path = SINTER_BUS_MANAGER,
                                   .interface = SINTER_IFACE("Manager"),
                                   .method = "PreviewPolicies",
                                   .arguments = g_variant_new("(s)", domain),
                                   .reply_type = "(aa{sv})",
                               },
                               error);
    if (!reply)
        return NULL;
    list = g_variant_get_child_value(reply, 0);
    disks = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_properties_free);
    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) entry = g_variant_get_child_value(list, i);

        g_ptr_array_add(disks, sinter_properties_new(entry));
    }
    return disks;
}

static void
print_json(const SinterClient *client, const GPtrArray *disks)
{
    JsonNode *node = json_node_new(JSON_NODE_ARRAY);
    JsonArray *array = json_array_new();

    for (guint i = 0; i < disks->len; i++)
        json_array_add_object_element(array, sinter_properties_to_json(disks->pdata[i]));
    json_node_take_array(node, array);
    sinter_client_print_json(client, node);
}

static void
print_table(const SinterClient *client, SinterTable *table)
{
    g_autofree char *text = sinter_table_format(table, !client->globals->no_legend);

    g_print("%s", text);
}

static int
run_preview(const SinterCommandCall *call, SinterClient *client, GError **error)
{
    const Options *options = call->options;
    const char *domain = call->n_operands > 1 ? call->operands[1] : "";
    g_autoptr(GPtrArray) disks = ask(client, domain, error);
    g_autoptr(SinterTable) table = sinter_policy_text_preview_new();

    if (!disks)
        return SINTER_EXIT_FAILED;
    for (guint i = disks->len; *domain == '\0' && !options->all && i-- > 0;) {
        if (!sinter_policy_text_has_news(disks->pdata[i]))
            g_ptr_array_remove_index(disks, i);
    }
    for (guint i = 0; i < disks->len; i++)
        sinter_policy_text_add_preview(table, disks->pdata[i]);
    if (client->json != SINTER_JSON_OFF)
        print_json(client, disks);
    else
        print_table(client, table);
    return SINTER_EXIT_DONE;
}

static int
run_show(const SinterCommandCall *call, SinterClient *client, GError **error)
{
    g_autoptr(GPtrArray) disks = ask(client, call->operands[1], error);
    g_autoptr(SinterTable) table = sinter_policy_text_values_new();

    if (!disks)
        return SINTER_EXIT_FAILED;
    for (guint i = 0; i < disks->len; i++)
        sinter_policy_text_add_values(table, disks->pdata[i]);
    if (client->json != SINTER_JSON_OFF)
        print_json(client, disks);
    else
        print_table(client, table);
    return SINTER_EXIT_DONE;
}

static const SinterAction actions[] = {
    { "preview", 1, 2, "a domain, or nothing" },
    { "show", 2, 2, "a domain" },
};

static int (*const runs[])(const SinterCommandCall *call, SinterClient *client,
                           GError **error) = { run_preview, run_show };

static int
run(const SinterCommandCall *call, GError **error)
{
    int action = sinter_action_find(actions, G_N_ELEMENTS(actions), call, error);
    g_autoptr(SinterClient) client = action >= 0 ? sinter_client_open(call->globals, error) : NULL;

    return client ? runs[action](call, client, error) : SINTER_EXIT_FAILED;
}

static const SinterOption option_rows[] = {
    { "all", 'a', NULL, "of preview: show disks for which no policy proposes anything too",
      SINTER_OPTION_MEMBER(Options, all) },
};

const SinterCommand sinter_command_policy = {
    .name = "policy",
    .summary = "show what policies would do, or the values that hold for a domain",
    .operands = "preview [DOMAIN] | show DOMAIN",
    .description =
        "'preview' shows which chains would be merged now without anybody asking, and why; which "
        "ones later, and when; and which ones not, and why not. Nothing is started. 'show' lists "
        "the values for each disk and where they are set.",
    .min_operands = 1,
    .max_operands = 2,
    .options = option_rows,
    .n_options = G_N_ELEMENTS(option_rows),
    .options_size = sizeof(Options),
    .run = run,
};
