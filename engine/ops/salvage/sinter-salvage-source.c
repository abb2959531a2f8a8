/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens and maps a chain that may be damaged. Invariant: below a layer that is damaged at an offset
 * no other layer is asked about that offset; a range that would come from a backing file which
 * cannot be opened is lost, not zero.
 */

#include "sinter-salvage-source.h"
#include "sinter-error.h"

/* For each layer; damaged images keep their tables elsewhere. */
#define CACHE_BYTES (2 * 1024 * 1024)

/* The next image to open, as its overlay names it. */
typedef struct {
    char *path;
    char *format; /* NULL: not stored */
} Member;

static void
member_clear(Member *self)
{
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->format, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Member, member_clear)

static SinterImage *
source_layer(const SinterSalvageSource *self, guint layer)
{
    return g_ptr_array_index(self->layers, layer);
}

static gboolean
check_new(const SinterSalvageSource *self, SinterImage *image, GError **error)
{
    if (self->layers->len == SINTER_CHAIN_MAX_LAYERS)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "The chain has more images than can be opened");
    for (guint i = 0; i < self->layers->len; i++) {
        if (sinter_io_is_same_file(source_layer(self, i)->io, image->io))
            return sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                                       "The backing chain loops at '%s'", image->info->path);
    }
    return TRUE;
}

static gboolean
open_member(SinterSalvageSource *self, const Member *member, const SinterSalvageOptions *options,
            GError **error)
{
    gboolean is_top = self->layers->len == 0;
    SinterImageOptions how = {
        .format = member->format,
        .snapshot = is_top ? options->snapshot : NULL,
        .flags = (options->flags & SINTER_CHAIN_NO_LOCK ? SINTER_IO_NO_LOCK : 0) |
                 (options->flags & SINTER_CHAIN_DIRECT ? SINTER_IO_DIRECT : 0),
        .cache_bytes = CACHE_BYTES,
        .salvages = TRUE,
    };
    g_autoptr(SinterImage) image = NULL;

    if (!member->format && !(options->flags & SINTER_CHAIN_PROBE))
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "Could not open '%s': its format must be given", member->path);
    image = sinter_image_open(self->fs, member->path, &how, error);
    if (!image || !check_new(self, image, error))
        return FALSE;
    g_ptr_array_add(self->layers, g_steal_pointer(&image));
    return TRUE;
}

/* Sets @member to the backing file of the last layer; its path is NULL if there is none. */
static gboolean
next_member(SinterSalvageSource *self, Member *member, GError **error)
{
    const SinterImage *image = source_layer(self, self->layers->len - 1);
    const SinterImageInfo *info = image->info;

    member_clear(member);
    if (!info->backing_name)
        return TRUE;
    member->path = sinter_image_resolve_name(info->path, info->backing_name, error);
    return member->path && sinter_image_name_get_format(info->backing_name, info->backing_format,
                                                        &member->format, error);
}

/*
 * Opens the images below the top as far as possible. An image that is in use is an error: its
 * content is not lost.
 */
static gboolean
open_backing(SinterSalvageSource *self, const SinterSalvageOptions *options, GError **error)
{
    g_auto(Member) member = { 0 };
    g_autoptr(GError) failed = NULL;

    do {
        if (next_member(self, &member, &failed) && !member.path)
            return TRUE;
    } while (member.path && open_member(self, &member, options, &failed));
    if (g_error_matches(failed, SINTER_ERROR, SINTER_ERROR_LOCKED)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    self->has_more = TRUE;
    self->trouble = g_strdup(failed->message);
    return TRUE;
}

gboolean
sinter_salvage_source_open(SinterSalvageSource *self, const char *path,
                           const SinterSalvageOptions *options, GError **error)
{
    g_auto(Member) top = { g_strdup(path), g_strdup(options->format) };

    *self = (SinterSalvageSource){ 0 };
    self->layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_image_close);
    self->fs = options->fs ? sinter_fs_ref(options->fs) : sinter_fs_new_host(NULL, error);
    if (!self->fs || !open_member(self, &top, options, error))
        return FALSE;
    if (source_layer(self, 0)->encrypted)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "'%s' is encrypted (%s); without the key, only its metadata can "
                                   "be read",
                                   path, source_layer(self, 0)->info->encryption);
    if (!(options->flags & SINTER_CHAIN_NO_BACKING) && !open_backing(self, options, error))
        return FALSE;
    self->runs = g_new0(SinterFormatSalvage, self->layers->len);
    return TRUE;
}

