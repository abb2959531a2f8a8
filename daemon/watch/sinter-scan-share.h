/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/**
 * SinterScanShare:
 *
 * One reading of a domain for all who need it at the same time: the inventory and a job both read a
 * domain after the same event. Times are monotonic, in microseconds. Any thread.
 */
typedef struct _SinterScanShare SinterScanShare;

/* Reads a domain. (transfer full) (nullable) */
typedef SinterDomain *(*SinterScanShareFunc)(gpointer data, GError **error);

SinterScanShare *sinter_scan_share_new(void);
void sinter_scan_share_free(SinterScanShare *self);

/**
 * sinter_scan_share_read:
 * @since_usec: the reading must have begun then or later; a reading that began before the last
 *   known change (sinter_scan_share_note_change()) is not used either
 * @func: called in this thread if no such reading is in progress or has just ended
 *
 * Waits for a reading of another thread as long as that takes.
 *
 * Returns: (transfer full) (nullable)
 */
SinterDomain *sinter_scan_share_read(SinterScanShare *self, const char *uuid, gint64 since_usec,
                                     SinterScanShareFunc func, gpointer data, GError **error);

/* The domain changed at @time_usec: an event says so, or this program has changed it. */
void sinter_scan_share_note_change(SinterScanShare *self, const char *uuid, gint64 time_usec);

/* When the domain changed last, if that is known and recent, else the present time. */
gint64 sinter_scan_share_last_change(SinterScanShare *self, const char *uuid);

G_END_DECLS
