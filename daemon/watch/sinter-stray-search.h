/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>

#include "sinter-layer-reader.h"
#include "sinter-scan-settings.h"

G_BEGIN_DECLS

/**
 * SinterStraySearch:
 *
 * Finds images that no domain uses but that are backed by other images: clones and templates beside
 * the images of domains, in storage pools, and in the configured folders. One pass over the host;
 * one thread.
 */
typedef struct _SinterStraySearch SinterStraySearch;

SinterStraySearch *sinter_stray_search_new(void);
void sinter_stray_search_free(SinterStraySearch *search);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterStraySearch, sinter_stray_search_free)

/* Notes the images of @domain, which are no strays, and the folders of its disks' images. */
void sinter_stray_search_note(SinterStraySearch *search, const SinterDomain *domain);

/**
 * sinter_stray_search_run:
 *
 * Looks into the folders, not below them. A file is opened only if it was not noted. What
 * does not respond counts as an image that may use every other one in its folder. Files that the
 * daemon's user may not read are left out, except for root. Images that a job has merged are marked
 * (sinter-merged-mark.h) and left out. Blocking.
 *
 * Returns: (transfer full) (element-type GPtrArray): the chains of strays, by path
 */
GPtrArray *sinter_stray_search_run(SinterStraySearch *search, virConnectPtr connection,
                                   SinterLayerReader *reader, const SinterScanSettings *settings);

G_END_DECLS
