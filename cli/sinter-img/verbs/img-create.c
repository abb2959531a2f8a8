/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * create: creates an image.
 */

#include "text/img-message.h"
#include "words/img-new-image.h"
#include "words/img-open.h"
#include "words/img-size.h"
#include "words/img-keyval.h"
#include "img-verbs.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *format;
    const char *backing_file;
    const char *backing_format;
    char *list; /* all -o options, joined */
    gboolean unsafe;
    gboolean quiet;
} CreateOptions;

/* The image to create, and its name. */
typedef struct {
    const char *given;
    const char *path;
    SinterImgNewImage image;
} Create;

static void
create_target_clear(Create *self)
{
    sinter_img_new_image_clear(&self->image);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Create, create_target_clear)

static const char *
create_format(const CreateOptions *options)
{
    return options->format ? options->format : "raw";
}

/* Returns FALSE after a message. */
static gboolean
create_init(Create *self, const CreateOptions *options, const char *given)
{
    g_autofree char *protocol = NULL;

    self->given = given;
    if (!sinter_img_new_image_init(&self->image, create_format(options))) {
        g_autofree char *why = sinter_img_new_image_refusal(create_format(options));

        sinter_img_error("%s: %s", given, why);
        return FALSE;
    }
    self->path = sinter_img_strip_protocol(given, &protocol);
    if (!self->path)
        sinter_img_error("%s: Unknown protocol '%s'", given, protocol);
    return self->path != NULL;
}

/* Adds the options that are equivalent to an entry of the -o list, and the size. */
static gboolean
create_add_options(Create *self, const CreateOptions *options, const guint64 *size)
{
    SinterImgNewImage *image = &self->image;
    const char *format = create_format(options);

    if (options->list && !sinter_img_new_image_parse(image, options->list, self->given))
        return FALSE;
    if (size && sinter_img_new_image_get(image, "size")) {
        sinter_img_error("%s: The image size must be specified only once", self->given);
        return FALSE;
    }
    if (size)
        sinter_img_new_image_set_size(image, *size);
    if (options->backing_file &&
        !sinter_img_new_image_set(image, "backing_file", options->backing_file)) {
        sinter_img_error("%s: Backing file not supported for file format '%s'", self->given,
                         format);
        return FALSE;
    }
    if (options->backing_format &&
        !sinter_img_new_image_set(image, "backing_fmt", options->backing_format)) {
        sinter_img_error("%s: Backing file format not supported for file format '%s'", self->given,
                         format);
        return FALSE;
    }
    return TRUE;
}

static SinterChain *
open_backing(const char *path, const char *format, GError **error)
{
    SinterChainOptions how = { .format = format,
                               .flags = SINTER_CHAIN_PROBE | SINTER_CHAIN_NO_LOCK };
    g_autoptr(SinterFs) fs = sinter_fs_new_host(NULL, error);
    g_autoptr(SinterIo) first =
        fs ? sinter_fs_open(fs, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, error) : NULL;
    g_autoptr(GError) local = NULL;
    SinterChain *chain = first ? sinter_chain_open(path, &how, &local) : NULL;
    gboolean is_known = sinter_error_is_about(local, SINTER_STAGE_OPEN, path);

    /* the file exists: an error in its content is reported without its name */
    if (local)
        g_propagate_error(error, g_error_copy(is_known ? sinter_error_get_cause(local) : local));
    return chain;
}

/* Opens the backing file in the same way as a reader of the image will. */
static SinterChain *
create_open_backing(const Create *self, const char *name, const char *format)
{
    g_autofree char *path = NULL;
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GError) error = NULL;

    path = sinter_image_resolve_name(self->path, name, &error);
    chain = path ? open_backing(path, format, &error) : NULL;
    if (chain)
        return g_steal_pointer(&chain);
    sinter_img_error("%s: %s", self->given, error->message);
    fputs("Could not open backing image.\n", stderr);
    return NULL;
}

/* Returns whether the image can use its backing file; takes the size from there if none is
 * given. */
static gboolean
create_look_at_backing(Create *self, const CreateOptions *options)
{
    const char *name = sinter_img_new_image_get(&self->image, "backing_file");
    const char *format = sinter_img_new_image_get(&self->image, "backing_fmt");
    g_autoptr(SinterChain) chain = NULL;

    if (!name)
        return TRUE;
    if (!options->unsafe) {
        chain = create_open_backing(self, name, format);
        if (!chain)
            return FALSE;
    }
    if (!format) {
        sinter_img_error("%s: Backing file specified without backing format", self->given);
        if (chain)
            fprintf(stderr, "Detected format of %s.", sinter_chain_get_info(chain, 0)->format);
        return FALSE;
    }
    if (chain && !sinter_img_new_image_get(&self->image, "size"))
        sinter_img_new_image_set_size(&self->image, sinter_chain_get_virtual_size(chain));
    return TRUE;
}

