/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the driver for an image. It owns the table of formats, which can be extended until its
 * first use, and a second table of magic numbers of formats without a driver, so that an image of
 * such a format is never treated as raw.
 */

#include "sinter-format.h"
#include "sinter-error.h"
#include "sinter-finding.h"

#include <string.h>

#define REGISTERED_MAX 32

/* raw is last: its probe accepts everything */
static const SinterFormat *const built_in[] = {
    &sinter_format_qcow2,
    &sinter_format_raw,
};

/* Copies, valid until the program ends. */
static const SinterFormat *registered[REGISTERED_MAX];
static guint n_registered;
/* Set at the first use: from then on any thread may read the table, which no longer changes. */
static gint is_closed;

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

static const SinterFormat *
find_in(const SinterFormat *const *formats, gsize n, const char *name)
{
    for (gsize i = 0; i < n; i++) {
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    }
    return NULL;
}

static const SinterFormat *
find_any(const char *name)
{
    const SinterFormat *format = find_in(built_in, G_N_ELEMENTS(built_in), name);

    return format ? format : find_in(registered, n_registered, name);
}

const SinterFormat *
sinter_format_lookup(const char *name)
{
    g_atomic_int_set(&is_closed, 1);
    return find_any(name);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **
sinter_format_list(void)
{
    const char **names = g_new0(const char *, G_N_ELEMENTS(built_in) + n_registered + 1);
    gsize n = 0;

    g_atomic_int_set(&is_closed, 1);
    for (gsize i = 0; i < G_N_ELEMENTS(built_in); i++)
        names[n++] = built_in[i]->name;
    for (guint i = 0; i < n_registered; i++)
        names[n++] = registered[i]->name;
    qsort(names, n, sizeof *names, compare_names);
    return names;
}

const SinterFormat *
sinter_format_find(const char *name, GError **error)
{
    const SinterFormat *format = sinter_format_lookup(name);

    if (!format)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "Unknown driver '%s'", name);
    return format;
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

static const SinterFormat *
probe_in(const SinterFormat *const *formats, gsize n, const guint8 *start, gsize len)
{
    for (gsize i = 0; i < n; i++) {
        if (formats[i]->probe(start, len))
            return formats[i];
    }
    return NULL;
}

const char *
sinter_format_look_at(const guint8 *start, gsize len)
{
    const SinterFormat *format = probe_in(registered, n_registered, start, len);
    const char *foreign = format ? NULL : foreign_format(start, len);

    if (foreign)
        return foreign;
    if (!format)
        format = probe_in(built_in, G_N_ELEMENTS(built_in), start, len);
    return format->name;
}

const SinterFormat *
sinter_format_probe(SinterIo *io, GError **error)
{
    guint8 start[SINTER_FORMAT_PROBE_BYTES];
    const SinterFormat *format;
    const char *foreign;
    gsize len = 0;

    g_atomic_int_set(&is_closed, 1);
    if (!sinter_io_read_some(io, 0, start, sizeof start, &len, error))
        return NULL;
    format = probe_in(registered, n_registered, start, len);
    if (format)
        return format;
    foreign = foreign_format(start, len);
    if (foreign) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "it looks like an image of format '%s', which is not supported; if it is raw, "
                    "give the format 'raw'",
                    foreign);
        return NULL;
    }
    return probe_in(built_in, G_N_ELEMENTS(built_in), start, len);
}

const SinterFormat *
sinter_format_choose(SinterIo *io, const char *name, GError **error)
{
    return name ? sinter_format_find(name, error) : sinter_format_probe(io, error);
}

/* --- registration --- */

/* Sets of callbacks that are only valid as a whole. */
static const char *
missing_callback(const SinterFormat *self)
{
    if (!self->probe || !self->inspect || !self->open || !self->map)
        return "it lacks a callback that is required for reading";
    if (self->read_streams && !self->measure_stream)
        return "it has read_streams() without measure_stream()";
    if (!self->salvage_open != !self->salvage_map)
        return "it has only one of salvage_open() and salvage_map()";
    if (!self->write_open)
        return NULL;
    if (!self->write_close || !self->write_free || !self->write_read || !self->write ||
        !self->write_flush)
        return "it lacks a callback that is required for writing";
    return NULL;
}

static const char *
registration_trouble(const SinterFormat *format)
{
    /* an older header of this API version may lack later members, never the required ones */
    if (format->api_version != SINTER_FORMAT_API_VERSION)
        return "it was built for another API version";
    if (format->struct_size > sizeof(SinterFormat) ||
        format->struct_size < G_STRUCT_OFFSET(SinterFormat, close))
        return "the size of its structure is unknown";
    if (!format->name || *format->name == '\0')
        return "it has no name";
    if (g_atomic_int_get(&is_closed))
        return "images are already open";
    if (n_registered == REGISTERED_MAX)
        return "there are too many formats";
    return find_any(format->name) ? "a format of that name exists" : NULL;
}

gboolean
sinter_format_register(const SinterFormat *format, GError **error)
{
    const char *trouble = registration_trouble(format);
    SinterFormat full = { 0 };

    if (!trouble) {
        memcpy(&full, format, format->struct_size);
        trouble = missing_callback(&full);
    }
    if (trouble) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "the format '%s' cannot be registered: %s",
                    format->api_version == SINTER_FORMAT_API_VERSION && format->name ? format->name
                                                                                     : "?",
                    trouble);
        return FALSE;
    }
    if (!sinter_finding_add_table(full.name, full.findings, full.n_findings, full.first_finding,
                                  error))
        return FALSE;
    registered[n_registered++] = g_memdup2(&full, sizeof full);
    return TRUE;
}
