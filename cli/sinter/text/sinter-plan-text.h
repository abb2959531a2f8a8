/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-properties.h"

G_BEGIN_DECLS

/* A plan in words, from the properties of a Plan. Pure functions. */

typedef enum {
    SINTER_PLAN_WORK,    /* can be carried out */
    SINTER_PLAN_IDLE,    /* there is nothing to do */
    SINTER_PLAN_REFUSED, /* something forbids it */
} SinterPlanVerdict;

SinterPlanVerdict sinter_plan_text_verdict(const SinterProperties *plan);

/* Whether nothing forbids it but what was asked for: a layer that is none, say. */
gboolean sinter_plan_text_is_misasked(const SinterProperties *plan);

/* (transfer full): steps, cost, warnings and refusals.
 * @domain: its name; @legend: with headings and the hint how to carry it out */
char *sinter_plan_text_format(const SinterProperties *plan, const char *domain, gboolean legend);

G_END_DECLS
