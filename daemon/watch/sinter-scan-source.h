/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>

#include "sinter-line-pool.h"
#include "sinter-scan-settings.h"

G_BEGIN_DECLS

/* What a scan reads, and how. */
typedef struct {
    virConnectPtr connection;
    SinterLinePool *lines; /* (nullable): for questions that may not be answered; else @connection
                            * is used */
    const SinterScanSettings *settings;
} SinterScanSource;

G_END_DECLS
