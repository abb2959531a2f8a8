/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sinter/merge.h>

G_BEGIN_DECLS

/* Prints the plan or the result, for people or as JSON. */
void sinter_img_merge_print(const SinterMergePlan *plan, gboolean json, gboolean dry_run);

G_END_DECLS
