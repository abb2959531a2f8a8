/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/**
 * SinterReferenceGraph:
 *
 * The users of each image on this host: every chain of every domain, running or not, and every file
 * that a snapshot names. Images are identified by device and inode if they exist, else by canonical
 * path, so that a symbolic link, a relative name or a hard link does not hide a user. Immutable
 * once built; any thread may read it.
 */
typedef struct _SinterReferenceGraph SinterReferenceGraph;

typedef enum {
    SINTER_REFERENCE_LIVE,     /* in the live chain */
    SINTER_REFERENCE_INACTIVE, /* in the chain of the definition for the next boot */
    SINTER_REFERENCE_SNAPSHOT, /* named by snapshot metadata */
} SinterReferenceKind;

typedef struct {
    const char *path; /* the name that this user has */
    const char *domain_uuid;
    const char *domain_name;
    const char *disk; /* target */
    SinterReferenceKind kind;
    const char *snapshot; /* of a SNAPSHOT reference, else %NULL */
    guint depth;          /* index in the chain, 0 is the active layer; 0 for snapshots */
} SinterReference;

/* @domains: (element-type SinterDomain): the graph holds a reference to each */
SinterReferenceGraph *sinter_reference_graph_new(GPtrArray *domains);
SinterReferenceGraph *sinter_reference_graph_ref(SinterReferenceGraph *graph);
void sinter_reference_graph_unref(SinterReferenceGraph *graph);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterReferenceGraph, sinter_reference_graph_unref)

/**
 * sinter_reference_graph_lookup:
 * @layer: the image (its path and, if known, its identity)
 *
 * Returns: (transfer container) (element-type SinterReference): its users; may be empty. The
 * references belong to the graph.
 */
GPtrArray *sinter_reference_graph_lookup(const SinterReferenceGraph *graph,
                                         const SinterLayer *layer);

/**
 * sinter_reference_graph_lookup_path:
 *
 * As sinter_reference_graph_lookup(), for a path whose identity is read from the file system now.
 */
GPtrArray *sinter_reference_graph_lookup_path(const SinterReferenceGraph *graph, const char *path);

/**
 * sinter_reference_graph_find_foreign:
 *
 * Finds the first user of @layer that is not a live or inactive reference of disk @target of domain
 * @uuid, nor a snapshot of that domain.
 *
 * Returns: (transfer none) (nullable): the user, or %NULL if no other chain uses the image.
 */
const SinterReference *sinter_reference_graph_find_foreign(const SinterReferenceGraph *graph,
                                                           const SinterLayer *layer,
                                                           const char *uuid, const char *target);

/* (transfer none) (element-type SinterDomain): the domains that the graph was made from */
const GPtrArray *sinter_reference_graph_get_domains(const SinterReferenceGraph *graph);

G_END_DECLS
