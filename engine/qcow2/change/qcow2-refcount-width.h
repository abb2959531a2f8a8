/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-shadow.h"

G_BEGIN_DECLS

/*
 * Builds a new generation of an image's metadata, without the commit. It is called again if the
 * refcounts turn out to be too narrow: then nothing of an earlier call exists any more, and only
 * @shadow may keep state between calls.
 */
typedef gboolean (*SinterQcow2BuildFunc)(SinterQcow2Shadow *shadow, gpointer data, GError **error);

/*
 * Commits the metadata that @build creates, with the current refcount width or, if that cannot hold
 * a count, the narrowest sufficient width; both change atomically. Version 2 has only one width.
 */
gboolean sinter_qcow2_refcount_width_change(SinterQcow2Writer *writer, SinterQcow2BuildFunc build,
                                            gpointer data, GError **error);

G_END_DECLS
