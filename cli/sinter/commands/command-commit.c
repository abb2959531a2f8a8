/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter commit: one block commit, in virsh's words. */

#include "sinter-block-job.h"
#include "sinter-commands.h"

static int
run(const SinterCommandCall *call, GError **error)
{
    return sinter_block_job_run_merge(call, "Commit", error);
}

static const GOptionEntry entries[] = {
    { "top", 0, 0, G_OPTION_ARG_FILENAME, SINTER_COMMAND_MEMBER(SinterMergeOptions, top),
      "the highest layer to merge; default the active one", "LAYER" },
    { "base", 0, 0, G_OPTION_ARG_FILENAME, SINTER_COMMAND_MEMBER(SinterMergeOptions, base),
      "the layer to merge into; default the lowest", "LAYER" },
    { "delete", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(SinterMergeOptions, delete_files),
      "remove the merged files that nothing else uses", NULL },
    { "active", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(SinterMergeOptions, active),
      "as virsh has it; it follows from --top", NULL },
    { "pivot", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(SinterMergeOptions, pivot),
      "as virsh has it; it is what happens", NULL },
    { "keep-relative", 0, 0, G_OPTION_ARG_NONE,
      SINTER_COMMAND_MEMBER(SinterMergeOptions, keep_relative),
      "as virsh has it; relative names stay relative", NULL },
    SINTER_BANDWIDTH_ENTRIES(SinterMergeOptions),
    SINTER_WAIT_ENTRIES(SinterMergeOptions),
    { NULL },
};

const SinterCommand sinter_command_commit = {
    .name = "commit",
    .summary = "merge layers of one disk down into a lower one",
    .operands = "DOMAIN DISK",
    .description = "LAYER is a path, a file name, vda[3], or a snapshot's name. Ctrl-C cancels; a "
                   "second one leaves\nthe job to the daemon.",
    .min_operands = 2,
    .max_operands = 2,
    .entries = entries,
    .options_size = sizeof(SinterMergeOptions),
    .run = run,
};
