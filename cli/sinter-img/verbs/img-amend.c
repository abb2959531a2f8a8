/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * amend: changes format options of an image, given by -o.
 */

#include "img-change.h"
#include "words/img-keyval.h"
#include "text/img-message.h"
#include "text/img-progress.h"
#include "img-verbs.h"
#include "sinter-error.h"

#include <sinter/amend.h>
#include <sinter/format.h>

#include <stdio.h>
#include <string.h>

#define STEP_PERCENT 1.0
/* Values that mean: not given. */
#define NOT_SAID G_MAXUINT64
#define SWITCH_NOT_SAID (-1)

typedef struct {
    SinterImgSource source;
    char *list; /* all -o options, joined */
    gboolean progress;
    gboolean quiet;
    gboolean force;
} AmendOptions;

/* The values of -o. */
typedef struct {
    char *backing_name;
    char *backing_format;
    char *compat;
    char *data_file;
    char *encryption;
    gboolean data_file_raw;
    gboolean lazy_refcounts;
    guint64 refcount_bits;
    guint64 size;
} Said;

static const SinterImgKey said_keys[] = {
    { "backing_file", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Said, backing_name) },
    { "backing_fmt", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Said, backing_format) },
    { "compat", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Said, compat) },
    { "data_file", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Said, data_file) },
    { "data_file_raw", SINTER_IMG_SWITCH, G_STRUCT_OFFSET(Said, data_file_raw) },
    { "encrypt.iter-time", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Said, encryption) },
    { "encrypt.keyslot", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Said, encryption) },
    { "encrypt.new-secret", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Said, encryption) },
    { "encrypt.old-secret", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Said, encryption) },
    { "encrypt.state", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Said, encryption) },
    { "lazy_refcounts", SINTER_IMG_SWITCH, G_STRUCT_OFFSET(Said, lazy_refcounts) },
    { "refcount_bits", SINTER_IMG_NUMBER, G_STRUCT_OFFSET(Said, refcount_bits) },
    { "size", SINTER_IMG_SIZE, G_STRUCT_OFFSET(Said, size) },
};

static void
said_clear(Said *self)
{
    g_free(self->backing_name);
    g_free(self->backing_format);
    g_free(self->compat);
    g_free(self->data_file);
    g_free(self->encryption);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Said, said_clear)

/* Returns FALSE after a message if images of that format have no options that can be changed. */
static gboolean
check_amends(const char *name)
{
    const SinterFormat *format = sinter_format_lookup(name);

    if (!format)
        sinter_img_error("Unknown file format '%s'", name);
    else if (!format->amend)
        sinter_img_error("Format driver '%s' does not support option amendment", name);
    return format && format->amend;
}

static int
print_options(const char *format)
{
    if (!check_amends(format))
        return 1;
    puts("Amend options for 'qcow2':\n"
         "  backing_file=<str>     - File name of a base image\n"
         "  backing_fmt=<str>      - Image format of the base image\n"
         "  compat=<str>           - Compatibility level (v2 [0.10] or v3 [1.1])\n"
         "  data_file=<str>        - File name of an external data file\n"
         "  data_file_raw=<bool (on/off)> - The external data file must stay valid as a raw image\n"
         "  encrypt.iter-time=<num> - Time to spend in PBKDF in milliseconds\n"
         "  encrypt.keyslot=<num>  - Select a single keyslot to modify explicitly\n"
         "  encrypt.new-secret=<str> - New secret to set in the matching keyslots. Empty string to "
         "erase\n"
         "  encrypt.old-secret=<str> - Select all keyslots that match this password\n"
         "  encrypt.state=<str>    - Select new state of affected keyslots (active/inactive)\n"
         "  lazy_refcounts=<bool (on/off)> - Postpone refcount updates\n"
         "  refcount_bits=<num>    - Width of a reference count entry in bits\n"
         "  size=<size>            - Virtual disk size");
    return 0;
}

/* Returns FALSE after a message for an option that can only be set when an image is created. */
static gboolean
check_key(const char *key, const char *value, gpointer user_data)
{
    static const char *const creation_only[] = {
        "cluster_size",
        "compression_type",
        "encrypt.cipher-alg",
        "encrypt.cipher-mode",
        "encrypt.format",
        "encrypt.hash-alg",
        "encrypt.ivgen-alg",
        "encrypt.ivgen-hash-alg",
        "encrypt.key-secret",
        "encryption",
        "extended_l2",
        "extent_size_hint",
        "nocow",
        "preallocation",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(creation_only); i++) {
        if (strcmp(key, creation_only[i]) != 0)
            continue;
        sinter_img_error("Invalid parameter '%s'", key);
        fputs("This option is only supported for image creation\n", stderr);
        return FALSE;
    }
    return TRUE;
}

static gboolean
take_compat(const char *compat, guint *ret_version)
{
    static const struct {
        const char *name;
        guint version;
    } levels[] = { { "0.10", 2 }, { "v2", 2 }, { "1.1", 3 }, { "v3", 3 } };

    for (gsize i = 0; i < G_N_ELEMENTS(levels); i++) {
        if (strcmp(compat, levels[i].name) != 0)
            continue;
        *ret_version = levels[i].version;
        return TRUE;
    }
    sinter_img_error("Unknown compatibility level %s", compat);
    return FALSE;
}

