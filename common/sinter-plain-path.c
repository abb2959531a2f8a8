/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Shortens paths that go through a link to its own folder. Invariant: the result leads to the same
 * file, because only a component is left out that changes nothing.
 */

#include "sinter-plain-path.h"

#include "sinter-file-id.h"

#include <sys/stat.h>

/* Returns whether @path is a link that leads to @folder, which contains it. */
static gboolean
leads_back(const char *folder, const char *path)
{
    struct stat link;
    struct stat target;
    struct stat parent;

    return lstat(path, &link) == 0 && S_ISLNK(link.st_mode) && stat(path, &target) == 0 &&
           stat(folder, &parent) == 0 && sinter_file_id_same(&target, &parent);
}

char *
sinter_plain_path(const char *path)
{
    g_auto(GStrv) names = g_strsplit(path, "/", -1);
    g_autofree char *plain = g_strdup("/");

    for (guint i = 0; names[i]; i++) {
        gboolean is_last = names[i + 1] == NULL;
        g_autofree char *next = g_build_filename(plain, names[i], NULL);

        if (names[i][0] == '\0' || (!is_last && leads_back(plain, next)))
            continue;
        g_free(plain);
        plain = g_steal_pointer(&next);
    }
    return g_steal_pointer(&plain);
}
