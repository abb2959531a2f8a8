/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kind of job that carries out a remedy. Invariant: the record says that the guest is about to
 * be resumed before it is; the job changes nothing else.
 */

#include "sinter-remedy-job.h"

#include <libvirt/libvirt.h>

#include "sinter-diagnosis.h"
#include "sinter-examiner.h"
#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-remedy-reconcile.h"

/* Between two examinations: often at first, because somebody may be making room, then rarely. */
#define MIN_POLL_USEC G_USEC_PER_SEC
#define MAX_POLL_USEC (4 * G_USEC_PER_SEC)
#define POLL_STEP_USEC (G_USEC_PER_SEC / 20)

/* Storage that does not answer within this time is silent; then nothing has passed. */
#define PATIENCE_USEC G_USEC_PER_SEC

typedef struct {
    SinterExaminer *examiner;
    SinterRemedyLook look;
    gint64 running_since_usec; /* monotonic; 0: not seen running */
    guint64 poll_usec;
} State;

static void
init(SinterJobRun *run)
{
    ((State *)run->state)->examiner = sinter_examiner_new(sinter_examine);
}

static void
clear(SinterJobRun *run)
{
    g_clear_pointer(&((State *)run->state)->examiner, sinter_examiner_free);
}

/* --- observing -------------------------------------------------------------------------------- */

/* Whether the domain runs in the QEMU process that failed. */
static gboolean
observe_process(SinterJobRun *run, const SinterDomain *domain, gboolean *ret_same, GError **error)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    g_autoptr(GError) cause = NULL;
    g_autofree char *identity = NULL;

    *ret_same = FALSE;
    if (!domain->active)
        return TRUE;
    identity = virt->klass->identify(virt, record->domain_uuid, &cause);
    if (!identity && !g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    if (!record->qemu_identity)
        record->qemu_identity = g_strdup(identity);
    *ret_same = identity && g_str_equal(identity, record->qemu_identity);
    return TRUE;
}

static SinterGuestState
find_guest_state(const SinterDomain *domain)
{
    if (domain->state == SINTER_DOMAIN_RUNNING)
        return SINTER_GUEST_RUNNING;
    if (domain->state == SINTER_DOMAIN_PAUSED && domain->reason == VIR_DOMAIN_PAUSED_IOERROR)
        return SINTER_GUEST_FAILED;
    return SINTER_GUEST_PAUSED;
}

static void
note_space(SinterRemedyLook *look, const SinterSymptoms *symptoms)
{
    for (guint i = 0; i < symptoms->layers->len; i++) {
        const SinterLayerSymptoms *layer = symptoms->layers->pdata[i];

        if (!layer->active || layer->fs_bytes == 0)
            continue;
        look->free_known = TRUE;
        look->free_bytes = layer->fs_free_bytes;
    }
}

/* Looks for the cause with what was known about the failure when the job was made. */
static void
examine(SinterJobRun *run, SinterDomain *domain)
{
    State *state = run->state;
    const SinterDiskPlan *plan = run->record->plan;
    g_autoptr(SinterEvent) event = sinter_event_new(SINTER_EVENT_IO_ERROR);
    g_autofree char *uri = g_strdup(run->context.uri);
    SinterExamination examination = { event, domain, plan->disk, uri };
    g_autoptr(SinterSymptoms) symptoms = NULL;
    g_autoptr(SinterDiagnosis) diagnosis = NULL;

    event->uuid = g_strdup(domain->uuid);
    event->disk = g_strdup(plan->disk);
    event->text = g_strdup(plan->min_free_bytes > 0 ? "enospc" : "");
    symptoms = sinter_examiner_ask(state->examiner, &examination, PATIENCE_USEC);
    diagnosis = sinter_diagnose(symptoms);
    state->look.cause_passed = diagnosis->cause->passed;
    note_space(&state->look, symptoms);
}

