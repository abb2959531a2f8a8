/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Creates an empty qcow2 image. The whole layout is computed first and then written in order, the
 * header last:
 *
 *   header | refcount table | refcount blocks | L1 | L2 tables | data
 *                                                 (the last two only if preallocated)
 *
 * Invariant: every cluster up to the end is counted once, and with the usual geometry the offsets
 * are those of QEMU's tools (table in cluster 1, block in cluster 2, L1 in cluster 3).
 */

#include "qcow2-create.h"
#include "qcow2/layout/qcow2-header-build.h"
#include "sinter-error.h"

#define SECTOR_BYTES 512

typedef struct {
    SinterQcow2HeaderSpec spec;
    guint64 n_reftable; /* all of these in clusters */
    guint64 n_refblocks;
    guint64 n_l1;
    guint64 n_l2;
    guint64 n_data; /* in the image itself */
    guint64 n_guest;
    guint64 total;
} CreateLayout;

static gboolean
create_invalid(GError **error, const char *text)
{
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, text);
    return FALSE;
}

static guint
create_version(const SinterCreateOptions *options)
{
    return options->version ? options->version : 3;
}

static guint
create_cluster_size(const SinterCreateOptions *options)
{
    return options->cluster_size ? options->cluster_size : 65536;
}

static guint
create_refcount_bits(const SinterCreateOptions *options)
{
    return options->refcount_bits ? options->refcount_bits : 16;
}

static gboolean
is_power_of_two_within(guint value, guint min, guint max)
{
    return value >= min && value <= max && (value & (value - 1)) == 0;
}

/* A raw data file holds the whole disk from the start: its mapping is always complete. */
static gboolean
create_is_mapped(const SinterCreateOptions *options)
{
    return options->preallocation != SINTER_PREALLOCATION_OFF || options->data_file_raw;
}

/* A rule that options must not violate. */
typedef struct {
    gboolean broken;
    const char *text;
} Rule;

/* Reports the first of @rules that is violated. */
static gboolean
check_rules(const Rule *rules, gsize n_rules, GError **error)
{
    for (gsize i = 0; i < n_rules; i++) {
        if (rules[i].broken)
            return create_invalid(error, rules[i].text);
    }
    return TRUE;
}

static gboolean
check_values(const SinterCreateOptions *options, GError **error)
{
    guint version = create_version(options);
    const char *compression = options->compression ? options->compression : "zlib";
    const char *backing = options->backing_name;
    const char *backing_format = options->backing_format;
    const Rule rules[] = {
        { version != 2 && version != 3, "The version of qcow2 must be 2 or 3" },
        { !is_power_of_two_within(create_cluster_size(options), 1U << SINTER_QCOW2_CLUSTER_BITS_MIN,
                                  1U << SINTER_QCOW2_CLUSTER_BITS_MAX),
          "Cluster size must be a power of two between 512 and 2048k" },
        { strcmp(compression, "zlib") != 0 && strcmp(compression, "zstd") != 0,
          "The compression type must be 'zlib' or 'zstd'" },
        { backing && strlen(backing) > SINTER_QCOW2_BACKING_NAME_MAX,
          "Backing file name too long" },
        { backing && !backing_format, "Backing file specified without backing format" },
        { backing_format && strlen(backing_format) > SINTER_QCOW2_BACKING_FORMAT_MAX,
          "Backing format name too long" },
    };

    return check_rules(rules, G_N_ELEMENTS(rules), error);
}

