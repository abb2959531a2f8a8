/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads disks out into a raw file or a stream. It owns what is around the copying: the target is
 * none of the sources, is large enough or made so, and is durable when a success is told.
 */

#include "sinter/convert.h"
#include "chain/sinter-chain.h"
#include "io/sinter-io-stream.h"
#include "sinter-copy.h"
#include "sinter-error.h"
#include "sinter-output.h"
#include "sinter-progress.h"

static gboolean
same_file(const SinterIoStat *a, const SinterIoStat *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->is_block_device == b->is_block_device;
}

/* Calls @func for each file of all sources. */
static gboolean
each_source_file(const SinterCopyJob *job,
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
convert_check_target(const SinterCopyJob *job, SinterFs *fs, const char *path, GError **error)
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
convert_open_target(const SinterCopyJob *job, const char *path, GError **error)
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
convert_set_size(const SinterCopyJob *job, guint64 total, GError **error)
{
    SinterIoStat st;

    if (!sinter_io_stat(job->target, &st, error))
        return FALSE;
    if ((job->options->flags & SINTER_CONVERT_EXISTING) || st.is_block_device) {
        if (st.size_bytes >= total)
            return TRUE;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                    "output file is smaller than input file");
        return FALSE;
    }
    return sinter_io_truncate(job->target, total, error) &&
           (!job->options->preallocate || sinter_io_allocate(job->target, 0, total, error));
}

gboolean
sinter_convert_to_raw(SinterChain *const *sources, guint n_sources, const char *path,
                      const SinterConvertOptions *options, GError **error)
{
    const SinterConvertOptions full = options ? *options : (SinterConvertOptions){ 0 };
    SinterCopyJob job = { .sources = sources, .n_sources = n_sources, .options = &full };
    g_autoptr(SinterOutput) output = NULL;
    guint64 total;

    if (!sinter_copy_total_bytes(&job, &total, error))
        return FALSE;
    output = convert_open_target(&job, path, error);
    if (!output)
        return FALSE;
    job.target = sinter_output_get_io(output);
    job.target_is_zero =
        sinter_output_is_zero(output) || (full.flags & SINTER_CONVERT_TARGET_IS_ZERO) != 0;
    if (!convert_set_size(&job, total, error) || !sinter_copy_run(&job, error) ||
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
    SinterCopyJob job = {
        .sources = sources, .n_sources = n_sources, .in_order = TRUE, .options = &full
    };
    g_autoptr(SinterIo) io = sinter_io_stream_new(fd, name, error);

    job.target = io;
    if (!io || !sinter_copy_run(&job, error) || !sinter_io_flush(io, error))
        return FALSE;
    sinter_progress_finish(full.progress);
    return TRUE;
}
