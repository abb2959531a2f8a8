/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Finds the entries that refer to host clusters with several users. */

#include "qcow2-repair-round.h"

G_BEGIN_DECLS

typedef enum {
    SINTER_QCOW2_USER_TABLE,      /* an L1 entry: the cluster is an L2 table */
    SINTER_QCOW2_USER_COMPRESSED, /* an L2 entry */
    SINTER_QCOW2_USER_DATA,       /* an L2 entry */
} SinterQcow2UserKind;

/* An entry, and the number of its references: views that share its table. */
typedef struct {
    SinterQcow2UserKind kind;
    guint64 guest;
    guint64 at; /* of the entry in the file */
    SinterQcow2L2Entry l2;
    guint32 n_refs;
} SinterQcow2User;

typedef struct {
    SinterFindingCode code;
    guint64 cluster;
    GArray *users;   /* of SinterQcow2User, by kind and guest offset */
    guint64 n_fixed; /* references of other structures */
} SinterQcow2SharedCluster;

/*
 * Returns: (transfer full): of SinterQcow2SharedCluster *, by cluster; NULL with an error if a
 * table cannot be read
 */
GPtrArray *sinter_qcow2_shared_find(SinterQcow2Round *round, GError **error);

G_END_DECLS
