/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter commit: one block commit, in virsh's words. */

#include "sinter-block-job.h"
#include "sinter-commands.h"

static int
run(const SinterCommandCall *call, GError **error)
{
    return sinter_block_job_run_merge(call, "Commit", error);
}

static const SinterOption option_rows[] = {
    { "top", 0, "LAYER", "the highest layer to merge; default the active one",
      SINTER_OPTION_MEMBER(SinterMergeOptions, top) },
    { "base", 0, "LAYER", "the layer to merge into; default the lowest",
      SINTER_OPTION_MEMBER(SinterMergeOptions, base) },
    { "delete", 0, NULL, "remove the merged files that nothing else uses",
      SINTER_OPTION_MEMBER(SinterMergeOptions, delete_files) },
    { "active", 0, NULL, "as virsh has it; it follows from --top",
      SINTER_OPTION_MEMBER(SinterMergeOptions, active) },
    { "pivot", 0, NULL, "as virsh has it; it is what happens",
      SINTER_OPTION_MEMBER(SinterMergeOptions, pivot) },
    { "keep-relative", 0, NULL, "as virsh has it; relative names stay relative",
      SINTER_OPTION_MEMBER(SinterMergeOptions, keep_relative) },
    SINTER_BANDWIDTH_OPTIONS(SinterMergeOptions),
    SINTER_WAIT_OPTIONS(SinterMergeOptions),
};

const SinterCommand sinter_command_commit = {
    .name = "commit",
    .summary = "merge layers of one disk down into a lower one",
    .operands = "DOMAIN DISK",
    .description = "LAYER is a path, a file name, vda[3], or a snapshot's name. Ctrl-C cancels; a "
                   "second one leaves\nthe job to the daemon.",
    .min_operands = 2,
    .max_operands = 2,
    .options = option_rows,
    .n_options = G_N_ELEMENTS(option_rows),
    .options_size = sizeof(SinterMergeOptions),
    .run = run,
};
