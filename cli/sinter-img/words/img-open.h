/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-option.h"

#include <sinter/chain.h>
#include <sinter/lock.h>

G_BEGIN_DECLS

/* How to open a source, as given on the command line. */
typedef struct {
    const char *format;
    const char *cache;
    gboolean image_opts;
    gboolean force_share;
} SinterImgSource;

/* Option rows for a command whose options have a SinterImgSource @member. */
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

/* A parsed name from the command line. */
typedef struct {
    char *given;
    char *path;
    char *format;  /* NULL: probe it */
    char *unknown; /* NULL, or an unsupported option of --image-opts */
    char
        *plain; /* (nullable): of --image-opts: the name of the file, if the driver is a protocol */
    SinterFs *fs; /* for operations on @path; keeps the file open that it opens first */
    gboolean force_share;
    gboolean direct;
    gboolean is_null;    /* a null device, a file of @fs only */
    gboolean is_device;  /* it must be a block device */
    gboolean no_backing; /* the image is opened without its backing file */
} SinterImgName;

void sinter_img_name_clear(SinterImgName *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterImgName, sinter_img_name_clear)

/*
 * These functions print a message on failure. They open only the named file; opening a chain also
 * opens the files that its images name.
 */
gboolean sinter_img_name_parse(SinterImgName *self, const SinterImgSource *source,
                               const char *given);

/* (transfer full): the file, open for reading and locked, unless it is force-shared. */
SinterIo *sinter_img_open_file(const SinterImgName *name);

/* (transfer full): the file, open for an operation that takes the lock itself. */
SinterIo *sinter_img_open_unlocked(const SinterImgName *name, SinterIoFlags flags);

/* Reports an error that contains the path, with the name that was given instead of the path. */
void sinter_img_name_report(const SinterImgName *self, const GError *error);

/* Returns FALSE if --image-opts had an option that the image's @format does not have. */
gboolean sinter_img_name_check_options(const SinterImgName *self, const char *format);

/* @snapshot: (nullable): of the image */
SinterChain *sinter_img_open_chain(const SinterImgName *name, const char *snapshot);

/* The same, for a name on the command line. */
SinterChain *sinter_img_open_source(const SinterImgSource *source, const char *given);

/*
 * Returns the path without `file:`. Returns NULL if the name begins with another, unsupported
 * protocol, which is stored in @ret_protocol (transfer full).
 */
const char *sinter_img_strip_protocol(const char *given, char **ret_protocol);

/* Returns FALSE if @cache is not the name of a cache mode; @ret_direct: it bypasses the page
 * cache. */
gboolean sinter_img_cache_parse(const char *cache, gboolean *ret_direct);

/* Returns FALSE after a message that names @what ("cache option") if @cache (nullable: not given)
 * is not a cache mode. */
gboolean sinter_img_cache_check(const char *what, const char *cache);

G_END_DECLS
