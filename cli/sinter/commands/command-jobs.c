/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter jobs: lists all jobs of the daemon. */

#include <stdlib.h>
#include <string.h>

#include "sinter-commands.h"
#include "text/sinter-job-text.h"
#include "bus/sinter-object.h"

typedef struct {
    gboolean running;
} Options;

/* Sorts ids, which are decimal numbers, by value; the newest is last, next to the prompt. */
static int
compare_jobs(gconstpointer a, gconstpointer b)
{
    const SinterObject *first = *(const SinterObject *const *)a;
    const SinterObject *second = *(const SinterObject *const *)b;
    const char *id_1 = sinter_properties_get_string(first->properties, "Id");
    const char *id_2 = sinter_properties_get_string(second->properties, "Id");

    if (strlen(id_1) != strlen(id_2))
        return strlen(id_1) < strlen(id_2) ? -1 : 1;
    return strcmp(id_1, id_2);
}

static void
drop_ended(GPtrArray *jobs)
{
    for (guint i = jobs->len; i-- > 0;) {
        const SinterObject *job = g_ptr_array_index(jobs, i);

        if (sinter_job_text_is_final(job->properties))
            g_ptr_array_remove_index(jobs, i);
    }
}

static JsonNode *
to_json(GPtrArray *jobs)
{
    JsonArray *array = json_array_new();
    JsonNode *node = json_node_alloc();

    for (guint i = 0; i < jobs->len; i++) {
        const SinterObject *job = g_ptr_array_index(jobs, i);

        json_array_add_object_element(array, sinter_properties_to_json(job->properties));
    }
    json_node_init_array(node, array);
    json_array_unref(array);
    return node;
}

static void
print_ids(GPtrArray *jobs)
{
    for (guint i = 0; i < jobs->len; i++) {
        const SinterObject *job = g_ptr_array_index(jobs, i);

        g_print("%s\n", sinter_properties_get_string(job->properties, "Id"));
    }
}

static void
print_table(GPtrArray *jobs, gboolean legend)
{
    g_autoptr(SinterTable) table = sinter_job_text_table_new();
    g_autofree char *text = NULL;

    for (guint i = 0; i < jobs->len; i++) {
        const SinterObject *job = g_ptr_array_index(jobs, i);

        sinter_job_text_add_row(table, job->properties, g_get_real_time());
    }
    text = sinter_table_format(table, legend);
    g_print("%s", text);
}

static int
run(const SinterCommandCall *call, GError **error)
{
    const Options *options = call->options;
    g_autoptr(SinterClient) client = sinter_client_open(call->globals, error);
    g_autoptr(GVariant) all = client ? sinter_object_read_all(client, error) : NULL;
    g_autoptr(GPtrArray) jobs = NULL;

    if (!all)
        return SINTER_EXIT_FAILED;
    jobs = sinter_object_select(all, SINTER_IFACE("Job"));
    if (options->running)
        drop_ended(jobs);
    g_ptr_array_sort(jobs, compare_jobs);
    if (client->json != SINTER_JSON_OFF)
        sinter_client_print_json(client, to_json(jobs));
    else if (client->globals->quiet)
        print_ids(jobs);
    else
        print_table(jobs, !client->globals->no_legend);
    return SINTER_EXIT_DONE;
}

static const SinterOption option_rows[] = {
    { "running", 0, NULL, "only jobs that have not ended", SINTER_OPTION_MEMBER(Options, running) },
};

const SinterCommand sinter_command_jobs = {
    .name = "jobs",
    .summary = "list jobs, including those that ended recently",
    .operands = "",
    .options = option_rows,
    .n_options = G_N_ELEMENTS(option_rows),
    .options_size = sizeof(Options),
    .run = run,
};
