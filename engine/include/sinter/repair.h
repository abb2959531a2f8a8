/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:repair
 *
 * Repairs an image. A repair is a check, a plan, the steps of the plan, and another check; its
 * outcome is the state that the last check finds.
 *
 * One table states for each kind of finding which pass repairs it, when, and what may be lost
 * (%SINTER_REPAIRS). Another lists the passes and what each of them needs (%SINTER_REPAIR_PASSES).
 * Names of passes are stable: scripts may rely on them.
 *
 * Order of writes: a step writes new tables to clusters that nothing refers to, makes them durable,
 * and then switches to them with a write of one sector. A crash at any moment leaves an image that
 * reads the same and can be repaired again.
 *
 * Leaked clusters are freed only if no damaged entry and no lost table can have referred to them
 * (#SinterCheckResult.leaks_are_safe).
 *
 * Units: offsets are bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: a repair may run
 * in any thread; a #SinterRepairResult is a plain value that belongs to its caller.
 */

#include <gio/gio.h>
#include <sinter/check.h>
#include <sinter/finding.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/**
 * SinterRepairLevel:
 *
 * @SINTER_REPAIR_LEAKS: free what is leaked, and lower refcounts that are too high (`-r leaks`)
 * @SINTER_REPAIR_ALL: also repair everything that can be repaired without losing guest data
 *   (`-r all`)
 */
typedef enum {
    SINTER_REPAIR_LEAKS,
    SINTER_REPAIR_ALL,
} SinterRepairLevel;

/**
 * SinterRepairWhen:
 *
 * @SINTER_REPAIR_NEVER: there is no repair
 * @SINTER_REPAIR_WITH_LEAKS: %SINTER_REPAIR_LEAKS suffices
 * @SINTER_REPAIR_WITH_ALL: %SINTER_REPAIR_ALL is needed
 * @SINTER_REPAIR_WITH_CHOICE: a #SinterRepairChoice is needed too
 */
typedef enum {
    SINTER_REPAIR_NEVER,
    SINTER_REPAIR_WITH_LEAKS,
    SINTER_REPAIR_WITH_ALL,
    SINTER_REPAIR_WITH_CHOICE,
} SinterRepairWhen;

/**
 * SinterRepairChoice:
 *
 * Repairs that are only made on request, because they may be wrong or give up guest data.
 *
 * @SINTER_REPAIR_INFER_ENTRIES: an entry whose place is lost gets the leaked cluster between its
 *   neighbours, or the place that the format requires
 * @SINTER_REPAIR_CLEAR_ENTRIES: an entry whose place cannot be found otherwise is cleared: the
 * guest sees zeros or the backing file, and what it stored there is given up
 * @SINTER_REPAIR_DELETE_SNAPSHOTS: delete snapshots whose L1 table or entry is lost
 * @SINTER_REPAIR_FREE_LEAKS: free leaked clusters even if lost tables may have referred to them
 *   (%SINTER_FINDING_LOST_TABLE and the codes after it); at any #SinterRepairLevel
 */
typedef enum {
    SINTER_REPAIR_INFER_ENTRIES = 1 << 0,
    SINTER_REPAIR_CLEAR_ENTRIES = 1 << 1,
    SINTER_REPAIR_DELETE_SNAPSHOTS = 1 << 2,
    SINTER_REPAIR_FREE_LEAKS = 1 << 3,
} SinterRepairChoice;

/**
 * SinterRepairSafety:
 *
 * What a step may lose.
 *
 * @SINTER_REPAIR_LOSES_NOTHING: nothing
 * @SINTER_REPAIR_LOSES_METADATA: metadata that no guest data depends on: dirty bitmaps, names,
 *   dates
 * @SINTER_REPAIR_MAY_LOSE_DATA: guest data
 */
typedef enum {
    SINTER_REPAIR_LOSES_NOTHING,
    SINTER_REPAIR_LOSES_METADATA,
    SINTER_REPAIR_MAY_LOSE_DATA,
} SinterRepairSafety;

/*
 * SINTER_REPAIR_PASSES: the passes, in the order in which they run. X(ID, name, after, text)
 *
 * @after: the passes, each as SINTER_REPAIR_BIT(), that must have nothing left to do: a pass whose
 * input another one changes waits for the next round, which begins with a new check.
 */
#define SINTER_REPAIR_PASSES(X)                                                                    \
    X(KEEP_LEAKS, "keep-leaks", 0,                                                                 \
      "records in the header that leaked clusters may hold lost data")                             \
    X(HEADER, "header", SINTER_REPAIR_BIT(KEEP_LEAKS), "corrects single fields of the header")     \
    X(REFCOUNT_STRUCTURE, "refcount-structure",                                                    \
      SINTER_REPAIR_BIT(KEEP_LEAKS) | SINTER_REPAIR_BIT(HEADER),                                   \
      "writes a new refcount table and new refcount blocks beside the damaged ones")               \
    X(SNAPSHOTS, "snapshots", SINTER_REPAIR_STRUCTURE,                                             \
      "corrects the snapshot table, and deletes lost snapshots on request")                        \
    X(BITMAPS, "bitmaps", SINTER_REPAIR_STRUCTURE | SINTER_REPAIR_BIT(SNAPSHOTS),                  \
      "deletes damaged dirty bitmaps")                                                             \
    X(ENTRIES, "entries", SINTER_REPAIR_STRUCTURE | SINTER_REPAIR_BIT(SNAPSHOTS),                  \
      "corrects damaged entries of L1 and L2 tables")                                              \
    X(SHARED, "shared-clusters", SINTER_REPAIR_TABLES | SINTER_REPAIR_BIT(ENTRIES),                \
      "gives each user of a cluster its own copy")                                                 \
    X(REFCOUNTS, "refcounts", SINTER_REPAIR_MAPPING,                                               \
      "raises refcounts to the number of references")                                              \
    X(LEAKS, "leaks", SINTER_REPAIR_MAPPING, "lowers refcounts to the number of references")       \
    X(FLAGS, "copied-flags", SINTER_REPAIR_MAPPING,                                                \
      "makes the COPIED flags agree with the refcounts")                                           \
    X(STATE, "state",                                                                              \
      SINTER_REPAIR_MAPPING | SINTER_REPAIR_BIT(REFCOUNTS) | SINTER_REPAIR_BIT(LEAKS) |            \
          SINTER_REPAIR_BIT(FLAGS),                                                                \
      "clears the marks for damaged images and for images that were not closed")

#define SINTER_REPAIR_BIT(id) (1U << SINTER_REPAIR_PASS_##id)
/* The passes that come first, that replace tables, and all that change what refers to a cluster. */
#define SINTER_REPAIR_STRUCTURE                                                                    \
    (SINTER_REPAIR_BIT(KEEP_LEAKS) | SINTER_REPAIR_BIT(HEADER) |                                   \
     SINTER_REPAIR_BIT(REFCOUNT_STRUCTURE))
#define SINTER_REPAIR_TABLES                                                                       \
    (SINTER_REPAIR_STRUCTURE | SINTER_REPAIR_BIT(SNAPSHOTS) | SINTER_REPAIR_BIT(BITMAPS))
#define SINTER_REPAIR_MAPPING                                                                      \
    (SINTER_REPAIR_TABLES | SINTER_REPAIR_BIT(ENTRIES) | SINTER_REPAIR_BIT(SHARED))

/**
 * SinterRepairPass:
 *
 * A pass of %SINTER_REPAIR_PASSES. %SINTER_REPAIR_PASS_NONE: no pass repairs it.
 */
typedef enum {
#define X(id, name, after, text) SINTER_REPAIR_PASS_##id,
    SINTER_REPAIR_PASSES(X)
#undef X
        SINTER_REPAIR_N_PASSES,
    SINTER_REPAIR_PASS_NONE = SINTER_REPAIR_N_PASSES,
} SinterRepairPass;

/**
 * SinterRepairState:
 *
 * @SINTER_REPAIR_DONE: the step was carried out
 * @SINTER_REPAIR_PLANNED: the step would be carried out (dry run)
 * @SINTER_REPAIR_LEFT: the damage stays; the step's reason says why
 */
typedef enum {
    SINTER_REPAIR_DONE,
    SINTER_REPAIR_PLANNED,
    SINTER_REPAIR_LEFT,
} SinterRepairState;

/**
 * SinterRepairStep:
 * @pass: the pass that repairs it, or %SINTER_REPAIR_PASS_NONE
 * @code: code of the findings that it repairs
 * @state: what became of it
 * @safety: what it may lose
 * @times: number of findings that the step stands for; never 0 in a result
 * @guest_offset: guest offset, or %SINTER_OFFSET_NONE
 * @host_offset: offset in the image file, or %SINTER_OFFSET_NONE
 * @old_value: the value in the file: an entry, a refcount, a field
 * @new_value: the value that replaces it
 * @refcount: refcount of the cluster at @host_offset, for a flag that depends on it
 * @evidence: (nullable): why the new value is right
 * @reason: (nullable): with %SINTER_REPAIR_LEFT: why the damage stays
 *
 * A step of a plan. Of each code the first steps are kept, up to the limit in the check's options;
 * one more step with that code, without places and values, stands for all others.
 */
typedef struct {
    SinterRepairPass pass;
    SinterFindingCode code;
    SinterRepairState state;
    SinterRepairSafety safety;
    guint64 times;
    guint64 guest_offset;
    guint64 host_offset;
    guint64 old_value;
    guint64 new_value;
    guint64 refcount;
    char *evidence;
    char *reason;
} SinterRepairStep;

/**
 * SinterRepairOptions:
 * @level: what to repair
 * @choices: with %SINTER_REPAIR_ALL: what is also allowed
 * @dry_run: only make the plan; the file is opened for reading
 * @check: options of the checks before and after
 * @from_snapshot: (nullable): id or name of an internal snapshot: first, its state becomes that of
 *   the disk, even if the tables of the disk are damaged; what was written since is lost
 *   (sinter_snapshot_compare()). CORRUPT, and nothing changes, if the snapshot is damaged. Ignored
 *   by a dry run
 */
typedef struct {
    SinterRepairLevel level;
    SinterRepairChoice choices;
    gboolean dry_run;
    SinterCheckOptions check;
    const char *from_snapshot;
} SinterRepairOptions;

/**
 * SinterRepairResult:
 * @before: the check before the repair
 * @after: (nullable): the check after it; %NULL if nothing was changed
 * @steps: (element-type SinterRepairStep): the plan, in the order of work
 */
typedef struct {
    SinterCheckResult *before;
    SinterCheckResult *after;
    GArray *steps;
} SinterRepairResult;

/**
 * sinter_image_repair:
 * @fs: (nullable): the set of files that @path is in; %NULL for the host's files
 * @path: the image
 * @format: (nullable): its format; %NULL probes the content
 * @options: see #SinterRepairOptions
 *
 * Opens @path, locks it alone, and repairs it.
 *
 * Returns: (transfer full): the result, also if damage is left. %NULL with UNSUPPORTED if the
 * format has no repair; with another error if the image could not be read or written, or was
 * locked. After an error the image reads as before, and may be partly repaired.
 */
SinterRepairResult *sinter_image_repair(SinterFs *fs, const char *path, const char *format,
                                        const SinterRepairOptions *options, GError **error);

/* Returns whether images of that format can be repaired; FALSE for an unknown name. */
gboolean sinter_format_has_repair(const char *format);

/* Returns: (transfer none): the state that the repair left: @after or, if that is NULL, @before. */
const SinterCheckResult *sinter_repair_result_get_state(const SinterRepairResult *result);

/* Frees the result and its content. Accepts %NULL. */
void sinter_repair_result_free(SinterRepairResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterRepairResult, sinter_repair_result_free)

/* Columns of the table of passes. Names never change. */
const char *sinter_repair_pass_name(SinterRepairPass pass);
const char *sinter_repair_pass_describe(SinterRepairPass pass);
/* The passes that must have nothing left to do, as SINTER_REPAIR_BIT(). */
guint sinter_repair_pass_after(SinterRepairPass pass);

/* Columns of the table of repairs, for any code of a finding. */
SinterRepairPass sinter_repair_code_pass(SinterFindingCode code);
SinterRepairWhen sinter_repair_code_when(SinterFindingCode code);
SinterRepairSafety sinter_repair_code_safety(SinterFindingCode code);

/* "nothing", "metadata", "guest-data". */
const char *sinter_repair_safety_name(SinterRepairSafety safety);
/* "done", "planned", "left". */
const char *sinter_repair_state_name(SinterRepairState state);

G_END_DECLS
