/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>

#include "sinter-scan-source.h"

G_BEGIN_DECLS

/* A snapshot or a checkpoint as libvirt describes it. */
typedef struct {
    char *name;
    char *xml;
} SinterSnapshotText;

/* What libvirt answered about one domain, not yet interpreted. */
typedef struct {
    char *uuid;
    char *name;
    int state; /* virDomainState */
    int reason;
    gboolean persistent;
    gboolean active;
    gboolean has_managed_save;
    char *xml;                      /* the live XML of a running domain, else the definition */
    char *inactive_xml;             /* of a running persistent domain, else %NULL */
    char *saved_xml;                /* of the managed save image, %NULL if it cannot be read */
    GPtrArray *snapshots;           /* of SinterSnapshotText, parents first */
    char *current_snapshot;         /* the name of libvirt's current snapshot, %NULL for none */
    GPtrArray *checkpoints;         /* likewise */
    GHashTable *block_jobs;         /* target → virDomainBlockJobType; %NULL if unknown */
    gboolean busy;                  /* an operation holds the domain */
    int busy_operation;             /* virDomainJobOperation: which; UNKNOWN if that is not known */
    GError *error;                  /* why the reading ended early; %NULL if it did not */
    gint64 unresponsive_since_usec; /* real time; 0: the domain responds */
    char *unresponsive_reason;      /* if it does not: why, if that is known, else %NULL */
} SinterDomainReading;

/**
 * sinter_domain_reading_new:
 *
 * Asks libvirt about a domain, in threads of their own and with a limit: another command, or a QEMU
 * that is stopped, can hold a domain for any time. The questions that need QEMU are not asked if it
 * is known that it does not respond; without an answer to the others nothing but @uuid is set.
 * Blocks for twice the limit at most.
 *
 * Returns: (transfer full)
 */
SinterDomainReading *sinter_domain_reading_new(const SinterScanSource *source, const char *uuid);
void sinter_domain_reading_free(SinterDomainReading *reading);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterDomainReading, sinter_domain_reading_free)

G_END_DECLS
