/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-option.h"

#include <sinter/chain.h>
#include <sinter/lock.h>

G_BEGIN_DECLS

/* What the command line says about how to open a source. */
typedef struct {
    const char *format;
    const char *cache;
    gboolean image_opts;
    gboolean force_share;
} SinterImgSource;

/* Rows of a verb's table whose options hold a SinterImgSource as @member. */
#define SINTER_IMG_SOURCE_OPTIONS(type, member)                                                    \
    { "format", 'f', "FMT", "image format; probed by default",                                     \
      SINTER_OPTION_MEMBER(type, member.format) },                                                 \
        { "image-opts", 0, NULL, "file names are driver=FMT,file.filename=FILE",                   \
          SINTER_OPTION_MEMBER(type, member.image_opts) },                                         \
        { "force-share", 'U', NULL, "open the image even if another process writes to it",         \
          SINTER_OPTION_MEMBER(type, member.force_share) },                                        \
    {                                                                                              \
        "object", 0, "OBJECT", NULL, .take = sinter_img_refuse_object                              \
    }

/* SinterOption.parse of --object. */
gboolean sinter_img_refuse_object(const SinterOption *option, gpointer options, const char *value);

/* A name on the command line, understood. */
typedef struct {
    const char *given;
    char *path;
    char *format;  /* NULL: to be probed */
    char *unknown; /* NULL, or an option of --image-opts that we do not have */
    gboolean force_share;
    gboolean direct;
} SinterImgName;

void sinter_img_name_clear(SinterImgName *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterImgName, sinter_img_name_clear)

/*
 * These say themselves what is wrong. None of them opens anything but what is named, and the
 * chain what the images in it name.
 */
gboolean sinter_img_name_parse(SinterImgName *self, const SinterImgSource *source,
                               const char *given);

/* (transfer full): the file, open for reading and, unless it is shared by force, locked. */
SinterIo *sinter_img_open_file(const SinterImgName *name);

/* The error, which the engine tells of the path, told of the word that was given for it. */
void sinter_img_name_report(const SinterImgName *self, const GError *error);

/* FALSE where --image-opts had an option that the image's @format has not. */
gboolean sinter_img_name_check_options(const SinterImgName *self, const char *format);

/* @snapshot: (nullable): of the image */
SinterChain *sinter_img_open_chain(const SinterImgName *name, const char *snapshot);

/* As above, from the command line's word. */
SinterChain *sinter_img_open_source(const SinterImgSource *source, const char *given);

/*
 * The path in a word: `file:` goes. NULL where it begins with another protocol, which is none of
 * ours and is then in @ret_protocol (transfer full).
 */
const char *sinter_img_strip_protocol(const char *given, char **ret_protocol);

/* FALSE where @cache is no name of a cache mode; @ret_direct: it passes by the page cache. */
gboolean sinter_img_cache_parse(const char *cache, gboolean *ret_direct);

/* FALSE, after a message that calls it @what ("cache option"), where @cache (nullable: not given)
 * is none. */
gboolean sinter_img_cache_check(const char *what, const char *cache);

G_END_DECLS