void
sinter_salvage_source_clear(SinterSalvageSource *self)
{
    g_clear_pointer(&self->layers, g_ptr_array_unref);
    g_clear_pointer(&self->fs, sinter_fs_unref);
    g_clear_pointer(&self->trouble, g_free);
    g_clear_pointer(&self->runs, g_free);
}

guint64
sinter_salvage_source_get_size(const SinterSalvageSource *self)
{
    return source_layer(self, 0)->virtual_size;
}

void
sinter_salvage_source_forget(SinterSalvageSource *self)
{
    for (guint i = 0; i < self->layers->len; i++)
        self->runs[i].extent.length = 0;
}

/* Returns what @layer alone states about @offset: a range that begins there. */
static SinterFormatSalvage
ask_layer(SinterSalvageSource *self, guint layer, guint64 offset, guint64 length)
{
    SinterFormatSalvage *run = &self->runs[layer];
    SinterFormatSalvage answer;
    guint64 within;

    if (run->extent.length == 0 || offset < run->extent.offset ||
        offset - run->extent.offset >= run->extent.length)
        sinter_image_salvage_map(source_layer(self, layer), offset, length, run);
    answer = *run;
    within = offset - run->extent.offset;
    answer.extent.offset = offset;
    answer.extent.length = MIN(run->extent.length - within, length);
    if (answer.extent.flags & SINTER_EXTENT_HAS_HOST)
        answer.extent.host_offset += within;
    answer.extent.layer = layer;
    return answer;
}

/* Lost data of an encrypted backing file, and the ends of compressed clusters. */
static void
judge_content(SinterSalvageSource *self, SinterFormatSalvage *ret)
{
    const SinterImage *image = source_layer(self, ret->extent.layer);
    SinterExtent *extent = &ret->extent;
    guint64 cluster = image->info->cluster_size;

    if (image->encrypted &&
        (extent->kind == SINTER_EXTENT_DATA || extent->kind == SINTER_EXTENT_COMPRESSED)) {
        ret->loss = SINTER_LOSS_ENCRYPTED;
        ret->doubtful = FALSE;
    } else if (extent->kind == SINTER_EXTENT_COMPRESSED && cluster > 0) {
        extent->length = MIN(extent->length, cluster - extent->offset % cluster);
    }
}

void
sinter_salvage_source_map(SinterSalvageSource *self, guint64 offset, guint64 length,
                          SinterFormatSalvage *ret)
{
    for (guint layer = 0; layer < self->layers->len; layer++) {
        /* a backing file that is shorter than the disk: the rest is zero */
        if (offset >= source_layer(self, layer)->virtual_size) {
            *ret = (SinterFormatSalvage){ .extent = { .offset = offset, .length = length } };
            return;
        }
        *ret = ask_layer(self, layer, offset, length);
        length = ret->extent.length;
        if ((ret->loss != SINTER_LOSS_NONE && !ret->doubtful) ||
            ret->extent.kind != SINTER_EXTENT_HOLE) {
            judge_content(self, ret);
            return;
        }
    }
    if (self->has_more)
        ret->loss = SINTER_LOSS_BACKING_MISSING;
}

/* A read that failed without an errno: the content is wrong. */
static SinterLoss
loss_of_content(const SinterExtent *extent)
{
    return extent->kind == SINTER_EXTENT_COMPRESSED ? SINTER_LOSS_UNDECODABLE
                                                    : SINTER_LOSS_TRUNCATED;
}

SinterLoss
sinter_salvage_source_read(SinterSalvageSource *self, const SinterExtent *extent, void *buf,
                           int *ret_errnum)
{
    g_autoptr(GError) error = NULL;

    *ret_errnum = 0;
    if (sinter_image_read_run(source_layer(self, extent->layer), extent, buf, &error))
        return SINTER_LOSS_NONE;
    *ret_errnum = sinter_error_get_errno(error);
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_SHORT_READ))
        return SINTER_LOSS_SHORT_READ;
    return *ret_errnum != 0 ? SINTER_LOSS_READ_ERROR : loss_of_content(extent);
}
