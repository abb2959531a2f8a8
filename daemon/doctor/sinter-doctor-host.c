/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Facts about this host's files. Invariant: files on the storage of images are only touched within
 * questions that have a limit (sinter-storage-probe); locks are looked at, never taken.
 */

#include "sinter-doctor-host.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "sinter-file.h"
#include "sinter-mount.h"
#include "sinter-qemu-process.h"
#include "sinter-storage-probe.h"
#include "sinter-write-denial.h"

#define MAX_CONF_BYTES (1024 * 1024)

/* LVM's default: thin pools are not extended. */
#define AUTOEXTEND_DEFAULT 100

/* QEMU locks single bytes in this range of an image (block/file-posix.c). */
#define LOCKS_START 100
#define LOCKS_BYTES 200

/* The first version of the kernel's description of an XFS (fs/xfs/libxfs/xfs_fs.h). */
#define GEOMETRY_BYTES 112
#define GEOMETRY_FLAGS_OFFSET 92
#define GEOMETRY_SHARES_BLOCKS (1u << 20)
typedef struct {
    guint8 bytes[GEOMETRY_BYTES];
} Geometry;
#define GET_GEOMETRY _IOR('X', 100, Geometry)

const SinterDoctorPlaces sinter_doctor_places = {
    .lvm_conf = "/etc/lvm/lvm.conf",
    .profile_dir = "/etc/apparmor.d/libvirt",
    .qemu_conf = "/etc/libvirt/qemu.conf",
    .proc = "/proc",
};

/* --- LVM -------------------------------------------------------------------------------------- */

/* (transfer full) (nullable): the value of a line "KEY = VALUE" */
static char *
get_value(const char *line, const char *key)
{
    g_auto(GStrv) parts = g_strsplit(line, "=", 2);

    if (!parts[0] || !parts[1] || strcmp(g_strstrip(parts[0]), key) != 0)
        return NULL;
    return g_strdup(g_strstrip(parts[1]));
}

/* 0 without LVM */
static guint
read_autoextend(const char *path)
{
    g_autofree char *text = sinter_file_read_bounded(path, MAX_CONF_BYTES, NULL, NULL);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    guint percent = text ? AUTOEXTEND_DEFAULT : 0;

    for (guint i = 0; lines[i]; i++) {
        g_autofree char *value = get_value(lines[i], "thin_pool_autoextend_threshold");

        if (value)
            percent = (guint)CLAMP(g_ascii_strtoull(value, NULL, 10), 1, AUTOEXTEND_DEFAULT);
    }
    return percent;
}

/* --- a file ----------------------------------------------------------------------------------- */

/* A question to the storage of an image. */
typedef struct {
    char *path;
    SinterAnswer is_locked;
    SinterAnswer shares_blocks;
    SinterMount *mount; /* (nullable) */
} Look;

static void
look_free(gpointer data)
{
    Look *look = data;

    sinter_mount_free(look->mount);
    g_free(look->path);
    g_free(look);
}

static SinterAnswer
find_lock(int fd)
{
    struct flock test = {
        .l_type = F_WRLCK,
        .l_whence = SEEK_SET,
        .l_start = LOCKS_START,
        .l_len = LOCKS_BYTES,
    };

    if (fcntl(fd, F_OFD_GETLK, &test) < 0)
        return SINTER_ANSWER_UNKNOWN;
    return test.l_type == F_UNLCK ? SINTER_ANSWER_NO : SINTER_ANSWER_YES;
}

static SinterAnswer
ask_xfs(int fd)
{
    Geometry geometry = { { 0 } };
    guint32 flags;

    if (ioctl(fd, GET_GEOMETRY, &geometry) < 0)
        return SINTER_ANSWER_UNKNOWN;
    memcpy(&flags, geometry.bytes + GEOMETRY_FLAGS_OFFSET, sizeof flags);
    return (flags & GEOMETRY_SHARES_BLOCKS) != 0 ? SINTER_ANSWER_YES : SINTER_ANSWER_NO;
}

/* Servers decide for themselves; of the other file systems it is only said if it is certain. */
static SinterAnswer
find_sharing(int fd, const char *fs_type)
{
    static const char *const sharing[] = { "btrfs", "bcachefs", "ocfs2", NULL };
    static const char *const separate[] = { "ext2", "ext3", "ext4", "f2fs", "tmpfs", NULL };

    if (strcmp(fs_type, "xfs") == 0)
        return ask_xfs(fd);
    if (g_strv_contains(sharing, fs_type))
        return SINTER_ANSWER_YES;
    return g_strv_contains(separate, fs_type) ? SINTER_ANSWER_NO : SINTER_ANSWER_UNKNOWN;
}

