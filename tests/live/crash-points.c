/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded into sinterd: the function behind SINTER_POINT (common/sinter-point.h). $SINTER_POINTS
 * is a folder. Each visit of a point by a thread of a job is noted in its file "visits"; if the
 * file "stop" names that visit ("NAME NUMBER"), the thread reports it through the FIFO "reached"
 * and waits until the FIFO "go" is opened for writing and closed. Invariant: a thread stops once.
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_POINTS 256

void sinter_point_reached(const char *name);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    const char *name;
    unsigned n;
} visits[MAX_POINTS];

static unsigned
count(const char *name)
{
    for (unsigned i = 0; i < MAX_POINTS; i++) {
        if (visits[i].name && strcmp(visits[i].name, name) != 0)
            continue;
        visits[i].name = name;
        return ++visits[i].n;
    }
    abort();
}

static int
open_beside(const char *name, int flags)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", getenv("SINTER_POINTS"), name);
    return open(path, flags | O_CLOEXEC, 0600);
}

static void
note(const char *visit)
{
    int fd = open_beside("visits", O_WRONLY | O_CREAT | O_APPEND);

    if (fd < 0 || write(fd, visit, strlen(visit)) < 0)
        abort();
    close(fd);
}

static int
is_wanted(const char *visit)
{
    char text[256] = "";
    int fd = open_beside("stop", O_RDONLY);

    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof text - 1) < 0)
        abort();
    close(fd);
    return strcmp(text, visit) == 0;
}

static void
stop_here(void)
{
    char byte = '.';
    int reached = open_beside("reached", O_RDWR); /* does not wait for a reader */
    int go;

    if (reached < 0 || write(reached, &byte, 1) != 1)
        abort();
    go = open_beside("go", O_RDONLY);
    if (go < 0 || read(go, &byte, 1) < 0)
        abort();
    close(go);
    close(reached);
}

void
sinter_point_reached(const char *name)
{
    char thread[16] = "";
    char visit[256];

    pthread_getname_np(pthread_self(), thread, sizeof thread);
    if (!getenv("SINTER_POINTS") || strcmp(thread, "job") != 0)
        return;
    pthread_mutex_lock(&lock);
    snprintf(visit, sizeof visit, "%s %u\n", name, count(name));
    note(visit);
    pthread_mutex_unlock(&lock);
    if (is_wanted(visit))
        stop_here();
}
