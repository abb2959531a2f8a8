/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sinter/create.h>

G_BEGIN_DECLS

/*
 * An image that is to be made, as the command line describes it: what -o says, and the options
 * that stand for a part of it (-b, -F, the size).
 */

#define SINTER_IMG_NEW_IMAGE_MAX_OPTIONS 24

typedef struct _SinterImgFormatOptions SinterImgFormatOptions;

typedef struct {
    const SinterImgFormatOptions *of; /* what the format has */
    struct {
        char *text; /* as given; NULL: not given */
        guint64 number;
    } values[SINTER_IMG_NEW_IMAGE_MAX_OPTIONS];
} SinterImgNewImage;

/* FALSE, without a message, where images of @format cannot be made. */
gboolean sinter_img_new_image_init(SinterImgNewImage *self, const char *format);

/* (transfer full): why sinter_img_new_image_init() refused @format, for people */
char *sinter_img_new_image_refusal(const char *format);
void sinter_img_new_image_clear(SinterImgNewImage *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterImgNewImage, sinter_img_new_image_clear)

/* Takes a list of -o. Says what is wrong, after the name @about where that is not NULL. */
gboolean sinter_img_new_image_parse(SinterImgNewImage *self, const char *list, const char *about);

/* The text that was given for @key; NULL where there is none, or no such option. */
const char *sinter_img_new_image_get(const SinterImgNewImage *self, const char *key);

/* FALSE where the format has no such option. */
gboolean sinter_img_new_image_set(SinterImgNewImage *self, const char *key, const char *value);

void sinter_img_new_image_set_size(SinterImgNewImage *self, guint64 bytes);
guint64 sinter_img_new_image_get_size(const SinterImgNewImage *self);

/* "Formatting …", at once on standard output. @name: of the image */
void sinter_img_new_image_print(const SinterImgNewImage *self, const char *name);

/*
 * The same for the engine; texts belong to @self. What no image can be, and what we cannot make,
 * is an error in the words of qemu-img.
 */
gboolean sinter_img_new_image_fill(const SinterImgNewImage *self, SinterCreateOptions *ret,
                                   GError **error);

/* The answer to `-o help`. @has_file: a name was given, and what files have counts too */
void sinter_img_new_image_print_help(const SinterImgNewImage *self, gboolean has_file);

G_END_DECLS
