/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens and maps damaged images, to read from them what can be read. Invariant: only the geometry
 * and the size of the disk must be known; a range whose mapping is damaged is reported as lost, or
 * as doubtful with the content that its entry refers to, and never as a hole.
 */

#include "qcow2-salvage.h"
#include "sinter-error.h"

/* The most that is joined to one extent. */
#define JOIN_MAX_BYTES (G_GUINT64_CONSTANT(1) << 30)

/* Problems of the header that leave nothing to read: what the bytes mean is not known. */
static gboolean
refuse_unknown(const SinterQcow2Header *header, GError **error)
{
    const SinterQcow2Problem *fatal = sinter_qcow2_header_first_fatal(header);
    guint64 unknown = header->incompatible & ~SINTER_QCOW2_INCOMPAT_KNOWN;

    if (!header->has_geometry)
        return sinter_error_refuse(error, SINTER_ERROR_CORRUPT, "%s", fatal->text);
    if (unknown != 0 || header->compression_type > SINTER_QCOW2_COMPRESSION_ZSTD ||
        header->crypt_method > SINTER_QCOW2_CRYPT_LUKS)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED, "%s",
                                   fatal ? fatal->text : "unknown features");
    return TRUE;
}

/* The L1 table of a disk that exists is at most 32 MiB, so a larger size is damage, too. */
static gboolean
check_size(const SinterQcow2Header *header, const SinterQcow2L1Table *view, GError **error)
{
    guint64 size = view->virtual_size_bytes;

    if (size <= G_MAXINT64 &&
        sinter_qcow2_geometry_l1_entries(&header->geo, size) <= SINTER_QCOW2_L1_MAX_BYTES / 8)
        return TRUE;
    return sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                               "the size of the disk, %" G_GUINT64_FORMAT ", is not possible",
                               size);
}

/* Without its data file, the disk can still be mapped. A data file that is in use is an error. */
static gboolean
open_data_file(SinterQcow2Image *self, SinterIoFlags flags, GError **error)
{
    g_autoptr(GError) failed = NULL;

    if (self->header->geo.external_data && !self->header->data_file_name)
        self->lacks_data_file = TRUE;
    else if (!sinter_qcow2_image_open_data_file(self, flags, &failed))
        self->lacks_data_file = TRUE;
    if (!g_error_matches(failed, SINTER_ERROR, SINTER_ERROR_LOCKED))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

gboolean
sinter_qcow2_salvage_open(SinterImage *image, const SinterFormatOpen *how, GError **error)
{
    SinterQcow2Image *self = g_new0(SinterQcow2Image, 1);

    image->state = self;
    self->image = image;
    self->header = sinter_qcow2_header_read(image->io, error);
    if (!self->header || !refuse_unknown(self->header, error) ||
        !sinter_qcow2_image_choose_view(self, how->snapshot, error) ||
        !check_size(self->header, &self->view, error) || !open_data_file(self, how->flags, error))
        return FALSE;
    self->tables = sinter_qcow2_salvage_tables_new(image->io, self->header, &self->view, error);
    image->virtual_size = self->view.virtual_size_bytes;
    image->host_unit_bytes = self->header->geo.cluster_size;
    return self->tables != NULL;
}

static SinterExtentKind
kind_of(SinterQcow2Kind kind)
{
    switch (kind) {
    case SINTER_QCOW2_NORMAL:
        return SINTER_EXTENT_DATA;
    case SINTER_QCOW2_COMPRESSED_DATA:
        return SINTER_EXTENT_COMPRESSED;
    case SINTER_QCOW2_ZERO_PLAIN:
    case SINTER_QCOW2_ZERO_ALLOC:
        return SINTER_EXTENT_ZERO;
    default:
        return SINTER_EXTENT_HOLE;
    }
}

static void
set_loss(SinterFormatSalvage *ret, SinterLoss loss)
{
    ret->loss = loss;
    ret->doubtful = FALSE;
}

/* What the entry cannot know: the files that the image names. */
static void
judge_files(const SinterQcow2Image *self, SinterFormatSalvage *ret)
{
    const SinterQcow2Header *header = self->header;
    const SinterExtent *extent = &ret->extent;

    if (extent->kind == SINTER_EXTENT_HOLE && header->backing_name_offset != 0 &&
        !header->backing_name)
        set_loss(ret, SINTER_LOSS_BACKING_NAME);
    else if (extent->kind == SINTER_EXTENT_HOLE && ret->doubtful)
        set_loss(ret, ret->loss);
    else if (extent->kind == SINTER_EXTENT_DATA && header->geo.external_data &&
             extent->host_offset != extent->offset)
        set_loss(ret, SINTER_LOSS_L2_MISPLACED);
    else if (extent->kind == SINTER_EXTENT_DATA && self->lacks_data_file)
        set_loss(ret, SINTER_LOSS_DATA_FILE_MISSING);
}

/* Fills @ret for the bytes from @offset on to the end of the answer or of the subcluster. */
static void
map_one(SinterQcow2Image *self, guint64 offset, SinterFormatSalvage *ret)
{
    const SinterQcow2Geometry *geo = &self->header->geo;
    SinterQcow2SalvageEntry entry;
    SinterExtent *extent = &ret->extent;
    guint64 within;
    guint32 sub;

    sinter_qcow2_salvage_tables_find(self->tables, offset, &entry);
    within = offset - entry.start;
    *ret = (SinterFormatSalvage){
        .loss = entry.loss, .doubtful = entry.doubtful, .place = entry.place, .errnum = entry.errnum
    };
    *extent = (SinterExtent){ .offset = offset, .length = entry.bytes - within };
    if (ret->loss != SINTER_LOSS_NONE && !ret->doubtful)
        return;
    sub = geo->extended_l2 ? (guint32)(within >> geo->subcluster_bits) % geo->subclusters : 0;
    extent->kind = kind_of(sinter_qcow2_l2_kind(geo, entry.l2, sub));
    if (geo->extended_l2 && entry.bytes == geo->cluster_size &&
        extent->kind != SINTER_EXTENT_COMPRESSED)
        extent->length = ((guint64)(sub + 1) << geo->subcluster_bits) - within;
    if (extent->kind == SINTER_EXTENT_DATA) {
        extent->flags = SINTER_EXTENT_HAS_HOST;
        extent->host_offset = (entry.l2.entry & SINTER_QCOW2_OFFSET_MASK) + within;
    }
    judge_files(self, ret);
}

static gboolean
joins(const SinterFormatSalvage *one, const SinterFormatSalvage *next)
{
    return one->loss == next->loss && one->doubtful == next->doubtful &&
           one->extent.kind == next->extent.kind && one->errnum == next->errnum &&
           (one->extent.kind != SINTER_EXTENT_DATA ||
            one->extent.host_offset + one->extent.length == next->extent.host_offset);
}

void
sinter_qcow2_salvage_map(SinterImage *image, guint64 offset, guint64 len, SinterFormatSalvage *ret)
{
    SinterQcow2Image *self = image->state;
    guint64 limit = MIN(len, JOIN_MAX_BYTES);

    map_one(self, offset, ret);
    while (ret->extent.length < limit) {
        SinterFormatSalvage next;

        map_one(self, offset + ret->extent.length, &next);
        if (!joins(ret, &next))
            break;
        ret->extent.length += next.extent.length;
    }
    ret->extent.length = MIN(ret->extent.length, len);
}
