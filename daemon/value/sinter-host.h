/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/* All that was read of a host at one time. */
typedef struct {
    GPtrArray *domains; /* of SinterDomain */
    GPtrArray *strays; /* of GPtrArray of SinterLayer: the chains of images that no domain uses, but
                        * that are backed by other images, or may be; top first */
} SinterHost;

/* (transfer full): an empty host; its arrays own their elements */
SinterHost *sinter_host_new(void);
void sinter_host_free(SinterHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterHost, sinter_host_free)

/* (transfer none) (nullable): by UUID */
SinterDomain *sinter_host_find_domain(const SinterHost *host, const char *uuid);

G_END_DECLS