static gboolean
observe(SinterJobRun *run, GError **error)
{
    State *state = run->state;
    SinterVirt *virt = run->context.virt;
    g_autoptr(GError) cause = NULL;
    g_autoptr(SinterDomain) domain =
        virt->klass->scan_domain(virt, run->record->domain_uuid, g_get_monotonic_time(), &cause);
    gboolean same = FALSE;

    state->look = (SinterRemedyLook){ .guest = SINTER_GUEST_ENDED };
    if (!domain && g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
        return TRUE;
    if (!domain) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    if (domain->partial || domain->unresponsive_since_usec != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "the present state of domain '%s' is not known", domain->name);
        return FALSE;
    }
    if (!observe_process(run, domain, &same, error))
        return FALSE;
    if (same)
        state->look.guest = find_guest_state(domain);
    if (state->look.guest != SINTER_GUEST_RUNNING)
        state->running_since_usec = 0;
    else if (state->running_since_usec == 0)
        state->running_since_usec = g_get_monotonic_time();
    else
        state->look.running_usec = (guint64)(g_get_monotonic_time() - state->running_since_usec);
    if (state->look.guest == SINTER_GUEST_FAILED && run->record->phase < SINTER_PHASE_RESUMING)
        examine(run, domain);
    return TRUE;
}

/* --- steps ------------------------------------------------------------------------------------ */

static void
step_wait(SinterJobRun *run, const SinterVerdict *verdict)
{
    State *state = run->state;
    SinterJobRecord *record = run->record;
    SinterPhase phase =
        state->look.guest == SINTER_GUEST_RUNNING ? SINTER_PHASE_VERIFYING : SINTER_PHASE_WAITING;
    g_autoptr(GError) error = NULL;

    if (record->started_usec == 0)
        record->started_usec = g_get_real_time();
    if (record->phase < phase && !sinter_job_run_enter_phase(run, phase, &error)) {
        sinter_job_run_fail(run, error);
        return;
    }
    state->poll_usec = CLAMP(state->poll_usec + POLL_STEP_USEC, MIN_POLL_USEC, MAX_POLL_USEC);
    sinter_job_run_wait(run, state->poll_usec);
}

/* Processes what came meanwhile. FALSE if the guest must not be resumed any more. */
static gboolean
hear_all(SinterJobRun *run)
{
    SinterMessage *message;

    while ((message = sinter_mailbox_wait(run->mailbox, 0))) {
        sinter_job_run_hear(run, message);
        sinter_message_free(message);
    }
    return run->life == SINTER_JOB_RUNS && !run->record->cancel_requested;
}

static void
step_resume(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    g_autoptr(GError) error = NULL;

    /* the examination may have taken seconds */
    if (!hear_all(run))
        return;
    if (record->started_usec == 0)
        record->started_usec = g_get_real_time();
    if (!sinter_job_run_enter_phase(run, SINTER_PHASE_RESUMING, &error)) {
        sinter_job_run_fail(run, error);
        return;
    }
    if (virt->klass->resume_failed(virt, record->domain_uuid, &error))
        return;
    /* whether the guest was resumed is then seen from its state */
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED) ||
        g_error_matches(error, SINTER_ERROR, SINTER_ERROR_BUSY))
        sinter_job_run_log(run, G_LOG_LEVEL_INFO, error->message);
    else
        sinter_job_run_fail(run, error);
}

static void
step_done(SinterJobRun *run, const SinterVerdict *verdict)
{
    sinter_job_run_finish(run, SINTER_PHASE_DONE, SINTER_ERROR_FAILED, NULL);
}

static SinterVerdict
decide(const SinterJobRun *run)
{
    const State *state = run->state;

    return sinter_remedy_reconcile(run->record, &state->look, g_get_real_time());
}

/* Whatever happened to the domain, its state tells. */
static SinterHeard
hear(SinterJobRun *run, const SinterEvent *event)
{
    return SINTER_HEARD_NEWS;
}

const SinterJobKind sinter_remedy_job_kind = {
    .name = SINTER_JOB_KIND_REMEDY,
    .state_size = sizeof(State),
    .init = init,
    .clear = clear,
    .starts_at_once = TRUE,
    .observe = observe,
    .decide = decide,
    .hear = hear,
    .steps = {
        [SINTER_NEXT_WAIT] = step_wait,
        [SINTER_NEXT_START] = step_resume,
        [SINTER_NEXT_VERIFY] = step_done,
    },
};
