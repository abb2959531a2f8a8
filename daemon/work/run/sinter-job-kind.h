/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-progress.h"
#include "sinter-job-store.h"
#include "sinter-job-verdict.h"
#include "sinter-mailbox.h"
#include "sinter-rate.h"
#include "sinter-space-ledger.h"
#include "sinter-virt.h"

G_BEGIN_DECLS

typedef struct _SinterJobRun SinterJobRun;

/**
 * SinterJobFunc:
 * @record: (transfer none): the job as it now is
 * @progress: (transfer none): how far the copying is
 * @ended: %TRUE once, as the last call: the record is final and durable; where it cannot be
 *  written, an older one does not stand either
 *
 * Called in the job's thread.
 */
typedef void (*SinterJobFunc)(const SinterJobRecord *record, const SinterJobProgress *progress,
                              gboolean ended, gpointer user_data);

/* What a job works with. */
typedef struct {
    SinterVirt *virt;          /* (unowned) outlives the thread */
    SinterJobStore *store;     /* (unowned) likewise */
    SinterSpaceLedger *ledger; /* (unowned) (nullable) likewise */
    guint64 patience_usec;     /* see sinter-convergence.h */
    guint64 max_pause_usec;
    guint64 poll_usec;          /* between two looks at the progress */
    guint64 retry_usec;         /* before what failed is tried again where no event may tell */
    const char *worker_program; /* (nullable): sinter-worker, where not beside the daemon */
    SinterJobFunc func;
    gpointer user_data;
} SinterJobContext;

/* What a message means for a job that waits. */
typedef enum {
    SINTER_HEARD_NOTHING, /* nothing: go on waiting */
    SINTER_HEARD_READY,   /* the copy is ready to be moved over */
    SINTER_HEARD_NEWS,    /* observe again */
} SinterHeard;

/* Does what @verdict says. It returns when it is time to observe again, or when the job is over. */
typedef void (*SinterJobStep)(SinterJobRun *run, const SinterVerdict *verdict);

/**
 * SinterJobKind:
 *
 * One kind of job: what differs between jobs in the loop that all of them run. Every function is
 * called in the job's thread; those marked nullable may be absent.
 *
 * To add a kind, write its functions and steps in a room of their own below daemon/work, and add
 * the kind to the table in sinter-job-kinds.c.
 */
typedef struct {
    const char *name; /* as records carry it: never changes */

    gsize state_size;                 /* of run->state, which is zeroed */
    void (*init)(SinterJobRun *run);  /* (nullable): sets up run->state */
    void (*clear)(SinterJobRun *run); /* (nullable): frees what run->state holds */

    gboolean starts_at_once; /* does not wait to be admitted by the executor */

    /* (nullable): for a job that an earlier run of the daemon began, before the first look. */
    void (*take_over)(SinterJobRun *run);

    /* Looks at the host and notes in run->state what is there. FALSE with an error when that was
     * not possible: it is tried again later. */
    gboolean (*observe)(SinterJobRun *run, GError **error);

    /* The next step, from the record and what was observed. Pure. */
    SinterVerdict (*decide)(const SinterJobRun *run);

    /* (nullable): FALSE when @verdict must not be followed yet: then it has waited for what is
     * missing, and the job observes again. */
    gboolean (*may_step)(SinterJobRun *run, const SinterVerdict *verdict);

    /* By SinterNext. NULL for what decide() never says, and, for the three ends, where
     * nothing has to be done besides ending the job. */
    SinterJobStep steps[SINTER_N_NEXTS];

    /* (nullable): what an event of libvirt means. */
    SinterHeard (*hear)(SinterJobRun *run, const SinterEvent *event);

    /* (nullable): the record has another bandwidth limit: applies it. */
    void (*apply_bandwidth)(SinterJobRun *run);

    /* (nullable): the daemon stops while the job is not over: undoes what must not stay. */
    void (*leave)(SinterJobRun *run);
} SinterJobKind;

/* The job's thread, as others wait for it. */
typedef struct {
    GThread *thread;
    GMutex lock;   /* guards left */
    GCond cond;    /* left was set */
    gboolean left; /* nothing else follows in the thread */
} SinterJobThread;

typedef enum {
    SINTER_JOB_RUNS,
    SINTER_JOB_STOPPED, /* the daemon stops: the next one goes on */
    SINTER_JOB_OVER,    /* the record is final */
} SinterJobLife;

/* What of the job's news is written down or logged. */
typedef struct {
    gboolean unsaved; /* the record on disk lags behind in what need not be durable */
    char *trouble;    /* why the last look failed, as logged; NULL when it did not */
} SinterJobNews;

/* A job as its kind sees it. All belongs to the job's thread but mailbox, which any may post to,
 * and thread. */
struct _SinterJobRun {
    SinterJobContext context;
    const SinterJobKind *kind;
    gpointer state; /* the kind's own, of kind->state_size bytes */
    SinterJobThread thread;
    SinterMailbox *mailbox;
    SinterJobRecord *record;
    SinterJobProgress progress;
    SinterRate rate;
    SinterJobLife life;
    SinterJobNews news;
};

/* Whether @error says that the connection to libvirt is lost: the job observes when it is back. */
static inline gboolean
sinter_job_is_lost(const GError *error)
{
    return g_error_matches(error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED);
}

G_END_DECLS
