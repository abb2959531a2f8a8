/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kinds of jobs. A new kind is a row in the table. Invariant: the name of a kind never changes
 * and is never reused for another one, because records contain it.
 */

#include "sinter-job-kinds.h"

#include "sinter-check-job.h"
#include "sinter-live-check-job.h"
#include "sinter-live-job.h"
#include "sinter-offline-job.h"
#include "sinter-offline-remedy-job.h"
#include "sinter-resolve-job.h"
#include "sinter-remedy-job.h"
#include "sinter-snapshot-job.h"
#include "sinter-unknown-job.h"

static const SinterJobKind *const kinds[] = {
    &sinter_live_job_kind,           &sinter_offline_job_kind,  &sinter_check_job_kind,
    &sinter_live_check_job_kind,     &sinter_repair_job_kind,   &sinter_remedy_job_kind,
    &sinter_offline_remedy_job_kind, &sinter_snapshot_job_kind,
};

const SinterJobKind *
sinter_job_kinds_find(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_equal(kinds[i]->name, name))
            return kinds[i];
    }
    return NULL;
}

const SinterJobKind *
sinter_job_kinds_for_record(const SinterJobRecord *record)
{
    const SinterJobKind *kind = sinter_job_kinds_find(sinter_job_record_get_kind(record));

    if (record->phase == SINTER_PHASE_RESOLVING)
        return &sinter_resolve_job_kind;
    return kind ? kind : &sinter_unknown_job_kind;
}
