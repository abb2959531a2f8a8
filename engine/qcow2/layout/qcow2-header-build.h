/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-layout.h"

G_BEGIN_DECLS

/* The table of feature names as we write it, and the room below which QEMU's tools leave it out. */
#define SINTER_QCOW2_FEATURES_BYTES (8 * SINTER_QCOW2_FEATURE_BYTES)
#define SINTER_QCOW2_FEATURES_ROOM_BYTES 4096

/* What a new header says. */
typedef struct {
    guint32 version; /* 2 or 3 */
    SinterQcow2Geometry geo;
    guint64 virtual_size_bytes;
    guint32 l1_entries;
    guint64 l1_offset;
    guint64 reftable_offset;
    guint32 reftable_clusters;
    guint64 incompatible;
    guint64 compatible;
    guint64 autoclear;
    guint8 compression_type;
    const char *backing_name;   /* NULL: none */
    const char *backing_format; /* NULL: not stored */
    const char *data_file_name; /* NULL: not stored */
} SinterQcow2HeaderSpec;

/*
 * Cluster 0 of a new image: header, extensions, backing name, zeros. The table of feature names
 * is left out of clusters up to 4 KiB; where there is no room for the rest, NULL with an error.
 */
guint8 *sinter_qcow2_header_build(const SinterQcow2HeaderSpec *spec, GError **error);

/* Fills @at, of SINTER_QCOW2_FEATURES_BYTES. */
void sinter_qcow2_header_build_features(guint8 *at);

G_END_DECLS
