/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The settings of scans as a shared value. Invariant: lists are never NULL, only empty.
 */

#include "sinter-scan-settings.h"

SinterScanSettings *
sinter_scan_settings_new(void)
{
    SinterScanSettings *settings = g_new0(SinterScanSettings, 1);

    g_atomic_ref_count_init(&settings->ref_count);
    settings->image_folders = g_new0(char *, 1);
    settings->manager_names = g_new0(char *, 1);
    settings->memory = sinter_scan_memory_new();
    settings->exclusive = g_new0(char *, 1);
    return settings;
}

SinterScanSettings *
sinter_scan_settings_ref(SinterScanSettings *settings)
{
    g_atomic_ref_count_inc(&settings->ref_count);
    return settings;
}

void
sinter_scan_settings_unref(SinterScanSettings *settings)
{
    if (!settings || !g_atomic_ref_count_dec(&settings->ref_count))
        return;
    g_strfreev(settings->image_folders);
    g_strfreev(settings->manager_names);
    sinter_scan_memory_unref(settings->memory);
    g_strfreev(settings->exclusive);
    g_free(settings);
}
