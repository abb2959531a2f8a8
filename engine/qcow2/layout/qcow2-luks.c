/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads the LUKS header inside an encrypted image: cipher and key slots, never keys. Without a key
 * nothing else of the payload can be read.
 */

#include "qcow2-luks.h"
#include "sinter-error.h"

#include <string.h>

/*
 * LUKS version 1 (source: the LUKS1 On-Disk Format Specification), big-endian, text padded with
 * zeros:
 *   0 magic (6)      6 version (2)     8 cipher (32)    40 mode (32)   72 hash (32)
 * 104 payload sector 108 key bytes   164 iterations     168 uuid (40) 208 eight slots of 48:
 *   0 active         4 iterations     40 key sector      44 stripes
 */
#define LUKS_BYTES 592
#define LUKS_MAGIC "LUKS\xba\xbe"
#define LUKS_AT_VERSION 6
#define LUKS_AT_CIPHER 8
#define LUKS_AT_MODE 40
#define LUKS_AT_HASH 72
#define LUKS_AT_PAYLOAD 104
#define LUKS_AT_KEY_BYTES 108
#define LUKS_AT_ITERATIONS 164
#define LUKS_AT_UUID 168
#define LUKS_AT_SLOTS 208
#define LUKS_SLOT_BYTES 48
#define LUKS_SLOT_AT_ITERATIONS 4
#define LUKS_SLOT_AT_KEY 40
#define LUKS_SLOT_AT_STRIPES 44
#define LUKS_SLOT_ACTIVE 0x00ac71f3U
#define LUKS_SECTOR_BYTES 512

/* Returns padded text, without bytes that could control a terminal. */
static char *
luks_text(const guint8 *raw, guint at, gsize room)
{
    char *text = g_strndup((const char *)raw + at, room);

    for (char *c = text; *c; c++) {
        if (!g_ascii_isprint(*c))
            *c = '?';
    }
    return text;
}

/* Splits "xts-plain64" or "cbc-essiv:sha256" into its parts. */
static void
luks_split_mode(SinterLuksInfo *info, const char *mode)
{
    g_auto(GStrv) parts = g_strsplit(mode, "-", 2);
    g_auto(GStrv) iv = parts[0] && parts[1] ? g_strsplit(parts[1], ":", 2) : NULL;

    info->mode = g_strdup(parts[0] ? parts[0] : "");
    info->iv_generator = g_strdup(iv && iv[0] ? iv[0] : "");
    info->iv_hash = g_strdup(iv && iv[0] ? iv[1] : NULL);
}

static void
luks_parse(SinterLuksInfo *info, const guint8 *raw)
{
    g_autofree char *mode = luks_text(raw, LUKS_AT_MODE, 32);
    guint64 key_bits = (guint64)sinter_be32_load(raw + LUKS_AT_KEY_BYTES) * 8;

    luks_split_mode(info, mode);
    info->cipher = luks_text(raw, LUKS_AT_CIPHER, 32);
    info->hash = luks_text(raw, LUKS_AT_HASH, 32);
    info->uuid = luks_text(raw, LUKS_AT_UUID, 40);
    /* XTS uses two keys, and only one of them counts */
    info->key_bits = (guint)(strcmp(info->mode, "xts") == 0 ? key_bits / 2 : key_bits);
    info->payload_offset = (guint64)sinter_be32_load(raw + LUKS_AT_PAYLOAD) * LUKS_SECTOR_BYTES;
    info->master_key_iterations = sinter_be32_load(raw + LUKS_AT_ITERATIONS);
    for (guint i = 0; i < SINTER_LUKS_SLOTS; i++) {
        const guint8 *slot = raw + LUKS_AT_SLOTS + i * LUKS_SLOT_BYTES;

        info->slots[i].active = sinter_be32_load(slot) == LUKS_SLOT_ACTIVE;
        info->slots[i].iterations = sinter_be32_load(slot + LUKS_SLOT_AT_ITERATIONS);
        info->slots[i].key_offset =
            (guint64)sinter_be32_load(slot + LUKS_SLOT_AT_KEY) * LUKS_SECTOR_BYTES;
        info->slots[i].stripes = sinter_be32_load(slot + LUKS_SLOT_AT_STRIPES);
    }
}

gboolean
sinter_qcow2_luks_read(SinterIo *io, const SinterQcow2Header *header, SinterLuksInfo *ret,
                       GError **error)
{
    guint8 raw[LUKS_BYTES];

    if (header->crypt_method != SINTER_QCOW2_CRYPT_LUKS || !header->has_luks) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "'%s' is not encrypted with LUKS", sinter_io_get_path(io));
        return FALSE;
    }
    if (header->luks_bytes < LUKS_BYTES) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "'%s': a LUKS header of %" G_GUINT64_FORMAT " bytes is too short",
                    sinter_io_get_path(io), header->luks_bytes);
        return FALSE;
    }
    if (!sinter_io_read(io, header->luks_offset, raw, sizeof raw, error))
        return FALSE;
    if (memcmp(raw, LUKS_MAGIC, strlen(LUKS_MAGIC)) != 0 ||
        sinter_be16_load(raw + LUKS_AT_VERSION) != 1) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "'%s': there is no LUKS header of version 1 at %" G_GUINT64_FORMAT,
                    sinter_io_get_path(io), header->luks_offset);
        return FALSE;
    }
    luks_parse(ret, raw);
    return TRUE;
}
