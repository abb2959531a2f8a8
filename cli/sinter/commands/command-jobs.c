/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter jobs: lists all jobs of the daemon. */

#include "sinter-commands.h"
#include "text/sinter-job-text.h"
#include "bus/sinter-object.h"

typedef struct {
    gboolean running;
} Options;

static void
drop_ended(GPtrArray *jobs)
{
    for (guint i = jobs->len; i-- > 0;) {
        const SinterObject *job = g_ptr_array_index(jobs, i);

        if (sinter_job_text_is_final(job->properties))
            g_ptr_array_remove_index(jobs, i);
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
    g_ptr_array_sort(jobs, sinter_object_compare_ids);
    if (client->json != SINTER_JSON_OFF)
        sinter_client_print_json(client, sinter_object_list_to_json(jobs));
    else if (client->globals->quiet)
        sinter_object_print_ids(jobs);
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
