/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-job-verdict.h"
#include "sinter-overlay-look.h"

G_BEGIN_DECLS

/* What was seen of a snapshot that is being created. */
typedef struct {
    gboolean domain_exists;
    gboolean domain_active;
    gboolean other_qemu;  /* the domain runs in another QEMU process than when it was requested */
    gboolean busy;        /* a block job runs on one of the disks */
    gboolean saved;       /* it has a managed save image */
    gboolean described;   /* libvirt has the snapshot, with these overlays */
    gboolean name_taken;  /* libvirt has another snapshot of this name */
    gboolean refused;     /* libvirt has just refused it */
    guint n_open;         /* disks that are on the image of the plan */
    guint n_sealed;       /* disks that are on their new overlay */
    guint n_disks;        /* of the plan */
    SinterOverlayUse use; /* of the files of the overlays: the most used one */
} SinterSnapshotSeen;

/* The next step: START (request the snapshot), VERIFY (it is there), or an end. Pure. */
SinterVerdict sinter_snapshot_reconcile(const SinterJobRecord *record,
                                        const SinterSnapshotSeen *seen);

G_END_DECLS
