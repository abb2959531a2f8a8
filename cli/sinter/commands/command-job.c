/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter job, cancel, bandwidth: act on one job by its id. */

#include <string.h>

#include "follow/sinter-follow.h"
#include "sinter-commands.h"
#include "text/sinter-check-text.h"
#include "text/sinter-job-text.h"
#include "bus/sinter-object.h"
#include "sinter-error.h"
#include "sinter-units.h"
#include "sinter-work-options.h"

typedef struct {
    gboolean compare;
    const char *resolve; /* "old", "new" */
    SinterWaitOptions wait;
} JobOptions;

static int
show_job(const SinterClient *client, const SinterObject *job)
{
    g_autofree char *text = NULL;
    g_autofree char *report = NULL;

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

/* The job ends as it was, or as the choice says: its phase is not the result of the command. */
static int
judge(const JobOptions *options, const SinterProperties *job, int status)
{
    const char *resolution = sinter_properties_get_string(job, "Resolution");
    GVariant *images = sinter_properties_get(job, "Images");

    if (!sinter_job_text_is_final(job))
        return status;
    if (options->resolve)
        return strcmp(resolution, options->resolve) == 0 ? SINTER_EXIT_DONE : SINTER_EXIT_FAILED;
    return images && g_variant_n_children(images) > 0 ? sinter_check_text_exit_status(job)
                                                      : SINTER_EXIT_FAILED;
}

/* Continues a job that is in doubt, and shows what came of it. */
static int
continue_job(SinterClient *client, const SinterObject *job, const JobOptions *options,
             GError **error)
{
    g_autoptr(SinterFollow) follow = sinter_follow_new(client, &options->wait, error);
    const SinterProperties *now;
    g_autofree char *report = NULL;
    int status;

    if (!follow)
        return SINTER_EXIT_FAILED;
    sinter_follow_add(
        follow, sinter_properties_get_string(job->properties, "Id"),
        &(SinterMethod){
            .path = job->path,
            .interface = SINTER_IFACE("Job"),
            .method = options->resolve ? "Resolve" : "Compare",
            .reply_type = "()",
            .arguments = options->resolve ? g_variant_new("(s)", options->resolve) : NULL,
        });
    status = sinter_follow_run(follow);
    now = sinter_follow_get_n_jobs(follow) > 0 ? sinter_follow_get_job(follow, 0) : NULL;
    if (client->json != SINTER_JSON_OFF)
        sinter_client_print_json(client, sinter_follow_to_json(follow));
    if (!now)
        return status;
    report = sinter_check_text_report(now, !client->globals->no_legend);
    if (client->json == SINTER_JSON_OFF && !client->globals->quiet && !options->resolve)
        g_print("%s", report);
    return judge(options, now, status);
}

static int
run_job(const SinterCommandCall *call, GError **error)
{
    const JobOptions *options = call->options;
    g_autoptr(SinterClient) client = NULL;
    g_autoptr(SinterObject) job = NULL;

    if (options->compare && options->resolve) {
        g_set_error_literal(
            error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
            "job: --compare and --resolve are mutually exclusive; see 'sinter job --help'");
        return SINTER_EXIT_FAILED;
    }
    client = sinter_client_open(call->globals, error);
    job = client ? sinter_object_find_job(client, call->operands[0], error) : NULL;
    if (!job)
        return SINTER_EXIT_FAILED;
    if (options->compare || options->resolve)
        return continue_job(client, job, options, error);
    return show_job(client, job);
}

static const SinterOption job_option_rows[] = {
    { "compare", 0, NULL, "of a quarantined job: compare the old image with the new one",
      SINTER_OPTION_MEMBER(JobOptions, compare) },
    { "resolve", 0, "old|new", "of a quarantined job: use the old image, or the new one",
      SINTER_OPTION_MEMBER(JobOptions, resolve) },
    SINTER_WAIT_OPTIONS(JobOptions),
};

const SinterCommand sinter_command_job = {
    .name = "job",
    .summary = "show all details of a job, or resolve a quarantined one",
    .operands = "ID",
    .description = "With -q, only its phase. --compare and --resolve are for jobs that were "
                   "quarantined because\nit is unknown which of two images is current.",
    .min_operands = 1,
    .max_operands = 1,
    .options = job_option_rows,
    .n_options = G_N_ELEMENTS(job_option_rows),
    .options_size = sizeof(JobOptions),
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
