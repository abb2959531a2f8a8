/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-layer-reader.h"

G_BEGIN_DECLS

/* Fills in the images that the domain uses besides its disks: its firmware and NVRAM, as in @xml.
 * Blocking. */
void sinter_scan_read_firmware(SinterLayerReader *reader, SinterDomain *domain,
                               const SinterXmlDomain *xml);

/* Likewise the images that the domain's managed save image refers to; they may differ from those of
 * the definition. @text: (nullable): the XML in that image. Blocking. */
void sinter_scan_read_managed_save(SinterLayerReader *reader, SinterDomain *domain,
                                   const char *text);

G_END_DECLS
