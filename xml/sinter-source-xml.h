/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* <disk type=…>, and the same attribute of <backingStore> and <mirror>. */
typedef enum {
    SINTER_XML_SOURCE_NONE,    /* an empty drive */
    SINTER_XML_SOURCE_FILE,    /* @path */
    SINTER_XML_SOURCE_BLOCK,   /* @path */
    SINTER_XML_SOURCE_NETWORK, /* @description only */
    SINTER_XML_SOURCE_VOLUME,  /* @pool and @volume */
    SINTER_XML_SOURCE_OTHER,   /* dir, nvme, vhostuser …: @description only */
} SinterXmlSourceType;

/* One image as described in the XML. */
typedef struct _SinterXmlSource {
    SinterXmlSourceType type;
    char *path;        /* %NULL if the type has none */
    char *pool;        /* of a volume */
    char *volume;      /* of a volume */
    char *description; /* a name for display, never %NULL: the path, "rbd:pool/image",
                        * "nbd://host:port/name", "volume:pool/name", "nvme" … */
    char *format;      /* %NULL if the XML does not contain it */
    guint index;       /* index= in live XML, otherwise 0 */
} SinterXmlSource;

/* The image that a disk shall use: a file or a block device. The element lists no backing image. */
typedef struct {
    const char *path;
    gboolean is_block;
    const char *format; /* nullable: keep the current format */
} SinterXmlImage;

/* Accepts %NULL. */
void sinter_xml_source_free(SinterXmlSource *source);

G_END_DECLS
