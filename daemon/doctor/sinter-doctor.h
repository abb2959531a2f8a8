/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-connection.h"
#include "sinter-doctor-checks.h"
#include "sinter-patience.h"

G_BEGIN_DECLS

/**
 * SinterDoctor:
 *
 * Examines the host for callers, one examination at a time, in a thread of its own. Main context.
 */
typedef struct _SinterDoctor SinterDoctor;

/* The maximum number of waiting examinations. */
#define SINTER_DOCTOR_MAX_WAITING 32

/* @storage: for questions to file systems; both are referenced */
SinterDoctor *sinter_doctor_new(SinterConnection *connection, SinterPatience *storage);

/* Does not wait for a running examination; its caller is still answered. */
void sinter_doctor_free(SinterDoctor *doctor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterDoctor, sinter_doctor_free)

/**
 * sinter_doctor_examine_async:
 * @domains: (transfer none) (element-type SinterDomain): all domains of the host
 * @max_pause_msec: for how long jobs may suspend a guest
 *
 * Errors: BUSY if too many examinations are waiting.
 */
void sinter_doctor_examine_async(SinterDoctor *doctor, GPtrArray *domains, guint max_pause_msec,
                                 GAsyncReadyCallback callback, gpointer user_data);

/* (transfer full) (nullable) (element-type SinterDoctorFinding) */
GPtrArray *sinter_doctor_examine_finish(GAsyncResult *result, GError **error);

G_END_DECLS
