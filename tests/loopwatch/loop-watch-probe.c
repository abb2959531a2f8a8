/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What loop-watch.c is tried on: loop-watch-probe WHEN WHAT makes one call WHAT before the main
 * loop runs, in a thread while it runs, or in it, and prints what came of it.
 */

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int
do_fsync(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fsync(fd);

    close(fd);
    return rc;
}

static int
do_stat(const char *path)
{
    GStatBuf st;

    return g_stat(path, &st);
}

static int
do_unlink(const char *path)
{
    return unlink("/nonexistent/file") < 0 ? errno : 0;
}

static int
do_read_file(const char *path)
{
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? 0 : -1;
}

static int
do_gio(const char *path)
{
    g_autoptr(GFile) file = g_file_new_for_path(path);

    return g_file_query_exists(file, NULL) ? 0 : -1;
}

static int
do_pipe(const char *path)
{
    int fds[2];
    char byte = 1;
    int rc = pipe(fds) == 0 && write(fds[1], &byte, 1) == 1 && read(fds[0], &byte, 1) == 1 ? 0 : -1;

    close(fds[0]);
    close(fds[1]);
    return rc;
}

static int
do_libvirt(const char *path)
{
    virConnectPtr connection = virConnectOpen("test:///default");
    int n = virConnectIsAlive(connection);

    virConnectClose(connection);
    return n == 1 ? 0 : -1;
}

static const struct {
    const char *name;
    int (*call)(const char *path);
} calls[] = {
    { "fsync", do_fsync },     { "stat", do_stat }, { "unlink", do_unlink },
    { "gio", do_gio },         { "pipe", do_pipe }, { "read-file", do_read_file },
    { "libvirt", do_libvirt },
};

typedef struct {
    GMainLoop *loop;
    const char *what;
    const char *path;
    int came_of_it;
} Probe;

static gpointer
make_call(gpointer data)
{
    Probe *probe = data;

    for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
        if (strcmp(calls[i].name, probe->what) == 0)
            probe->came_of_it = calls[i].call(probe->path);
    }
    return NULL;
}

static gboolean
in_loop(gpointer data)
{
    make_call(data);
    g_main_loop_quit(((Probe *)data)->loop);
    return G_SOURCE_REMOVE;
}

static gpointer
in_thread(gpointer data)
{
    make_call(data);
    g_main_loop_quit(((Probe *)data)->loop);
    return NULL;
}

/* The thread begins when the loop runs: a loop that is quit before it runs would run for ever. */
static gboolean
start_thread(gpointer data)
{
    g_thread_unref(g_thread_new("probe", in_thread, data));
    return G_SOURCE_REMOVE;
}

int
main(int argc, char **argv)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    Probe probe = { loop, argv[2], argv[0], -1 };

    if (strcmp(argv[1], "before") == 0) {
        make_call(&probe);
    } else {
        g_idle_add(strcmp(argv[1], "thread") == 0 ? start_thread : in_loop, &probe);
        g_main_loop_run(loop);
    }
    g_print("%d\n", probe.came_of_it);
    return 0;
}
