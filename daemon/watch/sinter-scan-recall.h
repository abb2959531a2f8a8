/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/*
 * Chains on storage that does not respond: their headers cannot be read, so the last known chain
 * takes the place of what the XML alone tells. @known: (nullable): the last known state of @domain.
 */

/* Replaces the chains of the disks, and marks the disks. */
void sinter_scan_recall_disks(SinterDomain *domain, const SinterDomain *known);

/* Likewise for the chains of snapshots and of other images. */
void sinter_scan_recall_rest(SinterDomain *domain, const SinterDomain *known);

G_END_DECLS
