/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-properties.h"

G_BEGIN_DECLS

/* The result of a check as text. All functions take the properties of a Job and are pure. */

/* Returns whether the job is a check. */
gboolean sinter_check_text_is_check(const SinterProperties *job);

/* (transfer full): "3 images checked: no damage found" */
char *sinter_check_text_summary(const SinterProperties *job);

/* (transfer full): a table of the images, and for each damaged image a table of its findings; empty
 * without a result */
char *sinter_check_text_report(const SinterProperties *job, gboolean legend);

/* Returns the exit status for a job that is done: that of the worst result of a check. */
int sinter_check_text_exit_status(const SinterProperties *job);

G_END_DECLS
