/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A chain that may be damaged: its images, as far as they can be opened, and the merged map with
 * what is wrong with each range. For one thread.
 */

#include "format/sinter-image.h"
#include "sinter/salvage.h"

G_BEGIN_DECLS

typedef struct {
    SinterFs *fs;              /* a reference */
    GPtrArray *layers;         /* of SinterImage, the top first; at least one */
    gboolean has_more;         /* the last one has a backing file that cannot be opened */
    char *trouble;             /* with @has_more: why */
    SinterFormatSalvage *runs; /* the last answer of each layer; length 0: none yet */
} SinterSalvageSource;

/* Fails if nothing can be known about the disk, or if a member is in use. */
gboolean sinter_salvage_source_open(SinterSalvageSource *self, const char *path,
                                    const SinterSalvageOptions *options, GError **error);
void sinter_salvage_source_clear(SinterSalvageSource *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterSalvageSource, sinter_salvage_source_clear)

guint64 sinter_salvage_source_get_size(const SinterSalvageSource *self);

/*
 * Maps the start of a range that is not empty and inside the disk. As in SinterFormatSalvage; the
 * extent's layer is the one that decides the range, or in which the damage is. A compressed extent
 * ends with its cluster.
 */
void sinter_salvage_source_map(SinterSalvageSource *self, guint64 offset, guint64 length,
                               SinterFormatSalvage *ret);

/* Forgets what was mapped, so that tables that could not be read are read again. */
void sinter_salvage_source_forget(SinterSalvageSource *self);

/*
 * Reads @extent or a part of it. Returns NONE, or why it cannot be read, with the errno of the
 * failed read (0 if none failed).
 */
SinterLoss sinter_salvage_source_read(SinterSalvageSource *self, const SinterExtent *extent,
                                      void *buf, int *ret_errnum);

G_END_DECLS
