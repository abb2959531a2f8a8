/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-writer-state.h"

G_BEGIN_DECLS

/* Makes everything durable. The writer remains usable, also after a failure. */
gboolean sinter_qcow2_writer_flush(SinterQcow2Writer *self, GError **error);

/* Like flush, and also stores the last refcounts: nothing leaks. */
gboolean sinter_qcow2_writer_finish(SinterQcow2Writer *self, GError **error);

/* Commits and drops tables if they use too much memory. Invalidates tables obtained before. */
gboolean sinter_qcow2_writer_make_room(SinterQcow2Writer *self, GError **error);

G_END_DECLS
