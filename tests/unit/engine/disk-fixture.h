/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disks in memory for tests of operations over whole chains. A failure is one of the test. */

#include "sinter/chain.h"

/* A raw file of @size zeros. */
void disk_make_raw(SinterFs *fs, const char *path, guint64 size);

/* @n times @byte from @at on, into a file that is there. */
void disk_fill(SinterFs *fs, const char *path, guint64 at, guint8 byte, gsize n);

/* The chain at @path, probed. */
SinterChain *disk_open(SinterFs *fs, const char *path);

/* (transfer full): what the guest sees of @chain */
GBytes *disk_content(SinterChain *chain);

/* (transfer full): the bytes of a file */
GBytes *disk_file(SinterFs *fs, const char *path);

/* Names that begin with a dot. */
guint disk_count_hidden(SinterFs *fs);
