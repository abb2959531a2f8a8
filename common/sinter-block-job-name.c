/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Names of libvirt's block job types. libvirt never changes the meaning of one of its numbers, so
 * the table is indexed by them, and this file does not depend on libvirt.
 */

#include "sinter-block-job-name.h"

static const char *const names[] = { "none", "pull", "copy", "commit", "active-commit", "backup" };

const char *
sinter_block_job_name(int type)
{
    return type >= 0 && (gsize)type < G_N_ELEMENTS(names) ? names[type] : NULL;
}
