/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-job-verdict.h"
#include "sinter-observation.h"
#include "sinter-overlay-look.h"

G_BEGIN_DECLS

/* What is observed besides the chain, while it is uncertain whether the overlay was put on the
 * disk. */
typedef struct {
    SinterOverlayUse use;
    gboolean other_qemu; /* the domain runs in another process than when the overlay was requested,
                          * or in none */
    gboolean refused;    /* libvirt refused the request, so that it had no effect */
} SinterOverlaySeen;

/* Decides the next step of a check under a temporary overlay, as a pure function of its record and
 * an observation of the host. @overlay: only used in phase SEALING */
SinterVerdict sinter_live_check_reconcile(const SinterJobRecord *record,
                                          const SinterObservation *seen,
                                          const SinterOverlaySeen *overlay);

G_END_DECLS
