/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The steps that change the properties of a qcow2 image; qcow2-amend-image.c orders them. Each step
 * leaves the image consistent at every moment.
 */

#include "qcow2/write/qcow2-writer.h"
#include "sinter-progress.h"
#include "sinter/amend.h"

G_BEGIN_DECLS

/* Checks, as far as possible in advance, whether all changes are possible. Changes nothing. */
gboolean sinter_qcow2_amend_check(SinterQcow2Writer *writer, const SinterAmendOptions *options,
                                  GError **error);

/*
 * Stores the disk size in every snapshot, as version 3 requires. The writer must only be freed
 * afterwards. The same applies to the functions below.
 */
gboolean sinter_qcow2_amend_snapshots(SinterQcow2Writer *writer, GError **error);

/* Rebuilds all refcounts with another width, for a version 3 image. */
gboolean sinter_qcow2_amend_refcounts(SinterQcow2Writer *writer, guint refcount_bits,
                                      SinterProgress *progress, GError **error);

/* Changes the header, except for the version: names, switches. */
gboolean sinter_qcow2_amend_header(SinterQcow2Writer *writer, const SinterAmendOptions *options,
                                   GError **error);

/* Changes the version; everything that the new version does not support must be removed before. */
gboolean sinter_qcow2_amend_version(SinterQcow2Writer *writer, guint version, GError **error);

G_END_DECLS
