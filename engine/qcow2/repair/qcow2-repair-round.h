/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One round of the repair of a qcow2 image, shared by its passes:
 *
 *   check, with all its state → plan: pure, for every pass → passes that are ready are carried out
 *
 * A pass has two functions. Its plan adds steps and keeps what it needs to carry them out; its run
 * carries out those that are PLANNED. It is called only if the plan has such steps, and if no pass
 * before it (SINTER_REPAIR_PASSES) has any: the state of the check is then valid for it. What a
 * pass changes may need other repairs, which the next round finds.
 *
 * Rules for a pass: write only to clusters from sinter_qcow2_fresh_take(), to places where any part
 * of the write leaves the image as readable as before (single entries, refcounts that grow), and
 * through sinter_qcow2_root_write(). Flush before such a place refers to new clusters.
 */

#include "format/sinter-repair-plan.h"
#include "qcow2/check/qcow2-check-pass.h"
#include "qcow2-fresh.h"
#include "qcow2/layout/qcow2-root.h"

G_BEGIN_DECLS

typedef struct {
    SinterIo *io;
    const SinterRepairOptions *options;
    SinterCheckResult *checked; /* the check's result */
    SinterQcow2Check *check;
    guint64 n_clusters; /* of the check, before clusters are taken */
    SinterRepairPlan plan;
    SinterQcow2Fresh fresh;
    /* No damaged entry can refer to a cluster that has no references. */
    gboolean mapping_is_sound;
    gboolean leaks_are_unused; /* nor can an entry that was lost, or the caller frees them anyway */
    gboolean needs_structure;  /* set by the plan of the refcount structure */
    SinterQcow2Root root;      /* of the pass over the header: what it writes */
    guint8 compression_type;   /* likewise */
    GArray *edits;             /* of the pass over entries */
    gboolean changes_content;  /* some of them change what the guest reads */
    GPtrArray *shared;         /* of the pass over shared clusters */
    GArray *taken;             /* of guint64: clusters that sinter_qcow2_round_take() returned */
    gboolean cannot_record;    /* the header has no room to record that leaks are kept */
    const char *no_structure;  /* nullable: why it cannot be rebuilt; set by the same */
} SinterQcow2Round;

/* Checks @io, and begins a plan. Call round_end() also after a failure. */
gboolean sinter_qcow2_round_begin(SinterQcow2Round *self, SinterIo *io,
                                  const SinterRepairOptions *options, GError **error);
void sinter_qcow2_round_end(SinterQcow2Round *self);

/*
 * Adds a step for each finding of @code that the check kept, and one for all others. @reason:
 * (nullable): why they cannot be repaired.
 */
void sinter_qcow2_round_add_findings(SinterQcow2Round *self, SinterFindingCode code,
                                     const char *reason);

/*
 * Returns what the refcount @stored of @cluster is raised to: the number of its references, @refs.
 * If some of them must be wrong, because it holds metadata and is also used elsewhere, only to 1:
 * it is not free, but the references do not become right.
 */
guint64 sinter_qcow2_round_raise_count(const SinterQcow2Round *self, guint64 cluster,
                                       guint64 stored, guint64 refs);

/*
 * Returns whether the cluster size in the header may be wrong: the L1 table then seems to be too
 * short or misplaced, and refcounts and flags seem to be wrong.
 */
gboolean sinter_qcow2_round_header_is_doubtful(const SinterQcow2Round *self);

/*
 * Returns whether the table at @offset shares a cluster with another structure or with data: its
 * entries must not be changed in place until they are separated.
 */
gboolean sinter_qcow2_round_overlaps(const SinterQcow2Round *self, guint64 offset, guint64 bytes);

/* Returns the refcount of @cluster after the passes over refcounts of this round. */
guint64 sinter_qcow2_round_get_count(const SinterQcow2Round *self, guint64 cluster);

/* Plans. FALSE with an error if the image cannot be read. */
gboolean sinter_qcow2_keep_plan(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_header_plan(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_structure_plan(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_snapshots_plan(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_bitmaps_plan(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_entries_plan(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_separate_plan(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_counts_plan(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_flags_plan(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_state_plan(SinterQcow2Round *self, GError **error);

/*
 * Runs. FALSE with UNSUPPORTED if the steps cannot be carried out; the image is then unchanged, and
 * the repair goes on without them. With any other error it ends.
 */
gboolean sinter_qcow2_keep_run(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_header_run(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_structure_run(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_snapshots_run(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_bitmaps_run(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_entries_run(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_separate_run(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_counts_raise(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_counts_lower(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_flags_run(SinterQcow2Round *self, GError **error);
gboolean sinter_qcow2_state_run(SinterQcow2Round *self, GError **error);

G_END_DECLS
