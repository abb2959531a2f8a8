/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-scan-memory.h"

G_BEGIN_DECLS

/**
 * SinterScanSettings: what the configuration says about scans, and what they share. Immutable after
 * it was filled in, except for the memory; any thread may read it.
 */
typedef struct {
    gatomicrefcount ref_count;
    char **image_folders; /* absolute paths: where to look for images that no domain names */
    char **exclusive;     /* shell patterns of the paths of images that only this host uses */
    char **manager_names; /* shell patterns of the names of domains that other programs manage */
    SinterScanMemory *memory;
} SinterScanSettings;

/* (transfer full): without any settings */
SinterScanSettings *sinter_scan_settings_new(void);
SinterScanSettings *sinter_scan_settings_ref(SinterScanSettings *settings);
void sinter_scan_settings_unref(SinterScanSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterScanSettings, sinter_scan_settings_unref)

G_END_DECLS
