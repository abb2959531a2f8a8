/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads disks out into a raw file or a stream. It owns what is around the copying: the target is
 * none of the sources, is large enough or made so, and is durable when a success is told.
 */

#include "sinter/convert.h"
#include "chain/sinter-chain.h"
#include "io/sinter-io-stream.h"
#include "sinter-error.h"
#include "sinter-output.h"
#include "sinter-progress.h"
#include "sinter-transfer.h"

typedef struct {
    SinterChain *const *sources;
    guint n_sources;
    const SinterConvertOptions *options;
    guint64 total; /* bytes of all sources together */
} Convert;

/* An error where the sources are too much for any file. */
static gboolean
convert_init(Convert *self, SinterChain *const *sources, guint n_sources,
             const SinterConvertOptions *options, GError **error)
{
    *self = (Convert){ .sources = sources, .n_sources = n_sources, .options = options };
    for (guint i = 0; i < n_sources; i++) {
        if (!g_uint64_checked_add(&self->total, self->total,
                                  sinter_chain_get_virtual_size(sources[i])) ||
            self->total > G_MAXINT64) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                        "the images together are larger than a file can be");
            return FALSE;
        }
    }
    return TRUE;
}

/* Moves all sources, one behind the other. @pattern says how. */
static gboolean
convert_transfer(const Convert *self, SinterIo *io, const SinterTransfer *pattern, GError **error)
{
    const SinterConvertOptions *options = self->options;
    SinterTransfer job = *pattern;
    gboolean ok = TRUE;

    job.target = sinter_handle_new_raw(io, self->total);
    job.rate_bytes_per_sec = options->rate_bytes_per_sec;
    job.n_threads = options->n_threads;
    job.cancellable = options->cancellable;
    job.progress = options->progress;
    job.salvages = (options->flags & SINTER_CONVERT_SALVAGE) != 0;
    job.salvaged = options->salvaged;
    job.salvaged_data = options->salvaged_data;
    sinter_progress_set_total(options->progress, self->total);
    for (guint i = 0; ok && i < self->n_sources; i++) {
        job.source = self->sources[i];
        ok = sinter_transfer_run(&job, NULL, error);
        job.target_offset += sinter_chain_get_virtual_size(job.source);
    }
    sinter_handle_abandon(job.target);
    return ok;
}

static gboolean
same_file(const SinterIoStat *a, const SinterIoStat *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->is_block_device == b->is_block_device;
}

/* Calls @func for each file of all sources. */
static gboolean
each_source_file(const Convert *job,
                 gboolean (*func)(SinterIo *io, gpointer user_data, GError **error),
                 gpointer user_data, GError **error)
{
    for (guint i = 0; i < job->n_sources; i++) {
        for (guint j = 0; j < sinter_chain_get_n_layers(job->sources[i]); j++) {
            SinterImage *image = sinter_chain_layer(job->sources[i], j);

            if (!func(image->io, user_data, error) || !func(image->data_io, user_data, error))
                return FALSE;
        }
    }
    return TRUE;
}

static gboolean
refuse_same_file(SinterIo *io, gpointer target, GError **error)
{
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    if (!same_file(&st, target))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_LOCKED,
                "Failed to get \"write\" lock: is another process using the image [%s]? It is one "
                "of the files that are to be read",
                sinter_io_get_path(io));
    return FALSE;
}

/* A target that is not there yet is none of the sources. */
static gboolean
convert_check_target(const Convert *job, SinterFs *fs, const char *path, GError **error)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, NULL);
    SinterIoStat st;

    return !io ||
           (sinter_io_stat(io, &st, error) && each_source_file(job, refuse_same_file, &st, error));
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

static SinterOutputFlags
convert_output_flags(SinterConvertFlags flags)
{
    return (flags & SINTER_CONVERT_EXISTING ? SINTER_OUTPUT_EXISTING : 0) |
           (flags & SINTER_CONVERT_DIRECT ? SINTER_OUTPUT_DIRECT : 0);
}

static SinterOutput *
convert_open_target(const Convert *job, const char *path, GError **error)
{
    const SinterConvertOptions *options = job->options;
    g_autoptr(SinterFs) fs =
        options->fs ? sinter_fs_ref(options->fs) : sinter_fs_new_host(NULL, error);
    SinterOutput *output = NULL;
    gboolean readable = TRUE;

    if (fs && convert_check_target(job, fs, path, error) &&
        each_source_file(job, clear_unless_readable, &readable, error))
        output =
            sinter_output_open(fs, path, convert_output_flags(options->flags), readable, error);
    if (!output && !(options->flags & SINTER_CONVERT_EXISTING))
        g_prefix_error(error, "%s: error while converting raw: ", path);
    return output;
}

/* Makes the target as large as it must be. */
static gboolean
convert_set_size(const Convert *job, SinterIo *target, GError **error)
{
    guint64 total = job->total;
    SinterIoStat st;

    if (!sinter_io_stat(target, &st, error))
        return FALSE;
    if ((job->options->flags & SINTER_CONVERT_EXISTING) || st.is_block_device) {
        if (st.size_bytes >= total)
            return TRUE;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                    "output file is smaller than input file");
        return FALSE;
    }
    return sinter_io_truncate(target, total, error) &&
           (!job->options->preallocate || sinter_io_allocate(target, 0, total, error));
}

gboolean
sinter_convert_to_raw(SinterChain *const *sources, guint n_sources, const char *path,
                      const SinterConvertOptions *options, GError **error)
{
    const SinterConvertOptions full = options ? *options : (SinterConvertOptions){ 0 };
    SinterTransfer how = {
        .unordered = (full.flags & SINTER_CONVERT_UNORDERED) != 0,
        .sparse_bytes = full.sparse_bytes ? full.sparse_bytes : SINTER_CONVERT_SPARSE_BYTES,
    };
    g_autoptr(SinterOutput) output = NULL;
    SinterIo *io;
    Convert job;

    if (!convert_init(&job, sources, n_sources, &full, error))
        return FALSE;
    output = convert_open_target(&job, path, error);
    if (!output)
        return FALSE;
    io = sinter_output_get_io(output);
    if (full.flags & SINTER_CONVERT_FULL) {
        how.zeros = SINTER_TRANSFER_ZEROS_WRITE;
        how.sparse_bytes = 0;
    } else if (sinter_output_is_zero(output) || (full.flags & SINTER_CONVERT_TARGET_IS_ZERO)) {
        how.zeros = SINTER_TRANSFER_ZEROS_SKIP;
    }
    if (!convert_set_size(&job, io, error) || !convert_transfer(&job, io, &how, error) ||
        !sinter_output_commit(output, error))
        return FALSE;
    sinter_progress_finish(full.progress);
    return TRUE;
}

gboolean
sinter_convert_to_stream(SinterChain *const *sources, guint n_sources, int fd, const char *name,
                         const SinterConvertOptions *options, GError **error)
{
    const SinterConvertOptions full = options ? *options : (SinterConvertOptions){ 0 };
    const SinterTransfer how = { .zeros = SINTER_TRANSFER_ZEROS_WRITE, .via_memory = TRUE };
    g_autoptr(SinterIo) io = NULL;
    Convert job;

    if (!convert_init(&job, sources, n_sources, &full, error))
        return FALSE;
    io = sinter_io_stream_new(fd, name, error);
    if (!io || !convert_transfer(&job, io, &how, error) || !sinter_io_flush(io, error))
        return FALSE;
    sinter_progress_finish(full.progress);
    return TRUE;
}
