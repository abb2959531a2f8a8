/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Stands in for libFuzzer: gives each file of the folders and files named on the command line to
 * the target, so that the ordinary tests replay the seeds with any compiler. Speaks TAP.
 */

#include "fuzz.h"

#include <stdio.h>

static guint n_done;

static void
replay(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    g_autofree char *data = NULL;
    const char *name;
    gsize size;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *below = g_build_filename(path, name, NULL);

        replay(below);
    }
    if (dir || !g_file_get_contents(path, &data, &size, NULL))
        return;
    LLVMFuzzerTestOneInput((const guint8 *)data, size);
    printf("ok %u %s\n", ++n_done, path);
}

int
main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("1..%u\n", n_done);
    return n_done > 0 ? 0 : 1;
}
