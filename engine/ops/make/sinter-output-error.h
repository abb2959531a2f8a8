/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-error.h"

G_BEGIN_DECLS

/*
 * Sets an error of @stage (OPEN or CREATE) about @path, caused by the failure to open the file
 * @other, whose name the caller that gave @path does not know.
 */
void sinter_output_set_error(GError **error, SinterStage stage, const char *path, const char *other,
                             const GError *cause);

G_END_DECLS
