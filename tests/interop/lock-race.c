/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Openers of one image that race: lock-race IMAGE N ROLE… starts a process with two threads for
 * each role, and they try to open the image in its way, N times over all roles. Whoever gets it
 * enters itself in memory that all share, looks whom it meets there, and leaves. Exit 0: no writer
 * ever met anybody, everybody's turn came, and each kind of opener got in at least once.
 *
 *   write, read             by the engine's public API
 *   qemu-write, qemu-read   as QEMU 7.2 does it, written down here anew: shared locks on the bytes
 *                           of what it uses (100 + bit) and does not share (200 + bit), then the
 *                           question whether a writer could have the opposite ones
 *   blind                   heeding no lock: what the race must find out
 */

#include <sinter/chain.h>
#include <sinter/handle.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 2
#define ROLES_MAX 8

/* What all processes share. */
typedef struct {
    atomic_long left[ROLES_MAX]; /* openings still to be tried */
    atomic_int writers;
    atomic_int readers;
    atomic_long met; /* times that somebody was there who should not have been */
    atomic_long wins[ROLES_MAX];
    atomic_long odd[ROLES_MAX]; /* openings that failed for another reason than the lock */
} Ring;

typedef struct {
    const char *name;
    gboolean writes;
    gpointer (*open)(const char *path, gboolean *odd);
    void (*close)(gpointer opened);
} Role;

static Ring *ring;
static const char *image;

static gpointer
open_to_write(const char *path, gboolean *odd)
{
    g_autoptr(GError) error = NULL;
    SinterHandle *handle = sinter_handle_open(NULL, path, "raw", SINTER_HANDLE_DEFAULT, &error);

    *odd = !handle && !strstr(error->message, "lock: is another process using the image");
    if (*odd)
        fprintf(stderr, "%s\n", error->message);
    return handle;
}

static void
close_written(gpointer opened)
{
    sinter_handle_close(opened, NULL);
}

static gpointer
open_to_read(const char *path, gboolean *odd)
{
    const SinterChainOptions options = { .format = "raw" };
    g_autoptr(GError) error = NULL;
    SinterChain *chain = sinter_chain_open(path, &options, &error);

    *odd = !chain && !strstr(error->message, "lock: is another process using the image");
    if (*odd)
        fprintf(stderr, "%s\n", error->message);
    return chain;
}

static void
close_read(gpointer opened)
{
    sinter_chain_free(opened);
}

static gboolean
qemu_mark(int fd, int base, int bits)
{
    for (int i = 0; i < 4; i++) {
        struct flock lock = {
            .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = base + i, .l_len = 1
        };

        if ((bits & 1 << i) && fcntl(fd, F_OFD_SETLK, &lock) < 0)
            return FALSE;
    }
    return TRUE;
}

static gboolean
qemu_is_free(int fd, int base, int bits)
{
    for (int i = 0; i < 4; i++) {
        struct flock lock = {
            .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = base + i, .l_len = 1
        };

        if ((bits & 1 << i) && (fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK))
            return FALSE;
    }
    return TRUE;
}

/* The descriptor plus one, or NULL. Closing it drops the locks. */
static gpointer
qemu_open(const char *path, int uses, int unshared)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd >= 0 && qemu_mark(fd, 100, uses) && qemu_mark(fd, 200, unshared) &&
        qemu_is_free(fd, 200, uses) && qemu_is_free(fd, 100, unshared))
        return GINT_TO_POINTER(fd + 1);
    if (fd >= 0)
        close(fd);
    return NULL;
}

static gpointer
qemu_open_to_write(const char *path, gboolean *odd)
{
    return qemu_open(path, 1 << 0 | 1 << 1 | 1 << 3, 1 << 1 | 1 << 3);
}

static gpointer
qemu_open_to_read(const char *path, gboolean *odd)
{
    return qemu_open(path, 1 << 0, 1 << 1 | 1 << 3);
}

static gpointer
open_blindly(const char *path, gboolean *odd)
{
    return GINT_TO_POINTER(open(path, O_RDWR | O_CLOEXEC) + 1);
}

