/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-writer-state.h"

G_BEGIN_DECLS

/* Makes all durable. The writer can be used on, also after a failure. */
gboolean sinter_qcow2_writer_flush(SinterQcow2Writer *self, GError **error);

/* As flush, and the last refcounts too: nothing leaks. */
gboolean sinter_qcow2_writer_finish(SinterQcow2Writer *self, GError **error);

/* Commits and forgets tables where they take too much memory. Tables got before are invalid. */
gboolean sinter_qcow2_writer_make_room(SinterQcow2Writer *self, GError **error);

G_END_DECLS
