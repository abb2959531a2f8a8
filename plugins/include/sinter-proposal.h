/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:proposal
 *
 * The proposals of policies and remedies: steps from a closed list, each with a reason. A proposal
 * itself changes nothing: the step is planned, checked and possibly refused, in the same way as one
 * that a user requests.
 *
 * Units: bytes, seconds. Threads: plain values.
 */

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterProposalKind:
 * @SINTER_PROPOSE_CONSOLIDATE: merge the chain of the disk; the newest @keep snapshots stay
 *   separate layers
 * @SINTER_PROPOSE_EXTEND: enlarge the storage of the active layer by @bytes (remedies only)
 * @SINTER_PROPOSE_RESUME: not before @delay_sec have passed, resume a domain that was paused by an
 *   I/O error; the last step (remedies only)
 * @SINTER_PROPOSE_REPORT: notify the administrator, and change nothing
 * @SINTER_PROPOSE_WAIT_SPACE: wait until the file system of the active layer has at least @bytes of
 *   free space, and no other lack of space is visible (remedies only)
 * @SINTER_PROPOSE_WAIT_STORAGE: wait until all images of the disk can be opened and read, and no
 *   cause of the error is visible on them (remedies only)
 * @SINTER_PROPOSE_STOP: end QEMU, if the guest is still paused by an I/O error; the first step
 *   (remedies only)
 * @SINTER_PROPOSE_REPAIR: while the domain is shut off, check its writable images and the one that
 *   the cause is about, and repair what can be repaired without losing guest data; what was there
 *   before is kept in undo files. The steps end here if an image is not sound afterwards (remedies
 *   only)
 * @SINTER_PROPOSE_START: start the domain; the last step, after a repair (remedies only)
 */
typedef enum {
    SINTER_PROPOSE_CONSOLIDATE = 1,
    SINTER_PROPOSE_EXTEND,
    SINTER_PROPOSE_RESUME,
    SINTER_PROPOSE_REPORT,
    SINTER_PROPOSE_WAIT_SPACE,
    SINTER_PROPOSE_WAIT_STORAGE,
    SINTER_PROPOSE_STOP,
    SINTER_PROPOSE_REPAIR,
    SINTER_PROPOSE_START,
} SinterProposalKind;

/**
 * SinterProposal:
 * @kind: what to do
 * @keep: CONSOLIDATE: number of snapshots to keep
 * @bytes: EXTEND: by how much; WAIT_SPACE: how much; greater than 0
 * @reason: a sentence for people, without a final dot; required
 * @delay_sec: RESUME: counted from the start of the remedy; at most 86,400
 * @keep_base: CONSOLIDATE, policies only: the lowest image of the chain stays as it is, and the
 * data is merged into the one above it
 *
 * One step.
 */
typedef struct {
    SinterProposalKind kind;
    guint keep;
    guint64 bytes;
    const char *reason;
    guint delay_sec;
    gboolean keep_base;
} SinterProposal;

/* Passed to a plugin: copies @proposal. Steps are carried out in the order of the calls. */
typedef void (*SinterProposeFunc)(const SinterProposal *proposal, gpointer user_data);

/**
 * SinterPluginSetting:
 * @name: lower case letters, digits and dashes
 * @initial: the default value; never %NULL
 * @summary: one line for people: meaning, unit and range
 *
 * A setting of a policy or a remedy.
 */
typedef struct {
    const char *name;
    const char *initial;
    const char *summary;
} SinterPluginSetting;

G_END_DECLS
