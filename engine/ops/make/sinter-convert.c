/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes the content of disks into an image or a stream. Invariant: the target is not one of the
 * files that are read, and it is durable when success is returned.
 */

#include "sinter/convert.h"
#include "chain/sinter-chain.h"
#include "io/sinter-io-stream.h"
#include "sinter-convert-target.h"
#include "sinter-error.h"
#include "sinter-progress.h"
#include "ops/transfer/sinter-transfer.h"

#include <string.h>

#define SECTOR_BYTES 512

typedef struct {
    SinterChain *const *sources;
    guint n_sources;
    const SinterConvertOptions *options;
    guint64 begin; /* of the range to copy, in the concatenated sources */
    guint64 end;
} Convert;

/* Fails if the total size of the sources exceeds the size of any file. */
static gboolean
convert_init(Convert *self, SinterChain *const *sources, guint n_sources,
             const SinterConvertOptions *options, GError **error)
{
    *self = (Convert){ .sources = sources, .n_sources = n_sources, .options = options };
    for (guint i = 0; i < n_sources; i++) {
        if (!g_uint64_checked_add(&self->end, self->end,
                                  sinter_chain_get_virtual_size(sources[i])) ||
            self->end > G_MAXINT64 - SECTOR_BYTES) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                        "the images together exceed the maximum size of a file");
            return FALSE;
        }
    }
    if (options->has_part) {
        self->begin = MIN(options->part_offset, self->end);
        self->end = self->begin + MIN(options->part_length, self->end - self->begin);
    }
    return TRUE;
}