/* Runs in a thread of its own. */
static void
look(gpointer data)
{
    Look *self = data;
    g_auto(SinterFd) fd = open(self->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    self->mount = sinter_mount_find(self->path, NULL);
    if (fd < 0)
        return;
    self->is_locked = find_lock(fd);
    if (self->mount)
        self->shares_blocks = find_sharing(fd, self->mount->fs_type);
}

typedef struct {
    SinterDoctorFacts *facts;
    SinterStorageProbe *probe;
    SinterDenialPlaces denial_places;
    char *pid; /* (nullable): the QEMU process of the domain of the image that is looked at */
} Examination;

/* A domain that ended meanwhile holds no lock any more. */
static gboolean
is_running(const Examination *self, const SinterDomain *domain)
{
    g_autofree char *pid = sinter_qemu_process_find(self->facts->uri, domain->name);

    return self->pid && g_strcmp0(pid, self->pid) == 0;
}

static void
take_answers(Examination *self, SinterDoctorImage *image, const Look *look)
{
    const SinterDomain *domain = image->domain;

    if (image->is_top && domain->active && !image->disk->shareable &&
        (look->is_locked == SINTER_ANSWER_YES || is_running(self, domain)))
        image->is_locked = look->is_locked;
    if (look->mount)
        sinter_doctor_facts_add_file_system(self->facts, look->mount->mount_point,
                                            look->mount->fs_type, look->shares_blocks);
}

static void
look_at_file(Examination *self, SinterDoctorImage *image)
{
    Look *data = g_new0(Look, 1);
    const SinterQuestion question = { look, data, look_free, NULL };
    g_auto(SinterStorageSilence) silence = { 0 };

    data->path = g_strdup(image->layer->path);
    if (!sinter_storage_probe_ask(self->probe, image->layer->path, &question, &silence))
        return;
    take_answers(self, image, data);
    look_free(data);
}

/* --- denials ---------------------------------------------------------------------------------- */

/* A question about a file that QEMU may have to write to. */
typedef struct {
    SinterDenialPlaces places;
    char *image;
    char *pid;
    char *uuid;
    char *answer; /* (nullable) */
} Foresight;

static void
foresight_free(gpointer data)
{
    Foresight *self = data;

    g_free(self->image);
    g_free(self->pid);
    g_free(self->uuid);
    g_free(self->answer);
    g_free(self);
}

static void
foresee(gpointer data)
{
    Foresight *self = data;
    const SinterDenial denial = { self->image, self->pid, self->uuid, 0 };

    self->answer = sinter_write_denial_foresee(&self->places, &denial);
}

static void
ask_for_denial(Examination *self, SinterDoctorImage *image)
{
    Foresight *data = g_new0(Foresight, 1);
    const SinterQuestion question = { foresee, data, foresight_free, NULL };
    g_auto(SinterStorageSilence) silence = { 0 };

    data->places = self->denial_places;
    data->image = g_strdup(image->layer->path);
    data->pid = g_strdup(self->pid);
    data->uuid = g_strdup(image->domain->uuid);
    if (!sinter_storage_probe_ask(self->probe, image->layer->path, &question, &silence))
        return;
    image->denial = g_steal_pointer(&data->answer);
    foresight_free(data);
}

/* --- all images ------------------------------------------------------------------------------- */

static void
examine_image(Examination *self, SinterDoctorImage *image)
{
    const SinterLayer *layer = image->layer;

    if (layer->type != SINTER_SOURCE_FILE || !layer->path || layer->missing)
        return;
    g_free(self->pid);
    self->pid = image->domain->active
                    ? sinter_qemu_process_find(self->facts->uri, image->domain->name)
                    : NULL;
    look_at_file(self, image);
    if (self->pid && !image->is_top)
        ask_for_denial(self, image);
}

void
sinter_doctor_host_examine(SinterDoctorFacts *facts, SinterPatience *storage,
                           const SinterDoctorPlaces *places)
{
    g_autoptr(SinterStorageProbe) probe = sinter_storage_probe_new(storage);
    Examination self = {
        .facts = facts,
        .probe = probe,
        .denial_places = { .profile_dir = places->profile_dir,
                           .qemu_conf = places->qemu_conf,
                           .proc = places->proc },
    };

    facts->autoextend_percent = read_autoextend(places->lvm_conf);
    for (guint i = 0; i < facts->images->len; i++)
        examine_image(&self, g_ptr_array_index(facts->images, i));
    g_free(self.pid);
}
