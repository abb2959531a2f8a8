/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The registry of image formats, whose drivers are those of <sinter/format.h>. Which format an
 * image has is said by the caller or probed from its first bytes, never guessed in between.
 */

#include "io/sinter-io.h"
#include "sinter/format.h"

G_BEGIN_DECLS

extern const SinterFormat sinter_format_qcow2;
extern const SinterFormat sinter_format_raw;

/* The format of that name, or NULL with an UNSUPPORTED error. */
const SinterFormat *sinter_format_find(const char *name, GError **error);

/*
 * The format of @io by its first bytes; raw where they are nothing known. Bytes of a format that
 * exists but has no driver here are UNSUPPORTED: to read them as raw would be a mistake.
 */
const SinterFormat *sinter_format_probe(SinterIo *io, GError **error);

/* The name of the format that a file with these first bytes is probed as, also of a foreign one. */
const char *sinter_format_look_at(const guint8 *start, gsize len);

/*
 * @io is raw, which nobody has recorded: it was found by probing. From now on what would make it
 * look like an image of another format is not written to it (UNSUPPORTED).
 */
void sinter_format_keep_raw(SinterIo *io);

/*
 * (nullable): the format that @io, which is stated to be raw, looks like by its first bytes. Only
 * formats count that nobody writes to a disk's first sectors on purpose: a LUKS header is no sign.
 */
char *sinter_format_find_contradiction(SinterIo *io);

/* UNSUPPORTED where @info tells of such a contradiction: for all that would destroy the image. */
gboolean sinter_format_check_recorded(const SinterImageInfo *info, GError **error);

/* What @io says about itself, read by @format. */
SinterImageInfo *sinter_image_info_new_for_driver(SinterIo *io, const SinterFormat *format,
                                                  GError **error);

/* sinter_format_find() where @name is given, else sinter_format_probe(). */
const SinterFormat *sinter_format_choose(SinterIo *io, const char *name, GError **error);

G_END_DECLS
