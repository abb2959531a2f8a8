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

/* What @io says about itself, read by @format. */
SinterImageInfo *sinter_image_info_new_for_driver(SinterIo *io, const SinterFormat *format,
                                                  GError **error);

/* sinter_format_find() where @name is given, else sinter_format_probe(). */
const SinterFormat *sinter_format_choose(SinterIo *io, const char *name, GError **error);

G_END_DECLS
