/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-error.h"

G_BEGIN_DECLS

/*
 * A plan: the steps on the disks of one domain, their cost, and the reasons for refusing any of
 * them. A plain value: the planner makes it, D-Bus shows it, the executor carries it out. It has no
 * reference into the inventory; it holds copies, so that the executor can check whether the domain
 * still matches the plan.
 */

typedef enum {
    SINTER_OPERATION_ACTIVE_COMMIT, /* merge the top layer (and those below) down into the base */
    SINTER_OPERATION_COMMIT,        /* merge intermediate layers down; the active layer stays */
    SINTER_OPERATION_PULL,          /* copy data from lower layers up into the active layer */
    SINTER_OPERATION_COPY,          /* mirror the disk to a new destination */
    SINTER_OPERATION_CHECK,         /* look for damage in the images; changes nothing */
    SINTER_OPERATION_REPAIR,        /* and repair what is found */
    SINTER_OPERATION_RECOVER,       /* resume a guest that an I/O error paused, or repair the
                                     * images of a domain and start it again */
    SINTER_OPERATION_SNAPSHOT,      /* put new overlays on disks, as an external snapshot */
} SinterOperation;

/* (transfer none): "active-commit", "commit", "pull", "copy", "check", "repair",
 * "recover", "snapshot". The reverse
 * returns %FALSE for an unknown name. */
const char *sinter_operation_name(SinterOperation operation);
gboolean sinter_operation_from_name(const char *name, SinterOperation *ret_operation);

typedef enum {
    SINTER_STEP_COMMIT, /* @text names top and base */
    SINTER_STEP_PULL,
    SINTER_STEP_COPY,
    SINTER_STEP_PIVOT,
    SINTER_STEP_REDEFINE_DOMAIN,   /* a shut-off domain's definition gets another top image */
    SINTER_STEP_VERIFY,            /* live XML, next-boot XML and the chain match the plan */
    SINTER_STEP_DROP_SNAPSHOT,     /* delete snapshot metadata whose state no longer exists */
    SINTER_STEP_REDEFINE_SNAPSHOT, /* change the metadata of a kept snapshot to name the file that
                                    * now holds its state */
    SINTER_STEP_DROP_CHECKPOINT,   /* delete checkpoint metadata whose bitmaps no longer exist */
    SINTER_STEP_REMOVE_FILE,       /* only if the reference graph then proves the file unused */
    SINTER_STEP_REFRESH_POOL,      /* the storage pools of removed files */
} SinterStepKind;

const char *sinter_step_kind_name(SinterStepKind kind); /* "commit", "drop-snapshot", … */

typedef struct {
    SinterStepKind kind;
    char *disk;    /* target */
    char *subject; /* file or snapshot name; %NULL for steps without one */
    guint64 bytes; /* bytes to copy or to free; 0 for steps that move no data */
    char *text;    /* description for people, one line */
} SinterStep;

/* Why a disk is refused. The members' nicks are stable names; sinter-plan.c maps them to errors. */
typedef enum {
    SINTER_REFUSAL_NO_CHAIN,          /* a single layer: nothing to do */
    SINTER_REFUSAL_SHARED_BASE,       /* another chain uses a layer that would be changed or
                                       * removed */
    SINTER_REFUSAL_INTERNAL_SNAPSHOT, /* inside a layer that would be changed or removed */
    SINTER_REFUSAL_READ_ONLY,
    SINTER_REFUSAL_SHAREABLE,
    SINTER_REFUSAL_TRANSIENT,
    SINTER_REFUSAL_BUSY, /* the disk already has a block job */
    SINTER_REFUSAL_NO_SPACE,
    SINTER_REFUSAL_MISSING_LAYER,
    SINTER_REFUSAL_UNREADABLE,      /* the domain or an image could not be read */
    SINTER_REFUSAL_UNSUPPORTED,     /* unsupported source, device or format */
    SINTER_REFUSAL_UNRESPONSIVE,    /* the storage of an image does not respond */
    SINTER_REFUSAL_RUNNING,         /* a repair of a running domain's disk */
    SINTER_REFUSAL_NOT_RUNNING,     /* a copy of a shut-off domain's disk */
    SINTER_REFUSAL_MANAGED_SAVE,    /* a managed save image, which needs the present chain to
                                     * resume */
    SINTER_REFUSAL_MANAGED,         /* another program manages the domain */
    SINTER_REFUSAL_FORMAT_MISMATCH, /* an image's content looks like another format than recorded */
    SINTER_REFUSAL_MIGRATED,        /* the domain was migrated to another host */
    SINTER_REFUSAL_SHARED_STORAGE,  /* another host may use an image */
    SINTER_REFUSAL_CHECKPOINT,      /* a checkpoint would be lost, or prevents the operation */
    SINTER_REFUSAL_BAD_RANGE,       /* top or base not in the chain, or in the wrong order */
} SinterRefusalCode;

typedef struct {
    SinterRefusalCode code;
    char *disk;
    char *text; /* a sentence: what is refused, why, and the remedy */
} SinterRefusal;

const char *sinter_refusal_code_name(SinterRefusalCode code);  /* "shared-base", … */
SinterError sinter_refusal_code_error(SinterRefusalCode code); /* the error on D-Bus */

