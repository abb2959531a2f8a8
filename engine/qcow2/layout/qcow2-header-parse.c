/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Parses the bytes of a header field by field against bounds. Invariant: a field out of bounds
 * becomes a problem and is not followed.
 */

#include "qcow2-header-parse.h"

#include <string.h>

#define PROBLEM(self, code, offset, ...)                                                           \
    header_problem(self, SINTER_QCOW2_PROBLEM_##code, offset, __VA_ARGS__)

static void G_GNUC_PRINTF(4, 5) header_problem(SinterQcow2Header *self, SinterQcow2ProblemCode code,
                                               guint64 offset, const char *format, ...)
{
    SinterQcow2Problem problem = { .code = code, .offset = offset };
    va_list args;

    va_start(args, format);
    problem.text = g_strdup_vprintf(format, args);
    va_end(args);
    g_array_append_val(self->problems, problem);
}

static void
parse_fields(SinterQcow2Header *self, SinterQcow2HeaderBytes in)
{
    const guint8 *at = in.data;

    self->version = sinter_be32_load(at + SINTER_QCOW2_AT_VERSION);
    self->backing_name_offset = sinter_be64_load(at + SINTER_QCOW2_AT_BACKING_OFFSET);
    self->backing_name_bytes = sinter_be32_load(at + SINTER_QCOW2_AT_BACKING_BYTES);
    self->cluster_bits = sinter_be32_load(at + SINTER_QCOW2_AT_CLUSTER_BITS);
    self->virtual_size_bytes = sinter_be64_load(at + SINTER_QCOW2_AT_VIRTUAL_SIZE);
    self->crypt_method = sinter_be32_load(at + SINTER_QCOW2_AT_CRYPT_METHOD);
    self->l1_entries = sinter_be32_load(at + SINTER_QCOW2_AT_L1_ENTRIES);
    self->l1_offset = sinter_be64_load(at + SINTER_QCOW2_AT_L1_OFFSET);
    self->reftable_offset = sinter_be64_load(at + SINTER_QCOW2_AT_REFTABLE_OFFSET);
    self->reftable_clusters = sinter_be32_load(at + SINTER_QCOW2_AT_REFTABLE_CLUSTERS);
    self->n_snapshots = sinter_be32_load(at + SINTER_QCOW2_AT_N_SNAPSHOTS);
    self->snapshots_offset = sinter_be64_load(at + SINTER_QCOW2_AT_SNAPSHOTS_OFFSET);
    self->refcount_order = 4;
    self->header_bytes = SINTER_QCOW2_HEADER_V2_BYTES;
}

/* Returns FALSE if the version 3 fields cannot be read. */
static gboolean
parse_v3_fields(SinterQcow2Header *self, SinterQcow2HeaderBytes in)
{
    const guint8 *at = in.data;

    if (self->version < 3)
        return TRUE;
    if (in.len < SINTER_QCOW2_HEADER_V3_MIN_BYTES) {
        PROBLEM(self, SHORT_FILE, in.len, "qcow2 header too short");
        return FALSE;
    }
    self->incompatible = sinter_be64_load(at + SINTER_QCOW2_AT_INCOMPATIBLE);
    self->compatible = sinter_be64_load(at + SINTER_QCOW2_AT_COMPATIBLE);
    self->autoclear = sinter_be64_load(at + SINTER_QCOW2_AT_AUTOCLEAR);
    self->refcount_order = sinter_be32_load(at + SINTER_QCOW2_AT_REFCOUNT_ORDER);
    self->header_bytes = sinter_be32_load(at + SINTER_QCOW2_AT_HEADER_BYTES);
    if (self->header_bytes > SINTER_QCOW2_AT_COMPRESSION_TYPE &&
        in.len > SINTER_QCOW2_AT_COMPRESSION_TYPE)
        self->compression_type = at[SINTER_QCOW2_AT_COMPRESSION_TYPE];
    return TRUE;
}

/* Checks what the place of the header extensions depends on. FALSE: nothing further can be
 * interpreted. */
static gboolean
check_format(SinterQcow2Header *self)
{
    if (self->version < 2 || self->version > 3) {
        PROBLEM(self, VERSION, SINTER_QCOW2_AT_VERSION, "Unsupported qcow2 version %u",
                self->version);
        return FALSE;
    }
    if (self->cluster_bits < SINTER_QCOW2_CLUSTER_BITS_MIN ||
        self->cluster_bits > SINTER_QCOW2_CLUSTER_BITS_MAX) {
        PROBLEM(self, CLUSTER_BITS, SINTER_QCOW2_AT_CLUSTER_BITS, "Unsupported cluster size: 2^%u",
                self->cluster_bits);
        return FALSE;
    }
    return TRUE;
}

static guint64
cluster_bytes(const SinterQcow2Header *self)
{
    return G_GUINT64_CONSTANT(1) << self->cluster_bits;
}

/* Parses the fields that determine the geometry. FALSE: nothing further can be interpreted. */
static gboolean
check_geometry(SinterQcow2Header *self)
{
    if (self->refcount_order > SINTER_QCOW2_REFCOUNT_ORDER_MAX) {
        PROBLEM(self, REFCOUNT_ORDER, SINTER_QCOW2_AT_REFCOUNT_ORDER,
                "Reference count entry width too large; may not exceed 64 bits");
        return FALSE;
    }
    if ((self->incompatible & SINTER_QCOW2_INCOMPAT_EXTENDED_L2) &&
        self->cluster_bits < SINTER_QCOW2_EXTENDED_L2_CLUSTER_BITS_MIN) {
        PROBLEM(self, EXTENDED_L2_CLUSTER, SINTER_QCOW2_AT_CLUSTER_BITS,
                "Extended L2 entries are only supported with cluster sizes of at least 16384 "
                "bytes");
        return FALSE;
    }
    sinter_qcow2_geometry_init(&self->geo, self->version, self->cluster_bits, self->refcount_order,
                               self->incompatible);
    self->has_geometry = TRUE;
    return TRUE;
}

static void
check_header_length(SinterQcow2Header *self)
{
    if (self->version < 3)
        return;
    if (self->header_bytes < SINTER_QCOW2_HEADER_V3_MIN_BYTES)
        PROBLEM(self, HEADER_BYTES, SINTER_QCOW2_AT_HEADER_BYTES, "qcow2 header too short");
    else if (self->header_bytes > cluster_bytes(self))
        PROBLEM(self, HEADER_BYTES, SINTER_QCOW2_AT_HEADER_BYTES,
                "qcow2 header exceeds cluster size");
    else if (self->header_bytes % 8 != 0)
        PROBLEM(self, HEADER_ALIGN, SINTER_QCOW2_AT_HEADER_BYTES,
                "The header length %u is not a multiple of 8", self->header_bytes);
}

static void
check_compression(SinterQcow2Header *self)
{
    gboolean bit = (self->incompatible & SINTER_QCOW2_INCOMPAT_COMPRESSION) != 0;

    if (self->compression_type > SINTER_QCOW2_COMPRESSION_ZSTD)
        PROBLEM(self, COMPRESSION_TYPE, SINTER_QCOW2_AT_COMPRESSION_TYPE,
                "qcow2: unknown compression type: %u", self->compression_type);
    if (bit != (self->compression_type != SINTER_QCOW2_COMPRESSION_ZLIB))
        PROBLEM(self, COMPRESSION_BIT, SINTER_QCOW2_AT_INCOMPATIBLE,
                bit ? "qcow2: Compression type incompatible feature bit must not be set"
                    : "qcow2: Compression type incompatible feature bit must be set");
}

static void
check_crypt_method(SinterQcow2Header *self)
{
    if (self->crypt_method > SINTER_QCOW2_CRYPT_LUKS)
        PROBLEM(self, CRYPT_METHOD, SINTER_QCOW2_AT_CRYPT_METHOD,
                "Unsupported encryption method %u", self->crypt_method);
}

/* Returns whether @bytes at @offset are aligned to clusters and within 63 bits. */
static gboolean
table_placed(const SinterQcow2Header *self, guint64 offset, guint64 bytes)
{
    return (offset & (self->geo.cluster_size - 1)) == 0 && offset <= G_MAXINT64 - bytes;
}

static gboolean
within_file(const SinterQcow2Header *self, guint64 offset, guint64 bytes)
{
    return offset <= self->file_bytes && bytes <= self->file_bytes - offset;
}

static void
check_l1(SinterQcow2Header *self)
{
    guint64 bytes = (guint64)self->l1_entries * 8;

    if (self->virtual_size_bytes > G_MAXINT64)
        PROBLEM(self, VIRTUAL_SIZE, SINTER_QCOW2_AT_VIRTUAL_SIZE, "Image is too big");
    if (bytes > SINTER_QCOW2_L1_MAX_BYTES)
        PROBLEM(self, L1_BYTES, SINTER_QCOW2_AT_L1_ENTRIES, "Active L1 table too large");
    else if (!table_placed(self, self->l1_offset, bytes))
        PROBLEM(self, L1_OFFSET, SINTER_QCOW2_AT_L1_OFFSET, "Active L1 table offset invalid");
    else if (self->l1_entries > 0 && !within_file(self, self->l1_offset, bytes))
        PROBLEM(self, L1_OFFSET, SINTER_QCOW2_AT_L1_OFFSET,
                "Active L1 table is beyond the end of the file");
    if (self->l1_entries < sinter_qcow2_geometry_l1_entries(&self->geo, self->virtual_size_bytes))
        PROBLEM(self, L1_SHORT, SINTER_QCOW2_AT_L1_ENTRIES, "L1 table is too small");
}

static void
check_reftable(SinterQcow2Header *self)
{
    guint64 bytes = (guint64)self->reftable_clusters << self->cluster_bits;

    if (self->reftable_clusters == 0)
        PROBLEM(self, REFTABLE_BYTES, SINTER_QCOW2_AT_REFTABLE_CLUSTERS,
                "Image does not contain a reference count table");
    if (bytes > SINTER_QCOW2_REFTABLE_MAX_BYTES)
        PROBLEM(self, REFTABLE_BYTES, SINTER_QCOW2_AT_REFTABLE_CLUSTERS,
                "Reference count table too large");
    else if (!table_placed(self, self->reftable_offset, bytes))
        PROBLEM(self, REFTABLE_OFFSET, SINTER_QCOW2_AT_REFTABLE_OFFSET,
                "Reference count table offset invalid");
    else if (bytes > 0 && self->reftable_offset >= self->file_bytes)
        PROBLEM(self, REFTABLE_BEYOND, SINTER_QCOW2_AT_REFTABLE_OFFSET,
                "Reference count table is beyond the end of the file");
}

static void
check_snapshots(SinterQcow2Header *self)
{
    guint64 bytes = (guint64)self->n_snapshots * SINTER_QCOW2_SNAPSHOT_BYTES;

    if (self->n_snapshots > SINTER_QCOW2_SNAPSHOTS_MAX)
        PROBLEM(self, SNAPSHOTS_COUNT, SINTER_QCOW2_AT_N_SNAPSHOTS, "Snapshot table too large");
    else if (!table_placed(self, self->snapshots_offset, bytes))
        PROBLEM(self, SNAPSHOTS_OFFSET, SINTER_QCOW2_AT_SNAPSHOTS_OFFSET,
                "Snapshot table offset invalid");
    else if (self->n_snapshots > 0 && !within_file(self, self->snapshots_offset, bytes))
        PROBLEM(self, SNAPSHOTS_BEYOND, SINTER_QCOW2_AT_SNAPSHOTS_OFFSET,
                "Snapshot table is beyond the end of the file");
}

/* Returns bytes at @offset as text; NULL (and a problem) if they contain a NUL. */
static char *
parse_text(SinterQcow2Header *self, SinterQcow2HeaderBytes in, guint64 offset, gsize len,
           SinterQcow2ProblemCode code, const char *what)
{
    if (memchr(in.data + offset, 0, len)) {
        header_problem(self, code, offset, "The %s contains a NUL byte", what);
        return NULL;
    }
    return g_strndup((const char *)in.data + offset, len);
}

static void
parse_backing_name(SinterQcow2Header *self, SinterQcow2HeaderBytes in)
{
    guint64 offset = self->backing_name_offset;
    guint32 len = self->backing_name_bytes;

    if (offset == 0)
        return;
    if (offset > self->geo.cluster_size) {
        PROBLEM(self, BACKING_OFFSET, SINTER_QCOW2_AT_BACKING_OFFSET,
                "Invalid backing file offset");
        return;
    }
    if (len > SINTER_QCOW2_BACKING_NAME_MAX || len > self->geo.cluster_size - offset) {
        PROBLEM(self, BACKING_BYTES, SINTER_QCOW2_AT_BACKING_BYTES, "Backing file name too long");
        return;
    }
    if (offset < self->header_bytes) {
        PROBLEM(self, BACKING_OFFSET, SINTER_QCOW2_AT_BACKING_OFFSET,
                "The backing file name overlaps the header");
        return;
    }
    if (offset > in.len || len > in.len - offset) {
        PROBLEM(self, BACKING_BYTES, SINTER_QCOW2_AT_BACKING_BYTES,
                "The backing file name is beyond the end of the file");
        return;
    }
    if (len > 0)
        self->backing_name = parse_text(self, in, offset, len, SINTER_QCOW2_PROBLEM_BACKING_NAME,
                                        "backing file name");
}

static void
parse_backing_format(SinterQcow2Header *self, SinterQcow2HeaderBytes in,
                     const SinterQcow2Extension *ext)
{
    if (ext->length_bytes > SINTER_QCOW2_BACKING_FORMAT_MAX) {
        PROBLEM(self, EXTENSION_CONTENT, ext->offset,
                "The backing format name has %u bytes, at most 15 are allowed", ext->length_bytes);
        return;
    }
    g_free(self->backing_format);
    self->backing_format = parse_text(self, in, ext->offset, ext->length_bytes,
                                      SINTER_QCOW2_PROBLEM_EXTENSION_CONTENT, "backing format");
}

static void
parse_data_file(SinterQcow2Header *self, SinterQcow2HeaderBytes in, const SinterQcow2Extension *ext)
{
    g_free(self->data_file_name);
    self->data_file_name = parse_text(self, in, ext->offset, ext->length_bytes,
                                      SINTER_QCOW2_PROBLEM_EXTENSION_CONTENT, "data file name");
}

/* The names were read before: errors in other fields shall not hide them. */
static void
parse_features(SinterQcow2Header *self, SinterQcow2HeaderBytes in, const SinterQcow2Extension *ext)
{
    if (ext->length_bytes % SINTER_QCOW2_FEATURE_BYTES != 0)
        PROBLEM(self, FEATURE_TABLE, ext->offset,
                "The size of the feature name table, %u bytes, is not a multiple of %u",
                ext->length_bytes, SINTER_QCOW2_FEATURE_BYTES);
}

static void
parse_bitmaps(SinterQcow2Header *self, SinterQcow2HeaderBytes in, const SinterQcow2Extension *ext)
{
    const guint8 *at = in.data + ext->offset;

    if (ext->length_bytes != SINTER_QCOW2_EXT_BITMAPS_BYTES) {
        PROBLEM(self, EXTENSION_CONTENT, ext->offset, "bitmaps_ext: Invalid extension length");
        return;
    }
    self->has_bitmaps = TRUE;
    self->n_bitmaps = sinter_be32_load(at);
    self->bitmap_directory_bytes = sinter_be64_load(at + 8);
    self->bitmap_directory_offset = sinter_be64_load(at + 16);
}

static void
parse_luks(SinterQcow2Header *self, SinterQcow2HeaderBytes in, const SinterQcow2Extension *ext)
{
    const guint8 *at = in.data + ext->offset;

    if (ext->length_bytes != SINTER_QCOW2_EXT_LUKS_BYTES) {
        PROBLEM(self, EXTENSION_CONTENT, ext->offset,
                "CRYPTO header extension size %u, but expected size %u", ext->length_bytes,
                SINTER_QCOW2_EXT_LUKS_BYTES);
        return;
    }
    self->has_luks = TRUE;
    self->luks_offset = sinter_be64_load(at);
    self->luks_bytes = sinter_be64_load(at + 8);
}

static const struct {
    guint32 type;
    void (*parse)(SinterQcow2Header *, SinterQcow2HeaderBytes, const SinterQcow2Extension *);
} extension_table[] = {
    { SINTER_QCOW2_EXT_BACKING_FORMAT, parse_backing_format },
    { SINTER_QCOW2_EXT_DATA_FILE, parse_data_file },
    { SINTER_QCOW2_EXT_FEATURE_NAMES, parse_features },
    { SINTER_QCOW2_EXT_BITMAPS, parse_bitmaps },
    { SINTER_QCOW2_EXT_LUKS, parse_luks },
};

static void
parse_extension(SinterQcow2Header *self, SinterQcow2HeaderBytes in, const SinterQcow2Extension *ext)
{
    for (guint i = 0; i < self->extensions->len; i++) {
        if (g_array_index(self->extensions, SinterQcow2Extension, i).type == ext->type) {
            PROBLEM(self, EXTENSION_TWICE, ext->offset - SINTER_QCOW2_EXT_HEAD_BYTES,
                    "The header extension 0x%08x is not unique; the last one is used", ext->type);
            break;
        }
    }
    g_array_append_val(self->extensions, *ext);
    for (gsize i = 0; i < G_N_ELEMENTS(extension_table); i++) {
        if (extension_table[i].type == ext->type)
            extension_table[i].parse(self, in, ext);
    }
}

/* Returns where the list of extensions must end. */
static guint64
extensions_limit(const SinterQcow2Header *self, SinterQcow2HeaderBytes in)
{
    guint64 end = cluster_bytes(self);

    if (self->backing_name_offset != 0 && self->backing_name_offset < end)
        end = self->backing_name_offset;
    return MIN(end, in.len);
}

/* Returns FALSE at the end of the list; *@offset is where the list ends then. */
static gboolean
next_extension(SinterQcow2HeaderBytes in, guint64 end, guint64 *offset, SinterQcow2Extension *ext)
{
    if (*offset + SINTER_QCOW2_EXT_HEAD_BYTES > end) {
        *offset = MIN(*offset, end);
        return FALSE;
    }
    ext->type = sinter_be32_load(in.data + *offset);
    ext->length_bytes = sinter_be32_load(in.data + *offset + 4);
    ext->offset = *offset + SINTER_QCOW2_EXT_HEAD_BYTES;
    if (ext->type != SINTER_QCOW2_EXT_END)
        return TRUE;
    *offset = ext->offset;
    return FALSE;
}

static guint64
end_of_extension(const SinterQcow2Extension *ext)
{
    return ext->offset + ((guint64)ext->length_bytes + 7) / 8 * 8;
}

/* Walks the extensions; returns the offset where their list ends. */
static guint64
parse_extensions(SinterQcow2Header *self, SinterQcow2HeaderBytes in)
{
    guint64 offset = self->header_bytes;
    guint64 end = extensions_limit(self, in);
    SinterQcow2Extension ext;

    while (next_extension(in, end, &offset, &ext)) {
        if (ext.length_bytes > end - ext.offset) {
            PROBLEM(self, EXTENSION_BOUNDS, offset, "Header extension too large");
            return offset;
        }
        parse_extension(self, in, &ext);
        offset = end_of_extension(&ext);
    }
    return offset;
}

static void
read_names(SinterQcow2Header *self, SinterQcow2HeaderBytes in, const SinterQcow2Extension *ext)
{
    for (guint32 i = 0; i < ext->length_bytes / SINTER_QCOW2_FEATURE_BYTES; i++) {
        const guint8 *at = in.data + ext->offset + (gsize)i * SINTER_QCOW2_FEATURE_BYTES;
        SinterQcow2FeatureName name = { .kind = at[0], .bit = at[1] };

        memcpy(name.name, at + 2, SINTER_QCOW2_FEATURE_NAME_BYTES);
        /* the name appears in messages: it must not control a terminal */
        for (char *c = name.name; *c; c++) {
            if (!g_ascii_isprint(*c))
                *c = '?';
        }
        g_array_append_val(self->features, name);
    }
}

static void
read_feature_names(SinterQcow2Header *self, SinterQcow2HeaderBytes in)
{
    guint64 offset = self->header_bytes;
    guint64 end = extensions_limit(self, in);
    SinterQcow2Extension ext;

    while (next_extension(in, end, &offset, &ext) && ext.length_bytes <= end - ext.offset) {
        if (ext.type == SINTER_QCOW2_EXT_FEATURE_NAMES)
            read_names(self, in, &ext);
        offset = end_of_extension(&ext);
    }
}

/* An unknown feature may be the cause of all that follows: it is told first, as QEMU does. */
static void
check_features(SinterQcow2Header *self)
{
    guint64 unknown = self->incompatible & ~SINTER_QCOW2_INCOMPAT_KNOWN;
    g_autofree char *names = NULL;

    if (unknown) {
        names = sinter_qcow2_header_feature_names(self, SINTER_QCOW2_FEATURE_INCOMPATIBLE, unknown);
        PROBLEM(self, UNKNOWN_FEATURES, SINTER_QCOW2_AT_INCOMPATIBLE,
                "Unsupported qcow2 feature(s): %s", names);
    }
    unknown = self->autoclear & ~SINTER_QCOW2_AUTOCLEAR_KNOWN;
    if (unknown)
        PROBLEM(self, UNKNOWN_AUTOCLEAR, SINTER_QCOW2_AT_AUTOCLEAR,
                "Unknown autoclear feature bits 0x%" G_GINT64_MODIFIER "x", unknown);
}

static void
check_bitmaps(SinterQcow2Header *self)
{
    gboolean valid = (self->autoclear & SINTER_QCOW2_AUTOCLEAR_BITMAPS) != 0;

    if (!self->has_bitmaps) {
        if (valid)
            PROBLEM(self, BITMAPS_MISSING, SINTER_QCOW2_AT_AUTOCLEAR,
                    "The bitmaps feature bit is set, but there is no bitmaps extension");
        return;
    }
    if (!valid) {
        PROBLEM(self, BITMAPS_STALE, SINTER_QCOW2_AT_AUTOCLEAR,
                "The bitmaps are stale: a program without bitmap support has written to the image");
        return;
    }
    if (self->n_bitmaps == 0 || self->n_bitmaps > SINTER_QCOW2_BITMAPS_MAX)
        PROBLEM(self, BITMAPS_BOUNDS, 0, "bitmaps_ext: invalid number of bitmaps: %u",
                self->n_bitmaps);
    if (self->bitmap_directory_bytes == 0 ||
        self->bitmap_directory_bytes > SINTER_QCOW2_BITMAP_DIRECTORY_MAX_BYTES)
        PROBLEM(self, BITMAPS_BOUNDS, 0,
                "bitmaps_ext: invalid bitmap directory size: %" G_GUINT64_FORMAT,
                self->bitmap_directory_bytes);
    else if (!table_placed(self, self->bitmap_directory_offset, self->bitmap_directory_bytes) ||
             !within_file(self, self->bitmap_directory_offset, self->bitmap_directory_bytes))
        PROBLEM(self, BITMAPS_BOUNDS, 0,
                "bitmaps_ext: invalid bitmap directory offset: %" G_GUINT64_FORMAT,
                self->bitmap_directory_offset);
}

static void
check_luks(SinterQcow2Header *self)
{
    if (self->crypt_method == SINTER_QCOW2_CRYPT_LUKS && !self->has_luks)
        PROBLEM(self, LUKS_MISSING, SINTER_QCOW2_AT_CRYPT_METHOD,
                "The image is encrypted with LUKS, but the header extension is missing");
    if (!self->has_luks)
        return;
    if (self->crypt_method != SINTER_QCOW2_CRYPT_LUKS)
        PROBLEM(self, LUKS_BOUNDS, SINTER_QCOW2_AT_CRYPT_METHOD,
                "CRYPTO header extension only expected with LUKS encryption method");
    else if (!table_placed(self, self->luks_offset, MIN(self->luks_bytes, G_MAXINT64)) ||
             !within_file(self, self->luks_offset, self->luks_bytes))
        PROBLEM(self, LUKS_BOUNDS, self->luks_offset,
                "The LUKS header of %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT
                " is not aligned to a cluster or is beyond the end of the file",
                self->luks_bytes, self->luks_offset);
}

static void
check_data_file(SinterQcow2Header *self)
{
    if (!self->geo.external_data) {
        if (self->data_file_name)
            PROBLEM(self, DATA_FILE_STALE, SINTER_QCOW2_AT_INCOMPATIBLE,
                    "A data file is named, but the image does not use one");
        if (self->autoclear & SINTER_QCOW2_AUTOCLEAR_RAW_EXTERNAL)
            PROBLEM(self, DATA_FILE_RAW, SINTER_QCOW2_AT_AUTOCLEAR,
                    "The data file is marked as raw, but the image does not use one");
        return;
    }
    if (!self->data_file_name || *self->data_file_name == '\0')
        PROBLEM(self, DATA_FILE_NAME, SINTER_QCOW2_AT_INCOMPATIBLE,
                "'data-file' is required for this image");
    if ((self->autoclear & SINTER_QCOW2_AUTOCLEAR_RAW_EXTERNAL) && self->backing_name)
        PROBLEM(self, DATA_FILE_RAW, SINTER_QCOW2_AT_AUTOCLEAR,
                "The data file is marked as raw, but the image has a backing file");
    if (self->n_snapshots > 0)
        PROBLEM(self, DATA_FILE_SNAPSHOTS, SINTER_QCOW2_AT_N_SNAPSHOTS,
                "An image with a data file has internal snapshots");
}

void
sinter_qcow2_header_parse(SinterQcow2Header *self, SinterQcow2HeaderBytes in)
{
    guint64 end;

    self->bytes = g_bytes_new(in.data, MIN(in.len, SINTER_QCOW2_HEADER_V2_BYTES));
    parse_fields(self, in);
    if (!parse_v3_fields(self, in) || !check_format(self))
        return;
    check_header_length(self);
    check_compression(self);
    read_feature_names(self, in);
    check_features(self);
    if (!check_geometry(self))
        return;
    parse_backing_name(self, in);
    end = parse_extensions(self, in);
    check_crypt_method(self);
    check_l1(self);
    check_reftable(self);
    check_snapshots(self);
    check_bitmaps(self);
    check_luks(self);
    check_data_file(self);
    if (self->backing_name)
        end = MAX(end, self->backing_name_offset + self->backing_name_bytes);
    g_bytes_unref(self->bytes);
    self->bytes = g_bytes_new(in.data, MIN(MAX(end, self->header_bytes), in.len));
}
