/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a conversion as given on the command line. Invariant: everything that can be refused is
 * refused, in the order and the words of qemu-img, before a target is created.
 */

#include "img-convert-do.h"
#include "img-convert-room.h"
#include "text/img-message.h"
#include "words/img-new-image.h"
#include "sinter-error.h"

#include <sinter/convert.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *
sinter_img_convert_format(const SinterImgConvertOptions *self)
{
    return self->target_format ? self->target_format : "raw";
}

static gboolean
convert_has_text(const SinterImgNewImage *image, const char *key)
{
    return sinter_img_new_image_get(image, key) != NULL;
}

/* The options that are equivalent to an entry of the -o list. */
static gboolean
convert_add_backing(const SinterImgConvertOptions *self, SinterImgNewImage *image)
{
    const char *format = sinter_img_convert_format(self);

    if (self->backing_file &&
        !sinter_img_new_image_set(image, "backing_file", self->backing_file)) {
        sinter_img_error("Backing file not supported for file format '%s'", format);
        return FALSE;
    }
    if (self->backing_format &&
        !sinter_img_new_image_set(image, "backing_fmt", self->backing_format)) {
        sinter_img_error("Backing file format not supported for file format '%s'", format);
        return FALSE;
    }
    return TRUE;
}

/* Checks for contradicting options of a new image; reports the first one in this order. */
static gboolean
convert_check_image(const SinterImgConvertOptions *self, const SinterImgNewImage *image,
                    guint n_sources)
{
    const char *preallocation = sinter_img_new_image_get(image, "preallocation");
    const char *encryption = sinter_img_new_image_get(image, "encryption");
    gboolean is_raw = strcmp(sinter_img_convert_format(self), "raw") == 0;
    gboolean has_backing = convert_has_text(image, "backing_file");
    const struct {
        gboolean wrong;
        const char *text;
    } rules[] = {
        { has_backing && !convert_has_text(image, "backing_fmt"),
          "Use of backing file requires explicit backing format" },
        { has_backing && n_sources > 1, "Having a backing file for the target makes no sense when "
                                        "concatenating multiple input images" },
        { self->compress && is_raw, "Compression not supported for this file format" },
        { self->compress &&
              (convert_has_text(image, "encrypt.format") || g_strcmp0(encryption, "on") == 0),
          "Compression and encryption not supported at the same time" },
        { self->compress && preallocation && strcmp(preallocation, "off") != 0,
          "Compression and preallocation not supported at the same time" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (rules[i].wrong) {
            sinter_img_error("%s", rules[i].text);
            return FALSE;
        }
    }
    return TRUE;
}

/* Fills @image for a target that is to be created. */
static gboolean
convert_describe_image(const SinterImgConvertOptions *self, SinterImgNewImage *image,
                       guint n_sources)
{
    const char *format = sinter_img_convert_format(self);

    if (!sinter_img_new_image_init(image, format)) {
        g_autofree char *why = sinter_img_new_image_refusal(format);

        sinter_img_error("%s", why);
        return FALSE;
    }
    return (!self->list || sinter_img_new_image_parse(image, self->list, NULL)) &&
           convert_add_backing(self, image) && convert_check_image(self, image, n_sources);
}

/* Calls @func for each bitmap that cannot be trusted. Returns FALSE if @func returned FALSE. */
static gboolean
each_broken_bitmap(GPtrArray *chains, gboolean (*func)(const char *name))
{
    SinterChain *chain = g_ptr_array_index(chains, 0);
    const SinterImageInfo *info = sinter_chain_get_info(chain, 0);
    g_autoptr(SinterFs) fs = sinter_fs_new_host(NULL, NULL);
    g_autoptr(SinterIo) io =
        fs ? sinter_fs_open(fs, info->path, SINTER_IO_READ | SINTER_IO_NO_LOCK, NULL) : NULL;
    g_autoptr(GPtrArray) bitmaps = io ? sinter_image_list_bitmaps(io, info->format, NULL) : NULL;

    /* the engine will report it if the bitmaps cannot be listed */
    for (guint i = 0; bitmaps && i < bitmaps->len; i++) {
        const SinterBitmapInfo *bitmap = g_ptr_array_index(bitmaps, i);

        if (bitmap->in_use && !func(bitmap->name))
            return FALSE;
    }
    return TRUE;
}

static gboolean
refuse_broken_bitmap(const char *name)
{
    sinter_img_error("Cannot copy inconsistent bitmap '%s'", name);
    fprintf(stderr, "Try --skip-broken-bitmaps, or use '%s bitmap --remove' to delete it\n",
            sinter_img_program());
    return FALSE;
}

static gboolean
warn_of_broken_bitmap(const char *name)
{
    sinter_img_warning("Skipping inconsistent bitmap '%s'", name);
    return TRUE;
}

/* Returns whether the bitmaps of the source can be copied, as far as the source is concerned. */
static gboolean
convert_check_bitmaps(const SinterImgConvertOptions *self, GPtrArray *chains)
{
    if (!self->bitmaps)
        return TRUE;
    if (chains->len > 1)
        sinter_img_error("Copying bitmaps only possible with single source");
    else if (sinter_chain_get_info(g_ptr_array_index(chains, 0), 0)->version < 3)
        sinter_img_error("Source lacks bitmap support");
    else
        return self->skip_broken_bitmaps || each_broken_bitmap(chains, refuse_broken_bitmap);
    return FALSE;
}

/* Returns whether the target can have bitmaps: qcow2 version 3, which is the default. */
static gboolean
convert_check_bitmap_target(const SinterImgConvertOptions *self, const SinterCreateOptions *image)
{
    if (!self->bitmaps || (strcmp(image->format, "qcow2") == 0 && image->version != 2))
        return TRUE;
    sinter_img_error("Format driver '%s' does not support bitmaps", image->format);
    return FALSE;
}

/* A range that could not be read, with the first error in it. */
typedef struct {
    guint64 offset;
    guint64 length;
    char *cause;
} Unread;

/* Threads report what they cannot read in any order. */
typedef struct {
    GMutex lock;
    GArray *ranges; /* of Unread */
} Salvaged;

static void
unread_clear(gpointer data)
{
    g_free(((Unread *)data)->cause);
}

static gint
compare_unread(gconstpointer a, gconstpointer b)
{
    guint64 x = ((const Unread *)a)->offset;
    guint64 y = ((const Unread *)b)->offset;

    return (x > y) - (x < y);
}

static gboolean
unread_extend(GArray *ranges, guint64 offset, guint64 length)
{
    Unread *last = ranges->len ? &g_array_index(ranges, Unread, ranges->len - 1) : NULL;

    if (!last || last->offset + last->length != offset)
        return FALSE;
    last->length += length;
    return TRUE;
}

static void
note_salvaged(guint64 offset, guint64 length, const GError *error, gpointer user_data)
{
    Salvaged *self = user_data;

    g_mutex_lock(&self->lock);
    if (!unread_extend(self->ranges, offset, length)) {
        Unread one = { offset, length, g_strdup(error->message) };

        g_array_append_val(self->ranges, one);
    }
    g_mutex_unlock(&self->lock);
}

/* One line for each range, however many errors it had, and the total. */
static void
tell_salvaged(Salvaged *self)
{
    g_autoptr(GArray) merged = g_array_new(FALSE, FALSE, sizeof(Unread));
    guint64 total = 0;

    g_array_sort(self->ranges, compare_unread);
    for (guint i = 0; i < self->ranges->len; i++) {
        const Unread *one = &g_array_index(self->ranges, Unread, i);

        total += one->length;
        if (!unread_extend(merged, one->offset, one->length))
            g_array_append_vals(merged, one, 1);
    }
    for (guint i = 0; i < merged->len; i++) {
        const Unread *one = &g_array_index(merged, Unread, i);

        sinter_img_warning("error while reading offset %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
                           " bytes become zeros in the copy: %s",
                           one->offset, one->length, one->cause);
    }
    if (merged->len > 1)
        sinter_img_warning("%" G_GUINT64_FORMAT " bytes in %u ranges could not be read", total,
                           merged->len);
}

static void
convert_fill_options(const SinterImgConvertOptions *self, SinterImgProgress *progress,
                     Salvaged *salvaged, SinterConvertOptions *how)
{
    gboolean direct = FALSE;

    if (self->target_cache)
        sinter_img_cache_parse(self->target_cache, &direct);
    *how = (SinterConvertOptions){
        .flags = (self->existing ? SINTER_CONVERT_EXISTING : 0) |
                 (self->existing && !self->target_format ? SINTER_CONVERT_KEEP_FORMAT : 0) |
                 (self->target_is_zero ? SINTER_CONVERT_TARGET_IS_ZERO : 0) |
                 (self->has_sparse && self->sparse_bytes == 0 ? SINTER_CONVERT_FULL : 0) |
                 (self->salvage ? SINTER_CONVERT_SALVAGE : 0) |
                 (self->unordered ? SINTER_CONVERT_UNORDERED : 0) |
                 (self->compress ? SINTER_CONVERT_COMPRESS : 0) |
                 (self->offload ? SINTER_CONVERT_OFFLOAD : 0) |
                 (self->bitmaps ? SINTER_CONVERT_BITMAPS : 0) |
                 (self->skip_broken_bitmaps ? SINTER_CONVERT_SKIP_BROKEN_BITMAPS : 0) |
                 (direct ? SINTER_CONVERT_DIRECT : 0),
        .sparse_bytes = self->sparse_bytes,
        .rate_bytes_per_sec = self->rate_bytes_per_sec,
        .n_threads = self->n_threads,
        .cancellable = sinter_img_progress_get_cancellable(progress),
        .progress = sinter_img_progress_get(progress),
        .salvaged = self->quiet ? NULL : note_salvaged,
        .salvaged_data = salvaged,
    };
}

static gboolean
convert_check_cache(const SinterImgConvertOptions *self)
{
    return sinter_img_cache_check("cache option", self->target_cache);
}

static gboolean
convert_to_stdout(const SinterImgConvertOptions *self, GPtrArray *chains,
                  const SinterConvertOptions *how)
{
    g_autoptr(GError) error = NULL;

    if (!convert_check_cache(self))
        return FALSE;
    if (strcmp(sinter_img_convert_format(self), "raw") != 0) {
        sinter_img_error("Only the format raw can be written to standard output");
        return FALSE;
    }
    if (sinter_convert_to_stream((SinterChain *const *)chains->pdata, chains->len, STDOUT_FILENO,
                                 "standard output", how, &error))
        return TRUE;
    sinter_img_report(error);
    return FALSE;
}

/* The engine's errors contain the path; the message must contain the name that was given. */
static void
convert_report(const SinterImgConvertOptions *self, const SinterImgName *name, const char *format,
               const GError *error)
{
    if (self->existing && g_error_matches(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND)) {
        g_autoptr(GError) outer = g_error_copy(error);

        sinter_error_wrap_open(&outer, name->given);
        sinter_img_report(outer);
    } else {
        sinter_img_report_as(error, SINTER_STAGE_CONVERT, name->path,
                             "%s: error while converting %s: ", name->given, format);
    }
}

static gboolean
convert_write(const SinterImgConvertOptions *self, GPtrArray *chains, const SinterImgName *name,
              const SinterCreateOptions *image, SinterConvertOptions *how)
{
    g_autoptr(GError) error = NULL;

    if (!convert_check_bitmap_target(self, image))
        return FALSE;
    /* a target with a backing file already has the content of that file */
    if (image->backing_name || self->backing_file)
        how->flags |= SINTER_CONVERT_TOP_LAYER;
    if (sinter_convert_to_image((SinterChain *const *)chains->pdata, chains->len, name->path, image,
                                how, &error))
        return !self->bitmaps || each_broken_bitmap(chains, warn_of_broken_bitmap);
    convert_report(self, name, image->format, error);
    if (!self->existing && g_error_matches(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE))
        sinter_img_convert_tell_room(chains, name->path, image, self->compress);
    return FALSE;
}

/* Returns FALSE after a message. */
static gboolean
convert_new_name(const char *target, SinterImgName *ret)
{
    const SinterImgSource plain = { 0 };
    g_autofree char *protocol = NULL;

    if (sinter_img_strip_protocol(target, &protocol))
        return sinter_img_name_parse(ret, &plain, target);
    sinter_img_error("Unknown protocol '%s'", protocol);
    return FALSE;
}

static gboolean
convert_to_new(const SinterImgConvertOptions *self, GPtrArray *chains, const char *target,
               SinterConvertOptions *how)
{
    g_auto(SinterImgNewImage) described = { 0 };
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(GError) error = NULL;
    SinterCreateOptions image;

    if (!convert_describe_image(self, &described, chains->len) ||
        !convert_check_bitmaps(self, chains) || !convert_check_cache(self) ||
        !convert_new_name(target, &name))
        return FALSE;
    if (sinter_img_new_image_fill(&described, &image, &error))
        return convert_write(self, chains, &name, &image, how);
    sinter_img_error("%s: error while converting %s: %s", target, image.format, error->message);
    return FALSE;
}

/* Parses the path of the target: a plain path, optionally after `file:` or in
 * --target-image-opts. */
static gboolean
convert_existing_name(const SinterImgConvertOptions *self, const char *given, SinterImgName *ret)
{
    const SinterImgSource as = { .image_opts = self->target_image_opts,
                                 .format = self->target_image_opts
                                               ? self->target_format
                                               : sinter_img_convert_format(self) };

    if (!sinter_img_name_parse(ret, &as, given))
        return FALSE;
    if (!ret->unknown)
        return TRUE;
    sinter_img_error("Could not open '%s': a target must be driver=FMT,file.filename=FILE", given);
    return FALSE;
}

/* Checks the options that contradict a backing file if no image is created. */
static gboolean
convert_check_existing(const SinterImgConvertOptions *self, guint n_sources)
{
    if (self->backing_file && self->target_is_zero)
        sinter_img_error("Cannot use --target-is-zero when the destination image has a backing "
                         "file");
    else if (self->backing_file && n_sources > 1)
        sinter_img_error("Having a backing file for the target makes no sense when concatenating "
                         "multiple input images");
    else
        return TRUE;
    return FALSE;
}

static gboolean
convert_to_existing(const SinterImgConvertOptions *self, GPtrArray *chains, const char *target,
                    SinterConvertOptions *how)
{
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(GError) error = NULL;
    SinterCreateOptions image = { 0 };

    if (!convert_check_existing(self, chains->len) || !convert_check_bitmaps(self, chains) ||
        !convert_check_cache(self) || !convert_existing_name(self, target, &name))
        return FALSE;
    image.format = name.format;
    if (!image.format || self->bitmaps) {
        info = sinter_image_info_new(NULL, name.path, name.format, &error);
        if (!info) {
            convert_report(self, &name, image.format, error);
            return FALSE;
        }
        image.format = info->format;
        image.version = info->version;
    }
    return convert_write(self, chains, &name, &image, how);
}

/* Switches the first source to the requested snapshot. */
static gboolean
convert_go_to_snapshot(const SinterImgConvertOptions *self, const char *given, GPtrArray *chains)
{
    g_auto(SinterImgName) name = { 0 };
    SinterChain **first = (SinterChain **)&g_ptr_array_index(chains, 0);

    if (!self->snapshot.asked)
        return TRUE;
    if (self->snapshot.id_or_name && chains->len > 1) {
        sinter_img_error("No support for concatenating multiple snapshot");
        return FALSE;
    }
    return sinter_img_name_parse(&name, &self->source, given) &&
           sinter_img_snapshot_go(&self->snapshot, &name, first);
}

static GPtrArray *
convert_open(const SinterImgConvertOptions *self, char **names, int n_names)
{
    g_autoptr(GPtrArray) chains = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_chain_free);

    for (int i = 0; i < n_names; i++) {
        SinterChain *chain = sinter_img_open_source(&self->source, names[i]);

        if (!chain)
            return NULL;
        g_ptr_array_add(chains, chain);
    }
    return convert_go_to_snapshot(self, names[0], chains) ? g_steal_pointer(&chains) : NULL;
}