static gboolean
create_check_names(const Create *self)
{
    const char *name = sinter_img_new_image_get(&self->image, "backing_file");
    const char *trouble = NULL;

    if (name && *name == '\0')
        trouble = "Expected backing file name, got empty string";
    else if (name && strcmp(name, self->given) == 0)
        trouble = "Error: Trying to create an image with the same filename as the backing file";
    if (trouble)
        sinter_img_error("%s: %s", self->given, trouble);
    return trouble == NULL;
}

static gboolean
create_make(Create *self, const CreateOptions *options)
{
    SinterCreateOptions how;
    g_autoptr(GError) error = NULL;

    if (!options->quiet)
        sinter_img_new_image_print(&self->image, self->given);
    if (!sinter_img_new_image_fill(&self->image, &how, &error)) {
        sinter_img_error("%s: %s", self->given, error->message);
        return FALSE;
    }
    how.readable = TRUE;
    if (sinter_image_create(NULL, self->path, &how, &error))
        return TRUE;
    sinter_img_report_as(error, SINTER_STAGE_CREATE_IMAGE, self->path, "%s: ", self->given);
    return FALSE;
}

static int
create_help(const CreateOptions *options, gboolean has_file)
{
    g_auto(SinterImgNewImage) image = { 0 };

    if (!sinter_img_new_image_init(&image, create_format(options))) {
        g_autofree char *why = sinter_img_new_image_refusal(create_format(options));

        sinter_img_error("%s", why);
        return 1;
    }
    sinter_img_new_image_print_help(&image, has_file);
    return 0;
}

static int
create_run(const SinterCommandCall *call, GError **error)
{
    const CreateOptions *options = call->options;
    g_auto(Create) self = { 0 };
    guint64 size;

    if (options->list && sinter_img_option_list_has_help(options->list))
        return create_help(options, call->n_operands > 0);
    if (call->n_operands == 0)
        return sinter_img_usage_error("Expecting image file name");
    if (call->n_operands > 1 &&
        !sinter_img_size_argument("image size", call->operands[1], 0, G_MAXINT64, &size))
        return 1;
    if (call->n_operands > 2)
        return sinter_img_usage_error("Unexpected argument: %s", call->operands[2]);
    if (!create_init(&self, options, call->operands[0]) ||
        !create_add_options(&self, options, call->n_operands > 1 ? &size : NULL) ||
        !create_check_names(&self) || !create_look_at_backing(&self, options))
        return 1;
    if (!sinter_img_new_image_get(&self.image, "size")) {
        sinter_img_error("%s: Image creation needs a size parameter", self.given);
        return 1;
    }
    return create_make(&self, options) ? 0 : 1;
}

static void
create_clear(gpointer options)
{
    g_free(((CreateOptions *)options)->list);
}

static const SinterOption create_options[] = {
    { NULL, 'f', "FMT", "image format (raw)", SINTER_OPTION_MEMBER(CreateOptions, format) },
    { NULL, 'o', "OPTIONS", "options as KEY=VALUE,...; 'help' lists them",
      SINTER_OPTION_MEMBER(CreateOptions, list), .take = sinter_img_option_list_take },
    { NULL, 'b', "FILE", "backing file, relative to the directory of the image",
      SINTER_OPTION_MEMBER(CreateOptions, backing_file) },
    { NULL, 'F', "FMT", "format of the backing file",
      SINTER_OPTION_MEMBER(CreateOptions, backing_format) },
    { NULL, 'u', NULL, "do not open the backing file; a size is required",
      SINTER_OPTION_MEMBER(CreateOptions, unsafe) },
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(CreateOptions, quiet) },
    { "object", 0, "OBJECT", NULL, .take = sinter_img_refuse_object },
};

const SinterCommand sinter_img_create = {
    .name = "create",
    .operands = "FILE [SIZE]",
    .summary = "Creates an empty disk image, or an overlay",
    .options = create_options,
    .n_options = G_N_ELEMENTS(create_options),
    .options_size = sizeof(CreateOptions),
    .description = "Exit status 0 means that the image is on stable storage. Others may read a new "
                   "file as far\n"
                   "as the umask allows, unless they may not read its backing file.\n",
    .max_operands = G_MAXUINT,
    .run = create_run,
    .clear = create_clear,
};