static void
qemu_close(gpointer opened)
{
    close(GPOINTER_TO_INT(opened) - 1);
}

static const Role roles[] = {
    { "write", TRUE, open_to_write, close_written },
    { "read", FALSE, open_to_read, close_read },
    { "qemu-write", TRUE, qemu_open_to_write, qemu_close },
    { "qemu-read", FALSE, qemu_open_to_read, qemu_close },
    { "blind", TRUE, open_blindly, qemu_close },
};

static const Role *
role_of(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(roles); i++) {
        if (strcmp(roles[i].name, name) == 0)
            return &roles[i];
    }
    fprintf(stderr, "lock-race: no role '%s'\n", name);
    exit(2);
}

/* In the ring: alone where it writes, without writers where it reads, from first to last. */
static void
meet(const Role *role)
{
    atomic_int *own = role->writes ? &ring->writers : &ring->readers;
    int writers_allowed = role->writes ? 1 : 0;

    atomic_fetch_add(own, 1);
    for (guint i = 0; i < 4; i++) {
        if (atomic_load(&ring->writers) > writers_allowed ||
            (role->writes && atomic_load(&ring->readers) > 0))
            atomic_fetch_add(&ring->met, 1);
        sched_yield();
    }
    atomic_fetch_sub(own, 1);
}

typedef struct {
    const Role *role;
    guint number;
} Racer;

/* Racers that always come at once would see each other's marks and all give up, again and again. */
static void
step_aside(void)
{
    for (gint32 i = g_random_int_range(0, 30); i > 0; i--)
        sched_yield();
}

static gpointer
race(gpointer data)
{
    const Racer *racer = data;

    while (atomic_fetch_sub(&ring->left[racer->number], 1) > 0) {
        gboolean odd = FALSE;
        gpointer opened = racer->role->open(image, &odd);

        if (odd)
            atomic_fetch_add(&ring->odd[racer->number], 1);
        if (!opened) {
            step_aside();
            continue;
        }
        meet(racer->role);
        atomic_fetch_add(&ring->wins[racer->number], 1);
        racer->role->close(opened);
    }
    return NULL;
}

static pid_t
start_process(const char *name, guint number)
{
    Racer racer = { role_of(name), number };
    GThread *threads[THREADS];
    pid_t child = fork();

    if (child != 0)
        return child;
    for (guint i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("racer", race, &racer);
    for (guint i = 0; i < THREADS; i++)
        g_thread_join(threads[i]);
    _exit(0);
}

static int
report(char **names, guint n_roles, long n_openings)
{
    int result = atomic_load(&ring->met) == 0 ? 0 : 1;

    printf("%ld openings, met by somebody %ld times;", n_openings, atomic_load(&ring->met));
    for (guint i = 0; i < n_roles; i++) {
        printf(" %s %ld", names[i], atomic_load(&ring->wins[i]));
        if (atomic_load(&ring->wins[i]) == 0 || atomic_load(&ring->odd[i]) > 0)
            result = 1;
    }
    printf(" times in\n");
    return result;
}

int
main(int argc, char **argv)
{
    guint n_roles = argc > 3 ? (guint)argc - 3 : 0;
    long n_openings = n_roles > 0 ? atol(argv[2]) : 0;

    if (n_roles < 1 || n_roles > ROLES_MAX) {
        fprintf(stderr, "usage: lock-race IMAGE N ROLE...\n");
        return 2;
    }
    ring = mmap(NULL, sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (ring == MAP_FAILED)
        return 2;
    image = argv[1];
    for (guint i = 0; i < n_roles; i++) {
        atomic_store(&ring->left[i], n_openings / n_roles);
        if (start_process(argv[3 + i], i) < 0)
            return 2;
    }
    for (guint i = 0; i < n_roles; i++) {
        int status = 0;

        if (wait(&status) < 0 || status != 0)
            return 2;
    }
    return report(argv + 3, n_roles, n_openings);
}
