/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter incidents: lists the failures of disks, shows one of them, resolves it or has its cause
 * diagnosed again. */

#include <string.h>

#include "sinter-commands.h"
#include "text/sinter-incident-text.h"
#include "bus/sinter-object.h"
#include "sinter-error.h"

typedef struct {
    gboolean all;
} Options;

static void
drop_resolved(GPtrArray *incidents)
{
    for (guint i = incidents->len; i-- > 0;) {
        const SinterObject *incident = g_ptr_array_index(incidents, i);

        if (!sinter_incident_text_is_open(incident->properties))
            g_ptr_array_remove_index(incidents, i);
    }
}

static void
print_table(GPtrArray *incidents, gboolean legend)
{
    g_autoptr(SinterTable) table = sinter_incident_text_table_new();
    g_autofree char *text = NULL;

    for (guint i = 0; i < incidents->len; i++) {
        const SinterObject *incident = g_ptr_array_index(incidents, i);

        sinter_incident_text_add_row(table, incident->properties);
    }
    text = sinter_table_format(table, legend);
    g_print("%s", text);
}

static int
list(SinterClient *client, const Options *options, GError **error)
{
    g_autoptr(GVariant) all = sinter_object_read_all(client, error);
    g_autoptr(GPtrArray) incidents = NULL;

    if (!all)
        return SINTER_EXIT_FAILED;
    incidents = sinter_object_select(all, SINTER_IFACE("Incident"));
    if (!options->all)
        drop_resolved(incidents);
    g_ptr_array_sort(incidents, sinter_object_compare_ids);
    if (client->json != SINTER_JSON_OFF)
        sinter_client_print_json(client, sinter_object_list_to_json(incidents));
    else if (client->globals->quiet)
        sinter_object_print_ids(incidents);
    else
        print_table(incidents, !client->globals->no_legend);
    return SINTER_EXIT_DONE;
}

static int
show(SinterClient *client, const char *id, GError **error)
{
    g_autoptr(SinterObject) incident = sinter_object_find_incident(client, id, error);
    g_autofree char *text = NULL;

    if (!incident)
        return SINTER_EXIT_FAILED;
    if (client->json != SINTER_JSON_OFF) {
        sinter_client_print_json(client, sinter_object_to_json(incident));
    } else if (client->globals->quiet) {
        g_print("%s\n", sinter_properties_get_string(incident->properties, "State"));
    } else {
        text = sinter_incident_text_details(incident->properties);
        g_print("%s", text);
    }
    return SINTER_EXIT_DONE;
}

static int
act(SinterClient *client, const char *id, const char *method, GError **error)
{
    g_autoptr(SinterObject) incident = sinter_object_find_incident(client, id, error);
    g_autoptr(GVariant) reply = NULL;

    if (!incident)
        return SINTER_EXIT_FAILED;
    reply = sinter_client_call(client,
                               &(SinterMethod){
                                   .path = incident->path,
                                   .interface = SINTER_IFACE("Incident"),
                                   .method = method,
                                   .reply_type = "()",
                               },
                               error);
    return reply ? SINTER_EXIT_DONE : SINTER_EXIT_FAILED;
}

static const struct {
    const char *word;
    const char *method;
} actions[] = {
    { "resolve", "Resolve" },
    { "retry", "Retry" },
};

/* (nullable): the D-Bus method for the first of two operands */
static const char *
find_method(const char *word)
{
    for (gsize i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (strcmp(actions[i].word, word) == 0)
            return actions[i].method;
    }
    return NULL;
}

static int
run(const SinterCommandCall *call, GError **error)
{
    const char *method = call->n_operands == 2 ? find_method(call->operands[0]) : NULL;
    g_autoptr(SinterClient) client = NULL;

    if (call->n_operands == 2 && !method) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "unknown action '%s'; expected 'resolve' or 'retry'", call->operands[0]);
        return SINTER_EXIT_FAILED;
    }
    client = sinter_client_open(call->globals, error);
    if (!client)
        return SINTER_EXIT_FAILED;
    if (method)
        return act(client, call->operands[1], method, error);
    return call->n_operands == 1 ? show(client, call->operands[0], error)
                                 : list(client, call->options, error);
}

static const SinterOption option_rows[] = {
    { "all", 'a', NULL, "list resolved incidents too", SINTER_OPTION_MEMBER(Options, all) },
};

const SinterCommand sinter_command_incidents = {
    .name = "incidents",
    .summary = "list I/O errors of disks with their causes, or show one",
    .operands = "[[resolve|retry] ID]",
    .description =
        "With an ID, shows the evidence, the advice and the timeline. 'resolve' marks the "
        "incident as resolved, 'retry' diagnoses its cause again; both change nothing on "
        "the host.",
    .max_operands = 2,
    .options = option_rows,
    .n_options = G_N_ELEMENTS(option_rows),
    .options_size = sizeof(Options),
    .run = run,
};
