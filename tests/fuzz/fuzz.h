/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sinter/chain.h>

/* What libFuzzer calls; fuzz-replay.c calls it for each file that it is given. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* A file of these bytes in @fs. */
void fuzz_add_file(SinterFs *fs, const char *path, const guint8 *data, gsize size);

/* Maps the whole disk, and reads what is mapped: of each stretch its first and last bytes. */
void fuzz_walk_chain(SinterChain *chain);
