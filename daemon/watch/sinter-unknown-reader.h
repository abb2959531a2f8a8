/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-reference-graph.h"

G_BEGIN_DECLS

/* Somebody who may use an image without appearing in the reference graph: a domain that could not
 * be read, or one whose chain ends in an image that could not be read. Belongs to the graph. */
typedef struct {
    const SinterDomain *domain; /* %NULL: an image that no domain uses */
    const SinterLayer *layer;   /* (nullable): the image whose backing file is unknown; %NULL if the
                                 * domain itself could not be read */
    const SinterLayer *stray;   /* of an image that no domain uses: the top of its chain */
} SinterUnknownReader;

/* Which unknown readers count. */
typedef struct {
    const SinterReferenceGraph *graph;
    const char *except_uuid;    /* (nullable): a domain that does not count */
    const char *const *ignored; /* (nullable): likewise, by name or UUID, and images by path: an
                                 * administrator confirmed that they do not use the image */
} SinterUnknownReaderSearch;

/**
 * sinter_unknown_reader_find:
 * @image: an image that will be changed or removed
 * @ret_reader: (out caller-allocates): the first unknown reader that may use it
 *
 * An unknown reader is weighed by where it is: an image whose backing file is unknown may use the
 * images in its folder and on its file system, a block device may use block devices, and a reader
 * whose place is unknown may use every image. An image that no domain uses counts in its folder
 * only. A running domain has its chain in its XML, and an image that does not exist uses none.
 *
 * Returns: whether there is one
 */
gboolean sinter_unknown_reader_find(const SinterUnknownReaderSearch *search,
                                    const SinterLayer *image, SinterUnknownReader *ret_reader);

/* (transfer none): the name by which an administrator can confirm that the reader does not count */
const char *sinter_unknown_reader_get_name(const SinterUnknownReader *reader);

/* (transfer full): the reader and why it is unknown, as the rest of a sentence */
char *sinter_unknown_reader_describe(const SinterUnknownReader *reader);

G_END_DECLS
