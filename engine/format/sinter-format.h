/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The registry of image formats, whose drivers are those of <sinter/format.h>. The format of an
 * image is either stated by the caller or probed from its first bytes; there is no other guess.
 */

#include "io/sinter-io.h"
#include "sinter/format.h"

G_BEGIN_DECLS

extern const SinterFormat sinter_format_qcow2;
extern const SinterFormat sinter_format_raw;

/* Returns the format with that name, or NULL with an UNSUPPORTED error. */
const SinterFormat *sinter_format_find(const char *name, GError **error);

/*
 * Probes the format of @io by its first bytes; raw if no format matches. Fails with UNSUPPORTED for
 * a known format without a driver: reading such an image as raw would be wrong.
 */
const SinterFormat *sinter_format_probe(SinterIo *io, GError **error);

/*
 * Returns the name of the format that a file with these first bytes is probed as, including formats
 * without a driver.
 */
const char *sinter_format_look_at(const guint8 *start, gsize len);

/*
 * @io was probed as raw, and its format is not recorded. From now on writes that would make it look
 *   like an image of another format fail with UNSUPPORTED.
 */
void sinter_format_keep_raw(SinterIo *io);

/*
 * (nullable): the format that @io, which is stated to be raw, appears to have by its first bytes.
 * Considers only formats whose header is never written to a disk's first sectors on purpose: a LUKS
 * header does not count.
 */
char *sinter_format_find_contradiction(SinterIo *io);

/*
 * Fails with UNSUPPORTED if @info reports such a contradiction: for all operations that would
 * destroy the image.
 */
gboolean sinter_format_check_recorded(const SinterImageInfo *info, GError **error);

/* Reads the information about @io with the driver @format. */
SinterImageInfo *sinter_image_info_new_for_driver(SinterIo *io, const SinterFormat *format,
                                                  GError **error);

/* Calls sinter_format_find() if @name is given, otherwise sinter_format_probe(). */
const SinterFormat *sinter_format_choose(SinterIo *io, const char *name, GError **error);

/*
 * Sets @ret_format to the format of a backing file: @stored, or what its JSON name states; NULL if
 * neither is there. Fails if they contradict each other.
 */
gboolean sinter_image_name_get_format(const char *name, const char *stored, char **ret_format,
                                      GError **error);

G_END_DECLS
