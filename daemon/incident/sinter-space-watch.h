/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-incident-log.h"
#include "sinter-inventory.h"

G_BEGIN_DECLS

/* The cause of its incidents. */
#define SINTER_SPACE_CAUSE "space-low"

/**
 * SinterSpaceWatch:
 *
 * Warns before space runs out: after each scan of the host it looks at the file systems that images
 * of domains can grow on, and at block devices with qcow2 images. When one is fuller than the
 * limit, an incident without a domain is opened, which names it; it is resolved when the usage is 5
 * points below the limit. Wakes up with the scans only. Main context.
 */
typedef struct _SinterSpaceWatch SinterSpaceWatch;

/* @inventory, @incidents: referenced; the incidents are loaded. @warn_percent: 0: never warns */
SinterSpaceWatch *sinter_space_watch_new(SinterInventory *inventory, SinterIncidentLog *incidents,
                                         guint warn_percent);
void sinter_space_watch_free(SinterSpaceWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterSpaceWatch, sinter_space_watch_free)

G_END_DECLS
