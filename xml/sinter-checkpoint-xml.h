/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The XML of a checkpoint. Source: https://libvirt.org/formatcheckpoint.html */

/**
 * sinter_xml_checkpoint_list_disks:
 * @text: the result of virDomainCheckpointGetXMLDesc(), without the domain
 * @what: how error messages name it ("checkpoint 'c1' of domain 'web'")
 *
 * Any thread.
 *
 * Returns: (transfer full) (nullable): the targets of the disks whose changes a dirty bitmap
 * records since the checkpoint; %NULL with CORRUPT if the text is not a checkpoint
 */
char **sinter_xml_checkpoint_list_disks(const char *text, const char *what, GError **error);

G_END_DECLS
