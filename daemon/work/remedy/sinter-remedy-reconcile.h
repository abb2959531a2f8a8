/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-job-verdict.h"

G_BEGIN_DECLS

/* A guest that runs for this long after it was resumed is recovered. */
#define SINTER_REMEDY_SETTLE_USEC (5 * G_USEC_PER_SEC)

typedef enum {
    SINTER_GUEST_ENDED, /* the domain does not exist, is shut off, or runs in another QEMU process
                         */
    SINTER_GUEST_RUNNING,
    SINTER_GUEST_FAILED, /* paused by an I/O error */
    SINTER_GUEST_PAUSED, /* paused for another reason, or in another state */
} SinterGuestState;

/**
 * SinterRemedyLook:
 * @guest: the state of the guest
 * @running_usec: RUNNING: for how long it was seen running
 * @cause_passed: FAILED: an examination of the images finds nothing wrong any more
 * @free_known: FAILED: @free_bytes is known
 * @free_bytes: FAILED: free space of the file system of the active layer
 *
 * What the job of a remedy observes.
 */
typedef struct {
    SinterGuestState guest;
    guint64 running_usec;
    gboolean cause_passed;
    gboolean free_known;
    guint64 free_bytes;
} SinterRemedyLook;

/* Pure: the next step of a remedy. START resumes the guest. */
SinterVerdict sinter_remedy_reconcile(const SinterJobRecord *record, const SinterRemedyLook *look,
                                      gint64 now_usec);

G_END_DECLS
