/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* <disk type=…>, and the same of <backingStore> and <mirror>. */
typedef enum {
    SINTER_XML_SOURCE_NONE,    /* an empty drive */
    SINTER_XML_SOURCE_FILE,    /* @path */
    SINTER_XML_SOURCE_BLOCK,   /* @path */
    SINTER_XML_SOURCE_NETWORK, /* @description only */
    SINTER_XML_SOURCE_VOLUME,  /* @pool and @volume */
    SINTER_XML_SOURCE_OTHER,   /* dir, nvme, vhostuser …: @description only */
} SinterXmlSourceType;

/* One image as the XML names it. */
typedef struct _SinterXmlSource {
    SinterXmlSourceType type;
    char *path;        /* %NULL where the type has none */
    char *pool;        /* of a volume */
    char *volume;      /* of a volume */
    char *description; /* what to call it, never %NULL: the path, "rbd:pool/image",
                        * "nbd://host:port/name", "volume:pool/name", "nvme" … */
    char *format;      /* %NULL where the XML does not say */
    guint index;       /* the live XML's index=, 0 without */
} SinterXmlSource;

/* The image that a disk is to name: a file or a block device, with nothing below it. */
typedef struct {
    const char *path;
    gboolean is_block;
    const char *format; /* nullable: as it was */
} SinterXmlImage;

/* Accepts %NULL. */
void sinter_xml_source_free(SinterXmlSource *source);

G_END_DECLS
