/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-error.h"

G_BEGIN_DECLS

/*
 * A plan: what would be done to the disks of one domain, step by step, at what cost, and why
 * anything is refused. A plain value, made by the planner, shown on D-Bus, carried out by the
 * executor. Nothing in it refers to the inventory: it holds copies, so that the executor can see
 * whether the world is still the one that was planned for.
 */

typedef enum {
    SINTER_OPERATION_ACTIVE_COMMIT, /* merge the top layer (and those below) down into the base */
    SINTER_OPERATION_COMMIT,        /* merge intermediate layers down; the active one stays */
    SINTER_OPERATION_PULL,          /* copy from below up into the active layer */
    SINTER_OPERATION_COPY,          /* mirror the disk to a new place */
} SinterOperation;

/* (transfer none): "active-commit", "commit", "pull", "copy"; and back (FALSE: no such name) */
const char *sinter_operation_name(SinterOperation operation);
gboolean sinter_operation_from_name(const char *name, SinterOperation *ret_operation);

typedef enum {
    SINTER_STEP_COMMIT, /* text for people says top, base */
    SINTER_STEP_PULL,
    SINTER_STEP_COPY,
    SINTER_STEP_PIVOT,
    SINTER_STEP_REDEFINE_DOMAIN,   /* of a shut-off domain: its definition names another top */
    SINTER_STEP_VERIFY,            /* live and next-boot XML and the chain are what was planned */
    SINTER_STEP_DROP_SNAPSHOT,     /* snapshot metadata that would name a state that is gone */
    SINTER_STEP_REDEFINE_SNAPSHOT, /* metadata of a kept snapshot, to name the file that now holds
                                      it */
    SINTER_STEP_REMOVE_FILE,       /* only if the reference graph then proves it unused */
    SINTER_STEP_REFRESH_POOL,      /* the storage pools of removed files */
} SinterStepKind;

const char *sinter_step_kind_name(SinterStepKind kind); /* "commit", "drop-snapshot", … */

typedef struct {
    SinterStepKind kind;
    char *disk;    /* target */
    char *subject; /* file, snapshot name; %NULL for steps without one */
    guint64 bytes; /* to copy, or that are freed; 0 for steps that move none */
    char *text;    /* a line for people */
} SinterStep;

/* Why a disk is refused. Stable names, the members' nicks; their errors are in sinter-plan.c. */
typedef enum {
    SINTER_REFUSAL_NO_CHAIN,          /* a single layer: nothing to do */
    SINTER_REFUSAL_SHARED_BASE,       /* another chain stands on a layer that would change or go */
    SINTER_REFUSAL_INTERNAL_SNAPSHOT, /* inside a layer that would change or go */
    SINTER_REFUSAL_READ_ONLY,
    SINTER_REFUSAL_SHAREABLE,
    SINTER_REFUSAL_TRANSIENT,
    SINTER_REFUSAL_BUSY, /* a block job is there already */
    SINTER_REFUSAL_NO_SPACE,
    SINTER_REFUSAL_MISSING_LAYER,
    SINTER_REFUSAL_UNREADABLE,      /* the domain or an image could not be understood */
    SINTER_REFUSAL_UNSUPPORTED,     /* source, device or format that we do not treat */
    SINTER_REFUSAL_NOT_RUNNING,     /* a copy of a shut-off domain's disk */
    SINTER_REFUSAL_MANAGED_SAVE,    /* a saved state that goes on with the chain as it is */
    SINTER_REFUSAL_FORMAT_MISMATCH, /* an image looks like one of another format than recorded */
    SINTER_REFUSAL_BAD_RANGE,       /* top or base not in the chain, or in the wrong order */
} SinterRefusalCode;

typedef struct {
    SinterRefusalCode code;
    char *disk;
    char *text; /* a sentence: what, why, what to do */
} SinterRefusal;

const char *sinter_refusal_code_name(SinterRefusalCode code);  /* "shared-base", … */
SinterError sinter_refusal_code_error(SinterRefusalCode code); /* what D-Bus says of it */

/**
 * SinterDiskPlan: the part of one disk; all that a job needs to know.
 *
 * Chains are path lists (descriptions where a layer has no path), active layer first.
 */
typedef struct {
    char *disk;
    SinterOperation operation;
    char *top_path;    /* highest layer that is merged; the active layer for active commits */
    char *base_path;   /* what stays below: commit merges into it, pull stops above it.
                        * %NULL for a pull of everything and for copies */
    char *destination; /* of a copy */
    char *destination_format; /* of a copy: "qcow2" or "raw" */
    char *destination_root;   /* of a copy: the folder that lets it be there; %NULL: anywhere */
    gboolean shallow;         /* copy: only the active layer */
    gboolean reuse_external;  /* copy: the destination exists */
    gboolean pivot; /* copy: move over to the destination at READY; else leave it whole there */
    char **chain_before;
    char **chain_after;
    gboolean offline;           /* the domain is shut off: sinter-worker merges, and not QEMU */
    gboolean inactive_follows;  /* the next-boot XML names the same top as the live one now */
    char **drop_snapshots;      /* names */
    char **redefine_snapshots;  /* names: their frozen file is merged into base_path, which then
                                 * holds the state that they keep */
    char **remove_files;        /* candidates; removed only when proved unused */
    guint64 bytes_to_copy;      /* an upper bound from the layers' allocation */
    guint64 space_before_bytes; /* the chain's allocation */
    guint64 space_after_bytes;
    guint64 peak_extra_bytes; /* the most that is needed on base's file system meanwhile */
    guint64 fs_device;        /* the file system that is written to: budgets are by it */
    GPtrArray *steps;         /* of SinterStep, in order */
    GPtrArray *refusals;      /* of SinterRefusal; empty: it can be done */
    GPtrArray *warnings;      /* of char*: what an administrator should know, each a sentence */
} SinterDiskPlan;

typedef struct {
    gatomicrefcount ref_count;
    char *domain_uuid;
    char *domain_name;
    gboolean domain_active;
    gint64 created_usec; /* the clock that the planner was given, microseconds since the epoch */
    GPtrArray *disks;    /* of SinterDiskPlan */
} SinterPlan;

SinterStep *sinter_step_new(SinterStepKind kind, const char *disk);
void sinter_step_free(SinterStep *step);
SinterRefusal *sinter_refusal_new(SinterRefusalCode code, const char *disk, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
void sinter_refusal_free(SinterRefusal *refusal);
SinterDiskPlan *sinter_disk_plan_new(const char *disk);
SinterDiskPlan *sinter_disk_plan_copy(const SinterDiskPlan *plan);
void sinter_disk_plan_free(SinterDiskPlan *plan);
SinterPlan *sinter_plan_new(void);
SinterPlan *sinter_plan_ref(SinterPlan *plan);
void sinter_plan_unref(SinterPlan *plan);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterStep, sinter_step_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterRefusal, sinter_refusal_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterDiskPlan, sinter_disk_plan_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterPlan, sinter_plan_unref)

/* (nullable): the first refusal other than "no chain", of any disk: what makes the plan refused */
const SinterRefusal *sinter_plan_get_refusal(const SinterPlan *plan);

/* Whether at least one disk of the plan can be worked on. */
gboolean sinter_plan_has_work(const SinterPlan *plan);

G_END_DECLS
