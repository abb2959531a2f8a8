/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the driver for an image. It owns the table of formats and a second table of magic numbers
 * of formats that we do not read, so that none of those is ever taken for raw.
 */

#include "sinter-format.h"
#include "sinter-error.h"

#include <string.h>

/* raw is last: its probe accepts everything */
static const SinterFormat *const formats[] = {
    &sinter_format_qcow2,
    &sinter_format_raw,
};

static const struct {
    const char *name;
    gsize offset;
    gsize len;
    const char *magic;
} foreign_magics[] = {
    { "vmdk", 0, 4, "KDMV" },
    { "vmdk", 0, 4, "COWD" },
    { "vmdk", 0, 21, "# Disk DescriptorFile" },
    { "vdi", 64, 4, "\x7f\x10\xda\xbe" },
    { "vpc", 0, 8, "conectix" },
    { "vhdx", 0, 8, "vhdxfile" },
    { "qed", 0, 4, "QED\0" },
    { "luks", 0, 6, "LUKS\xba\xbe" },
    { "parallels", 0, 16, "WithoutFreeSpace" },
    { "parallels", 0, 16, "WithouFreSpacExt" },
    { "cloop", 0, 14, "#!/bin/sh\n#V2." },
    { "bochs", 0, 22, "Bochs Virtual HD Image" },
};

const SinterFormat *
sinter_format_find(const char *name, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "Unknown driver '%s'", name);
    return NULL;
}

static const char *
foreign_format(const guint8 *start, gsize len)
{
    for (gsize i = 0; i < G_N_ELEMENTS(foreign_magics); i++) {
        gsize offset = foreign_magics[i].offset;
        gsize n = foreign_magics[i].len;

        if (offset + n <= len && memcmp(start + offset, foreign_magics[i].magic, n) == 0)
            return foreign_magics[i].name;
    }
    return NULL;
}

const SinterFormat *
sinter_format_probe(SinterIo *io, GError **error)
{
    guint8 start[SINTER_FORMAT_PROBE_BYTES];
    const char *foreign;
    gsize len = 0;

    if (!sinter_io_read_some(io, 0, start, sizeof start, &len, error))
        return NULL;
    foreign = foreign_format(start, len);
    if (foreign) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "it looks like an image of format '%s', for which there is no driver; if it "
                    "is raw all the same, say so",
                    foreign);
        return NULL;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i]->probe(start, len))
            return formats[i];
    }
    g_assert_not_reached();
}

const SinterFormat *
sinter_format_choose(SinterIo *io, const char *name, GError **error)
{
    return name ? sinter_format_find(name, error) : sinter_format_probe(io, error);
}
