/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where on the disk the volumes start that clues belong to. */

#include "qcow2-rescue-state.h"

G_BEGIN_DECLS

typedef struct {
    guint64 volume;
    guint64 start;      /* bytes from the start of the disk */
    gboolean is_proved; /* a known place, or a partition and clues in tables that agree */
} SinterQcow2Base;

/* Finds them; the claims must be complete. */
void sinter_qcow2_rescue_find_bases(SinterQcow2Rescue *self);

/*
 * Returns the guest cluster that the clue states for the cluster that holds it, or NO_CLUSTER; sets
 * @ret_proved to whether the start of its volume is proved.
 */
guint64 sinter_qcow2_rescue_clue_guest(const SinterQcow2Rescue *self, const SinterQcow2Clue *clue,
                                       gboolean *ret_proved);

G_END_DECLS
