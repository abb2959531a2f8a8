/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * remove: removes an image from a chain.
 */

#include "img-merge.h"
#include "img-verbs.h"
#include "text/img-message.h"

static int
remove_run(const SinterCommandCall *call, GError **error)
{
    return sinter_img_merge_run(call->options, call->operands[0], call->operands[1]);
}

static const SinterOption remove_options[] = { SINTER_IMG_MERGE_OPTIONS };

const SinterCommand sinter_img_remove = {
    .name = "remove",
    .operands = "FILE IMAGE",
    .summary = "Removes an image from a chain; the images above read the same",
    .options = remove_options,
    .n_options = G_N_ELEMENTS(remove_options),
    .options_size = sizeof(SinterImgMerge),
    .description = "FILE is the top image of the chain. The data of IMAGE moves into the image "
                   "above or\nbelow it, whichever moves less. Its file is kept without -d.\n",
    .min_operands = 2,
    .max_operands = 2,
    .expecting = "Expecting the top image of the chain and the image to remove",
    .run = remove_run,
};