static SinterAmendSwitch
take_switch(gboolean said)
{
    if (said == SWITCH_NOT_SAID)
        return SINTER_AMEND_KEEP;
    return said ? SINTER_AMEND_ON : SINTER_AMEND_OFF;
}

/* Converts the given options for the library. Returns FALSE after a message. */
static gboolean
take_said(const Said *said, const SinterImageInfo *info, SinterAmendOptions *ret)
{
    if (said->compat && !take_compat(said->compat, &ret->version))
        return FALSE;
    ret->refcount_bits = 0;
    if (said->refcount_bits != NOT_SAID)
        ret->refcount_bits = (guint)MIN(said->refcount_bits, 65);
    if (said->refcount_bits == 0)
        ret->refcount_bits = 65; /* 0 was given: use another invalid width, since 0 means "keep" */
    ret->lazy_refcounts = take_switch(said->lazy_refcounts);
    ret->data_file_raw = take_switch(said->data_file_raw);
    ret->data_file_name = said->data_file;
    ret->size = said->size == NOT_SAID ? 0 : said->size;
    if (said->encryption) {
        sinter_img_error("Can't amend encryption options - encryption not present");
        return FALSE;
    }
    if ((!said->backing_name && !said->backing_format) ||
        (g_strcmp0(said->backing_name, info->backing_name) == 0 &&
         g_strcmp0(said->backing_format, info->backing_format) == 0))
        return TRUE;
    sinter_img_error("Cannot amend the backing file");
    fprintf(stderr, "You can use '%s rebase' instead.\n", sinter_img_program());
    return FALSE;
}

static int
amend_do(const AmendOptions *self, const SinterImgName *name, const char *format,
         const SinterAmendOptions *how)
{
    g_autoptr(SinterImgProgress) progress = sinter_img_progress_begin(
        self->progress && !self->quiet ? SINTER_IMG_PROGRESS_PERCENT : SINTER_IMG_PROGRESS_QUIET,
        name->given, STEP_PERCENT);
    SinterHandleFlags flags =
        SINTER_HANDLE_PROBE | (name->direct ? SINTER_HANDLE_DIRECT : SINTER_HANDLE_DEFAULT);
    g_autoptr(GError) error = NULL;

    sinter_img_progress_start(progress);
    if (!sinter_image_amend(name->fs, name->path, format, flags, how,
                            sinter_img_progress_get(progress), &error)) {
        g_clear_pointer(&progress, sinter_img_progress_end);
        sinter_img_name_report(name, error);
        sinter_img_change_hint(error);
        return 1;
    }
    sinter_img_progress_complete(progress);
    return 0;
}

/* Amends the image whose information is @info. */
static int
amend_image(const AmendOptions *self, const SinterImgName *name, const SinterImageInfo *info)
{
    g_auto(Said) said = { .data_file_raw = SWITCH_NOT_SAID,
                          .lazy_refcounts = SWITCH_NOT_SAID,
                          .refcount_bits = NOT_SAID,
                          .size = NOT_SAID };
    SinterAmendOptions how = { 0 };

    if (sinter_img_option_list_has_help(self->list))
        return print_options(info->format);
    if (!check_amends(info->format) || !sinter_img_keyval_each(self->list, check_key, NULL) ||
        !sinter_img_option_list_parse(self->list, said_keys, G_N_ELEMENTS(said_keys), &said) ||
        !take_said(&said, info, &how))
        return 1;
    return amend_do(self, name, info->format, &how);
}

static int
amend_run(const SinterCommandCall *call, GError **error)
{
    const AmendOptions *self = call->options;
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterImageInfo) info = NULL;

    if (!self->list)
        return sinter_img_usage_error("Must specify options (-o)");
    if (self->source.format && sinter_img_option_list_has_help(self->list))
        return print_options(self->source.format);
    if (call->n_operands != 1) {
        sinter_img_error("Expecting one image file name");
        return 1;
    }
    if (!sinter_img_cache_check("cache option", self->source.cache))
        return 1;
    if (!sinter_img_change_begin(&name, &self->source, call->operands[0], FALSE, &info))
        return 1;
    return amend_image(self, &name, info);
}

static void
amend_clear(gpointer data)
{
    g_clear_pointer(&((AmendOptions *)data)->list, g_free);
}

static const SinterOption amend_options[] = {
    { "format", 'f', "FMT", "image format; probed by default",
      SINTER_OPTION_MEMBER(AmendOptions, source.format) },
    SINTER_IMG_CHANGE_OPTIONS(AmendOptions, source),
    { NULL, 'o', "OPTIONS", "options to change; -o help lists them",
      SINTER_OPTION_MEMBER(AmendOptions, list), .take = sinter_img_option_list_take },
    { NULL, 't', "CACHE", "cache mode of writes: none or writeback",
      SINTER_OPTION_MEMBER(AmendOptions, source.cache) },
    { NULL, 'p', NULL, "print percentages", SINTER_OPTION_MEMBER(AmendOptions, progress) },
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(AmendOptions, quiet) },
    { "force", 0, NULL, "accepted for compatibility and ignored",
      SINTER_OPTION_MEMBER(AmendOptions, force) },
};

const SinterCommand sinter_img_amend = {
    .name = "amend",
    .operands = "FILE",
    .summary = "Changes the creation options of an image",
    .options = amend_options,
    .n_options = G_N_ELEMENTS(amend_options),
    .options_size = sizeof(AmendOptions),
    .max_operands = G_MAXUINT,
    .run = amend_run,
    .clear = amend_clear,
};
