/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-domain-reading.h"
#include "sinter-layer-reader.h"

G_BEGIN_DECLS

/**
 * sinter_scan_read_snapshots:
 * @domain: with its disks read; gets its snapshots, and its layers the names of the snapshots whose
 *   states they hold
 * @texts: (element-type SinterSnapshotText): parents first
 *
 * A snapshot whose XML cannot be parsed is left out and becomes the domain's problem.
 */
void sinter_scan_read_snapshots(SinterLayerReader *reader, SinterDomain *domain,
                                const GPtrArray *texts);

/* @name: (nullable): libvirt's current snapshot */
void sinter_scan_mark_current_snapshot(SinterDomain *domain, const char *name);

G_END_DECLS
