/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * info: shows the metadata of images. Invariant: each image is opened alone, read and closed before
 * the next; a data file is never opened, a backing file only with --backing-chain.
 */

#include "text/img-info-text.h"
#include "text/img-json.h"
#include "text/img-message.h"
#include "words/img-open.h"
#include "words/img-output.h"
#include "img-verbs.h"
#include "sinter-error.h"

#include <sinter/chain.h>

#include <stdio.h>

typedef struct {
    SinterImgSource source;
    const char *output;
    gboolean backing_chain;
} InfoOptions;

static void
info_free(SinterImgInfo *self)
{
    if (!self)
        return;
    sinter_image_info_free(self->info);
    g_clear_pointer(&self->snapshots, g_ptr_array_unref);
    g_clear_pointer(&self->bitmaps, g_ptr_array_unref);
    sinter_luks_info_free(self->luks);
    g_clear_pointer(&self->specific, json_node_unref);
    g_free(self->backing_to_open);
    g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterImgInfo, info_free)

static gboolean
info_fill(SinterImgInfo *self, SinterIo *io, const char *format, GError **error)
{
    self->info = sinter_image_info_new_for_io(io, format, error);
    if (!self->info)
        return FALSE;
    if (self->info->trouble) {
        sinter_error_set_open(error, SINTER_ERROR_CORRUPT, self->info->path, "%s",
                              self->info->trouble);
        return FALSE;
    }
    self->snapshots = sinter_image_list_snapshots(io, self->info->format, error);
    self->bitmaps =
        self->snapshots ? sinter_image_list_bitmaps(io, self->info->format, error) : NULL;
    if (self->bitmaps && g_strcmp0(self->info->encryption, "luks") == 0)
        self->luks = sinter_image_luks_info_new(io, self->info->format, error);
    if (self->bitmaps && (self->luks || g_strcmp0(self->info->encryption, "luks") != 0))
        return TRUE;
    sinter_error_wrap_open(error, self->info->path);
    return FALSE;
}

/* A JSON name is shown as it is stored. */
static const char *
backing_as_shown(const SinterImageInfo *info)
{
    if (!info->backing_path || sinter_image_name_is_json(info->backing_name))
        return info->backing_name;
    return info->backing_path;
}

/* Reads one image. Returns NULL after a message. */
static SinterImgInfo *
info_new(const SinterImgName *name)
{
    g_autoptr(SinterImgInfo) self = g_new0(SinterImgInfo, 1);
    g_autoptr(SinterIo) io = sinter_img_open_file(name);
    g_autoptr(GError) error = NULL;

    if (!io)
        return NULL;
    if (!info_fill(self, io, name->format, &error)) {
        sinter_img_name_report(name, error);
        return NULL;
    }
    if (!sinter_img_name_check_options(name, self->info->format))
        return NULL;
    self->specific = sinter_img_info_specific(self);
    self->backing_to_open = g_strdup(backing_as_shown(self->info));
    return g_steal_pointer(&self);
}

/* Parses the JSON name of @info's backing file. Without a recorded format, the name's is used:
 * content that a guest wrote must not decide. */
static gboolean
parse_json_name(SinterImgName *name, const SinterImageInfo *info, const SinterImgSource *recorded,
                GError **error)
{
    g_autofree char *path = sinter_image_resolve_name(info->path, info->backing_name, error);
    g_auto(SinterImageName) stated = { 0 };
    SinterImgSource source = *recorded;

    if (!path || !sinter_image_name_parse(info->backing_name, &stated, error))
        return FALSE;
    if (source.format && stated.format && strcmp(source.format, stated.format) != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "the backing file '%s' is recorded as format '%s', but its name states '%s'",
                    info->backing_name, source.format, stated.format);
        return FALSE;
    }
    if (!source.format)
        source.format = stated.format;
    return sinter_img_name_parse(name, &source, path);
}

