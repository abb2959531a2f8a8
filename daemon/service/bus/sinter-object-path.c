/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Object paths on the bus: pure functions of a domain's UUID, a disk's target, or an id. A UUID has
 * underscores instead of its dashes and one underscore in front. Other names come from XML that
 * anyone may have written, so every byte that a path must not contain is escaped, and so is the
 * underscore.
 */

#include "sinter-object-path.h"

static char *
escape(const char *name)
{
    GString *text = g_string_new(NULL);

    for (; *name != '\0'; name++) {
        if (g_ascii_isalnum(*name))
            g_string_append_c(text, *name);
        else
            g_string_append_printf(text, "_%02x", (guint8)*name);
    }
    if (text->len == 0)
        g_string_append_c(text, '_');
    return g_string_free(text, FALSE);
}

char *
sinter_object_path_domain(const char *uuid)
{
    g_autofree char *plain = g_strdelimit(g_strdup(uuid), "-", '_');

    if (!g_uuid_string_is_valid(uuid)) {
        g_free(plain);
        plain = escape(uuid);
    }
    return g_strconcat(SINTER_OBJECT_ROOT "/domains/_", plain, NULL);
}

char *
sinter_object_path_disk(const char *uuid, const char *target)
{
    g_autofree char *domain = sinter_object_path_domain(uuid);
    g_autofree char *name = escape(target);

    return g_strconcat(domain, "/disks/", name, NULL);
}

static char *
path_below(const char *folder, const char *id)
{
    g_autofree char *name = escape(id);

    return g_strconcat(SINTER_OBJECT_ROOT, folder, name, NULL);
}

char *
sinter_object_path_plan(const char *id)
{
    return path_below("/plans/", id);
}

char *
sinter_object_path_job(const char *id)
{
    return path_below("/jobs/", id);
}

char *
sinter_object_path_incident(const char *id)
{
    return path_below("/incidents/", id);
}
