/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The on-disk layout of an undo file. All numbers are big-endian, all lengths are bytes.
 *
 *   0     header, 8192 bytes
 *   8192  batch 0, batch 1, … , end batch
 *
 * Header
 *    0 magic   8 version (32)   12 header bytes (32)   16 image bytes (64)   24 device (64)
 *   32 inode (64)   40 flags (32)   44 head bytes (32)   48 microseconds since 1970 (64)
 *   56 SHA-256 of the first `head bytes` of the image before the operation
 *   88 length of the image's name (32)   92 length of the operation's text (32)
 *   96 the operation's text, up to 160   256 the image's name, an absolute path, up to 4096
 * 8160 SHA-256 of bytes 0 to 8159
 *
 * Batch: all places that one group of writes to the image changes. It is durable before the first
 * of these writes is made. It starts at a multiple of 512.
 *    0 magic   8 number (64), from 0   16 payload bytes (64)   24 kind (32)   28 entries (32)
 *   32 SHA-256 of bytes 0 to 31 and of the payload
 *   64 payload
 *
 * The payload of a batch of CHANGES is its entries, one after the other, in any order:
 *    0 offset in the image (64), a multiple of 4096   8 length (32)   12 flags (32)
 *   16 OLD, unless OLD_ZERO: the bytes that were there before the operation, cut at the image's
 *      former end
 *      then, unless NEW_ZERO: for each 512 bytes of the entry the first 8 bytes of the SHA-256 of
 *      what is written there
 *
 * The first entry of a place below the image's former end has OLD; later ones of the same place do
 * not. Bytes beyond the end of a file count as zeros.
 *
 * The payload of the END batch is the size of the image after the operation (64). If it is missing,
 * the operation was interrupted. A batch with a wrong checksum, and everything after it, does not
 * count; that can only be the last batch, since the next one is written after it is durable.
 */

#include <glib.h>

G_BEGIN_DECLS

#define SINTER_UNDO_MAGIC "SINUNDO\n"
#define SINTER_UNDO_BATCH_MAGIC "SINBATCH"
#define SINTER_UNDO_MAGIC_BYTES 8
#define SINTER_UNDO_VERSION 1

#define SINTER_UNDO_HEADER_BYTES 8192
#define SINTER_UNDO_AT_VERSION 8
#define SINTER_UNDO_AT_HEADER_BYTES 12
#define SINTER_UNDO_AT_IMAGE_BYTES 16
#define SINTER_UNDO_AT_DEVICE 24
#define SINTER_UNDO_AT_INODE 32
#define SINTER_UNDO_AT_FLAGS 40
#define SINTER_UNDO_AT_HEAD_BYTES 44
#define SINTER_UNDO_AT_DATE 48
#define SINTER_UNDO_AT_HEAD_SUM 56
#define SINTER_UNDO_AT_NAME_LENGTH 88
#define SINTER_UNDO_AT_OPERATION_LENGTH 92
#define SINTER_UNDO_AT_OPERATION 96
#define SINTER_UNDO_AT_NAME 256
#define SINTER_UNDO_AT_SUM (SINTER_UNDO_HEADER_BYTES - SINTER_UNDO_SUM_BYTES)
#define SINTER_UNDO_OPERATION_MAX (SINTER_UNDO_AT_NAME - SINTER_UNDO_AT_OPERATION)
#define SINTER_UNDO_NAME_MAX 4096
#define SINTER_UNDO_FLAG_BLOCK_DEVICE (1U << 0)
/* How much of the image's start the header identifies. */
#define SINTER_UNDO_HEAD_MAX (64 * 1024)

#define SINTER_UNDO_SUM_BYTES 32
#define SINTER_UNDO_BATCH_BYTES 64
#define SINTER_UNDO_BATCH_ALIGN 512
#define SINTER_UNDO_BATCH_AT_NUMBER 8
#define SINTER_UNDO_BATCH_AT_PAYLOAD 16
#define SINTER_UNDO_BATCH_AT_KIND 24
#define SINTER_UNDO_BATCH_AT_ENTRIES 28
#define SINTER_UNDO_BATCH_AT_SUM 32
/* No writer makes larger ones. */
#define SINTER_UNDO_PAYLOAD_MAX (64 * 1024 * 1024)
#define SINTER_UNDO_KIND_CHANGES 1
#define SINTER_UNDO_KIND_END 2
#define SINTER_UNDO_END_BYTES 8

#define SINTER_UNDO_ENTRY_BYTES 16
#define SINTER_UNDO_ENTRY_AT_LENGTH 8
#define SINTER_UNDO_ENTRY_AT_FLAGS 12
/* An entry begins on a page and has at most this many bytes, whole pages. */
#define SINTER_UNDO_PAGE_BYTES 4096
#define SINTER_UNDO_ENTRY_MAX (64 * 1024)
#define SINTER_UNDO_OLD (1U << 0)
#define SINTER_UNDO_OLD_ZERO (1U << 1)
#define SINTER_UNDO_NEW_ZERO (1U << 2)
#define SINTER_UNDO_FLAGS_KNOWN 7U

/* Storage writes this much as a whole, so each of them is either old or new. */
#define SINTER_UNDO_UNIT_BYTES 512
#define SINTER_UNDO_DIGEST_BYTES 8
#define SINTER_UNDO_UNITS_PER_PAGE (SINTER_UNDO_PAGE_BYTES / SINTER_UNDO_UNIT_BYTES)

G_END_DECLS
