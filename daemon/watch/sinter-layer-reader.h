/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>

#include "sinter-domain-xml.h"
#include "sinter-identity.h"
#include "sinter-scan-memory.h"
#include "sinter-storage-probe.h"

G_BEGIN_DECLS

/**
 * SinterLayerReader:
 *
 * Reads images for one pass over the host: an image that many chains share is read once. The
 * results are never refreshed, so a reader must not outlive its pass. One thread.
 */
typedef struct _SinterLayerReader SinterLayerReader;

/* More layers than libvirt itself opens. */
#define SINTER_LAYER_READER_MAX_DEPTH 200

/* @connection: (transfer none): used for the paths of storage volumes; must outlive the reader */
SinterLayerReader *sinter_layer_reader_new(virConnectPtr connection,
                                           const SinterScanMemory *memory);
void sinter_layer_reader_free(SinterLayerReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterLayerReader, sinter_layer_reader_free)

/**
 * sinter_layer_reader_read_chain:
 * @sources: (element-type SinterXmlSource): the images that the XML names, top first
 * @is_whole: whether the XML states that nothing is below them; else the chain continues by the
 *   headers' backing file names
 *
 * Blocking, but never longer than the limits of the memory for each file system. Never fails: a
 * layer that could not be read has its problem set.
 *
 * Returns: (transfer full) (element-type SinterLayer)
 */
GPtrArray *sinter_layer_reader_read_chain(SinterLayerReader *reader, const GPtrArray *sources,
                                          gboolean is_whole);

/**
 * sinter_layer_reader_read_image:
 * @source: an image that is not a disk's; without a format it is probed
 *
 * As sinter_layer_reader_read_chain(), by the image headers. For finding users only.
 */
GPtrArray *sinter_layer_reader_read_image(SinterLayerReader *reader, const SinterXmlSource *source);

/* Returns whether the status of the file at @path could be read. @ret_fs_device: (out) (optional):
 * its st_dev. Blocking, as the others. */
gboolean sinter_layer_reader_identify(SinterLayerReader *reader, const char *path,
                                      SinterIdentity *ret_identity, guint64 *ret_fs_device);

/* The space that the file at @path takes, 0 if that is unknown. Blocking, as the others. */
guint64 sinter_layer_reader_measure(SinterLayerReader *reader, const char *path);

/* (transfer none): for other questions to file systems in the same pass */
SinterStorageProbe *sinter_layer_reader_get_probe(SinterLayerReader *reader);

G_END_DECLS
