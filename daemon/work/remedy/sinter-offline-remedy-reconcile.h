/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-job-verdict.h"

G_BEGIN_DECLS

typedef enum {
    SINTER_DOMAIN_IS_GONE, /* it does not exist */
    SINTER_DOMAIN_IS_OFF,
    SINTER_DOMAIN_HAS_FAILED,  /* an I/O error paused it, in the QEMU process that the job knows */
    SINTER_DOMAIN_IS_IN_USE,   /* any other state in that process */
    SINTER_DOMAIN_RUNS_ANEW,   /* in another QEMU process */
    SINTER_DOMAIN_IS_DIFFERENT /* it is off, and a disk has another chain than planned */
} SinterDomainUse;

/**
 * SinterOfflineRemedyLook:
 * @use: what the domain is doing
 * @repaired: the images were repaired by this process of the daemon, and are sound
 *
 * What the job observes.
 */
typedef struct {
    SinterDomainUse use;
    gboolean repaired;
} SinterOfflineRemedyLook;

/* Pure: the next step. STOP stops the domain, CHECK repairs, START starts it, VERIFY: done. */
SinterVerdict sinter_offline_remedy_reconcile(const SinterJobRecord *record,
                                              const SinterOfflineRemedyLook *look);

G_END_DECLS