/* In the order of QEMU's tools, for the case that more than one is violated. */
static gboolean
check_combinations(const SinterCreateOptions *options, GError **error)
{
    gboolean old = create_version(options) == 2;
    guint refcount_bits = create_refcount_bits(options);
    const Rule rules[] = {
        { options->extended_l2 &&
              create_cluster_size(options) < 1U << SINTER_QCOW2_EXTENDED_L2_CLUSTER_BITS_MIN,
          "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes" },
        { old && options->extended_l2,
          "Extended L2 entries are only supported with compatibility level 1.1 and above (use "
          "version=v3 or greater)" },
        { options->backing_name && options->preallocation != SINTER_PREALLOCATION_OFF &&
              !options->extended_l2,
          "Backing file and preallocation can only be used at the same time if extended_l2 is on" },
        { options->backing_format && !options->backing_name,
          "Backing format cannot be used without backing file" },
        { old && options->lazy_refcounts,
          "Lazy refcounts only supported with compatibility level 1.1 and above (use version=v3 or "
          "greater)" },
        { !is_power_of_two_within(refcount_bits, 1, 64),
          "Refcount width must be a power of two and may not exceed 64 bits" },
        { old && refcount_bits != 16,
          "Different refcount widths than 16 bits require compatibility level 1.1 or above (use "
          "version=v3 or greater)" },
        { options->data_file_raw && !options->data_file_name, "data-file-raw requires data-file" },
        { options->data_file_raw && options->backing_name,
          "Backing file and data-file-raw cannot be used at the same time" },
        { old && options->data_file_name,
          "External data files are only supported with compatibility level 1.1 and above (use "
          "version=v3 or greater)" },
        { old && g_strcmp0(options->compression, "zstd") == 0,
          "Non-zlib compression type is only supported with compatibility level 1.1 and above (use "
          "version=v3 or greater)" },
    };

    return check_rules(rules, G_N_ELEMENTS(rules), error);
}

static void
layout_init_spec(SinterQcow2HeaderSpec *spec, const SinterCreateOptions *options)
{
    if (options->data_file_name)
        spec->incompatible |= SINTER_QCOW2_INCOMPAT_DATA_FILE;
    if (options->data_file_raw)
        spec->autoclear |= SINTER_QCOW2_AUTOCLEAR_RAW_EXTERNAL;
    if (options->extended_l2)
        spec->incompatible |= SINTER_QCOW2_INCOMPAT_EXTENDED_L2;
    if (options->lazy_refcounts)
        spec->compatible |= SINTER_QCOW2_COMPAT_LAZY_REFCOUNTS;
    if (g_strcmp0(options->compression, "zstd") == 0) {
        spec->compression_type = SINTER_QCOW2_COMPRESSION_ZSTD;
        spec->incompatible |= SINTER_QCOW2_INCOMPAT_COMPRESSION;
    }
    spec->version = create_version(options);
    sinter_qcow2_geometry_init(
        &spec->geo, spec->version, (guint32)__builtin_ctz(create_cluster_size(options)),
        (guint32)__builtin_ctz(create_refcount_bits(options)), spec->incompatible);
    spec->virtual_size_bytes =
        (options->virtual_size + SECTOR_BYTES - 1) & ~(guint64)(SECTOR_BYTES - 1);
    spec->backing_name = options->backing_name;
    spec->backing_format = options->backing_format;
    spec->data_file_name = options->data_file_name;
}

/*
 * Refcount blocks count themselves and their table: increases their number until everything is
 * counted.
 */
static void
layout_count_refcounts(CreateLayout *self)
{
    const SinterQcow2Geometry *geo = &self->spec.geo;
    guint64 others = 1 + self->n_l1 + self->n_l2 + self->n_data;

    self->n_reftable = self->n_refblocks = 1;
    for (;;) {
        guint64 blocks;
        guint64 tables;

        self->total = others + self->n_reftable + self->n_refblocks;
        blocks = ((self->total - 1) >> geo->refblock_bits) + 1;
        tables = sinter_qcow2_geometry_clusters(geo, blocks * 8);
        if (blocks <= self->n_refblocks && tables <= self->n_reftable)
            return;
        self->n_refblocks = MAX(blocks, self->n_refblocks);
        self->n_reftable = MAX(tables, self->n_reftable);
    }
}

