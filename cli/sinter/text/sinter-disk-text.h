/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-properties.h"
#include "sinter-table.h"

G_BEGIN_DECLS

/* Disks as text, from the properties of a Domain, a Disk and a Job. Pure functions. */

/* The table of disks. */
SinterTable *sinter_disk_text_table_new(void);

/* @disk: %NULL for a domain without disks; @job: our job on it, or %NULL */
void sinter_disk_text_add_row(SinterTable *table, const SinterProperties *domain,
                              const SinterProperties *disk, const SinterProperties *job);

/* Returns whether it is a drive for removable media, not a disk. */
gboolean sinter_disk_text_is_drive(const SinterProperties *disk);

/* (transfer full): the result of a consolidation: "6 layers merged into 1, 1.2 GiB freed" */
char *sinter_disk_text_merged(guint64 depth_before, guint64 depth_after, guint64 bytes_before,
                              guint64 bytes_after);

G_END_DECLS
