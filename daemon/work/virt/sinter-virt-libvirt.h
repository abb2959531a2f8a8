/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-connection.h"
#include "sinter-scan-settings.h"
#include "sinter-virt.h"

G_BEGIN_DECLS

/* The operations on a real libvirt, over the connection that is open at the moment of a call.
 * @settings: how hosts are scanned */
SinterVirt *sinter_virt_libvirt_new(SinterConnection *connection, SinterScanSettings *settings);
void sinter_virt_libvirt_free(SinterVirt *virt);

G_END_DECLS