/**
 * SinterDiskPlan: the part of the plan for one disk; everything that a job needs.
 *
 * Chains are lists of paths (descriptions for layers without a path), active layer first. A check
 * of a file has no domain: @disk is the path of the file.
 */
typedef struct {
    char *disk;
    SinterOperation operation;
    char *top_path;    /* the highest layer that is merged; the active layer for active commits */
    char *base_path;   /* the layer that remains: commit merges into it, pull stops above it. %NULL
                        * for copies and for a pull of the whole chain */
    char *base_format; /* of base_path: "qcow2" or "raw". %NULL without base_path, and in records of
                        * older versions: then a redefined snapshot keeps its format */
    char *destination; /* of a copy */
    char *destination_format; /* of a copy: "qcow2" or "raw" */
    char *destination_root;   /* of a copy: the allowed folder that contains the destination; %NULL:
                               * not restricted */
    gboolean shallow;         /* copy: only the active layer */
    gboolean reuse_external;  /* copy: the destination exists */
    gboolean pivot; /* copy: pivot to the destination at READY; else leave a complete copy there */
    char **chain_before;
    char **chain_after;
    gboolean seal; /* check: the active layer too, under a temporary overlay (@top_path), which
                    * is merged back into it (@base_path): @chain_before has the
                    * overlay, @chain_after has not. Until the job has an id, no
                    * overlay has a name */
    gboolean repair_leaks;     /* repair: only leaks */
    char **check_paths;        /* check, repair: the images to check, active layer first */
    char **skip_paths;         /* likewise: the images that are not checked … */
    char **skip_reasons;       /* … and why: one for each */
    gboolean offline;          /* the domain is shut off: sinter-worker merges instead of QEMU */
    gboolean inactive_follows; /* the next-boot XML now names the same top image as the live XML */
    char **drop_snapshots;     /* names */
    char **redefine_snapshots; /* names of snapshots whose frozen file is merged into base_path,
                                * which then holds their state */
    char **drop_checkpoints;   /* names of checkpoints whose dirty bitmaps are lost */
    char **remove_files;       /* candidates; removed only if proved unused */
    char **ignored_readers;    /* as in the request: these do not count as possible readers */
    gboolean ignore_manager;   /* as in the request */
    gboolean ignore_migrated;  /* likewise */
    gboolean adopt;            /* likewise: the block job exists … */
    gboolean abort;            /* … and is ended; @chain_after is @chain_before */
    char *incident;            /* recover: ID of the incident */
    char *remedy;              /* recover: name of the plugin that proposed it */
    guint64 min_free_bytes;    /* recover: the free space that the guest needs to continue; 0 if it
                                * was not paused for lack of space */
    guint64 delay_usec;  /* recover: the guest is not resumed earlier after the job was made */
    gboolean repairs;    /* recover: the domain is not resumed; instead the images in
                          * @check_paths, of any of its disks, are repaired while it is shut
                          * off … */
    gboolean stops;      /* … before which it is stopped … */
    gboolean starts;     /* … and after which it is started */
    char *snapshot_name; /* snapshot: its name … */
    char *snapshot_description; /* … and description, or %NULL */
    char **snapshot_disks;      /* snapshot: all targets, @disk first … */
    char **frozen_paths;        /* … the active layer of each … */
    char **overlay_paths;       /* … and the new image on top of it; both empty if refused */
    guint64 bytes_to_copy;      /* an upper bound from the layers' allocation */
    guint64 space_before_bytes; /* the chain's allocation */
    guint64 space_after_bytes;
    guint64 peak_extra_bytes; /* the most extra space needed on the base's file system during the
                               * job */
    guint64 fs_device;        /* the file system that is written to, which budgets are counted by */
    GPtrArray *steps;         /* of SinterStep, in order */
    GPtrArray *refusals;      /* of SinterRefusal; empty if the disk can be worked on */
    GPtrArray *warnings;      /* of char*: sentences for the administrator */

    /* (nullable): the name of the policy that asked for it, and why, as a sentence; %NULL if a user
     * did */
    char *policy;
    char *reason;
} SinterDiskPlan;

typedef struct {
    gatomicrefcount ref_count;
    char *domain_uuid; /* "" for a file */
    char *domain_name; /* likewise */
    gboolean domain_active;
    gint64 created_usec; /* the time passed to the planner, microseconds since the epoch */
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

/* Returns whether the operation is on the disk @target: only a snapshot is on several. */
gboolean sinter_disk_plan_is_on(const SinterDiskPlan *plan, const char *target);

/* (nullable): the first refusal other than "no chain" of any disk, which makes the plan refused */
const SinterRefusal *sinter_plan_get_refusal(const SinterPlan *plan);

/* Returns whether the images of @check_paths are written to. */
static inline gboolean
sinter_disk_plan_repairs(const SinterDiskPlan *plan)
{
    return plan->operation == SINTER_OPERATION_REPAIR || plan->repairs;
}

/* Returns whether at least one disk of the plan can be worked on. */
gboolean sinter_plan_has_work(const SinterPlan *plan);

G_END_DECLS