/* What of the sources is not in the copy: on a terminal, or on request. */
static void
convert_tell_left(const SinterImgConvertOptions *self, GPtrArray *chains)
{
    guint n_snapshots = 0;
    guint n_bitmaps = 0;

    if (self->quiet || !(self->verbose || isatty(STDERR_FILENO)))
        return;
    for (guint i = 0; i < chains->len; i++) {
        SinterChain *chain = g_ptr_array_index(chains, i);
        const SinterImageInfo *info = sinter_chain_get_info(chain, 0);

        n_snapshots += info->n_snapshots;
        n_bitmaps += self->bitmaps ? 0 : info->n_bitmaps;
    }
    if (n_snapshots > 0)
        fprintf(stderr, "Not copied: %u internal snapshot%s\n", n_snapshots,
                n_snapshots == 1 ? "" : "s");
    if (n_bitmaps > 0)
        fprintf(stderr, "Not copied: %u dirty bitmap%s (--bitmaps copies them)\n", n_bitmaps,
                n_bitmaps == 1 ? "" : "s");
}

gboolean
sinter_img_convert_do(const SinterImgConvertOptions *self, SinterImgProgress *progress,
                      char **operands, int n_operands)
{
    const char *target = operands[n_operands - 1];
    g_autoptr(GPtrArray) chains = convert_open(self, operands, n_operands - 1);
    g_autoptr(GArray) unread = g_array_new(FALSE, FALSE, sizeof(Unread));
    Salvaged salvaged = { .ranges = unread };
    SinterConvertOptions how;
    gboolean ok;

    if (!chains)
        return FALSE;
    g_array_set_clear_func(unread, unread_clear);
    convert_fill_options(self, progress, &salvaged, &how);
    if (strcmp(target, "-") == 0)
        ok = convert_to_stdout(self, chains, &how);
    else if (self->existing)
        ok = convert_to_existing(self, chains, target, &how);
    else
        ok = convert_to_new(self, chains, target, &how);
    tell_salvaged(&salvaged);
    if (ok) {
        sinter_img_progress_complete(progress);
        convert_tell_left(self, chains);
    }
    return ok;
}