static gboolean
layout_init(CreateLayout *self, const SinterCreateOptions *options, GError **error)
{
    SinterQcow2HeaderSpec *spec = &self->spec;
    const SinterQcow2Geometry *geo = &spec->geo;
    guint64 l1_entries;

    *self = (CreateLayout){ 0 };
    if (options->virtual_size > G_MAXINT64 - SECTOR_BYTES)
        return create_invalid(error, "Image is too big");
    layout_init_spec(spec, options);
    l1_entries = sinter_qcow2_geometry_l1_entries(geo, spec->virtual_size_bytes);
    if (l1_entries > SINTER_QCOW2_L1_MAX_BYTES / 8)
        return create_invalid(error, "The image size is too large for file format 'qcow2' (try "
                                     "using a larger cluster size)");
    spec->l1_entries = (guint32)l1_entries;
    self->n_l1 = sinter_qcow2_geometry_clusters(geo, l1_entries * 8);
    if (create_is_mapped(options)) {
        self->n_guest = sinter_qcow2_geometry_clusters(geo, spec->virtual_size_bytes);
        self->n_l2 = l1_entries;
        self->n_data = geo->external_data ? 0 : self->n_guest;
    }
    layout_count_refcounts(self);
    if (self->n_reftable << geo->cluster_bits > SINTER_QCOW2_REFTABLE_MAX_BYTES)
        return create_invalid(error, "The image size is too large for preallocation with this "
                                     "cluster size (try using a larger one)");
    spec->reftable_offset = geo->cluster_size;
    spec->reftable_clusters = (guint32)self->n_reftable;
    /* an empty disk has no L1 table, and then its offset is 0 */
    if (l1_entries > 0)
        spec->l1_offset = (1 + self->n_reftable + self->n_refblocks) << geo->cluster_bits;
    return TRUE;
}

gboolean
sinter_qcow2_create_check(const SinterCreateOptions *options, GError **error)
{
    g_autofree guint8 *header = NULL;
    CreateLayout layout;

    if (!check_values(options, error) || !check_combinations(options, error) ||
        !layout_init(&layout, options, error))
        return FALSE;
    header = sinter_qcow2_header_build(&layout.spec, error);
    return header != NULL;
}

static gboolean
write_reftable(const CreateLayout *self, SinterIo *io, GError **error)
{
    const SinterQcow2Geometry *geo = &self->spec.geo;
    gsize bytes = (gsize)self->n_reftable << geo->cluster_bits;
    g_autofree guint8 *table = g_malloc0(bytes);

    for (guint64 i = 0; i < self->n_refblocks; i++)
        sinter_be64_store(table + i * 8, (1 + self->n_reftable + i) << geo->cluster_bits);
    return sinter_io_write(io, geo->cluster_size, table, bytes, error);
}

static gboolean
write_refblocks(const CreateLayout *self, SinterIo *io, GError **error)
{
    const SinterQcow2Geometry *geo = &self->spec.geo;
    g_autofree guint8 *block = g_malloc(geo->cluster_size);
    guint64 per_block = G_GUINT64_CONSTANT(1) << geo->refblock_bits;

    for (guint64 i = 0; i < self->n_refblocks; i++) {
        guint64 n = MIN(self->total - MIN(self->total, i * per_block), per_block);

        memset(block, 0, geo->cluster_size);
        for (guint64 k = 0; k < n; k++)
            sinter_qcow2_refcount_store(geo->refcount_order, block, (guint32)k, 1);
        if (!sinter_io_write(io, (1 + self->n_reftable + i) << geo->cluster_bits, block,
                             geo->cluster_size, error))
            return FALSE;
    }
    return TRUE;
}

static guint64
layout_l2_offset(const CreateLayout *self)
{
    return (1 + self->n_reftable + self->n_refblocks + self->n_l1) << self->spec.geo.cluster_bits;
}

static guint64
layout_data_offset(const CreateLayout *self)
{
    return layout_l2_offset(self) + (self->n_l2 << self->spec.geo.cluster_bits);
}

