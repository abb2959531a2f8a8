/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"

/*
 * Gives a small qcow2 image, which must have none yet, an internal snapshot with id and name "1".
 * Its tables go behind the end of the file; the refcount blocks must reach so far.
 */
void qcow2_snap(SinterIo *io);
