/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-transfer-piece.h"

G_BEGIN_DECLS

/* The work() of SinterRelayClass. */
gboolean sinter_transfer_work(gpointer user_data, gpointer data, guint8 *buffer, GError **error);

G_END_DECLS
