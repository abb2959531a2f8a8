/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter commit and pull: one block job that merges layers, with the options of virsh. */

#include "sinter-block-job.h"
#include "sinter-commands.h"

/* The options of both commands; pull has only some of them. Options that exist only for
 * compatibility with virsh are not read. */
typedef struct {
    const char *top;
    const char *base;
    gboolean active;
    gboolean pivot;
    gboolean keep_relative;
    gboolean delete_files;
    SinterIgnoreOptions ignore;
    SinterBandwidthOptions bandwidth;
    SinterWaitOptions wait;
} Options;

static int
run(const SinterCommandCall *call, const char *method, GError **error)
{
    const Options *options = call->options;
    SinterBlockJob job = {
        .method = method,
        .options = g_variant_dict_new(NULL),
        .bandwidth = &options->bandwidth,
        .wait = &options->wait,
    };

    sinter_work_options_add_string(job.options, "top", options->top);
    sinter_work_options_add_string(job.options, "base", options->base);
    if (options->delete_files)
        g_variant_dict_insert(job.options, "keep-files", "b", FALSE);
    sinter_ignore_options_add(&options->ignore, job.options);
    return sinter_block_job_run(call, &job, error);
}

static int
run_commit(const SinterCommandCall *call, GError **error)
{
    return run(call, "Commit", error);
}

static int
run_pull(const SinterCommandCall *call, GError **error)
{
    return run(call, "Pull", error);
}

/* The last rows of both tables. */
#define LAST_ROWS                                                                                  \
    { "keep-relative", 0, NULL, "accepted for compatibility with virsh",                           \
      SINTER_OPTION_MEMBER(Options, keep_relative) },                                              \
        SINTER_IGNORE_OPTIONS(Options), SINTER_BANDWIDTH_OPTIONS(Options),                         \
        SINTER_WAIT_OPTIONS(Options)

static const SinterOption commit_rows[] = {
    { "top", 0, "LAYER", "highest layer to merge; default: the active layer",
      SINTER_OPTION_MEMBER(Options, top) },
    { "base", 0, "LAYER", "layer to merge into; default: the base of the chain",
      SINTER_OPTION_MEMBER(Options, base) },
    { "delete", 0, NULL, "remove merged files that nothing else uses",
      SINTER_OPTION_MEMBER(Options, delete_files) },
    { "active", 0, NULL, "accepted for compatibility with virsh; implied by --top",
      SINTER_OPTION_MEMBER(Options, active) },
    { "pivot", 0, NULL, "accepted for compatibility with virsh; always done",
      SINTER_OPTION_MEMBER(Options, pivot) },
    LAST_ROWS,
};

static const SinterOption pull_rows[] = {
    { "base", 0, "LAYER", "layer that remains the backing file; default: none",
      SINTER_OPTION_MEMBER(Options, base) },
    { "delete", 0, NULL, "remove pulled files that nothing else uses",
      SINTER_OPTION_MEMBER(Options, delete_files) },
    LAST_ROWS,
};

/* The members that both commands have in common. */
#define MERGE_COMMAND                                                                              \
    .operands = "DOMAIN DISK",                                                                     \
    .description = "LAYER is a path, a file name, vda[3], or the name of a snapshot. Ctrl-C "      \
                   "cancels the job; a\nsecond Ctrl-C exits, and the job continues.",              \
    .min_operands = 2, .max_operands = 2, .options_size = sizeof(Options)

const SinterCommand sinter_command_commit = {
    .name = "commit",
    .summary = "merge layers of one disk into a lower layer",
    MERGE_COMMAND,
    .options = commit_rows,
    .n_options = G_N_ELEMENTS(commit_rows),
    .run = run_commit,
};

const SinterCommand sinter_command_pull = {
    .name = "pull",
    .summary = "copy lower layers of one disk into the active layer",
    MERGE_COMMAND,
    .options = pull_rows,
    .n_options = G_N_ELEMENTS(pull_rows),
    .run = run_pull,
};
