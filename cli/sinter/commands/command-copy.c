/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter copy: starts one block copy, with the options of virsh. */

#include "sinter-block-job.h"
#include "sinter-commands.h"
#include "sinter-error.h"

typedef struct {
    const char *format;
    gboolean shallow;
    gboolean reuse_external;
    gboolean pivot;
    gboolean finish;
    gboolean ignore_manager;
    gboolean drop_checkpoints;
    SinterBandwidthOptions bandwidth;
    SinterWaitOptions wait;
} Options;

static void
add_flag(GVariantDict *dict, const char *key, gboolean set)
{
    if (set)
        g_variant_dict_insert(dict, key, "b", TRUE);
}

static int
run(const SinterCommandCall *call, GError **error)
{
    const Options *options = call->options;
    g_autofree char *destination = g_canonicalize_filename(call->operands[2], NULL);
    GVariantDict *dict;

    if (options->pivot && options->finish) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "copy: --pivot and --finish are mutually exclusive");
        return SINTER_EXIT_FAILED;
    }
    if (*call->operands[2] == '\0') {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "copy: the destination is empty");
        return SINTER_EXIT_FAILED;
    }
    dict = g_variant_dict_new(NULL);
    sinter_work_options_add_string(dict, "format", options->format);
    add_flag(dict, "shallow", options->shallow);
    add_flag(dict, "reuse-external", options->reuse_external);
    add_flag(dict, "finish", options->finish);
    add_flag(dict, "ignore-manager", options->ignore_manager);
    add_flag(dict, "drop-checkpoints", options->drop_checkpoints);
    return sinter_block_job_run(call,
                                &(SinterBlockJob){
                                    .method = "Copy",
                                    .arguments = g_variant_new("(s)", destination),
                                    .options = dict,
                                    .bandwidth = &options->bandwidth,
                                    .wait = &options->wait,
                                },
                                error);
}

static const SinterOption option_rows[] = {
    { "format", 0, "FORMAT", "qcow2 (the default) or raw", SINTER_OPTION_MEMBER(Options, format) },
    { "shallow", 0, NULL, "copy only the active layer; the copy uses the same backing file",
      SINTER_OPTION_MEMBER(Options, shallow) },
    { "reuse-external", 0, NULL, "the destination exists",
      SINTER_OPTION_MEMBER(Options, reuse_external) },
    { "pivot", 0, NULL, "at the end, pivot the guest to the copy (the default)",
      SINTER_OPTION_MEMBER(Options, pivot) },
    { "finish", 0, NULL, "at the end, keep the guest on its disk and leave a complete copy",
      SINTER_OPTION_MEMBER(Options, finish) },
    { "ignore-manager", 0, NULL, "also work on a domain that another program manages",
      SINTER_OPTION_MEMBER(Options, ignore_manager) },
    { "drop-checkpoints", 0, NULL, "delete checkpoints whose dirty bitmaps would be lost",
      SINTER_OPTION_MEMBER(Options, drop_checkpoints) },
    SINTER_BANDWIDTH_OPTIONS(Options),
    SINTER_WAIT_OPTIONS(Options),
};

const SinterCommand sinter_command_copy = {
    .name = "copy",
    .summary = "mirror one disk to another file, and pivot to it",
    .operands = "DOMAIN DISK DESTINATION",
    .description = "Ctrl-C cancels the job; a second Ctrl-C exits, and the job continues.",
    .min_operands = 3,
    .max_operands = 3,
    .options = option_rows,
    .n_options = G_N_ELEMENTS(option_rows),
    .options_size = sizeof(Options),
    .run = run,
};
