/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sinter/image.h>
#include <sys/stat.h>

#include "sinter-identity.h"
#include "sinter-storage-probe.h"

G_BEGIN_DECLS

/* What was found at one path, read as one format. Immutable. */
typedef struct {
    int stat_errno; /* 0: the members from @st to @free_bytes are set */
    struct stat st;
    SinterIdentity identity;
    SinterIdentity data_identity; /* of an external data file, 0/0 if unknown */
    guint64 free_bytes;    /* what the image can grow by: on its file system, or on its device */
    guint64 used_bytes;    /* what a qcow2 image on a device uses of it, 0 for others */
    SinterImageInfo *info; /* %NULL if the image could not be read */
    gboolean backing_unknown;
    char *problem;
    guint64 fs_device;        /* the st_dev of the file system, 0 if unknown */
    gint64 silent_since_usec; /* the file system does not respond since then (real time), and
                               * nothing else is known; 0: it responds */
} SinterSighting;

/* What to look for. */
typedef struct {
    const char *path;   /* absolute */
    const char *format; /* %NULL to probe */
    gboolean header;    /* else only the status of the file */
} SinterSightingWish;

/* (transfer full): never fails. Blocks for the limit of @probe at most. */
SinterSighting *sinter_sighting_new(SinterStorageProbe *probe, const SinterSightingWish *wish);
void sinter_sighting_free(SinterSighting *sighting);

G_END_DECLS
