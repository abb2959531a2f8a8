/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-layout.h"

G_BEGIN_DECLS

/*
 * The size of the feature name table as this engine writes it, and the cluster size up to which
 * QEMU's tools omit it.
 */
#define SINTER_QCOW2_FEATURES_BYTES (8 * SINTER_QCOW2_FEATURE_BYTES)
#define SINTER_QCOW2_FEATURES_ROOM_BYTES 4096

/* The content of a new header. */
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
 * Builds cluster 0 of a new image: header, extensions, backing name, zeros. Clusters up to 4 KiB
 * have no feature name table; if the rest does not fit, returns NULL with an error.
 */
guint8 *sinter_qcow2_header_build(const SinterQcow2HeaderSpec *spec, GError **error);

/* Fills @at, of SINTER_QCOW2_FEATURES_BYTES. */
void sinter_qcow2_header_build_features(guint8 *at);

G_END_DECLS
