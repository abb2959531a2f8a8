/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter snapshot: shows the snapshots of a domain. */

#include <string.h>

#include "sinter-commands.h"
#include "bus/sinter-object.h"
#include "sinter-error.h"
#include "sinter-text.h"
#include "text/sinter-snapshot-text.h"

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

typedef struct {
    const char *word;
    guint max_operands; /* with the word itself */
    int (*run)(const SinterCommandCall *call, SinterClient *client, GError **error);
} Action;

static const Action actions[] = {
    { "list", 2, run_list },
};

static const Action *
find_action(const SinterCommandCall *call, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (strcmp(actions[i].word, call->operands[0]) != 0)
            continue;
        if (call->n_operands <= actions[i].max_operands)
            return &actions[i];
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, "unexpected argument '%s'",
                    call->operands[actions[i].max_operands]);
        return NULL;
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "unknown action '%s'; expected 'list'", call->operands[0]);
    return NULL;
}

static int
run(const SinterCommandCall *call, GError **error)
{
    const Action *action = find_action(call, error);
    g_autoptr(SinterClient) client = action ? sinter_client_open(call->globals, error) : NULL;

    return client ? action->run(call, client, error) : SINTER_EXIT_FAILED;
}

const SinterCommand sinter_command_snapshot = {
    .name = "snapshot",
    .summary = "list the snapshots of a domain as a tree",
    .operands = "list DOMAIN",
    .description = "Each line is a snapshot, below the one that it derives from: when it was "
                   "created, the space that\nthe images with its states take, its memory file, its "
                   "description, and which one is current.",
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
