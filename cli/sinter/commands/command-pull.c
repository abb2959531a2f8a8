/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter pull: one block pull, in virsh's words. */

#include "sinter-block-job.h"
#include "sinter-commands.h"

static int
run(const SinterCommandCall *call, GError **error)
{
    return sinter_block_job_run_merge(call, "Pull", error);
}

static const SinterOption option_rows[] = {
    { "base", 0, "LAYER", "the layer that stays below; default none",
      SINTER_OPTION_MEMBER(SinterMergeOptions, base) },
    { "delete", 0, NULL, "remove the pulled files that nothing else uses",
      SINTER_OPTION_MEMBER(SinterMergeOptions, delete_files) },
    { "keep-relative", 0, NULL, "as virsh has it; relative names stay relative",
      SINTER_OPTION_MEMBER(SinterMergeOptions, keep_relative) },
    SINTER_BANDWIDTH_OPTIONS(SinterMergeOptions),
    SINTER_WAIT_OPTIONS(SinterMergeOptions),
};

const SinterCommand sinter_command_pull = {
    .name = "pull",
    .summary = "copy lower layers of one disk up into the active one",
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
