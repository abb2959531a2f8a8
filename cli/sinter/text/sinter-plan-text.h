/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-properties.h"

G_BEGIN_DECLS

/* A plan as text, from the properties of a Plan. Pure functions. */

typedef enum {
    SINTER_PLAN_WORK,    /* can be carried out */
    SINTER_PLAN_IDLE,    /* there is nothing to do */
    SINTER_PLAN_REFUSED, /* a rule forbids it */
} SinterPlanVerdict;

SinterPlanVerdict sinter_plan_text_verdict(const SinterProperties *plan);

/* Returns whether only the request itself is invalid, for example because a named layer does not
 * exist. */
gboolean sinter_plan_text_is_misasked(const SinterProperties *plan);

/* (transfer full): steps, cost, warnings and refusals. @domain: its name; @legend: with headings
 * and a hint how to carry it out */
char *sinter_plan_text_format(const SinterProperties *plan, const char *domain, gboolean legend);

G_END_DECLS
