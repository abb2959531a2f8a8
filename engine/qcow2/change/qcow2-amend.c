/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes the creation options of a qcow2 image. Invariant: an impossible change is refused before
 * anything changes, with QEMU's messages.
 */

#include "qcow2-amend.h"
#include "qcow2-downgrade.h"
#include "qcow2-header-change.h"
#include "qcow2-shadow.h"
#include "qcow2-snapshot-table.h"
#include "sinter-error.h"

static guint
version_after(const SinterQcow2Writer *writer, const SinterAmendOptions *options)
{
    return options->version ? options->version : writer->header->version;
}

static gboolean
check_values(const SinterQcow2Writer *writer, const SinterAmendOptions *options, GError **error)
{
    guint bits = options->refcount_bits;
    gboolean is_raw = (writer->header->autoclear & SINTER_QCOW2_AUTOCLEAR_RAW_EXTERNAL) != 0;
    const struct {
        gboolean wrong;
        const char *text;
    } rules[] = {
        { options->version != 0 && options->version != 2 && options->version != 3,
          "The version of qcow2 must be 2 or 3" },
        { bits > 64 || (bits & (bits - 1)) != 0,
          "Refcount width must be a power of two and may not exceed 64 bits" },
        { options->data_file_name && !writer->geo.external_data,
          "data-file can only be set for images that use an external data file" },
        { options->data_file_name && *options->data_file_name == '\0',
          "The name of a data file cannot be empty" },
        { options->data_file_raw == SINTER_AMEND_ON && !is_raw,
          "data-file-raw cannot be set on existing images" },
        { version_after(writer, options) < 3 && bits != 0 && bits != 16,
          "Refcount widths other than 16 bits require compatibility level 1.1 or above (use "
          "compat=1.1 or greater)" },
        { version_after(writer, options) < 3 && options->lazy_refcounts == SINTER_AMEND_ON,
          "Lazy refcounts only supported with compatibility level 1.1 and above (use compat=1.1 or "
          "greater)" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (rules[i].wrong)
            return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT, "%s", rules[i].text);
    }
    return TRUE;
}

/* Snapshots that need fields that version 2 does not have. */
static gboolean
check_snapshots_fit(SinterQcow2Writer *writer, guint64 size, GError **error)
{
    g_autoptr(GPtrArray) list =
        sinter_qcow2_snapshots_load(writer->io, writer->header, NULL, error);

    for (guint i = 0; list && i < list->len; i++) {
        const SinterQcow2Snapshot *snapshot = g_ptr_array_index(list, i);

        if (snapshot->vm_state_bytes > G_MAXUINT32 || snapshot->disk_bytes != size)
            return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                       "Internal snapshots prevent downgrade of image");
    }
    return list != NULL;
}

static gboolean
check_downgrade(SinterQcow2Writer *writer, const SinterAmendOptions *options, GError **error)
{
    const SinterQcow2Header *header = writer->header;
    guint64 features =
        header->incompatible & ~(SINTER_QCOW2_INCOMPAT_COMPRESSION | SINTER_QCOW2_INCOMPAT_DIRTY);
    SinterQcow2Downgradable found;

    if (options->refcount_bits == 0 && header->refcount_order != 4)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "compat=0.10 requires refcount_bits=16");
    if (writer->geo.external_data)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "Cannot downgrade an image with a data file");
    if (!check_snapshots_fit(writer, options->size ? options->size : header->virtual_size_bytes,
                             error))
        return FALSE;
    if (features) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "Cannot downgrade an image with incompatible features 0x%" G_GINT64_MODIFIER
                    "x set",
                    features);
        return FALSE;
    }
    if (!(header->incompatible & SINTER_QCOW2_INCOMPAT_COMPRESSION))
        return TRUE;
    return sinter_qcow2_downgrade_examine(writer, &found, error) &&
           (!found.compressed ||
            sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                "Cannot downgrade an image with zstd compression type and existing "
                                "compressed clusters"));
}

gboolean
sinter_qcow2_amend_check(SinterQcow2Writer *writer, const SinterAmendOptions *options,
                         GError **error)
{
    return check_values(writer, options, error) &&
           (version_after(writer, options) >= writer->header->version ||
            check_downgrade(writer, options, error));
}

gboolean
sinter_qcow2_amend_snapshots(SinterQcow2Writer *writer, GError **error)
{
    g_autoptr(GPtrArray) list =
        sinter_qcow2_snapshots_load(writer->io, writer->header, NULL, error);
    g_autoptr(SinterQcow2Shadow) shadow = NULL;

    if (!list || list->len == 0)
        return list != NULL;
    shadow = sinter_qcow2_shadow_new(writer, writer->geo.refcount_order);
    return sinter_qcow2_snapshot_table_replace(
               shadow, list, sinter_qcow2_snapshot_table_bytes(writer->header, list), error) &&
           sinter_qcow2_shadow_commit(shadow, error);
}

gboolean
sinter_qcow2_amend_refcounts(SinterQcow2Writer *writer, guint refcount_bits,
                             SinterProgress *progress, GError **error)
{
    guint32 order = (guint32)__builtin_ctz(refcount_bits);
    g_autoptr(SinterQcow2Shadow) shadow = NULL;

    if (order == writer->header->refcount_order)
        return TRUE;
    shadow = sinter_qcow2_shadow_new(writer, order);
    return sinter_qcow2_shadow_convert(shadow, progress, error) &&
           sinter_qcow2_shadow_commit(shadow, error);
}

/* Sets or clears bits according to a switch. */
static guint64
switched(guint64 bits, guint64 bit, SinterAmendSwitch to)
{
    if (to == SINTER_AMEND_KEEP)
        return bits;
    return to == SINTER_AMEND_ON ? bits | bit : bits & ~bit;
}

gboolean
sinter_qcow2_amend_header(SinterQcow2Writer *writer, const SinterAmendOptions *options,
                          GError **error)
{
    SinterQcow2HeaderChange change = sinter_qcow2_header_change_of(writer->header);

    change.compatible =
        switched(change.compatible, SINTER_QCOW2_COMPAT_LAZY_REFCOUNTS, options->lazy_refcounts);
    change.autoclear =
        switched(change.autoclear, SINTER_QCOW2_AUTOCLEAR_RAW_EXTERNAL, options->data_file_raw);
    if (options->data_file_name)
        change.data_file_name = options->data_file_name;
    if (change.compatible == writer->header->compatible &&
        change.autoclear == writer->header->autoclear &&
        change.data_file_name == writer->header->data_file_name)
        return TRUE;
    return sinter_qcow2_header_change(writer->io, writer->header, &change, error);
}

gboolean
sinter_qcow2_amend_version(SinterQcow2Writer *writer, guint version, GError **error)
{
    SinterQcow2HeaderChange change = sinter_qcow2_header_change_of(writer->header);

    change.version = version;
    /* version 2 has no features, and its compression is zlib */
    if (version < 3)
        change.incompatible = change.compatible = change.autoclear = 0;
    return sinter_qcow2_header_change(writer->io, writer->header, &change, error);
}
