/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The content and the problems of a header, as values (qcow2-header.h reads them). */

#include "qcow2-layout.h"

G_BEGIN_DECLS

/*
 * Severity of a header problem. FATAL: the image cannot be used. UNKNOWN: the image may be valid,
 * but needs an engine that supports more. WARN: usable, but worth reporting.
 */
typedef enum {
    SINTER_QCOW2_SEVERITY_WARN,
    SINTER_QCOW2_SEVERITY_UNKNOWN,
    SINTER_QCOW2_SEVERITY_FATAL,
} SinterQcow2Severity;

/* X(CODE, name, severity): the table of header problems. Names are stable. */
#define SINTER_QCOW2_HEADER_PROBLEMS(X)                                                            \
    X(SHORT_FILE, "header-short-file", FATAL)                                                      \
    X(VERSION, "header-version", UNKNOWN)                                                          \
    X(CLUSTER_BITS, "header-cluster-bits", FATAL)                                                  \
    X(HEADER_BYTES, "header-length", FATAL)                                                        \
    X(HEADER_ALIGN, "header-length-alignment", WARN)                                               \
    X(REFCOUNT_ORDER, "header-refcount-order", FATAL)                                              \
    X(CRYPT_METHOD, "header-crypt-method", UNKNOWN)                                                \
    X(UNKNOWN_FEATURES, "header-unknown-features", UNKNOWN)                                        \
    X(UNKNOWN_AUTOCLEAR, "header-unknown-autoclear", WARN)                                         \
    X(EXTENDED_L2_CLUSTER, "header-extended-l2-cluster", FATAL)                                    \
    X(COMPRESSION_TYPE, "header-compression-type", UNKNOWN)                                        \
    X(COMPRESSION_BIT, "header-compression-bit", FATAL)                                            \
    X(VIRTUAL_SIZE, "header-virtual-size", FATAL)                                                  \
    X(L1_BYTES, "header-l1-size", FATAL)                                                           \
    X(L1_SHORT, "header-l1-short", FATAL)                                                          \
    X(L1_OFFSET, "header-l1-offset", FATAL)                                                        \
    X(REFTABLE_BYTES, "header-refcount-table-size", FATAL)                                         \
    X(REFTABLE_OFFSET, "header-refcount-table-offset", FATAL)                                      \
    X(REFTABLE_BEYOND, "header-refcount-table-beyond", WARN)                                       \
    X(SNAPSHOTS_COUNT, "header-snapshots-count", FATAL)                                            \
    X(SNAPSHOTS_OFFSET, "header-snapshots-offset", FATAL)                                          \
    X(SNAPSHOTS_BEYOND, "header-snapshots-beyond", WARN)                                           \
    X(BACKING_OFFSET, "header-backing-offset", FATAL)                                              \
    X(BACKING_BYTES, "header-backing-length", FATAL)                                               \
    X(BACKING_NAME, "header-backing-name", FATAL)                                                  \
    X(EXTENSION_BOUNDS, "header-extension-bounds", FATAL)                                          \
    X(EXTENSION_TWICE, "header-extension-twice", WARN)                                             \
    X(EXTENSION_CONTENT, "header-extension-content", FATAL)                                        \
    X(FEATURE_TABLE, "header-feature-table", WARN)                                                 \
    X(BITMAPS_STALE, "header-bitmaps-stale", WARN)                                                 \
    X(BITMAPS_MISSING, "header-bitmaps-missing", WARN)                                             \
    X(BITMAPS_BOUNDS, "header-bitmaps-bounds", FATAL)                                              \
    X(LUKS_MISSING, "header-luks-missing", FATAL)                                                  \
    X(LUKS_BOUNDS, "header-luks-bounds", FATAL)                                                    \
    X(DATA_FILE_NAME, "header-data-file-name", FATAL)                                              \
    X(DATA_FILE_STALE, "header-data-file-stale", WARN)                                             \
    X(DATA_FILE_RAW, "header-data-file-raw", WARN)                                                 \
    X(DATA_FILE_SNAPSHOTS, "header-data-file-snapshots", WARN)

typedef enum {
#define X(code, name, severity) SINTER_QCOW2_PROBLEM_##code,
    SINTER_QCOW2_HEADER_PROBLEMS(X)
#undef X
} SinterQcow2ProblemCode;

typedef struct {
    SinterQcow2ProblemCode code;
    guint64 offset; /* of the faulty field, in the file */
    char *text;     /* a clause without the file's name */
} SinterQcow2Problem;

const char *sinter_qcow2_problem_name(SinterQcow2ProblemCode code);
SinterQcow2Severity sinter_qcow2_problem_severity(SinterQcow2ProblemCode code);

/* One header extension, known or not, in the order of the file. */
typedef struct {
    guint32 type;
    guint32 length_bytes;
    guint64 offset; /* of its data, in the file */
} SinterQcow2Extension;

typedef struct {
    guint8 kind; /* SINTER_QCOW2_FEATURE_… */
    guint8 bit;
    char name[SINTER_QCOW2_FEATURE_NAME_BYTES + 1];
} SinterQcow2FeatureName;

typedef struct {
    /* the fields as stored; for version 2 the values that missing fields imply */
    guint32 version;
    guint32 cluster_bits;
    guint64 virtual_size_bytes;
    guint64 backing_name_offset;
    guint32 backing_name_bytes;
    guint32 crypt_method;
    guint32 l1_entries;
    guint64 l1_offset;
    guint64 reftable_offset;
    guint32 reftable_clusters;
    guint32 n_snapshots;
    guint64 snapshots_offset;
    guint64 incompatible;
    guint64 compatible;
    guint64 autoclear;
    guint32 refcount_order;
    guint32 header_bytes;
    guint8 compression_type;

    gboolean has_geometry; /* cluster size and refcount width are valid, @geo is set */
    SinterQcow2Geometry geo;
    guint64 file_bytes; /* the file's size when the header was read */

    char *backing_name;   /* NULL: none */
    char *backing_format; /* NULL: not stored */
    char *data_file_name; /* NULL: not stored */
    GArray *extensions;   /* of SinterQcow2Extension */
    GArray *features;     /* of SinterQcow2FeatureName */
    gboolean has_bitmaps; /* the extension exists; the autoclear bit says whether it is valid */
    guint32 n_bitmaps;
    guint64 bitmap_directory_bytes;
    guint64 bitmap_directory_offset;
    gboolean has_luks;
    guint64 luks_offset;
    guint64 luks_bytes;

    GArray *problems; /* of SinterQcow2Problem, in the order found */
    GBytes *bytes;    /* the file from its start to the end of header, extensions and name */
} SinterQcow2Header;

/*
 * Returns: (transfer full): the names of the bits set in @bits, from the image's own feature
 * table ("frobnicate, incompatible bit 17"), for features of @kind.
 */
char *sinter_qcow2_header_feature_names(const SinterQcow2Header *header, guint8 kind, guint64 bits);

/* Returns whether the header records that leaked clusters are kept. */
gboolean sinter_qcow2_header_keeps_leaks(const SinterQcow2Header *header);

/* "zlib", "zstd" or "unknown". */
const char *sinter_qcow2_header_compression_name(const SinterQcow2Header *header);

G_END_DECLS
