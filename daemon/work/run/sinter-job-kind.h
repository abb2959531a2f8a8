/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-progress.h"
#include "sinter-job-store.h"
#include "sinter-job-verdict.h"
#include "sinter-mailbox.h"
#include "sinter-patience.h"
#include "sinter-rate.h"
#include "sinter-space-ledger.h"
#include "sinter-virt.h"

G_BEGIN_DECLS

typedef struct _SinterJobRun SinterJobRun;

/**
 * SinterJobFunc:
 * @record: (transfer none): the present state of the job
 * @progress: (transfer none): how far the copying is
 * @ended: %TRUE in the last call only: the record is final and durable; if it could not be written,
 *   no older record is left either
 *
 * Called in the job's thread.
 */
typedef void (*SinterJobFunc)(const SinterJobRecord *record, const SinterJobProgress *progress,
                              gboolean ended, gpointer user_data);

/* What a job uses of the daemon. */
typedef struct {
    SinterVirt *virt;          /* (unowned): outlives the thread */
    SinterJobStore *store;     /* (unowned): likewise */
    SinterSpaceLedger *ledger; /* (unowned) (nullable): likewise */
    SinterPatience *storage;   /* (unowned) (nullable): for questions to file systems; likewise */
    guint64 patience_usec;     /* see sinter-convergence.h */
    guint64 max_pause_usec;
    guint64 poll_usec;          /* between two polls of the progress */
    guint64 retry_usec;         /* delay before a retry if no event may announce a change */
    const char *uri;            /* (unowned): libvirt's URI of the connection */
    const char *undo_dir;       /* (unowned): the folder of undo files */
    guint keep_undo_files;      /* how many of them are kept; 0: no limit */
    guint keep_undo_days;       /* for how long; 0: no limit */
    const char *worker_program; /* (nullable): path of sinter-worker, if not next to the daemon */
    SinterJobFunc func;
    gpointer user_data;
} SinterJobContext;

/* What a message means for a waiting job. */
typedef enum {
    SINTER_HEARD_NOTHING, /* nothing: continue waiting */
    SINTER_HEARD_READY,   /* the copy is ready for the pivot */
    SINTER_HEARD_NEWS,    /* observe again */
} SinterHeard;

/* Carries out @verdict. Returns when it is time to observe again, or when the job has ended. */
typedef void (*SinterJobStep)(SinterJobRun *run, const SinterVerdict *verdict);

/**
 * SinterJobKind:
 *
 * A kind of job: the functions that differ between jobs in the loop that all of them run. All of
 * them are called in the job's thread; those marked nullable may be absent.
 *
 * To add a kind, write its functions and steps in a folder of their own below daemon/work, and add
 * the kind to the table in sinter-job-kinds.c.
 */
typedef struct {
    const char *name; /* the name in records: never changes */

    gsize state_size;                 /* of run->state, which is zeroed initially */
    gsize seat_offset;                /* of the SinterWorkerSeat in it, if the kind uses workers */
    void (*init)(SinterJobRun *run);  /* (nullable): initializes run->state */
    void (*clear)(SinterJobRun *run); /* (nullable): frees the members of run->state */

    gboolean starts_at_once; /* does not wait for admission by the executor */

    /* (nullable): for a job that an earlier run of the daemon began, before the first
     * observation. */
    void (*take_over)(SinterJobRun *run);

    /* Observes the host and stores the result in run->state. FALSE with an error if that was not
     * possible: it is retried later. */
    gboolean (*observe)(SinterJobRun *run, GError **error);

    /* Returns the next step, from the record and the observation. Pure. */
    SinterVerdict (*decide)(const SinterJobRun *run);

    /* (nullable): FALSE if @verdict must not be followed yet: then it has waited for what is
     * missing, and the job observes again. */
    gboolean (*may_step)(SinterJobRun *run, const SinterVerdict *verdict);

    /* By SinterNext. NULL for values that decide() never returns, and, for the three ends, if
     * nothing has to be done besides ending the job. */
    SinterJobStep steps[SINTER_N_NEXTS];

    /* (nullable): returns what an event of libvirt means. */
    SinterHeard (*hear)(SinterJobRun *run, const SinterEvent *event);

    /* (nullable): the record has a new bandwidth limit: applies it. */
    void (*apply_bandwidth)(SinterJobRun *run);

    /* (nullable): the daemon stops while the job has not ended: undoes what must not stay. */
    void (*leave)(SinterJobRun *run);
} SinterJobKind;

/* How other threads wait for the job's thread. */
typedef struct {
    GThread *thread;
    GMutex lock;   /* guards left */
    GCond cond;    /* signals that left was set */
    gboolean left; /* the thread does nothing more */
} SinterJobThread;

typedef enum {
    SINTER_JOB_RUNS,
    SINTER_JOB_STOPPED, /* the daemon stops: the next run of the daemon continues the job */
    SINTER_JOB_OVER,    /* the record is final */
} SinterJobLife;

/* What the job has saved and logged. */
typedef struct {
    gboolean unsaved;  /* the record on disk lacks changes that need not be durable */
    gint64 since_usec; /* when the event arrived that the job has to look at; 0 for none */
    char *trouble;     /* why the last observation failed, as logged; NULL if it succeeded */
} SinterJobNews;

/* A job as seen by its kind. The job's thread owns everything except mailbox, to which any thread
 * may post, and thread. */
struct _SinterJobRun {
    SinterJobContext context;
    const SinterJobKind *kind;
    gpointer state; /* the kind's own state, of kind->state_size bytes */
    SinterJobThread thread;
    SinterMailbox *mailbox;
    SinterJobRecord *record;
    SinterJobProgress progress;
    SinterRate rate;
    SinterJobLife life;
    SinterJobNews news;
};

/* Returns whether @error means that the connection to libvirt is lost: the job observes again after
 * the reconnection. */
static inline gboolean
sinter_job_is_lost(const GError *error)
{
    return g_error_matches(error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED);
}

G_END_DECLS
