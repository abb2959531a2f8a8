/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The space that a conversion needs beside the file that it replaces. Invariant: a figure is only
 * printed if the size of the copy is known before it is made.
 */

#include "img-convert-room.h"
#include "text/img-size-text.h"

#include <sinter/measure.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Returns the size of the copy in bytes; 0: not known. */
static guint64
size_of_copy(GPtrArray *chains, const SinterCreateOptions *image)
{
    /* a raw image is measured with its holes, which take no space, unless it gets none */
    const SinterMeasureOptions options = {
        .format = image->preallocation == SINTER_PREALLOCATION_OFF ? "qcow2" : image->format,
        .cluster_size = (guint)image->cluster_size,
        .refcount_bits = image->refcount_bits,
        .extended_l2 = image->extended_l2,
        .has_backing = image->backing_name != NULL,
        .preallocated = image->preallocation != SINTER_PREALLOCATION_OFF,
    };
    guint64 total = 0;

    for (guint i = 0; i < chains->len; i++) {
        SinterMeasure measure = { 0 };

        if (!sinter_measure_chain(g_ptr_array_index(chains, i), &options, &measure, NULL))
            return 0;
        total += measure.required;
    }
    return total;
}

void
sinter_img_convert_tell_room(GPtrArray *chains, const char *path, const SinterCreateOptions *image,
                             gboolean compressed)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *missing = NULL;
    struct statvfs space;
    struct stat st;
    guint64 wanted;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || statvfs(folder, &space) != 0)
        return;
    wanted = compressed || image->data_file_name ? 0 : size_of_copy(chains, image);
    if (wanted > (guint64)space.f_bavail * space.f_frsize)
        missing = sinter_img_size_format(wanted - (guint64)space.f_bavail * space.f_frsize);
    fprintf(stderr,
            "The existing file is kept until the copy is complete, so there must be space for "
            "both%s%s%s\n",
            missing ? ": about " : "", missing ? missing : "", missing ? " more" : "");
}
