/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>

#include "sinter-layer-reader.h"
#include "sinter-model.h"

G_BEGIN_DECLS

/**
 * sinter_scan_read_snapshots:
 * @domain: with its disks read; gets its snapshots, and its layers the names of the snapshots whose
 *   states they hold
 *
 * A snapshot whose XML cannot be parsed is left out and becomes the domain's problem.
 */
gboolean sinter_scan_read_snapshots(SinterLayerReader *reader, SinterDomain *domain,
                                    virDomainPtr handle, GError **error);

G_END_DECLS
