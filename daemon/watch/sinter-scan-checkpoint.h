/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>

#include "sinter-model.h"

G_BEGIN_DECLS

/* Fills in the checkpoints of @domain, which is @handle. Blocking. */
gboolean sinter_scan_read_checkpoints(SinterDomain *domain, virDomainPtr handle, GError **error);

G_END_DECLS
