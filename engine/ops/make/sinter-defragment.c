/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rewrites an image in the order of its disk. Invariant: the image is locked against every other
 * user from before it is read until the new one has its name, and the new one gets that name only
 * after it was checked.
 */

#include "sinter/defragment.h"
#include "chain/sinter-chain.h"
#include "ops/transfer/sinter-transfer.h"
#include "sinter-convert-target.h"
#include "sinter-error.h"
#include "sinter-progress.h"
#include "sinter/dump.h"

#include <string.h>

/* Shorter runs make reads of a whole disk slower; measured, see the header. */
#define RUN_MIN_BYTES (512 * 1024)
#define DATA_MIN_BYTES (64 * 1024 * 1024)

gboolean
sinter_defragment_suggested(const SinterImageStats *stats)
{
    guint64 data = stats->allocated_clusters * stats->cluster_bytes;

    return data >= DATA_MIN_BYTES && data / (stats->fragmented_clusters + 1) < RUN_MIN_BYTES;
}

typedef struct {
    SinterFs *fs; /* a reference */
    const char *path;
    const SinterDefragmentOptions *options;
    SinterDefragmentResult *result;
} Defragment;

/* --- what is refused -------------------------------------------------------------------------- */

static void
note_extension(const SinterDumpExtension *extension, gpointer user_data)
{
    if (strcmp(extension->name, "unknown") == 0)
        *(gboolean *)user_data = TRUE;
}

/* Sets whether the header has extensions that the new image would not have. */
static gboolean
has_unknown_extensions(const Defragment *self, const char *format, gboolean *ret, GError **error)
{
    const SinterDumpVisitor visitor = { .extension = note_extension };
    g_autoptr(SinterIo) io =
        sinter_fs_open(self->fs, self->path, SINTER_IO_READ | SINTER_IO_NO_LOCK, error);

    *ret = FALSE;
    return io && sinter_image_dump(io, format, &visitor, ret, NULL, error);
}

/* Refuses what the new image could not have, or what would be lost. */
static gboolean
check_features(const Defragment *self, const SinterImageInfo *info, GError **error)
{
    const SinterFormat *format = sinter_format_find(info->format, error);
    gboolean unknown = FALSE;

    if (!format)
        return FALSE;
    if (info->cluster_size == 0 || !format->create || !format->check || !format->dump)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "images of format '%s' cannot be defragmented", info->format);
    if (info->trouble)
        return sinter_error_refuse(error, SINTER_ERROR_CORRUPT, "%s", info->trouble);
    if (!has_unknown_extensions(self, info->format, &unknown, error))
        return FALSE;
    const struct {
        gboolean wrong;
        const char *text;
    } rules[] = {
        { info->n_snapshots > 0, "the image has internal snapshots, which would be lost; delete "
                                 "them first ('sinter-img snapshot -d')" },
        { info->data_file_name != NULL, "the data is in an external data file, in which it is in "
                                        "order already" },
        { info->encrypted, "the image is encrypted" },
        { unknown, "the header has extensions that are not known, which would be lost" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (rules[i].wrong)
            return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED, "%s", rules[i].text);
    }
    return TRUE;
}

/* Checks the image. With @locked it is already locked by this operation. */
static SinterCheckResult *
check_image(const Defragment *self, const char *format, gboolean locked, GError **error)
{
    const SinterCheckOptions how = {
        .flags = SINTER_CHECK_NO_OWNERS | (locked ? SINTER_CHECK_NO_LOCK : 0),
        .cancellable = self->options->cancellable,
    };
    g_autoptr(SinterCheckResult) result =
        sinter_image_check(self->fs, self->path, format, &how, error);

    if (!result || (result->counts.corruptions == 0 && result->counts.errors == 0))
        return g_steal_pointer(&result);
    sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                        "the image is damaged; repair it first ('sinter-img check -r all')");
    return NULL;
}

/* --- the new image ---------------------------------------------------------------------------- */

static SinterCreateOptions
describe_image(const SinterImageInfo *info)
{
    return (SinterCreateOptions){
        .format = info->format,
        .virtual_size = info->virtual_size,
        .version = info->version,
        .cluster_size = info->cluster_size,
        .refcount_bits = info->refcount_bits,
        .lazy_refcounts = info->lazy_refcounts,
        .extended_l2 = info->extended_l2,
        .compression = info->compression,
        .backing_name = info->backing_name,
        .backing_format = info->backing_format,
    };
}

/* Returns whether the image is still as it was described before it was locked. */
static gboolean
is_unchanged(const SinterImageInfo *a, const SinterImageInfo *b)
{
    return a->virtual_size == b->virtual_size && a->version == b->version &&
           a->cluster_size == b->cluster_size && a->refcount_bits == b->refcount_bits &&
           a->n_snapshots == b->n_snapshots &&
           a->incompatible_features == b->incompatible_features &&
           a->compatible_features == b->compatible_features &&
           g_strcmp0(a->backing_name, b->backing_name) == 0 &&
           g_strcmp0(a->backing_format, b->backing_format) == 0;
}

