/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A job left by another version of sinterd. Invariant: nothing is changed on the host, because this
 * version does not know what was begun and how far it got.
 */

#include "sinter-unknown-job.h"

typedef struct {
    char *reason;
} State;

static void
init(SinterJobRun *run)
{
    State *state = run->state;

    state->reason =
        g_strdup_printf("the kind of the job is '%s', which this version of sinterd does not "
                        "support; the job is not resumed: check the domain and its images",
                        sinter_job_record_get_kind(run->record));
}

static void
clear(SinterJobRun *run)
{
    State *state = run->state;

    g_free(state->reason);
}

static gboolean
observe(SinterJobRun *run, GError **error)
{
    return TRUE;
}

static SinterVerdict
decide(const SinterJobRun *run)
{
    const State *state = run->state;

    return sinter_verdict_end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_UNSUPPORTED, state->reason);
}

const SinterJobKind sinter_unknown_job_kind = {
    .name = "",
    .state_size = sizeof(State),
    .init = init,
    .clear = clear,
    .starts_at_once = TRUE,
    .observe = observe,
    .decide = decide,
};
