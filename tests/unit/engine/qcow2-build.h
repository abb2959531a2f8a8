/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Small qcow2 images in memory for unit tests: a header with sane fields, which a test then
 * bends, and helpers that place tables and data cluster by cluster.
 */

#include "io/sinter-io.h"
#include "qcow2/layout/qcow2-layout.h"

/* What a test wants of an image; zero means the usual. */
typedef struct {
    guint version;        /* 3 */
    guint cluster_bits;   /* 16 */
    guint refcount_order; /* 4 */
    guint64 virtual_size; /* 64 MiB */
    guint64 incompatible;
    guint64 autoclear;
    guint8 compression;
    guint32 crypt_method;
    const char *backing;
    const char *backing_format;
    const char *data_file;
} BuildOptions;

/*
 * An image as it grows: cluster 0 the header, 1 the refcount table, 2 a refcount block (left
 * zero: readers do not need it), then the L1 table, then what the test takes.
 */
typedef struct {
    SinterFs *fs;
    SinterIo *io;
    SinterQcow2Geometry geo;
    guint64 l1_offset;
    guint64 l1_entries;
    guint64 end;    /* first byte never handed out, cluster-aligned */
    guint64 packed; /* where the next compressed cluster goes, 0: nowhere yet */
    guint64 packed_end;
    guint8 compression;
    guint64 virtual_size;
} Build;

void build_begin(Build *self, SinterFs *fs, const char *path, const BuildOptions *options);
void build_end(Build *self);

/* The next @n clusters. */
guint64 build_take(Build *self, guint n_clusters);

/* Points the guest cluster at @guest (bytes) to @l2, making its L2 table where there is none. */
void build_map(Build *self, guint64 guest, SinterQcow2L2Entry l2);

/* Writes @byte all over a new host cluster and returns its offset. */
guint64 build_data(Build *self, guint8 byte);

/* Big-endian pokes at any place of the file. */
void build_poke32(Build *self, guint64 at, guint32 value);
void build_poke64(Build *self, guint64 at, guint64 value);
void build_poke(Build *self, guint64 at, const void *data, gsize len);

/*
 * Compresses a cluster full of @byte (zlib, or zstd where the options say so), packs it behind
 * the last compressed one, and returns its L2 entry.
 */
SinterQcow2L2Entry build_compressed(Build *self, guint8 byte);

/* A snapshot table with one entry: id "1", name "s", its L1 table a copy of the active one. */
void build_snapshot(Build *self);
