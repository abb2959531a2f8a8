/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-image-report.h"
#include "sinter-phase.h"
#include "sinter-plan.h"

G_BEGIN_DECLS

/*
 * The record of one job in the state folder: one JSON file per job. It is written durably before
 * each step that changes anything, so that after a crash the record names the last step that may
 * have begun. See sinter-live-reconcile.h and sinter-offline-reconcile.h for how it is then used.
 */

/* The kinds that existed before records contained a kind. */
#define SINTER_JOB_KIND_LIVE "live-block-job"
#define SINTER_JOB_KIND_OFFLINE "offline-merge"

#define SINTER_JOB_KIND_CHECK "image-check"
#define SINTER_JOB_KIND_LIVE_CHECK "live-check"
#define SINTER_JOB_KIND_REPAIR "image-repair"
#define SINTER_JOB_KIND_REMEDY "remedy"
#define SINTER_JOB_KIND_SNAPSHOT "snapshot-create"
#define SINTER_JOB_KIND_OFFLINE_REMEDY "offline-remedy"

/* What a user can request for a job that is in doubt: to compare the two images, or to use the one
 * from before or after the pivot. */
#define SINTER_JOB_CHOICE_COMPARE "compare"
#define SINTER_JOB_CHOICE_OLD "old"
#define SINTER_JOB_CHOICE_NEW "new"

typedef struct {
    char *id;   /* a decimal number, never reused */
    char *kind; /* (nullable): see sinter_job_record_get_kind() */
    char *domain_uuid;
    char *domain_name;
    SinterDiskPlan *plan;
    guint64 bandwidth_bytes_per_sec; /* 0: no limit */
    guint uid;                       /* the user that requested the job */
    SinterPhase phase;
    char **remove_identities; /* "DEVICE:INODE" of each of the plan's remove_files at the start, ""
                               * if unknown; %NULL before the start */
    char **merged_images;     /* of a commit: "DEVICE:INODE PATH" of each image whose data is merged
                               * into a lower one; %NULL before the start */
    char *
        waiting_for; /* (nullable): what the job waits for, as a sentence; only shown, not stored */
    gboolean cancel_requested;
    char *qemu_identity;         /* (nullable): the QEMU process that the job works in, from
                                  * SinterVirtClass.identify; not updated after a pivot was
                                  * requested */
    char *backing_name;          /* (nullable): of a pull of a running domain: the backing file in
                                  * the header of the active image before … */
    char *backing_format;        /* … and its format */
    gboolean base_written;       /* of a commit: data was, or may have been, merged into the base */
    gboolean definition_guarded; /* the definition for the next boot has a guard, or is about to get
                                  * one */
    gboolean in_doubt;   /* quarantined because it is unknown which of two images is current: the
                          * first of the plan's chain_before, or of its chain_after */
    char *choice;        /* (nullable): a SINTER_JOB_CHOICE of a user that is being carried out, or
                          * that was carried out last */
    char *obstacle;      /* (nullable): why the last choice could not be carried out; a warning */
    gboolean throttled;  /* the daemon lowered the disk's write limit … */
    char **saved_limits; /* … and the limits before (sinter-io-limits.h); %NULL: never */
    gboolean suspended;  /* the daemon suspended the domain's vCPUs */
    guint64 suspended_usec;    /* since when, as the times below; 0: it is not suspended */
    guint64 n_holds;           /* how often it was suspended and resumed again … */
    guint64 longest_hold_usec; /* … for how long at most … */
    guint64 total_hold_usec;   /* … and in all */
    gint64 created_usec;       /* microseconds since the epoch; 0: not yet */
    gint64 started_usec;
    gint64 ended_usec;
    SinterError error_code; /* of failed, cancelled and quarantined jobs */
    char *error_message;
    GPtrArray *warnings; /* of char* */
    char **undo_files;   /* (nullable): of a repair that has ended, in the order of writing */
    GPtrArray *reports;  /* (nullable): of SinterImageReport: the result of a check, in the order of
                          * the chain; never changed, only replaced */
} SinterJobRecord;

SinterJobRecord *sinter_job_record_new(void);
SinterJobRecord *sinter_job_record_copy(const SinterJobRecord *record);
void sinter_job_record_free(SinterJobRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterJobRecord, sinter_job_record_free)

/* (transfer none): the name of the record's kind of job (SinterJobKind). For a record without one,
 * the plan determines the kind. */
const char *sinter_job_record_get_kind(const SinterJobRecord *record);

/* Adds a sentence to the warnings, unless it is already there. */
void sinter_job_record_warn(SinterJobRecord *record, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* (transfer full): the record as JSON text */
char *sinter_job_record_to_json(const SinterJobRecord *record);

/* (transfer full) (nullable): CORRUPT if the text is not a complete record of a known version */
SinterJobRecord *sinter_job_record_from_json(const char *json, gssize len, GError **error);

G_END_DECLS
