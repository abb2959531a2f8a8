/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

/* Short ways to write model values in tests. All return what they added, owned by the parent. */

SinterDomain *fixture_domain(const char *name, gboolean active);
SinterDisk *fixture_disk(SinterDomain *domain, const char *target);

/* Appends a layer below those that are there; @inode 0 for one without identity. */
SinterLayer *fixture_layer(GPtrArray *layers, const char *path, guint64 inode);

SinterSnapshot *fixture_snapshot(SinterDomain *domain, const char *name);
SinterSnapshotDisk *fixture_snapshot_disk(SinterSnapshot *snapshot, const char *target,
                                          const char *overlay, const char *frozen);
