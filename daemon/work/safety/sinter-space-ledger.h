/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterSpaceLedger:
 *
 * Who among our jobs may still need how much of a file system's room. A job claims what it may
 * need at most before it begins, lowers its claim as it goes, and gives it up at its end; so no two
 * begin on room that is enough for one. Any thread. Functions accept %NULL: no job knows of
 * another.
 */
typedef struct _SinterSpaceLedger SinterSpaceLedger;

SinterSpaceLedger *sinter_space_ledger_new(void);
void sinter_space_ledger_free(SinterSpaceLedger *ledger);

typedef enum {
    SINTER_SPACE_GRANTED,
    SINTER_SPACE_PROMISED, /* it would be enough, but for what other jobs may need */
    SINTER_SPACE_LACKING,
} SinterSpace;

/**
 * sinter_space_ledger_claim:
 * @job_id: whose claim; an earlier one of it is replaced
 * @fs_device: the file system
 * @need_bytes: the most that the job may need there
 * @free_bytes: what is left there now
 * @ret_promised_bytes: (out): what the others may need of it
 *
 * Nothing is claimed unless it is granted.
 */
SinterSpace sinter_space_ledger_claim(SinterSpaceLedger *ledger, const char *job_id,
                                      guint64 fs_device, guint64 need_bytes, guint64 free_bytes,
                                      guint64 *ret_promised_bytes);

/* For a job that is under way already: claims without a question. */
void sinter_space_ledger_renew(SinterSpaceLedger *ledger, const char *job_id, guint64 fs_device,
                               guint64 need_bytes);

/* The job needs no more than @left_bytes from now on; a claim never grows by that. */
void sinter_space_ledger_lower(SinterSpaceLedger *ledger, const char *job_id, guint64 left_bytes);

void sinter_space_ledger_give_up(SinterSpaceLedger *ledger, const char *job_id);

G_END_DECLS
