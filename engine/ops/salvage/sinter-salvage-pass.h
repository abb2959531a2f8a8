/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The passes of a salvage over the disk, and what they share.
 */

#include "sinter-salvage-map.h"
#include "sinter-salvage-source.h"
#include "sinter-salvage-target.h"

G_BEGIN_DECLS

typedef struct {
    SinterSalvageSource source;
    SinterSalvageTarget target;
    SinterSalvageMap *map;
    const SinterSalvageOptions *options;
    guint8 *buffer;            /* for the largest cluster */
    SinterSalvageStatus phase; /* what is being done: the status of the blocks that are treated */
    guint64 position;          /* in the disk */
    gint64 saved_usec;         /* when the map was last saved */
    gint64 told_usec;          /* when the progress was last reported … */
    guint64 told_bytes;        /* … and how much */
} SinterSalvageRun;

/* Sets the causes that the map of an earlier run does not have. */
void sinter_salvage_pass_restore(SinterSalvageRun *self);

/*
 * Runs all passes. Afterwards each block is READ or BAD. @tries_bad: how often to read bad sectors
 * again.
 */
gboolean sinter_salvage_pass_all(SinterSalvageRun *self, guint tries_bad, GError **error);

/* Writes the fill pattern to what is lost. */
gboolean sinter_salvage_pass_fill(SinterSalvageRun *self, GError **error);

/* Makes what was written durable, and then saves the map. */
gboolean sinter_salvage_pass_save(SinterSalvageRun *self, GError **error);

G_END_DECLS
