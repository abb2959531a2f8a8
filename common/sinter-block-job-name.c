/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The names of libvirt's block jobs. libvirt never gives one of its numbers another meaning, so
 * they are the index, and this needs no libvirt.
 */

#include "sinter-block-job-name.h"

static const char *const names[] = { "none", "pull", "copy", "commit", "active-commit", "backup" };

const char *
sinter_block_job_name(int type)
{
    return type >= 0 && (gsize)type < G_N_ELEMENTS(names) ? names[type] : NULL;
}
