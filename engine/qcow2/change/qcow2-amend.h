/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The steps by which a qcow2 image gets other properties, for qcow2-amend-image.c to put in order.
 * Each is whole at every moment.
 */

#include "qcow2/write/qcow2-writer.h"
#include "sinter-progress.h"
#include "sinter/amend.h"

G_BEGIN_DECLS

/* Whether all of it can be done, as far as that can be told beforehand. Nothing has changed. */
gboolean sinter_qcow2_amend_check(SinterQcow2Writer *writer, const SinterAmendOptions *options,
                                  GError **error);

/*
 * Lets every snapshot say how large its disk is, as version 3 demands. The writer is good for
 * nothing afterwards but to be freed. Likewise below.
 */
gboolean sinter_qcow2_amend_snapshots(SinterQcow2Writer *writer, GError **error);

/* Rebuilds all refcounts at another width, for an image of version 3. */
gboolean sinter_qcow2_amend_refcounts(SinterQcow2Writer *writer, guint refcount_bits,
                                      SinterProgress *progress, GError **error);

/* What the header says, but for the version: names, switches. */
gboolean sinter_qcow2_amend_header(SinterQcow2Writer *writer, const SinterAmendOptions *options,
                                   GError **error);

/* The version; what the other one cannot say is out of the way. */
gboolean sinter_qcow2_amend_version(SinterQcow2Writer *writer, guint version, GError **error);

G_END_DECLS
