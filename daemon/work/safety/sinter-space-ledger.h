/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterSpaceLedger:
 *
 * Which of our jobs may still need how much free space of a file system. A job claims the most that
 * it may need before it begins, lowers its claim as it proceeds, and releases it at its end; so two
 * jobs never start on space that is enough for only one. Any thread. Functions accept %NULL: then
 * jobs do not know of each other.
 */
typedef struct _SinterSpaceLedger SinterSpaceLedger;

SinterSpaceLedger *sinter_space_ledger_new(void);
void sinter_space_ledger_free(SinterSpaceLedger *ledger);

typedef enum {
    SINTER_SPACE_GRANTED,
    SINTER_SPACE_PROMISED, /* it would be enough without the claims of other jobs */
    SINTER_SPACE_LACKING,
} SinterSpace;

/**
 * sinter_space_ledger_claim:
 * @job_id: the job; replaces its earlier claim
 * @fs_device: the file system
 * @need_bytes: the most that the job may need there
 * @free_bytes: the present free space
 * @ret_promised_bytes: (out): what other jobs have claimed of it
 *
 * Nothing is claimed unless it is granted.
 */
SinterSpace sinter_space_ledger_claim(SinterSpaceLedger *ledger, const char *job_id,
                                      guint64 fs_device, guint64 need_bytes, guint64 free_bytes,
                                      guint64 *ret_promised_bytes);

/* For a job that has already started: claims unconditionally. */
void sinter_space_ledger_renew(SinterSpaceLedger *ledger, const char *job_id, guint64 fs_device,
                               guint64 need_bytes);

/* The job needs at most @left_bytes from now on; never increases a claim. */
void sinter_space_ledger_lower(SinterSpaceLedger *ledger, const char *job_id, guint64 left_bytes);

void sinter_space_ledger_give_up(SinterSpaceLedger *ledger, const char *job_id);

G_END_DECLS
