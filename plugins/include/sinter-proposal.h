/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:proposal
 *
 * What policies and remedies propose: steps from a closed list, each with its reason. A proposal
 * changes nothing by itself: what it asks for is planned, checked and refused as if a user had
 * asked for it.
 *
 * Units: bytes. Threads: plain values.
 */

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterProposalKind:
 * @SINTER_PROPOSE_CONSOLIDATE: merge the chain of the disk; @keep of the newest snapshots stay
 *   layers of their own
 * @SINTER_PROPOSE_EXTEND: make the storage of the active layer @bytes larger (remedies only)
 * @SINTER_PROPOSE_RESUME: let a domain go on that was paused by an I/O error (remedies only)
 * @SINTER_PROPOSE_REPORT: tell the administrator, and change nothing
 */
typedef enum {
    SINTER_PROPOSE_CONSOLIDATE = 1,
    SINTER_PROPOSE_EXTEND,
    SINTER_PROPOSE_RESUME,
    SINTER_PROPOSE_REPORT,
} SinterProposalKind;

/**
 * SinterProposal:
 * @kind: what to do
 * @keep: CONSOLIDATE: how many snapshots
 * @bytes: EXTEND: by how much; more than 0
 * @reason: a sentence for people, without a final dot; required
 *
 * One step.
 */
typedef struct {
    SinterProposalKind kind;
    guint keep;
    guint64 bytes;
    const char *reason;
} SinterProposal;

/* Given to a plugin: takes a copy of @proposal. Steps are done in the order of the calls. */
typedef void (*SinterProposeFunc)(const SinterProposal *proposal, gpointer user_data);

/**
 * SinterPluginSetting:
 * @name: lower case letters, digits and dashes
 * @initial: the value where the administrator sets none; never %NULL
 * @summary: one line for people: what it means, its unit and its range
 *
 * A setting of a policy or a remedy.
 */
typedef struct {
    const char *name;
    const char *initial;
    const char *summary;
} SinterPluginSetting;

G_END_DECLS
