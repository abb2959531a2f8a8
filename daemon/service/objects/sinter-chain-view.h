/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-reference-graph.h"

G_BEGIN_DECLS

/* The maximum number of users listed for one layer. */
#define SINTER_CHAIN_VIEW_MAX_USERS 64

/* (transfer full): the Chain property of a disk, aa{sv}, active layer first */
GVariant *sinter_chain_view_new(const SinterDomain *domain, const SinterDisk *disk,
                                const SinterReferenceGraph *graph);

/* The space that the layers occupy on their file systems. */
guint64 sinter_chain_view_allocated_bytes(const SinterDisk *disk);

/* The most that a merge could free: the sum of the own layers above the lowest one that nobody else
 * uses. */
guint64 sinter_chain_view_reclaimable_bytes(const SinterDomain *domain, const SinterDisk *disk,
                                            const SinterReferenceGraph *graph);

G_END_DECLS