/* The size of the target disk. */
static guint64
convert_size(const Convert *self)
{
    return (self->end - self->begin + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
}

/* The transfer parameters that are common to all sources. */
static SinterTransfer
convert_pattern(const SinterConvertOptions *options)
{
    SinterConvertFlags flags = options->flags;
    SinterTransfer job = {
        .takes_end = TRUE,
        .compression =
            flags & SINTER_CONVERT_COMPRESS ? SINTER_TRANSFER_COMPRESS : SINTER_TRANSFER_PLAIN,
        .sparse_bytes = options->sparse_bytes ? options->sparse_bytes : SINTER_CONVERT_SPARSE_BYTES,
        .unordered = (flags & SINTER_CONVERT_UNORDERED) != 0,
        .side_by_side = !(flags & SINTER_CONVERT_DIRECT) || (flags & SINTER_CONVERT_UNORDERED),
        .rate_bytes_per_sec = options->rate_bytes_per_sec,
        .n_threads = options->n_threads,
        .cancellable = options->cancellable,
        .progress = options->progress,
        .salvages = (flags & SINTER_CONVERT_SALVAGE) != 0,
        .salvaged = options->salvaged,
        .salvaged_data = options->salvaged_data,
    };

    if (flags & (SINTER_CONVERT_OFFLOAD | SINTER_CONVERT_FULL))
        job.sparse_bytes = 0;
    if (flags & SINTER_CONVERT_FULL)
        job.zeros = SINTER_TRANSFER_ZEROS_WRITE;
    return job;
}

/* Moves the range to copy from all sources, one after the other. @pattern has the common
 * parameters. */
static gboolean
convert_transfer(const Convert *self, const SinterTransfer *pattern, GError **error)
{
    SinterTransfer job = *pattern;
    guint64 base = 0; /* offset of the source in the concatenation */

    sinter_progress_set_total(self->options->progress, self->end - self->begin);
    for (guint i = 0; i < self->n_sources; i++) {
        guint64 size = sinter_chain_get_virtual_size(self->sources[i]);
        guint64 from = CLAMP(self->begin, base, base + size);
        guint64 to = CLAMP(self->end, base, base + size);

        job.source = self->sources[i];
        job.offset = from - base;
        job.length = to - from;
        /* a source without a backing file decides its whole disk */
        if (self->options->flags & SINTER_CONVERT_TOP_LAYER)
            job.n_layers = sinter_chain_get_n_layers(job.source) > 1 ? 1 : G_MAXUINT;
        if (job.length > 0 && !sinter_transfer_run(&job, NULL, error))
            return FALSE;
        job.target_offset += job.length;
        base += size;
    }
    return TRUE;
}

typedef gboolean (*SourceFileFunc)(SinterIo *io, gpointer user_data, GError **error);

static gboolean
each_chain_file(SinterChain *chain, SourceFileFunc func, gpointer user_data, GError **error)
{
    for (guint i = 0; i < sinter_chain_get_n_layers(chain); i++) {
        SinterImage *image = sinter_chain_layer(chain, i);

        if (!func(image->io, user_data, error) || !func(image->data_io, user_data, error))
            return FALSE;
    }
    return TRUE;
}

/* Calls @func for each file of all sources. */
static gboolean
each_source_file(const Convert *job, SourceFileFunc func, gpointer user_data, GError **error)
{
    for (guint i = 0; i < job->n_sources; i++) {
        if (!each_chain_file(job->sources[i], func, user_data, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
refuse_same_file(SinterIo *io, gpointer target, GError **error)
{
    g_autofree char *hint = NULL;
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    if (!sinter_io_stat_same_file(&st, target))
        return TRUE;
    hint =
        g_strdup_printf("is another process using the image [%s]? It is one of the files to read",
                        sinter_io_get_path(io));
    sinter_error_set_hinted(error, SINTER_ERROR_LOCKED, hint, "Failed to get \"write\" lock");
    return FALSE;
}

/* Fails if the output is one of the files that are read: a source, or the target's backing chain
 * (@backing). */
static gboolean
convert_check_target(const Convert *job, SinterFs *fs, const char *path, SinterChain *backing,
                     GError **error)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, NULL);
    SinterIoStat st;

    /* a file that does not exist yet cannot be one of them */
    return !io ||
           (sinter_io_stat(io, &st, error) && each_source_file(job, refuse_same_file, &st, error) &&
            (!backing || each_chain_file(backing, refuse_same_file, &st, error)));
}

static gboolean
clear_unless_readable(SinterIo *io, gpointer readable, GError **error)
{
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    if (!(st.mode & 0004))
        *(gboolean *)readable = FALSE;
    return TRUE;
}

/* Opens the backing chain of a new target. */
static gboolean
convert_open_backing(const SinterConvertTarget *target, const SinterCreateOptions *image,
                     SinterChain **ret, GError **error)
{
    SinterChainOptions how = { .fs = target->fs, .format = image->backing_format };
    g_autofree char *path = NULL;

    path = sinter_image_resolve_name(target->path, image->backing_name, error);
    *ret = path ? sinter_chain_open(path, &how, error) : NULL;
    if (!*ret) {
        sinter_error_wrap(error, SINTER_STAGE_OPEN_BACKING, NULL, "Could not open backing file: ");
        sinter_error_wrap_open(error, target->path);
    }
    return *ret != NULL;
}

static gboolean
same_name(const char *a, const char *b)
{
    g_autofree char *first = g_canonicalize_filename(a, NULL);
    g_autofree char *second = g_canonicalize_filename(b, NULL);

    return strcmp(first, second) == 0;
}

static gboolean
convert_check_files(const Convert *job, const SinterConvertTarget *target, SinterChain *backing,
                    const char *data_name, GError **error)
{
    g_autofree char *data_path = NULL;

    if (!convert_check_target(job, target->fs, target->path, backing, error))
        return FALSE;
    if (!data_name)
        return TRUE;
    data_path = sinter_image_resolve_name(target->path, data_name, error);
    if (data_path && same_name(data_path, target->path)) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                            "the image cannot be its own data file");
        return FALSE;
    }
    return data_path && convert_check_target(job, target->fs, data_path, backing, error);
}

static gboolean
convert_open_target(const Convert *job, SinterConvertTarget *target,
                    const SinterCreateOptions *image, GError **error)
{
    SinterConvertFlags flags = job->options->flags;
    SinterOutputFlags how = (flags & SINTER_CONVERT_EXISTING ? SINTER_OUTPUT_EXISTING : 0) |
                            (flags & SINTER_CONVERT_DIRECT ? SINTER_OUTPUT_DIRECT : 0);
    gboolean is_new = !(flags & SINTER_CONVERT_EXISTING);
    g_autoptr(SinterChain) backing = NULL;
    gboolean readable = TRUE;

    if (is_new && image->backing_name && !convert_open_backing(target, image, &backing, error))
        return FALSE;
    if (convert_check_files(job, target, backing, is_new ? image->data_file_name : NULL, error) &&
        each_source_file(job, clear_unless_readable, &readable, error) &&
        sinter_convert_target_open(target, image, how, readable, g_steal_pointer(&backing),
                                   error)) {
        if ((flags & SINTER_CONVERT_KEEP_FORMAT) && strcmp(image->format, "raw") == 0)
            sinter_format_keep_raw(sinter_output_get_io(target->output));
        return TRUE;
    }
    if (is_new)
        sinter_error_wrap(error, SINTER_STAGE_CONVERT, target->path,
                          "%s: error while converting %s: ", target->path, image->format);
    return FALSE;
}

static gboolean
convert_check_compression(const SinterConvertTarget *target, SinterConvertFlags flags,
                          GError **error)
{
    gboolean knows = sinter_handle_get_format(target->handle)->write_stream != NULL;
    SinterFormatTraitFlags can = sinter_handle_get_traits(target->handle)->flags;

    if (!(flags & SINTER_CONVERT_COMPRESS) || (knows && (can & SINTER_FORMAT_TAKES_STREAMS)))
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                        knows ? "Compression not supported for images with a data file"
                              : "Compression not supported for this file format");
    return FALSE;
}

