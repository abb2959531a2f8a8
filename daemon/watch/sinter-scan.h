/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-host.h"
#include "sinter-scan-source.h"

G_BEGIN_DECLS

/*
 * Reads libvirt and the image headers into model values. Blocking: for worker threads (the
 * inventory's, a job's). A domain that cannot be read completely is still returned, with what could
 * be read and its problem set; only one that no longer exists is not. What does not respond is
 * waited for a limited time; then the last known state takes its place, and says since when.
 */

/* Takes ownership of @domain (transfer full). */
typedef void (*SinterScanFunc)(SinterDomain *domain, gpointer user_data);

/* Calls @func in this thread for every domain of the connection, in any order. @ret_strays:
 * (transfer full): as in SinterHost */
gboolean sinter_scan_each(const SinterScanSource *source, SinterScanFunc func, gpointer user_data,
                          GPtrArray **ret_strays, GError **error);

/* (transfer full) (nullable): every domain of the connection, and the strays */
SinterHost *sinter_scan_all(const SinterScanSource *source, GError **error);

/* (transfer full) (nullable): one domain, as read at @since_usec (monotonic) or later, possibly for
 * another thread; NOT_FOUND if it does not exist */
SinterDomain *sinter_scan_domain(const SinterScanSource *source, const char *uuid,
                                 gint64 since_usec, GError **error);

G_END_DECLS
