/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * remove: takes an image out of a chain.
 */

#include "img-merge.h"
#include "text/img-message.h"

static int
remove_run(gpointer data, char **operands, int n_operands)
{
    if (n_operands != 2)
        return sinter_img_usage_error("Expecting the chain's top image and the one to take out");
    return sinter_img_merge_run(data, operands[0], operands[1]);
}

static const SinterImgOption remove_options[] = { SINTER_IMG_MERGE_OPTIONS };

const SinterImgVerb sinter_img_remove = {
    .name = "remove",
    .operands = "FILE IMAGE",
    .summary = "Takes an image out of a chain; all that stands on it stays the same",
    .options = remove_options,
    .n_options = G_N_ELEMENTS(remove_options),
    .options_size = sizeof(SinterImgMerge),
    .details = "FILE is the chain's top image. What IMAGE decides moves into the image above or\n"
               "below it, whatever moves less. Its file stays unless with -d.\n",
    .run = remove_run,
};