static gboolean
convert_into(const Convert *self, SinterConvertTarget *target, GError **error)
{
    const SinterConvertOptions *options = self->options;
    SinterTransfer job = convert_pattern(options);

    job.target = target->handle;
    target->bitmaps_of = options->flags & SINTER_CONVERT_BITMAPS ? self->sources[0] : NULL;
    target->skip_broken_bitmaps = (options->flags & SINTER_CONVERT_SKIP_BROKEN_BITMAPS) != 0;
    if (job.zeros == SINTER_TRANSFER_ZEROS_SAY &&
        (target->is_zero || (options->flags & SINTER_CONVERT_TARGET_IS_ZERO)))
        job.zeros = SINTER_TRANSFER_ZEROS_SKIP;
    return convert_check_compression(target, options->flags, error) &&
           convert_transfer(self, &job, error) && sinter_convert_target_commit(target, error);
}

gboolean
sinter_convert_to_image(SinterChain *const *sources, guint n_sources, const char *path,
                        const SinterCreateOptions *image, const SinterConvertOptions *options,
                        GError **error)
{
    SinterConvertOptions full = options ? *options : (SinterConvertOptions){ 0 };
    SinterCreateOptions what = *image;
    g_auto(SinterConvertTarget) target = { 0 };
    Convert job;

    const SinterFormat *format = sinter_format_find(image->format, error);

    if (!format || !convert_init(&job, sources, n_sources, &full, error))
        return FALSE;
    what.virtual_size = convert_size(&job);
    if (format->is_flat && what.preallocation == SINTER_PREALLOCATION_FULL)
        full.flags |= SINTER_CONVERT_FULL;
    target.path = g_strdup(path);
    target.fs = full.fs ? sinter_fs_ref(full.fs) : sinter_fs_new_host(NULL, error);
    if (!target.fs || !convert_open_target(&job, &target, &what, error) ||
        !convert_into(&job, &target, error))
        return FALSE;
    sinter_progress_finish(full.progress);
    return TRUE;
}

gboolean
sinter_convert_to_stream(SinterChain *const *sources, guint n_sources, int fd, const char *name,
                         const SinterConvertOptions *options, GError **error)
{
    const SinterConvertOptions full = options ? *options : (SinterConvertOptions){ 0 };
    SinterTransfer how = convert_pattern(&full);
    g_autoptr(SinterHandle) handle = NULL;
    g_autoptr(SinterIo) io = NULL;
    Convert job;

    if (!convert_init(&job, sources, n_sources, &full, error))
        return FALSE;
    io = sinter_io_stream_new(fd, name, error);
    if (!io)
        return FALSE;
    handle = sinter_handle_new_raw(io, job.end - job.begin);
    how.target = handle;
    how.zeros = SINTER_TRANSFER_ZEROS_WRITE;
    how.sparse_bytes = 0;
    how.via_memory = TRUE;
    how.unordered = FALSE;
    how.side_by_side = FALSE;
    if (!convert_transfer(&job, &how, error) || !sinter_io_flush(io, error))
        return FALSE;
    sinter_progress_finish(full.progress);
    return TRUE;
}