/* Returns in @name the backing file of @above. */
static gboolean
info_next_name(SinterImgName *name, const InfoOptions *options, const SinterImgInfo *above)
{
    SinterImgSource source = { .format = above->info->backing_format,
                               .force_share = options->source.force_share };
    const SinterImageInfo *info = above->info;
    g_autoptr(GError) error = NULL;

    sinter_img_name_clear(name);
    if (!sinter_image_name_is_json(info->backing_name))
        return sinter_img_name_parse(name, &source, above->backing_to_open);
    if (parse_json_name(name, info, &source, &error))
        return TRUE;
    if (error)
        sinter_img_error("Could not open '%s': %s", info->path, error->message);
    return FALSE;
}

static gboolean
info_check_loop(GHashTable *seen, const char *path, guint depth)
{
    if (!g_hash_table_add(seen, g_strdup(path))) {
        sinter_img_error("Backing file '%s' creates an infinite loop.", path);
        return FALSE;
    }
    if (depth < SINTER_CHAIN_MAX_LAYERS)
        return TRUE;
    sinter_img_error("Could not open '%s': the chain is deeper than %d images", path,
                     SINTER_CHAIN_MAX_LAYERS);
    return FALSE;
}

/* For a backing file: the image above records its format. */
static void
warn_of_contradiction(const SinterImgName *name, const SinterImageInfo *info)
{
    if (info->looks_like)
        sinter_img_warning("'%s' is read as format '%s', as recorded, but starts with a header of "
                           "format '%s'",
                           name->given, info->format, info->looks_like);
}

/* Returns the image and, if requested, those below it; NULL after a message. */
static GPtrArray *
info_collect(const InfoOptions *options, const char *given)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)info_free);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(SinterImgName) name = { 0 };
    SinterImgInfo *last = NULL;

    if (!sinter_img_name_parse(&name, &options->source, given))
        return NULL;
    do {
        if (last && !info_next_name(&name, options, last))
            return NULL;
        if (!info_check_loop(seen, name.path, list->len))
            return NULL;
        last = info_new(&name);
        if (!last)
            return NULL;
        if (list->len > 0)
            warn_of_contradiction(&name, last->info);
        g_ptr_array_add(list, last);
    } while (options->backing_chain && last->backing_to_open);
    return g_steal_pointer(&list);
}

static void
print_json(GPtrArray *list, gboolean chain)
{
    g_autoptr(JsonNode) node = NULL;

    if (chain) {
        JsonArray *array = json_array_new();

        for (guint i = 0; i < list->len; i++)
            json_array_add_element(array, sinter_img_info_to_json(g_ptr_array_index(list, i)));
        node = json_node_new(JSON_NODE_ARRAY);
        json_node_take_array(node, array);
    } else {
        node = sinter_img_info_to_json(g_ptr_array_index(list, 0));
    }
    sinter_img_json_print(node);
}

static int
info_run(const SinterCommandCall *call, GError **error)
{
    const InfoOptions *options = call->options;
    g_autoptr(GPtrArray) list = NULL;
    gboolean json;

    if (!sinter_img_output_parse(options->output, &json))
        return 1;
    list = info_collect(options, call->operands[0]);
    if (!list)
        return 1;
    if (json) {
        print_json(list, options->backing_chain);
        return 0;
    }
    for (guint i = 0; i < list->len; i++) {
        fputs(i ? "\n" : "", stdout);
        sinter_img_info_print_human(g_ptr_array_index(list, i));
    }
    return 0;
}

static const SinterOption info_options[] = {
    SINTER_IMG_SOURCE_OPTIONS(InfoOptions, source),
    SINTER_IMG_OUTPUT_OPTION(InfoOptions, output),
    { "backing-chain", 0, NULL, "also show the images of the backing chain",
      SINTER_OPTION_MEMBER(InfoOptions, backing_chain) },
};

const SinterCommand sinter_img_info = {
    .name = "info",
    .operands = "FILE",
    .summary = "Shows information about an image",
    .options = info_options,
    .n_options = G_N_ELEMENTS(info_options),
    .options_size = sizeof(InfoOptions),
    .description = "Opens only FILE, unless --backing-chain is given.\n",
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = info_run,
};
