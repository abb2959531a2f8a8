/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The images of a domain that are no disks of it. Invariant: each has a role, and a chain of at
 * least one layer.
 */

#include "sinter-scan-side.h"

static void
add(SinterDomain *domain, const char *role, const char *disk, GPtrArray *layers)
{
    SinterSideImage *image = sinter_side_image_new(role, layers);

    image->disk = g_strdup(disk);
    g_ptr_array_add(domain->side_images, image);
}

void
sinter_scan_read_firmware(SinterLayerReader *reader, SinterDomain *domain,
                          const SinterXmlDomain *xml)
{
    for (guint i = 0; i < xml->firmware->len; i++) {
        const SinterXmlFirmware *firmware = g_ptr_array_index(xml->firmware, i);

        add(domain, firmware->role, NULL, sinter_layer_reader_read_image(reader, firmware->source));
    }
}

/* An image that cannot be read cannot be restored either: it is left out. */
void
sinter_scan_read_managed_save(SinterLayerReader *reader, SinterDomain *domain, const char *text)
{
    g_autofree char *what = g_strdup_printf("managed save image of domain '%s'", domain->name);
    g_autoptr(SinterXmlDomain) xml = text ? sinter_xml_domain_new(text, what, NULL) : NULL;

    for (guint i = 0; xml && i < xml->disks->len; i++) {
        const SinterXmlDisk *disk = g_ptr_array_index(xml->disks, i);

        if (disk->sources->len > 0)
            add(domain, "the managed save image", disk->target,
                sinter_layer_reader_read_chain(reader, disk->sources, disk->chain_is_whole));
    }
}
