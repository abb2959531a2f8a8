/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which mount a path leads to, found without touching another one on the way. Invariant: every
 * system call on a path runs as a question about the mount that contains this path: symbolic links
 * are read one mount at a time, and a mount point is recognized in the kernel's table, because even
 * its status comes from the file system that is mounted there.
 */

#include "sinter-storage-probe.h"

#include "sinter-mount-table.h"
#include "sinter-time-text.h"

#include <string.h>
#include <sys/stat.h>

#define MAX_LINKS 40 /* as in the kernel */

struct _SinterStorageProbe {
    SinterPatience *patience;
    SinterMountTable *mounts;
    GHashTable *folders; /* absolute path → the same without symbolic links */
};

void
sinter_storage_silence_clear(SinterStorageSilence *silence)
{
    g_clear_pointer(&silence->name, g_free);
    silence->since_usec = 0;
}

char *
sinter_storage_silence_describe(const SinterStorageSilence *silence)
{
    g_autofree char *since = sinter_time_text_since(silence->since_usec);

    return g_strdup_printf("the file system at '%s' has not responded since %s", silence->name,
                           since);
}

SinterStorageProbe *
sinter_storage_probe_new(SinterPatience *patience)
{
    SinterStorageProbe *probe = g_new0(SinterStorageProbe, 1);

    probe->patience = sinter_patience_ref(patience);
    probe->mounts = sinter_mount_table_read();
    probe->folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return probe;
}

void
sinter_storage_probe_free(SinterStorageProbe *probe)
{
    if (!probe)
        return;
    sinter_patience_unref(probe->patience);
    sinter_mount_table_free(probe->mounts);
    g_hash_table_unref(probe->folders);
    g_free(probe);
}

/* Asks about @path, which has no symbolic links. A device may not respond while others do. */
static gboolean
ask_mount(SinterStorageProbe *probe, const char *path, const SinterQuestion *question,
          SinterStorageSilence *silence)
{
    const SinterMountEntry *mount = sinter_mount_table_find(probe->mounts, path);
    gboolean is_device = mount && strcmp(mount->path, "/dev") == 0;
    const char *key = is_device ? path : mount ? mount->key : "";

    *silence = (SinterStorageSilence){ 0 };
    if (sinter_patience_ask(probe->patience, key, question, &silence->since_usec)) {
        silence->since_usec = 0;
        return TRUE;
    }
    if (silence->since_usec == 0)
        silence->since_usec = g_get_real_time();
    silence->device = mount && !is_device ? mount->device : 0;
    silence->name = g_strdup(mount && !is_device ? mount->path : path);
    return FALSE;
}

/* --- symbolic links --------------------------------------------------------------------------- */

/* A question: which of some paths is a symbolic link. */
typedef struct {
    GPtrArray *paths; /* of char*: each contains the one before, all on one mount */
    guint n_plain;    /* how many were found that are no links */
    char *target;     /* of the link after them, or NULL */
} Walk;

static void
walk_free(gpointer data)
{
    Walk *walk = data;

    g_ptr_array_unref(walk->paths);
    g_free(walk->target);
    g_free(walk);
}

static void
walk_run(gpointer data)
{
    Walk *walk = data;
    struct stat st;

    for (walk->n_plain = 0; walk->n_plain < walk->paths->len; walk->n_plain++) {
        const char *path = g_ptr_array_index(walk->paths, walk->n_plain);

        if (lstat(path, &st) < 0)
            return;
        if (S_ISLNK(st.st_mode)) {
            walk->target = g_file_read_link(path, NULL);
            return;
        }
    }
}

/* The way to a path. */
typedef struct {
    SinterStorageProbe *probe;
    GString *done; /* absolute, without links and without a final slash: "" is the root */
    char *rest;    /* what is left of the name, relative to it */
    guint n_links;
    gboolean ended; /* the rest does not exist, or cannot be followed */
} Way;

static void
go_up(GString *path)
{
    const char *slash = strrchr(path->str, '/');

    g_string_truncate(path, slash ? (gsize)(slash - path->str) : 0);
}

/* Removes the first name of the rest; NULL at the end. (transfer full) */
static char *
take_name(Way *way)
{
    char *name = NULL;

    while (!name) {
        const char *begin = way->rest + strspn(way->rest, "/");
        gsize len = strcspn(begin, "/");
        char *left;

        if (len == 0)
            return NULL;
        if (len != 1 || begin[0] != '.')
            name = g_strndup(begin, len);
        left = g_strdup(begin + len);
        g_free(way->rest);
        way->rest = left;
    }
    return name;
}

