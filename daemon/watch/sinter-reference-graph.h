/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/**
 * SinterReferenceGraph:
 *
 * The users of each image on this host: every chain of every domain, running or not, every file
 * that a snapshot names, firmware and managed save images, and images that no domain uses. Images
 * are identified by device and inode if they exist, else by canonical path, so that a symbolic
 * link, a relative name or a hard link does not hide a user. Immutable once built; any thread may
 * read it.
 */
typedef struct _SinterReferenceGraph SinterReferenceGraph;

typedef enum {
    SINTER_REFERENCE_LIVE,     /* in the live chain */
    SINTER_REFERENCE_INACTIVE, /* in the chain of the definition for the next boot */
    SINTER_REFERENCE_SNAPSHOT, /* named by snapshot metadata */
    SINTER_REFERENCE_SIDE,     /* used by a domain besides its disks */
    SINTER_REFERENCE_STRAY,    /* below an image that no domain uses */
} SinterReferenceKind;

typedef struct {
    const char *path;        /* the name that this user has */
    const char *domain_uuid; /* of a STRAY reference %NULL, like the next two */
    const char *domain_name;
    const char *disk; /* target; %NULL for the firmware of a domain */
    SinterReferenceKind kind;
    const char *snapshot;     /* of a SNAPSHOT reference, else %NULL */
    gboolean overlay;         /* of a SNAPSHOT reference: only named as what it created, which may
                               * be in no chain any more */
    const char *role;         /* of a SIDE reference (SinterSideImage), else %NULL */
    const SinterLayer *stray; /* of a STRAY reference: the image, else %NULL */
    guint depth;              /* index in the chain, 0 is the active layer; 0 for snapshots */
} SinterReference;

/* @domains: (element-type SinterDomain): the graph holds a reference to each */
SinterReferenceGraph *sinter_reference_graph_new(GPtrArray *domains);

/* @strays: as in SinterHost; the graph holds a reference to each that none of @domains uses. It may
 * be older than @domains. */
SinterReferenceGraph *sinter_reference_graph_new_with_strays(GPtrArray *domains, GPtrArray *strays);

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

/* (transfer full) (nullable): likewise, but %NULL if the file system does not answer soon */
GPtrArray *sinter_reference_graph_lookup_soon(const SinterReferenceGraph *graph, const char *path);

/**
 * sinter_reference_graph_find_foreign:
 *
 * Finds the first user of @layer that is not a reference of disk @target of domain @uuid, nor a
 * snapshot of that domain.
 *
 * Returns: (transfer none) (nullable): the user, or %NULL if no other chain uses the image.
 */
const SinterReference *sinter_reference_graph_find_foreign(const SinterReferenceGraph *graph,
                                                           const SinterLayer *layer,
                                                           const char *uuid, const char *target);

/* Returns whether @reference is one of those that sinter_reference_graph_find_foreign() leaves
 * out. */
gboolean sinter_reference_is_own(const SinterReference *reference, const char *uuid,
                                 const char *target);

/* (transfer full): the user, as the subject of a sentence */
char *sinter_reference_describe(const SinterReference *reference);

/* (transfer none): what the graph was made from: its domains (element-type SinterDomain), and the
 * strays as in SinterHost */
const GPtrArray *sinter_reference_graph_get_domains(const SinterReferenceGraph *graph);
const GPtrArray *sinter_reference_graph_get_strays(const SinterReferenceGraph *graph);

G_END_DECLS
