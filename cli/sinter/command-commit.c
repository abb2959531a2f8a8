/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter commit: one block commit, in virsh's words. */

#include "sinter-block-job.h"
#include "sinter-commands.h"

typedef struct {
    char *top;
    char *base;
    gboolean active;
    gboolean pivot;
    gboolean keep_relative;
    gboolean delete_files;
    SinterBandwidthOptions bandwidth;
    SinterWaitOptions wait;
} Options;

static int
run(const SinterCommandCall *call, GError **error)
{
    const Options *options = call->options;
    GVariantDict *dict = g_variant_dict_new(NULL);

    sinter_work_options_add_string(dict, "top", options->top);
    sinter_work_options_add_string(dict, "base", options->base);
    if (options->delete_files)
        g_variant_dict_insert(dict, "keep-files", "b", FALSE);
    return sinter_block_job_run(call, "Commit", NULL, dict, &options->bandwidth, &options->wait,
                                error);
}

static const GOptionEntry entries[] = {
    { "top", 0, 0, G_OPTION_ARG_FILENAME, SINTER_COMMAND_MEMBER(Options, top),
      "the highest layer to merge; default the active one", "LAYER" },
    { "base", 0, 0, G_OPTION_ARG_FILENAME, SINTER_COMMAND_MEMBER(Options, base),
      "the layer to merge into; default the lowest", "LAYER" },
    { "delete", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(Options, delete_files),
      "remove the merged files that nothing else uses", NULL },
    { "active", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(Options, active),
      "as virsh has it; it follows from --top", NULL },
    { "pivot", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(Options, pivot),
      "as virsh has it; it is what happens", NULL },
    { "keep-relative", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(Options, keep_relative),
      "as virsh has it; relative names stay relative", NULL },
    SINTER_BANDWIDTH_ENTRIES(Options),
    SINTER_WAIT_ENTRIES(Options),
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
    .options_size = sizeof(Options),
    .run = run,
};