/* Goes through names that need no question. Stops at the first that does, and returns it. */
static char *
pass_mount_points(Way *way)
{
    char *name;

    while ((name = take_name(way))) {
        gsize len = way->done->len;

        if (strcmp(name, "..") == 0) {
            go_up(way->done);
        } else {
            g_string_append_printf(way->done, "/%s", name);
            if (!sinter_mount_table_has(way->probe->mounts, way->done->str)) {
                g_string_truncate(way->done, len);
                return name;
            }
        }
        g_free(name);
    }
    return NULL;
}

/* @name (transfer full), and the names after it that are on the same mount */
static Walk *
collect_walk(Way *way, char *name)
{
    Walk *walk = g_new0(Walk, 1);
    g_autofree char *path = g_strdup(way->done->str);

    walk->paths = g_ptr_array_new_with_free_func(g_free);
    while (name) {
        g_autofree char *before = g_strdup(way->rest);
        g_autofree char *next = g_strconcat(path, "/", name, NULL);

        if (strcmp(name, "..") == 0 || sinter_mount_table_has(way->probe->mounts, next)) {
            char *rest = g_strconcat(name, "/", before, NULL);

            g_free(way->rest);
            way->rest = rest;
            g_free(name);
            break;
        }
        g_ptr_array_add(walk->paths, g_strdup(next));
        g_free(path);
        path = g_steal_pointer(&next);
        g_free(name);
        name = take_name(way);
    }
    return walk;
}

/* Continues at the target of the link that ended @walk. */
static void
follow_link(Way *way, const Walk *walk)
{
    const char *link = g_ptr_array_index(walk->paths, walk->n_plain);
    const char *last = g_ptr_array_index(walk->paths, walk->paths->len - 1);
    char *rest = g_strconcat(walk->target, last + strlen(link), "/", way->rest, NULL);

    g_string_assign(way->done, g_path_is_absolute(walk->target) ? "" : link);
    go_up(way->done);
    g_free(way->rest);
    way->rest = rest;
    way->ended = ++way->n_links > MAX_LINKS;
}

/* One question about one mount. Returns FALSE if it does not respond. */
static gboolean
make_way(Way *way, char *name, SinterStorageSilence *silence)
{
    Walk *walk = collect_walk(way, name);
    const SinterQuestion question = { walk_run, walk, walk_free, NULL };
    g_autofree char *first = g_strdup(g_ptr_array_index(walk->paths, 0));
    const char *last;

    if (!ask_mount(way->probe, first, &question, silence))
        return FALSE;
    last = g_ptr_array_index(walk->paths, walk->paths->len - 1);
    if (walk->target) {
        follow_link(way, walk);
    } else {
        way->ended = walk->n_plain < walk->paths->len;
        g_string_assign(way->done, last);
    }
    walk_free(walk);
    return TRUE;
}

/* (transfer full) (nullable): the path of @name in @folder (without links; "" is the root) without
 * symbolic links, as far as they can be followed; NULL if a mount on the way does not respond */
static char *
resolve(SinterStorageProbe *probe, const char *folder, const char *name_there,
        SinterStorageSilence *silence)
{
    Way way = { probe, g_string_new(folder), g_strdup(name_there), 0, FALSE };
    gboolean responds = TRUE;
    char *name;

    while (responds && !way.ended && (name = pass_mount_points(&way)))
        responds = make_way(&way, name, silence);
    if (responds && (way.ended || way.done->len == 0))
        g_string_append_printf(way.done, "/%s", way.rest);
    g_free(way.rest);
    return g_string_free(way.done, !responds);
}

/* Images are in few folders: each of these is resolved once. */
static const char *
resolve_folder(SinterStorageProbe *probe, const char *folder, SinterStorageSilence *silence)
{
    const char *known = g_hash_table_lookup(probe->folders, folder);
    char *found;

    if (known)
        return known;
    found = resolve(probe, "", folder, silence);
    if (found)
        g_hash_table_insert(probe->folders, g_strdup(folder), found);
    return found;
}

gboolean
sinter_storage_probe_ask(SinterStorageProbe *probe, const char *path,
                         const SinterQuestion *question, SinterStorageSilence *silence)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    const char *known = resolve_folder(probe, folder, silence);
    g_autofree char *real = known ? resolve(probe, strcmp(known, "/") == 0 ? "" : known,
                                            strcmp(name, "/") == 0 ? "" : name, silence)
                                  : NULL;

    if (real)
        return ask_mount(probe, real, question, silence);
    question->free_data(question->data);
    return FALSE;
}
