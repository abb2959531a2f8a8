/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the bytes of a single change: a flag in the header, a cluster, an entry of a table. The
 * image may be damaged. Invariant: only values that lead to the place are used, each of them
 * checked against the file.
 */

#include "qcow2-patch.h"
#include "qcow2/layout/qcow2-header.h"
#include "sinter-error.h"

#include <string.h>

typedef enum {
    WORD_INCOMPATIBLE,
    WORD_COMPATIBLE,
    WORD_AUTOCLEAR,
} Word;

static const struct {
    const char *prefix; /* of a flag that is given by its number */
    const char *what;
    gsize at;
} words[] = {
    [WORD_INCOMPATIBLE] = { "incompatible:", "incompatible features",
                            SINTER_QCOW2_AT_INCOMPATIBLE },
    [WORD_COMPATIBLE] = { "compatible:", "compatible features", SINTER_QCOW2_AT_COMPATIBLE },
    [WORD_AUTOCLEAR] = { "autoclear:", "autoclear features", SINTER_QCOW2_AT_AUTOCLEAR },
};

static const struct {
    const char *name;
    Word word;
    guint64 mask;
} flags[] = {
    { "dirty", WORD_INCOMPATIBLE, SINTER_QCOW2_INCOMPAT_DIRTY },
    { "corrupt", WORD_INCOMPATIBLE, SINTER_QCOW2_INCOMPAT_CORRUPT },
    { "data-file", WORD_INCOMPATIBLE, SINTER_QCOW2_INCOMPAT_DATA_FILE },
    { "compression-type", WORD_INCOMPATIBLE, SINTER_QCOW2_INCOMPAT_COMPRESSION },
    { "extended-l2", WORD_INCOMPATIBLE, SINTER_QCOW2_INCOMPAT_EXTENDED_L2 },
    { "lazy-refcounts", WORD_COMPATIBLE, SINTER_QCOW2_COMPAT_LAZY_REFCOUNTS },
    { "bitmaps", WORD_AUTOCLEAR, SINTER_QCOW2_AUTOCLEAR_BITMAPS },
    { "data-file-raw", WORD_AUTOCLEAR, SINTER_QCOW2_AUTOCLEAR_RAW_EXTERNAL },
};

static gboolean
find_numbered(const char *name, Word *ret_word, guint64 *ret_mask)
{
    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        guint64 bit = 0;

        if (!g_str_has_prefix(name, words[i].prefix))
            continue;
        *ret_word = (Word)i;
        if (!g_ascii_string_to_unsigned(name + strlen(words[i].prefix), 10, 0, 63, &bit, NULL))
            return FALSE;
        *ret_mask = G_GUINT64_CONSTANT(1) << bit;
        return TRUE;
    }
    return FALSE;
}

static gboolean
find_flag(const char *name, Word *ret_word, guint64 *ret_mask, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (strcmp(flags[i].name, name) == 0) {
            *ret_word = flags[i].word;
            *ret_mask = flags[i].mask;
            return TRUE;
        }
    }
    return find_numbered(name, ret_word, ret_mask) ||
           sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT, "there is no flag '%s'", name);
}

static gboolean
patch_flag(const SinterQcow2Header *header, const SinterPatch *patch, SinterPatchChange *ret,
           GError **error)
{
    const guint64 values[] = {
        [WORD_INCOMPATIBLE] = header->incompatible,
        [WORD_COMPATIBLE] = header->compatible,
        [WORD_AUTOCLEAR] = header->autoclear,
    };
    guint64 mask = 0;
    Word word = WORD_INCOMPATIBLE;
    guint64 value;

    if (!find_flag(patch->flag, &word, &mask, error))
        return FALSE;
    if (header->version < 3)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "a version 2 image has no feature flags");
    value = values[word];
    value = patch->kind == SINTER_PATCH_SET_FLAG ? value | mask : value & ~mask;
    ret->what = g_strdup(words[word].what);
    ret->offset = words[word].at;
    ret->length = 8;
    sinter_be64_store(ret->after, value);
    return TRUE;
}

static gboolean
require_geometry(const SinterQcow2Header *header, GError **error)
{
    return header->has_geometry ||
           sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                               "the header has no valid cluster size and refcount width");
}

static gboolean
is_in_file(const SinterQcow2Header *header, guint64 offset, guint64 len)
{
    return offset <= header->file_bytes && len <= header->file_bytes - offset;
}

static gboolean
check_cluster(const SinterQcow2Header *header, guint64 offset, GError **error)
{
    guint64 size = header->geo.cluster_size;

    if (offset % size != 0)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "offset %" G_GUINT64_FORMAT " is not a multiple of the cluster "
                                   "size of %" G_GUINT64_FORMAT,
                                   offset, size);
    return is_in_file(header, offset, size) ||
           sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                               "the cluster at offset %" G_GUINT64_FORMAT
                               " is beyond the end of the file at %" G_GUINT64_FORMAT,
                               offset, header->file_bytes);
}

