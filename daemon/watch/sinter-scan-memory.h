/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-patience.h"
#include "sinter-scan-share.h"

G_BEGIN_DECLS

/**
 * SinterScanMemory:
 *
 * What scans share: which file systems and domains do not respond, what was last known of each
 * domain, and readings of the same moment. Any thread.
 */
typedef struct {
    gatomicrefcount ref_count;
    SinterPatience *storage; /* for questions to file systems */
    SinterPatience *libvirt; /* for questions to libvirt; the key of a domain is its UUID */
    SinterPatience *qemu;    /* for questions that libvirt passes on to QEMU; likewise */
    SinterScanShare *share;
    GMutex lock;
    GHashTable *domains; /* uuid → SinterDomain, guarded by lock */
} SinterScanMemory;

SinterScanMemory *sinter_scan_memory_new(void);
void sinter_scan_memory_unref(SinterScanMemory *self);

/* The last known state of @domain's UUID is @domain. */
void sinter_scan_memory_remember(SinterScanMemory *self, SinterDomain *domain);
void sinter_scan_memory_forget(SinterScanMemory *self, const char *uuid);

/* (transfer full) (nullable) */
SinterDomain *sinter_scan_memory_recall(SinterScanMemory *self, const char *uuid);

G_END_DECLS
