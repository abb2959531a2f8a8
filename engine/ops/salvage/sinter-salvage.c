/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Copies what can be read of a damaged disk into a new image. Invariant: the output is none of the
 * files that are read, and each byte of the disk is either read, or listed as lost with its cause.
 */

#include "sinter/salvage.h"
#include "sinter-error.h"
#include "sinter-progress.h"
#include "sinter-salvage-pass.h"

#include <string.h>

/* The largest cluster; more than any piece of data that is read at once. */
#define BUFFER_BYTES (2 * 1024 * 1024)
#define BUFFER_ALIGNMENT 4096

static gboolean
check_not_read(SinterIo *io, SinterIo *output, GError **error)
{
    return !sinter_io_is_same_file(io, output) ||
           sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                               "the output '%s' is one of the files to read",
                               sinter_io_get_path(output));
}

/* Fails if @path is one of the files of the source. */
static gboolean
check_output(SinterSalvageSource *source, const char *path, GError **error)
{
    g_autoptr(SinterIo) io =
        sinter_fs_open(source->fs, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, NULL);

    /* a file that does not exist yet cannot be one of them */
    for (guint i = 0; io && i < source->layers->len; i++) {
        SinterImage *image = g_ptr_array_index(source->layers, i);

        if (!check_not_read(image->io, io, error) || !check_not_read(image->data_io, io, error))
            return FALSE;
    }
    return TRUE;
}

/* Returns whether everybody may read all files of the source. */
static gboolean
is_readable(SinterSalvageSource *source)
{
    for (guint i = 0; i < source->layers->len; i++) {
        SinterImage *image = g_ptr_array_index(source->layers, i);
        SinterIoStat st;

        if (!sinter_io_stat(image->io, &st, NULL) || !(st.mode & 0004))
            return FALSE;
    }
    return TRUE;
}

static gboolean
salvage_begin(SinterSalvageRun *self, const char *output, const SinterCreateOptions *image,
              GError **error)
{
    const SinterSalvageOptions *options = self->options;
    const SinterImage *top = g_ptr_array_index(self->source.layers, 0);
    SinterCreateOptions what = *image;
    guint64 size = sinter_salvage_source_get_size(&self->source);
    g_autofree char *partial = g_strconcat(output, SINTER_SALVAGE_PARTIAL_SUFFIX, NULL);

    what.virtual_size = size;
    if (!what.format)
        what.format = top->format->name;
    self->map = options->former_map ? sinter_salvage_map_parse(options->former_map, size, error)
                                    : sinter_salvage_map_new(size);
    if (!self->map)
        sinter_error_prefix(error, "the map file cannot be used: ");
    if (!self->map || !check_output(&self->source, output, error) ||
        !check_output(&self->source, partial, error) ||
        !sinter_salvage_target_open(&self->target, output, &what, options,
                                    is_readable(&self->source), error))
        return FALSE;
    self->phase = SINTER_SALVAGE_NOT_TRIED;
    /* aligned, so that reads may go around the page cache */
    self->buffer = g_aligned_alloc(1, BUFFER_BYTES, BUFFER_ALIGNMENT);
    sinter_progress_set_total(options->progress, size);
    if (options->former_map)
        sinter_salvage_pass_restore(self);
    /* the map must exist as soon as there is an output to continue */
    return sinter_salvage_pass_save(self, error);
}

static gboolean
salvage_finish(SinterSalvageRun *self, GError **error)
{
    return sinter_salvage_pass_fill(self, error) && sinter_salvage_pass_save(self, error) &&
           sinter_salvage_target_commit(&self->target, error);
}

static void
add_range(SinterSalvageResult *result, const SinterSalvageBlock *block)
{
    SinterSalvageRange range = {
        .offset = block->offset,
        .length = block->length,
        .loss = block->cause.loss,
        .doubtful = block->status == SINTER_SALVAGE_READ,
        .errnum = block->cause.errnum,
        .layer = block->cause.layer,
        .place = block->cause.place,
    };

    if (range.doubtful)
        result->doubtful_bytes += range.length;
    g_array_append_val(result->ranges, range);
}

static SinterSalvageResult *
salvage_result(SinterSalvageRun *self)
{
    SinterSalvageResult *result = g_new0(SinterSalvageResult, 1);
    SinterSalvageBlock block;

    result->virtual_size = sinter_salvage_source_get_size(&self->source);
    result->read_bytes = sinter_salvage_map_count(self->map, SINTER_SALVAGE_READ);
    result->lost_bytes = result->virtual_size - result->read_bytes;
    result->ranges = g_array_new(FALSE, FALSE, sizeof(SinterSalvageRange));
    result->layers = g_ptr_array_new_with_free_func(g_free);
    result->trouble = g_strdup(self->source.trouble);
    result->map = sinter_salvage_map_print(self->map, self->phase, self->position);
    for (guint i = 0; sinter_salvage_map_get(self->map, i, &block); i++) {
        if (block.status != SINTER_SALVAGE_READ || block.cause.loss != SINTER_LOSS_NONE)
            add_range(result, &block);
    }
    for (guint i = 0; i < self->source.layers->len; i++) {
        const SinterImage *image = g_ptr_array_index(self->source.layers, i);

        g_ptr_array_add(result->layers, g_strdup(image->info->path));
    }
    return result;
}

static void
run_clear(SinterSalvageRun *self)
{
    sinter_salvage_target_clear(&self->target);
    sinter_salvage_source_clear(&self->source);
    sinter_salvage_map_free(self->map);
    g_aligned_free(self->buffer);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterSalvageRun, run_clear)

static gboolean
check_options(const SinterSalvageOptions *options, GError **error)
{
    if (options->fill &&
        (options->fill_bytes == 0 || options->fill_bytes > SINTER_SALVAGE_FILL_MAX_BYTES))
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "the fill pattern must have 1 to %d bytes",
                                   SINTER_SALVAGE_FILL_MAX_BYTES);
    if (options->former_map && !options->save)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "a salvage that continues must be resumable");
    return TRUE;
}

SinterSalvageResult *
sinter_salvage(const char *path, const char *output, const SinterCreateOptions *image,
               const SinterSalvageOptions *options, GError **error)
{
    const SinterSalvageOptions none = { 0 };
    g_auto(SinterSalvageRun) run = { .options = options ? options : &none };
    /* what the earlier run found to be bad is tried once: its cause is not in the map */
    guint tries_bad = run.options->retries + (run.options->former_map ? 1 : 0);

    if (!check_options(run.options, error) ||
        !sinter_salvage_source_open(&run.source, path, run.options, error) ||
        !salvage_begin(&run, output, image, error) ||
        !sinter_salvage_pass_all(&run, tries_bad, error) || !salvage_finish(&run, error))
        return NULL;
    sinter_progress_finish(run.options->progress);
    return salvage_result(&run);
}

void
sinter_salvage_result_free(SinterSalvageResult *result)
{
    if (!result)
        return;
    g_array_unref(result->ranges);
    g_ptr_array_unref(result->layers);
    g_free(result->trouble);
    g_free(result->map);
    g_free(result);
}
