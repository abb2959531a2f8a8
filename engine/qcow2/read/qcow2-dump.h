/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"
#include "sinter/dump.h"

G_BEGIN_DECLS

/* SinterFormat's dump(). */
gboolean sinter_qcow2_dump(SinterIo *io, const SinterDumpVisitor *visitor, gpointer user_data,
                           GCancellable *cancellable, GError **error);

G_END_DECLS
