/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"
#include "sinter-model.h"

G_BEGIN_DECLS

/* How a check went. */
typedef enum {
    SINTER_CHECK_DONE,    /* the record has the reports; at least one image was checked */
    SINTER_CHECK_FAILED,  /* with an error: nothing could be checked */
    SINTER_CHECK_STOPPED, /* the daemon stops, the job is to be cancelled, or the worker died: see
                           * what is next */
} SinterCheckEnd;

/**
 * sinter_check_images:
 * @disk: (nullable): as just scanned; %NULL for the check of a file
 *
 * Checks, or repairs, the images of the record's plan in a worker, and puts the reports into the record, which
 * the caller saves. The images are locked against writers meanwhile. Blocking.
 */
SinterCheckEnd sinter_check_images(SinterJobRun *run, const SinterDisk *disk, GError **error);

/* Puts the undo files of a repair into the record, and removes those of others that are too many or
 * too old. Blocking. */
void sinter_check_keep_undo_files(SinterJobRun *run);

G_END_DECLS
