/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* The phase of a job, in job records and on D-Bus. */
typedef enum {
    SINTER_PHASE_QUEUED,    /* waiting for a place in the budgets */
    SINTER_PHASE_SEALING,   /* a temporary overlay is being put on the active layer, or is not */
    SINTER_PHASE_STOPPING,  /* remedies: the domain is being stopped: it may or may not run */
    SINTER_PHASE_CHECKING,  /* images are being checked */
    SINTER_PHASE_REPAIRING, /* images are being checked and repaired */
    SINTER_PHASE_STARTING,  /* the block job, or after a repair the domain, is being started: it
                             * may or may not run */
    SINTER_PHASE_WAITING,   /* offline: the domain runs, or an image is in use; remedies: the cause
                             * has not passed */
    SINTER_PHASE_COPYING,   /* the block job was seen running; offline: the worker runs */
    SINTER_PHASE_READY,     /* the mirror is ready: waiting for the pivot */
    SINTER_PHASE_PIVOTING,  /* the pivot is being requested: it may or may not have happened;
                             * offline: the merge is complete, the domain is being redefined */
    SINTER_PHASE_RESUMING,  /* a guest is being resumed: it may or may not run */
    SINTER_PHASE_VERIFYING, /* the chain is being compared with the plan; remedies: the guest runs,
                             * and is being watched */
    SINTER_PHASE_CLEANING,  /* snapshot metadata and files are being removed */
    SINTER_PHASE_RESOLVING, /* a quarantined job: its images are being compared, or the definition
                             * is being changed to the image that a user chose */
    SINTER_PHASE_DONE,
    SINTER_PHASE_FAILED,
    SINTER_PHASE_CANCELLED,
    SINTER_PHASE_QUARANTINED, /* in none of the known states: not touched any more */
} SinterPhase;

/* (transfer none): the name, "queued", "starting" and so on. Any thread. */
const char *sinter_phase_name(SinterPhase phase);
/* Returns FALSE if no phase has this name (nullable). */
gboolean sinter_phase_from_name(const char *name, SinterPhase *ret_phase);

/* Returns whether a job in this phase has ended. */
static inline gboolean
sinter_phase_is_final(SinterPhase phase)
{
    return phase >= SINTER_PHASE_DONE;
}

G_END_DECLS