static gboolean
write_l1(const CreateLayout *self, SinterIo *io, GError **error)
{
    const SinterQcow2Geometry *geo = &self->spec.geo;
    gsize bytes = (gsize)self->spec.l1_entries * 8;
    g_autofree guint8 *table = g_malloc0(bytes);

    for (guint64 i = 0; i < self->n_l2; i++)
        sinter_be64_store(table + i * 8, SINTER_QCOW2_COPIED |
                                             (layout_l2_offset(self) + (i << geo->cluster_bits)));
    return sinter_io_write(io, self->spec.l1_offset, table, bytes, error);
}

/*
 * Subclusters stay unallocated: each cluster has host space, but the guest sees the backing file.
 * Without subclusters the clusters are plain data.
 */
static gboolean
write_l2_tables(const CreateLayout *self, SinterIo *io, GError **error)
{
    const SinterQcow2Geometry *geo = &self->spec.geo;
    g_autofree guint8 *table = g_malloc(geo->cluster_size);
    guint64 first = geo->external_data ? 0 : layout_data_offset(self);

    for (guint64 i = 0; i < self->n_l2; i++) {
        guint64 begin = i << geo->l2_bits;
        guint64 n = MIN(self->n_guest - begin, geo->l2_entries);

        memset(table, 0, geo->cluster_size);
        for (guint64 k = 0; k < n; k++) {
            SinterQcow2L2Entry l2 = {
                SINTER_QCOW2_COPIED | (first + ((begin + k) << geo->cluster_bits)), 0
            };

            sinter_qcow2_l2_store(geo, table, (guint32)k, l2);
        }
        if (!sinter_io_write(io, layout_l2_offset(self) + (i << geo->cluster_bits), table,
                             geo->cluster_size, error))
            return FALSE;
    }
    return TRUE;
}

/* Prepares the range for guest data: it reads as zeros and is allocated as requested. */
static gboolean
prepare_data(SinterIo *io, guint64 offset, guint64 bytes, SinterPreallocation preallocation,
             GError **error)
{
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    /* a device keeps its old content, which must not show */
    if (st.is_block_device && preallocation != SINTER_PREALLOCATION_FULL &&
        !sinter_io_discard(io, offset, bytes, error))
        return FALSE;
    switch (preallocation) {
    case SINTER_PREALLOCATION_FULL:
        return sinter_io_write_zeros(io, offset, bytes, error);
    case SINTER_PREALLOCATION_FALLOC:
        return sinter_io_allocate(io, offset, bytes, error);
    default:
        return st.is_block_device || sinter_io_truncate(io, offset + bytes, error);
    }
}

static gboolean
write_data(const CreateLayout *self, SinterIo *io, SinterIo *data_io,
           const SinterCreateOptions *options, GError **error)
{
    if (data_io)
        return prepare_data(data_io, 0, self->spec.virtual_size_bytes, options->preallocation,
                            error) &&
               sinter_io_flush(data_io, error);
    if (self->n_data == 0)
        return TRUE;
    return prepare_data(io, layout_data_offset(self), self->n_data << self->spec.geo.cluster_bits,
                        options->preallocation, error);
}

gboolean
sinter_qcow2_create(SinterIo *io, SinterIo *data_io, const SinterCreateOptions *options,
                    GError **error)
{
    g_autofree guint8 *header = NULL;
    CreateLayout layout;

    if (!sinter_qcow2_create_check(options, error) || !layout_init(&layout, options, error))
        return FALSE;
    header = sinter_qcow2_header_build(&layout.spec, error);
    /* checked before anything is written: a data file holds the whole disk */
    if (data_io && !sinter_io_check_reach(data_io, layout.spec.virtual_size_bytes, error))
        return FALSE;
    return header && write_data(&layout, io, data_io, options, error) &&
           write_reftable(&layout, io, error) && write_refblocks(&layout, io, error) &&
           write_l1(&layout, io, error) && write_l2_tables(&layout, io, error) &&
           sinter_io_flush(io, error) &&
           sinter_io_write(io, 0, header, layout.spec.geo.cluster_size, error) &&
           sinter_io_flush(io, error);
}
