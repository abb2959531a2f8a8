/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_block_job_name:
 * @type: a number of libvirt's virDomainBlockJobType
 *
 * Returns: (transfer none) (nullable): "none" (for 0), "pull", "copy", "commit", "active-commit",
 * "backup"; %NULL for an unknown number
 */
const char *sinter_block_job_name(int type);

G_END_DECLS
