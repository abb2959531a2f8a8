/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Builds the header cluster of a new image, byte for byte like QEMU's tools. Invariant: nothing is
 * written beyond the cluster, and an optional part is written completely or not at all.
 */

#include "qcow2-header-build.h"
#include "sinter-error.h"

typedef struct {
    guint8 *data;
    gsize size;
    gsize at; /* the next free byte */
} HeaderBuffer;

static const struct {
    guint8 kind;
    guint8 bit;
    const char *name;
} feature_names[] = {
    { SINTER_QCOW2_FEATURE_INCOMPATIBLE, 0, "dirty bit" },
    { SINTER_QCOW2_FEATURE_INCOMPATIBLE, 1, "corrupt bit" },
    { SINTER_QCOW2_FEATURE_INCOMPATIBLE, 2, "external data file" },
    { SINTER_QCOW2_FEATURE_INCOMPATIBLE, 3, "compression type" },
    { SINTER_QCOW2_FEATURE_INCOMPATIBLE, 4, "extended L2 entries" },
    { SINTER_QCOW2_FEATURE_COMPATIBLE, 0, "lazy refcounts" },
    { SINTER_QCOW2_FEATURE_AUTOCLEAR, 0, "bitmaps" },
    { SINTER_QCOW2_FEATURE_AUTOCLEAR, 1, "raw external data" },
};

static void
build_fields(HeaderBuffer *out, const SinterQcow2HeaderSpec *spec)
{
    guint8 *at = out->data;

    sinter_be32_store(at + SINTER_QCOW2_AT_MAGIC, SINTER_QCOW2_MAGIC);
    sinter_be32_store(at + SINTER_QCOW2_AT_VERSION, spec->version);
    sinter_be32_store(at + SINTER_QCOW2_AT_CLUSTER_BITS, spec->geo.cluster_bits);
    sinter_be64_store(at + SINTER_QCOW2_AT_VIRTUAL_SIZE, spec->virtual_size_bytes);
    sinter_be32_store(at + SINTER_QCOW2_AT_L1_ENTRIES, spec->l1_entries);
    sinter_be64_store(at + SINTER_QCOW2_AT_L1_OFFSET, spec->l1_offset);
    sinter_be64_store(at + SINTER_QCOW2_AT_REFTABLE_OFFSET, spec->reftable_offset);
    sinter_be32_store(at + SINTER_QCOW2_AT_REFTABLE_CLUSTERS, spec->reftable_clusters);
    out->at = SINTER_QCOW2_HEADER_V2_BYTES;
    if (spec->version < 3)
        return;
    sinter_be64_store(at + SINTER_QCOW2_AT_INCOMPATIBLE, spec->incompatible);
    sinter_be64_store(at + SINTER_QCOW2_AT_COMPATIBLE, spec->compatible);
    sinter_be64_store(at + SINTER_QCOW2_AT_AUTOCLEAR, spec->autoclear);
    sinter_be32_store(at + SINTER_QCOW2_AT_REFCOUNT_ORDER, spec->geo.refcount_order);
    sinter_be32_store(at + SINTER_QCOW2_AT_HEADER_BYTES, SINTER_QCOW2_HEADER_V3_BYTES);
    at[SINTER_QCOW2_AT_COMPRESSION_TYPE] = spec->compression_type;
    out->at = SINTER_QCOW2_HEADER_V3_BYTES;
}

/* Reserves an extension of @len bytes; NULL if it does not fit. */
static guint8 *
build_extension(HeaderBuffer *out, guint32 type, gsize len)
{
    gsize padded = (len + 7) / 8 * 8;
    guint8 *at = out->data + out->at;

    if (SINTER_QCOW2_EXT_HEAD_BYTES + padded > out->size - out->at)
        return NULL;
    sinter_be32_store(at, type);
    sinter_be32_store(at + 4, (guint32)len);
    out->at += SINTER_QCOW2_EXT_HEAD_BYTES + padded;
    return at + SINTER_QCOW2_EXT_HEAD_BYTES;
}

static gboolean
build_text(HeaderBuffer *out, guint32 type, const char *text)
{
    gsize len = text ? strlen(text) : 0;
    guint8 *at = text ? build_extension(out, type, len) : NULL;

    if (at)
        memcpy(at, text, len);
    return at || !text;
}

G_STATIC_ASSERT(sizeof feature_names / sizeof *feature_names * SINTER_QCOW2_FEATURE_BYTES ==
                SINTER_QCOW2_FEATURES_BYTES);

void
sinter_qcow2_header_build_features(guint8 *at)
{
    memset(at, 0, SINTER_QCOW2_FEATURES_BYTES);
    for (gsize i = 0; i < G_N_ELEMENTS(feature_names); i++) {
        at[0] = feature_names[i].kind;
        at[1] = feature_names[i].bit;
        memcpy(at + 2, feature_names[i].name, strlen(feature_names[i].name));
        at += SINTER_QCOW2_FEATURE_BYTES;
    }
}

static void
build_feature_names(HeaderBuffer *out)
{
    guint8 *at = NULL;

    if (out->size - out->at > SINTER_QCOW2_FEATURES_ROOM_BYTES)
        at = build_extension(out, SINTER_QCOW2_EXT_FEATURE_NAMES, SINTER_QCOW2_FEATURES_BYTES);
    if (at)
        sinter_qcow2_header_build_features(at);
}

static gboolean
build_backing_name(HeaderBuffer *out, const char *name)
{
    gsize len = name ? strlen(name) : 0;

    if (len > out->size - out->at)
        return FALSE;
    if (len == 0)
        return TRUE;
    sinter_be64_store(out->data + SINTER_QCOW2_AT_BACKING_OFFSET, out->at);
    sinter_be32_store(out->data + SINTER_QCOW2_AT_BACKING_BYTES, (guint32)len);
    memcpy(out->data + out->at, name, len);
    out->at += len;
    return TRUE;
}

guint8 *
sinter_qcow2_header_build(const SinterQcow2HeaderSpec *spec, GError **error)
{
    g_autofree guint8 *data = g_malloc0(spec->geo.cluster_size);
    HeaderBuffer out = { .data = data, .size = spec->geo.cluster_size };
    gboolean fits;

    build_fields(&out, spec);
    fits = build_text(&out, SINTER_QCOW2_EXT_BACKING_FORMAT, spec->backing_format) &&
           build_text(&out, SINTER_QCOW2_EXT_DATA_FILE, spec->data_file_name);
    if (fits && spec->version >= 3)
        build_feature_names(&out);
    fits = fits && build_extension(&out, SINTER_QCOW2_EXT_END, 0) != NULL &&
           build_backing_name(&out, spec->backing_name);
    if (fits)
        return g_steal_pointer(&data);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "the names of the backing file and the data file do not fit into the header "
                "cluster of %u bytes",
                spec->geo.cluster_size);
    return NULL;
}
