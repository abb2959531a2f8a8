/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-connection.h"
#include "sinter-doctor-facts.h"
#include "sinter-patience.h"

G_BEGIN_DECLS

/* Adds what libvirt knows: versions and write thresholds. If it does not answer within the limit of
 * @patience, or fails, the facts say why, and stay unknown. Blocking, any thread. */
void sinter_doctor_libvirt_examine(SinterDoctorFacts *facts, SinterPatience *patience,
                                   SinterConnection *connection);

G_END_DECLS
