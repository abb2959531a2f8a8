/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-model.h"

G_BEGIN_DECLS

/* Stores in @record the images of @domain, before the start, whose data the job merges into a lower
 * image. */
void sinter_merged_images_note(SinterJobRecord *record, const SinterDomain *domain);

/* Marks the noted images that still exist (sinter-merged-mark.h): they have no valid content any
 * more. Call after the merge was verified. Blocking. */
void sinter_merged_images_mark(const SinterJobRecord *record);

G_END_DECLS
