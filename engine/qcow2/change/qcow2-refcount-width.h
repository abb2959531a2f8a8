/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-shadow.h"

G_BEGIN_DECLS

/*
 * Builds a new generation of an image's metadata but for its commit. It is called again where its
 * reference counts turned out to be too narrow: nothing of an earlier call is there any more, and
 * nothing but @shadow may remember one.
 */
typedef gboolean (*SinterQcow2BuildFunc)(SinterQcow2Shadow *shadow, gpointer data, GError **error);

/*
 * Brings what @build makes into force, with reference counts as they are or, where these cannot
 * count it, the narrowest ones that can; both change at one moment. Version 2 has one width only.
 */
gboolean sinter_qcow2_refcount_width_change(SinterQcow2Writer *writer, SinterQcow2BuildFunc build,
                                            gpointer data, GError **error);

G_END_DECLS
