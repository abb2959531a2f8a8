/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-doctor-facts.h"

G_BEGIN_DECLS

/* What stands in the way. */
typedef struct {
    const char *check; /* the check that found it: "error-policy" */
    char *subject;     /* "web vda", a mount point, "host" */
    char *problem;     /* as a sentence without a dot */
    char *remedy;      /* the command, or the line of a configuration file, that mends it */
} SinterDoctorFinding;

/* Pure. (transfer full) (element-type SinterDoctorFinding): in the order of the table of checks */
GPtrArray *sinter_doctor_checks_run(const SinterDoctorFacts *facts);

/* (transfer none): the name of check @n; %NULL behind the last one */
const char *sinter_doctor_checks_get_name(guint n);

G_END_DECLS
