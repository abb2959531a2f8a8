/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter adopt: ends a block job that another program has left behind. */

#include "sinter-block-job.h"
#include "sinter-commands.h"
#include "sinter-error.h"

typedef struct {
    gboolean pivot;
    gboolean abort;
    gboolean delete_files;
    SinterIgnoreOptions ignore;
    SinterWaitOptions wait;
} Options;

static int
run_adopt(const SinterCommandCall *call, GError **error)
{
    static const SinterBandwidthOptions no_bandwidth;
    const Options *options = call->options;
    SinterBlockJob job = {
        .method = "Adopt",
        .bandwidth = &no_bandwidth,
        .wait = &options->wait,
    };

    if (options->pivot == options->abort) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                            "adopt: expected either --pivot or --abort");
        return SINTER_EXIT_FAILED;
    }
    job.arguments = g_variant_new("(s)", options->pivot ? "pivot" : "abort");
    job.options = g_variant_dict_new(NULL);
    if (options->delete_files)
        g_variant_dict_insert(job.options, "keep-files", "b", FALSE);
    sinter_ignore_options_add(&options->ignore, job.options);
    return sinter_block_job_run(call, &job, error);
}

static const SinterOption rows[] = {
    { "pivot", 0, NULL, "continue on the image that the data was merged into",
      SINTER_OPTION_MEMBER(Options, pivot) },
    { "abort", 0, NULL, "keep the present chain", SINTER_OPTION_MEMBER(Options, abort) },
    { "delete", 0, NULL, "remove merged files that nothing else uses",
      SINTER_OPTION_MEMBER(Options, delete_files) },
    SINTER_IGNORE_OPTIONS(Options),
    SINTER_WAIT_OPTIONS(Options),
};

const SinterCommand sinter_command_adopt = {
    .name = "adopt",
    .summary = "end an active commit that another program left behind",
    .operands = "DOMAIN DISK",
    .description = "The block job must be ready to pivot, as after a 'virsh blockcommit' that was "
                   "killed. Nothing is\ncopied.",
    .min_operands = 2,
    .max_operands = 2,
    .options_size = sizeof(Options),
    .options = rows,
    .n_options = G_N_ELEMENTS(rows),
    .run = run_adopt,
};
