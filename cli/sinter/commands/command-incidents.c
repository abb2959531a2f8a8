/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter incidents: lists the failures of disks, shows one of them, resolves it, has its cause
 * diagnosed again, or starts a remedy. */

#include <string.h>

#include "sinter-commands.h"
#include "sinter-action.h"
#include "text/sinter-incident-text.h"
#include "bus/sinter-object.h"

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

static const SinterAction actions[] = {
    { "resolve", 2, 2, "an ID" },
    { "retry", 2, 2, "an ID" },
    { "choose", 3, 3, "an ID and a remedy" },
};

typedef struct {
    const char *method;
    const char *reply_type;
    gboolean starts_job; /* the operand after the ID is an argument, and the reply is the job */
} Request;

static const Request requests[] = {
    { "Resolve", "()", FALSE },
    { "Retry", "()", FALSE },
    { "Choose", "(o)", TRUE },
};

static int
act(SinterClient *client, const Request *request, char **operands, GError **error)
{
    g_autoptr(SinterObject) incident = sinter_object_find_incident(client, operands[1], error);
    g_autoptr(GVariant) reply = NULL;
    const char *job;

    if (!incident)
        return SINTER_EXIT_FAILED;
    reply = sinter_client_call(
        client,
        &(SinterMethod){
            .path = incident->path,
            .interface = SINTER_IFACE("Incident"),
            .method = request->method,
            .arguments = request->starts_job ? g_variant_new("(s)", operands[2]) : NULL,
            .reply_type = request->reply_type,
        },
        error);
    if (!reply)
        return SINTER_EXIT_FAILED;
    if (request->starts_job) {
        g_variant_get(reply, "(&o)", &job);
        g_print("Job %s\n", strrchr(job, '/') + 1);
    }
    return SINTER_EXIT_DONE;
}

static int
run(const SinterCommandCall *call, GError **error)
{
    gboolean acts = call->n_operands > 1;
    int action = acts ? sinter_action_find(actions, G_N_ELEMENTS(actions), call, error) : 0;
    g_autoptr(SinterClient) client = NULL;

    if (action < 0)
        return SINTER_EXIT_FAILED;
    client = sinter_client_open(call->globals, error);
    if (!client)
        return SINTER_EXIT_FAILED;
    if (acts)
        return act(client, &requests[action], call->operands, error);
    return call->n_operands == 1 ? show(client, call->operands[0], error)
                                 : list(client, call->options, error);
}

static const SinterOption option_rows[] = {
    { "all", 'a', NULL, "list resolved incidents too", SINTER_OPTION_MEMBER(Options, all) },
};

const SinterCommand sinter_command_incidents = {
    .name = "incidents",
    .summary = "list I/O errors of disks with their causes, or show one",
    .operands = "[[resolve|retry] ID | choose ID REMEDY]",
    .description =
        "With an ID, shows the evidence, the advice and the timeline. 'resolve' marks the "
        "incident as resolved, 'retry' diagnoses its cause again; both change nothing on "
        "the host. 'choose' starts a remedy, for example enospc-wait or transient, whether or not "
        "the configuration allows it, and prints the ID of its job.",
    .max_operands = 3,
    .options = option_rows,
    .n_options = G_N_ELEMENTS(option_rows),
    .options_size = sizeof(Options),
    .run = run,
};
