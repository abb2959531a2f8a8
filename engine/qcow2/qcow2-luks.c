/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads the LUKS (version 1) header that an encrypted image carries, for what can be told without
 * a key. All of it has fixed places (bytes, big-endian numbers, sectors of 512 bytes):
 *
 *      0  "LUKS" 0xba 0xbe    6  version
 *      8  cipher [32]        40  mode [32]: "xts-plain64", "cbc-essiv:sha256"
 *     72  hash [32]         104  payload offset (sectors)   108  bytes of the key
 *    164  iterations        168  uuid [40]
 *    208  8 key slots of 48 bytes:
 *           0  state         4  iterations    8  salt [32]
 *          40  offset of the key (sectors)   44  stripes
 */

#include "qcow2-luks.h"
#include "sinter-error.h"

#include <string.h>

#define LUKS_BYTES 592
#define LUKS_SECTOR_BYTES 512
#define LUKS_TEXT_BYTES 32
#define LUKS_UUID_BYTES 40
#define LUKS_SLOT_BYTES 48
#define LUKS_SLOT_ACTIVE 0x00AC71F3

static const guint8 luks_magic[] = { 'L', 'U', 'K', 'S', 0xba, 0xbe };

static char *
luks_text(const guint8 *at, gsize max_bytes)
{
    return g_strndup((const char *)at, max_bytes);
}

/* "xts-plain64" is a mode and how vectors are made; "cbc-essiv:sha256" names a hash for it too. */
static void
luks_split_mode(SinterLuksInfo *self, const guint8 *at)
{
    g_autofree char *mode = luks_text(at, LUKS_TEXT_BYTES);
    g_auto(GStrv) parts = g_strsplit(mode, "-", 2);
    g_auto(GStrv) vector = g_strsplit(parts[0] && parts[1] ? parts[1] : "", ":", 2);

    self->mode = g_strdup(parts[0] ? parts[0] : "");
    self->vector = g_strdup(vector[0] ? vector[0] : "");
    self->vector_hash = vector[0] ? g_strdup(vector[1]) : NULL;
}

static void
luks_parse_slot(SinterLuksSlot *slot, const guint8 *at)
{
    slot->active = sinter_be32_load(at) == LUKS_SLOT_ACTIVE;
    slot->iterations = sinter_be32_load(at + 4);
    slot->key_offset = (guint64)sinter_be32_load(at + 40) * LUKS_SECTOR_BYTES;
    slot->stripes = sinter_be32_load(at + 44);
}

static SinterLuksInfo *
luks_parse(const guint8 *at)
{
    SinterLuksInfo *self = g_new0(SinterLuksInfo, 1);
    g_autofree char *cipher = luks_text(at + 8, LUKS_TEXT_BYTES);
    guint32 key_bytes = sinter_be32_load(at + 108);

    luks_split_mode(self, at + 40);
    /* XTS takes two keys of half the length each */
    if (strcmp(self->mode, "xts") == 0)
        key_bytes /= 2;
    self->cipher = g_strdup_printf("%s-%" G_GUINT64_FORMAT, cipher, (guint64)key_bytes * 8);
    self->hash = luks_text(at + 72, LUKS_TEXT_BYTES);
    self->uuid = luks_text(at + 168, LUKS_UUID_BYTES);
    self->payload_offset = (guint64)sinter_be32_load(at + 104) * LUKS_SECTOR_BYTES;
    self->iterations = sinter_be32_load(at + 164);
    for (guint i = 0; i < SINTER_LUKS_SLOTS; i++)
        luks_parse_slot(&self->slots[i], at + 208 + (gsize)i * LUKS_SLOT_BYTES);
    return self;
}

SinterLuksInfo *
sinter_qcow2_luks_read(SinterIo *io, const SinterQcow2Header *header, GError **error)
{
    guint8 bytes[LUKS_BYTES];

    if (!header->has_luks || header->luks_bytes < sizeof bytes) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "the image has no LUKS header");
        return NULL;
    }
    if (!sinter_io_read(io, header->luks_offset, bytes, sizeof bytes, error))
        return NULL;
    if (memcmp(bytes, luks_magic, sizeof luks_magic) != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, "Volume is not in LUKS format");
        return NULL;
    }
    if (bytes[6] != 0 || bytes[7] != 1) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "LUKS version %u is not supported", (guint)bytes[6] << 8 | bytes[7]);
        return NULL;
    }
    return luks_parse(bytes);
}
