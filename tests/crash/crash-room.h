/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A set of files with little space: what is freed can be used again. */

#include "io/sinter-io.h"

/*
 * Wraps @inner. Blocks of 4 KiB that become data take space, of which there are @bytes; blocks that
 * become holes, and files that are removed, give it back. A write for which there is not enough
 * fails with ENOSPC and changes nothing.
 */
SinterFs *crash_room_new(SinterFs *inner, guint64 bytes);
