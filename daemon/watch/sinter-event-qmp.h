/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-event.h"

G_BEGIN_DECLS

/**
 * sinter_event_new_from_qmp:
 * @name: the QMP event's name
 * @details: (nullable): its data, a JSON object as text
 *
 * Converts one of QEMU's events; the disk has QEMU's names. Members that are absent or of another
 * type are ignored.
 *
 * Returns: (transfer full) (nullable): QMP_JOB_ERROR or QMP_CORRUPTED without a domain; %NULL for
 * events without news, such as a job that succeeded.
 */
SinterEvent *sinter_event_new_from_qmp(const char *name, const char *details);

G_END_DECLS
