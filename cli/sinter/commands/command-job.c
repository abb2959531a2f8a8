/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter job, cancel, bandwidth: act on one job by its id. */

#include "sinter-commands.h"
#include "text/sinter-check-text.h"
#include "text/sinter-job-text.h"
#include "bus/sinter-object.h"
#include "sinter-units.h"
#include "sinter-work-options.h"

static int
run_job(const SinterCommandCall *call, GError **error)
{
    g_autoptr(SinterClient) client = sinter_client_open(call->globals, error);
    g_autoptr(SinterObject) job =
        client ? sinter_object_find_job(client, call->operands[0], error) : NULL;
    g_autofree char *text = NULL;
    g_autofree char *report = NULL;

    if (!job)
        return SINTER_EXIT_FAILED;
    if (client->json != SINTER_JSON_OFF) {
        sinter_client_print_json(client, sinter_object_to_json(job));
    } else if (client->globals->quiet) {
        g_print("%s\n", sinter_properties_get_string(job->properties, "Phase"));
    } else {
        text = sinter_job_text_details(job->properties, g_get_real_time());
        report = sinter_check_text_report(job->properties, !client->globals->no_legend);
        g_print("%s%s%s", text, *report != '\0' ? "\n" : "", report);
    }
    return SINTER_EXIT_DONE;
}

const SinterCommand sinter_command_job = {
    .name = "job",
    .summary = "show all details of a job",
    .operands = "ID",
    .description = "With -q, only its phase.",
    .min_operands = 1,
    .max_operands = 1,
    .run = run_job,
};

/* Calls a method of the job, then shows the new state of the job. */
static SinterObject *
call_job(SinterClient *client, const char *id, const char *method, GVariant *arguments,
         GError **error)
{
    g_autoptr(GVariant) sunk = arguments ? g_variant_ref_sink(arguments) : NULL;
    g_autoptr(SinterObject) job = sinter_object_find_job(client, id, error);
    g_autoptr(GVariant) reply = NULL;

    if (!job)
        return NULL;
    reply = sinter_client_call(client,
                               &(SinterMethod){
                                   .path = job->path,
                                   .interface = SINTER_IFACE("Job"),
                                   .method = method,
                                   .reply_type = "()",
                                   .arguments = sunk,
                               },
                               error);
    return reply ? sinter_object_read(client, job->path, SINTER_IFACE("Job"), error) : NULL;
}

static int
run_cancel(const SinterCommandCall *call, GError **error)
{
    g_autoptr(SinterClient) client = sinter_client_open(call->globals, error);
    g_autoptr(SinterObject) job =
        client ? call_job(client, call->operands[0], "Cancel", NULL, error) : NULL;

    if (!job)
        return SINTER_EXIT_FAILED;
    if (client->json != SINTER_JSON_OFF)
        sinter_client_print_json(client, sinter_object_to_json(job));
    else if (!client->globals->quiet)
        g_print("job %s: cancellation requested\n",
                sinter_properties_get_string(job->properties, "Id"));
    return SINTER_EXIT_DONE;
}

const SinterCommand sinter_command_cancel = {
    .name = "cancel",
    .summary = "cancel a job",
    .operands = "ID",
    .description =
        "Does not wait for the end of the job. A job that is pivoting can no longer be cancelled.",
    .min_operands = 1,
    .max_operands = 1,
    .run = run_cancel,
};

typedef struct {
    gboolean bytes;
} BandwidthOptions;

static int
run_bandwidth(const SinterCommandCall *call, GError **error)
{
    const BandwidthOptions *options = call->options;
    g_autoptr(SinterClient) client = NULL;
    g_autoptr(SinterObject) job = NULL;
    g_autofree char *rate = NULL;
    guint64 bytes_per_sec;

    if (!sinter_bandwidth_parse(call->operands[1], options->bytes, &bytes_per_sec, error))
        return SINTER_EXIT_FAILED;
    client = sinter_client_open(call->globals, error);
    if (client)
        job = call_job(client, call->operands[0], "SetBandwidth",
                       g_variant_new("(t)", bytes_per_sec), error);
    if (!job)
        return SINTER_EXIT_FAILED;
    rate = bytes_per_sec > 0 ? sinter_units_format_rate(bytes_per_sec) : g_strdup("no limit");
    if (client->json != SINTER_JSON_OFF)
        sinter_client_print_json(client, sinter_object_to_json(job));
    else if (!client->globals->quiet)
        g_print("job %s: %s\n", sinter_properties_get_string(job->properties, "Id"), rate);
    return SINTER_EXIT_DONE;
}

static const SinterOption bandwidth_option_rows[] = {
    { "bytes", 0, NULL, "a RATE without a unit is in bytes per second",
      SINTER_OPTION_MEMBER(BandwidthOptions, bytes) },
};

const SinterCommand sinter_command_bandwidth = {
    .name = "bandwidth",
    .summary = "change the bandwidth limit of a job",
    .operands = "ID RATE",
    .description =
        "RATE is in MiB per second, or a number with a unit (500K, 1.5G); 0 means no limit.",
    .min_operands = 2,
    .max_operands = 2,
    .options = bandwidth_option_rows,
    .n_options = G_N_ELEMENTS(bandwidth_option_rows),
    .options_size = sizeof(BandwidthOptions),
    .run = run_bandwidth,
};
