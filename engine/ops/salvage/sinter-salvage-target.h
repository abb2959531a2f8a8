/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The output of a salvage: a draft that appears when it is complete, or a file with a name of its
 * own that a later run can continue.
 */

#include "ops/make/sinter-convert-target.h"
#include "sinter/salvage.h"

G_BEGIN_DECLS

typedef struct {
    SinterConvertTarget draft; /* unused if the output is resumable */
    SinterFs *fs;              /* resumable: a reference; otherwise NULL */
    char *path;                /* resumable: of the output … */
    char *partial;             /* … and of what is written; NULL: the output itself */
    SinterHandle *handle;      /* to write to; belongs to the draft if there is one */
    gboolean is_zero;          /* what was not written reads as zeros */
} SinterSalvageTarget;

/*
 * Creates the output for a disk of image->virtual_size bytes, or continues it. @readable: as for
 * sinter_output_open().
 */
gboolean sinter_salvage_target_open(SinterSalvageTarget *self, const char *path,
                                    const SinterCreateOptions *image,
                                    const SinterSalvageOptions *options, gboolean readable,
                                    GError **error);

/* Makes the range read as @buf. */
gboolean sinter_salvage_target_put(SinterSalvageTarget *self, guint64 offset, const guint8 *buf,
                                   gsize length, GError **error);
gboolean sinter_salvage_target_put_zeros(SinterSalvageTarget *self, guint64 offset, guint64 length,
                                         GError **error);

/* Makes everything durable and gives the output its name. */
gboolean sinter_salvage_target_commit(SinterSalvageTarget *self, GError **error);

/* Removes a draft that was not committed; keeps an output that can be continued. */
void sinter_salvage_target_clear(SinterSalvageTarget *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterSalvageTarget, sinter_salvage_target_clear)

G_END_DECLS