/* The new image must be sound before the old one is gone. */
static gboolean
prove_image(SinterIo *io, gpointer user_data, GError **error)
{
    Defragment *self = user_data;
    const SinterCheckOptions how = { .flags = SINTER_CHECK_NO_OWNERS | SINTER_CHECK_NO_LOCK };
    SinterCheckResult *after = sinter_image_check_io(io, self->result->before->format, &how, error);

    self->result->after = after;
    if (!after || (after->counts.corruptions == 0 && after->counts.errors == 0))
        return after != NULL;
    return sinter_error_refuse(error, SINTER_ERROR_FAILED,
                               "the new image is damaged; the old one was kept");
}

static gboolean
move_data(const Defragment *self, SinterChain *source, SinterConvertTarget *target, GError **error)
{
    const SinterTransfer job = {
        .source = source,
        /* what the image does not hold stays the backing file's */
        .n_layers = 1,
        .target = target->handle,
        .zeros = target->is_zero ? SINTER_TRANSFER_ZEROS_SKIP : SINTER_TRANSFER_ZEROS_SAY,
        .compression = SINTER_TRANSFER_KEEP,
        /* shared blocks would stay where they are */
        .via_memory = TRUE,
        .rate_bytes_per_sec = self->options->rate_bytes_per_sec,
        .cancellable = self->options->cancellable,
        .progress = self->options->progress,
    };

    sinter_progress_set_total(self->options->progress, sinter_chain_get_virtual_size(source));
    return sinter_transfer_run(&job, NULL, error);
}

static gboolean
open_backing(const Defragment *self, const SinterImageInfo *info, SinterChain **ret, GError **error)
{
    const SinterChainOptions how = { .fs = self->fs,
                                     .format = info->backing_format,
                                     .flags = SINTER_CHAIN_PROBE };

    *ret = NULL;
    if (!info->backing_name)
        return TRUE;
    if (info->backing_path)
        *ret = sinter_chain_open(info->backing_path, &how, error);
    else
        sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                            "the name of the backing file is not a plain path");
    sinter_error_wrap(error, SINTER_STAGE_OPEN_BACKING, NULL, "Could not open backing file: ");
    return *ret != NULL;
}

/* Opens the image to read, after the output has locked it. */
static SinterChain *
open_source(const Defragment *self, const SinterImageInfo *info, GError **error)
{
    const SinterChainOptions how = { .fs = self->fs,
                                     .format = info->format,
                                     .flags = SINTER_CHAIN_NO_BACKING | SINTER_CHAIN_NO_LOCK };
    g_autoptr(SinterImageInfo) now =
        sinter_image_info_new(self->fs, self->path, info->format, error);

    if (!now)
        return NULL;
    if (!is_unchanged(info, now)) {
        sinter_error_refuse(error, SINTER_ERROR_CHAIN_CHANGED,
                            "'%s' was changed by another process", self->path);
        return NULL;
    }
    self->result->before = check_image(self, info->format, TRUE, error);
    return self->result->before ? sinter_chain_open(self->path, &how, error) : NULL;
}

static gboolean
rewrite(Defragment *self, const SinterImageInfo *info, GError **error)
{
    const SinterCreateOptions image = describe_image(info);
    g_auto(SinterConvertTarget) target = { .fs = sinter_fs_ref(self->fs),
                                           .path = g_strdup(self->path) };
    g_autoptr(SinterChain) source = NULL;
    SinterChain *backing = NULL;

    if (!open_backing(self, info, &backing, error) ||
        !sinter_convert_target_open(&target, &image, SINTER_OUTPUT_REPLACE, FALSE, backing, error))
        return FALSE;
    source = open_source(self, info, error);
    if (!source || !move_data(self, source, &target, error))
        return FALSE;
    target.bitmaps_of = info->n_bitmaps > 0 ? source : NULL;
    target.prove = prove_image;
    target.prove_data = self;
    return sinter_convert_target_commit(&target, error);
}

SinterDefragmentResult *
sinter_defragment(const char *path, const SinterDefragmentOptions *options, GError **error)
{
    const SinterDefragmentOptions none = { 0 };
    g_autoptr(SinterDefragmentResult) result = g_new0(SinterDefragmentResult, 1);
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(SinterFs) fs = NULL;
    Defragment self = { .path = path, .options = options ? options : &none, .result = result };

    fs = self.options->fs ? sinter_fs_ref(self.options->fs) : sinter_fs_new_host(NULL, error);
    self.fs = fs;
    info = fs ? sinter_image_info_new(fs, path, self.options->format, error) : NULL;
    if (!info || !check_features(&self, info, error))
        return NULL;
    if (self.options->dry_run)
        result->before = check_image(&self, info->format, FALSE, error);
    else if (!rewrite(&self, info, error))
        return NULL;
    if (!result->before)
        return NULL;
    sinter_progress_finish(self.options->progress);
    return g_steal_pointer(&result);
}

void
sinter_defragment_result_free(SinterDefragmentResult *result)
{
    if (!result)
        return;
    sinter_check_result_free(result->before);
    sinter_check_result_free(result->after);
    g_free(result);
}
