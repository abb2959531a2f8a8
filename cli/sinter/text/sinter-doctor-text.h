/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-properties.h"
#include "sinter-table.h"

G_BEGIN_DECLS

/* What the examination of a host found, as text. Pure functions. */

/**
 * sinter_doctor_text_select:
 * @all: the array of dictionaries that ExamineHost returns
 * @except: (nullable): names of checks
 *
 * Returns: (transfer full) (element-type SinterProperties): the findings of all other checks
 */
GPtrArray *sinter_doctor_text_select(GVariant *all, const char *const *except);

/* (transfer full): two lines per finding: the problem, and what solves it; empty without any */
char *sinter_doctor_text_table(GPtrArray *findings, gboolean legend);

/* (transfer full): one line per finding: the check and the subject */
char *sinter_doctor_text_names(GPtrArray *findings);

/* (transfer full) */
JsonNode *sinter_doctor_text_to_json(GPtrArray *findings);

G_END_DECLS