static gboolean
patch_copy(const SinterQcow2Header *header, const SinterPatch *patch, SinterPatchChange *ret,
           GError **error)
{
    if (!require_geometry(header, error) || !check_cluster(header, patch->offset, error) ||
        !check_cluster(header, patch->target, error))
        return FALSE;
    if (patch->target == 0)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "the cluster of the header cannot be replaced");
    if (patch->target == patch->offset)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "source and destination are the same cluster");
    ret->what =
        g_strdup_printf("cluster, replaced by the one at offset %" G_GUINT64_FORMAT, patch->offset);
    ret->offset = patch->target;
    ret->length = header->geo.cluster_size;
    ret->from = patch->offset;
    return TRUE;
}

/* Sets @ret to the place of the L1 entry that serves @guest. */
static gboolean
find_l1_entry(const SinterQcow2Header *header, guint64 guest, guint64 *ret, GError **error)
{
    guint bits = header->geo.cluster_bits + header->geo.l2_bits;
    guint64 index = guest >> bits;

    if (index >= header->l1_entries)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "guest offset %" G_GUINT64_FORMAT " is beyond the L1 table",
                                   guest);
    if (header->l1_offset % header->geo.cluster_size != 0 || header->l1_offset == 0 ||
        !is_in_file(header, header->l1_offset, (index + 1) * 8))
        return sinter_error_refuse(
            error, SINTER_ERROR_CORRUPT,
            "the L1 table at offset %" G_GUINT64_FORMAT " is not in the file", header->l1_offset);
    *ret = header->l1_offset + index * 8;
    return TRUE;
}

static gboolean
patch_l1(const SinterQcow2Header *header, const SinterPatch *patch, SinterPatchChange *ret,
         GError **error)
{
    if (!require_geometry(header, error) ||
        !find_l1_entry(header, patch->offset, &ret->offset, error))
        return FALSE;
    ret->what = g_strdup_printf("L1 entry of guest offset %" G_GUINT64_FORMAT, patch->offset);
    ret->length = 8;
    return TRUE;
}

static gboolean
check_l2(const SinterQcow2Header *header, guint64 guest, guint64 l2_offset, GError **error)
{
    if (l2_offset == 0)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "guest offset %" G_GUINT64_FORMAT " has no L2 table", guest);
    return (l2_offset % header->geo.cluster_size == 0 &&
            is_in_file(header, l2_offset, header->geo.cluster_size)) ||
           sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                               "the L1 entry of guest offset %" G_GUINT64_FORMAT
                               " refers to offset %" G_GUINT64_FORMAT ", where no L2 table can be",
                               guest, l2_offset);
}

static gboolean
patch_l2(SinterIo *io, const SinterQcow2Header *header, const SinterPatch *patch,
         SinterPatchChange *ret, GError **error)
{
    const SinterQcow2Geometry *geo = &header->geo;
    guint8 entry[8];
    guint64 l1_at = 0;
    guint64 l1;

    if (!require_geometry(header, error) || !find_l1_entry(header, patch->offset, &l1_at, error) ||
        !sinter_io_read(io, l1_at, entry, sizeof entry, error))
        return FALSE;
    l1 = sinter_be64_load(entry);
    if (!check_l2(header, patch->offset, l1 & SINTER_QCOW2_OFFSET_MASK, error))
        return FALSE;
    ret->what = g_strdup_printf("L2 entry of guest offset %" G_GUINT64_FORMAT, patch->offset);
    ret->offset =
        (l1 & SINTER_QCOW2_OFFSET_MASK) +
        ((patch->offset >> geo->cluster_bits) & (geo->l2_entries - 1)) * geo->l2_entry_bytes;
    ret->length = geo->l2_entry_bytes;
    if (!(l1 & SINTER_QCOW2_COPIED))
        ret->note = g_strdup("internal snapshots that share this L2 table change as well");
    return TRUE;
}

gboolean
sinter_qcow2_patch(SinterIo *io, const SinterPatch *patch, SinterPatchChange *ret, GError **error)
{
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, error);

    if (!header)
        return FALSE;
    switch (patch->kind) {
    case SINTER_PATCH_SET_FLAG:
    case SINTER_PATCH_CLEAR_FLAG:
        return patch_flag(header, patch, ret, error);
    case SINTER_PATCH_COPY_CLUSTER:
        return patch_copy(header, patch, ret, error);
    case SINTER_PATCH_EMPTY_L1:
        return patch_l1(header, patch, ret, error);
    case SINTER_PATCH_EMPTY_L2:
        return patch_l2(io, header, patch, ret, error);
    case SINTER_PATCH_WRITE:
        break;
    }
    g_assert_not_reached();
}
