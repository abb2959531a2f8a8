/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sinter/create.h>

G_BEGIN_DECLS

/*
 * A new image as described by the command line: the values of -o, and the options that are
 * equivalent to some of them (-b, -F, the size).
 */

#define SINTER_IMG_NEW_IMAGE_MAX_OPTIONS 24

typedef struct _SinterImgFormatOptions SinterImgFormatOptions;

typedef struct {
    const SinterImgFormatOptions *of; /* the options of the format */
    struct {
        char *text; /* as given; NULL: not given */
        guint64 number;
    } values[SINTER_IMG_NEW_IMAGE_MAX_OPTIONS];
} SinterImgNewImage;

/* Returns FALSE, without a message, if images of @format cannot be created. */
gboolean sinter_img_new_image_init(SinterImgNewImage *self, const char *format);

/* (transfer full): why sinter_img_new_image_init() refused @format, for people */
char *sinter_img_new_image_refusal(const char *format);
void sinter_img_new_image_clear(SinterImgNewImage *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterImgNewImage, sinter_img_new_image_clear)

/* Parses a list of -o. Prints a message on failure, preceded by the name @about if that is not
 * NULL. */
gboolean sinter_img_new_image_parse(SinterImgNewImage *self, const char *list, const char *about);

/* Returns the text that was given for @key; NULL if none was given or there is no such option. */
const char *sinter_img_new_image_get(const SinterImgNewImage *self, const char *key);

/* Returns FALSE if the format has no such option. */
gboolean sinter_img_new_image_set(SinterImgNewImage *self, const char *key, const char *value);

void sinter_img_new_image_set_size(SinterImgNewImage *self, guint64 bytes);
guint64 sinter_img_new_image_get_size(const SinterImgNewImage *self);

/* Prints "Formatting …" to standard output and flushes it. @name: of the image */
void sinter_img_new_image_print(const SinterImgNewImage *self, const char *name);

/*
 * Converts the options for the engine; texts belong to @self. Invalid and unsupported options are
 * errors in the words of qemu-img.
 */
gboolean sinter_img_new_image_fill(const SinterImgNewImage *self, SinterCreateOptions *ret,
                                   GError **error);

/* Prints the answer to `-o help`. @has_file: a name was given, so options of files are listed
 * too */
void sinter_img_new_image_print_help(const SinterImgNewImage *self, gboolean has_file);

G_END_DECLS
