/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Images that are foreign to the engine, but not to QEMU: which of them may be backed by another
 * image. Invariant: an image counts as having no backing file only if its format has none, its
 * header says so, or it is empty.
 *
 * Source: QEMU's block drivers; for VMDK "Virtual Disk Format 5.0" (VMware): the descriptor is the
 * file itself, or is embedded at the sector that the header names, and contains
 * "parentCID=ffffffff" if the image has no parent.
 */

#include "sinter-backing-doubt.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sinter-file.h"

#define SECTOR_BYTES 512
#define MAX_DESCRIPTOR_BYTES (20 * 1024)

/* Of the header of a VMDK image: the magic number, and where the descriptor's sector stands. */
#define VMDK_MAGIC "KDMV"
#define VMDK_DESCRIPTOR_AT 28
#define VMDK_HEADER_BYTES 44

#define NO_PARENT "parentCID=ffffffff"

/* Formats without backing files, by QEMU's names and those of libvirt that differ. */
static const char *const flat_formats[] = { "bochs",     "cloop", "dmg", "iso", "luks",
                                            "parallels", "ploop", "raw", "vdi", "vhdx",
                                            "vpc",       "vvfat", "fat", NULL };

gboolean
sinter_backing_doubt_format(const char *format)
{
    return !format || !g_strv_contains(flat_formats, format);
}

/* Reads up to @len bytes; returns how many there are. */
static gsize
read_up_to(int fd, char *buffer, gsize len, guint64 offset)
{
    gsize done = 0;

    while (done < len) {
        ssize_t n = pread(fd, buffer + done, len - done, (off_t)(offset + done));

        if (n <= 0)
            break;
        done += (gsize)n;
    }
    return done;
}

/* The place of the descriptor; @header: the first bytes of the image. */
static gboolean
find_descriptor(const char *header, gsize len, guint64 *ret_offset)
{
    guint64 sector;

    *ret_offset = 0;
    if (len < VMDK_HEADER_BYTES || memcmp(header, VMDK_MAGIC, strlen(VMDK_MAGIC)) != 0)
        return len > 0; /* the file is the descriptor, if anything */
    memcpy(&sector, header + VMDK_DESCRIPTOR_AT, sizeof sector);
    return g_uint64_checked_mul(ret_offset, GUINT64_FROM_LE(sector), SECTOR_BYTES) &&
           *ret_offset <= G_MAXINT64 - MAX_DESCRIPTOR_BYTES;
}

static gboolean
vmdk_has_no_parent(const char *path)
{
    g_auto(SinterFd) fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    g_autofree char *text = g_malloc0(MAX_DESCRIPTOR_BYTES + 1);
    guint64 offset;
    gsize len;

    len = fd >= 0 ? read_up_to(fd, text, VMDK_HEADER_BYTES, 0) : 0;
    if (!find_descriptor(text, len, &offset))
        return FALSE;
    len = read_up_to(fd, text, MAX_DESCRIPTOR_BYTES, offset);
    text[len] = '\0';
    return strstr(text, NO_PARENT) != NULL;
}

gboolean
sinter_backing_doubt_image(const char *path, const char *format, const struct stat *st)
{
    if (!sinter_backing_doubt_format(format) || (S_ISREG(st->st_mode) && st->st_size == 0))
        return FALSE;
    return g_strcmp0(format, "vmdk") != 0 || !vmdk_has_no_parent(path);
}
