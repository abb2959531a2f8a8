/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sinter/salvage.h>

G_BEGIN_DECLS

/* The result of a salvage: for people, as a JSON object, and as a list of ranges. */

/* Prints the summary and the first ranges to standard output. */
void sinter_img_salvage_print(const SinterSalvageResult *result);
void sinter_img_salvage_print_json(const SinterSalvageResult *result);

/* (transfer full): all ranges, one per line, after a comment with the columns */
char *sinter_img_salvage_list(const SinterSalvageResult *result);

G_END_DECLS
