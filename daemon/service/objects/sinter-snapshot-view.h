/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-model.h"

G_BEGIN_DECLS

/* (transfer full): the SnapshotTree property of a domain, aa{sv}, oldest first */
GVariant *sinter_snapshot_view_new(const SinterDomain *domain);

G_END_DECLS
