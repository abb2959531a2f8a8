/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Collects the symptoms of a failure. Invariant: nothing is written, locked or sent to QEMU, so
 * that a running guest is not disturbed; an attempt that fails becomes a symptom, never an error of
 * the examination.
 */

#include "sinter-examination.h"

#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <sinter/image.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <linux/fs.h>

#include "sinter-file.h"
#include "sinter-file-system.h"
#include "sinter-identity.h"
#include "sinter-qemu-process.h"

/* As much is read at the start and at the end of each image. */
#define PROBE_BYTES (1024 * 1024)
#define PROBE_ALIGNMENT 4096

void
sinter_examination_copy(SinterExamination *copy, const SinterExamination *self)
{
    copy->event = sinter_event_copy(self->event);
    copy->domain = sinter_domain_ref(self->domain);
    copy->target = g_strdup(self->target);
    copy->uri = g_strdup(self->uri);
}

void
sinter_examination_clear(SinterExamination *self)
{
    g_clear_pointer(&self->event, sinter_event_free);
    g_clear_pointer(&self->domain, sinter_domain_unref);
    g_clear_pointer(&self->target, g_free);
    g_clear_pointer(&self->uri, g_free);
}

/* --- what needs no storage -------------------------------------------------------------------- */

static gboolean
is_named(const SinterEvent *event, const SinterLayer *layer)
{
    if (event->layer_index != 0 && layer->index != 0)
        return event->layer_index == layer->index;
    return event->path && layer->path && strcmp(event->path, layer->path) == 0;
}

static void
take_layer(SinterSymptoms *self, const SinterEvent *event, const SinterLayer *layer,
           gboolean active)
{
    SinterLayerSymptoms *symptoms = sinter_layer_symptoms_new(layer);
    gboolean named = is_named(event, layer);

    /* what has no space is what was written to, though it need not be the top: a commit writes to
     * the base */
    symptoms->active = active || named;
    g_ptr_array_insert(self->layers, named ? 0 : -1, symptoms);
}

static void
take_disk(SinterSymptoms *self, const SinterEvent *event, const SinterDisk *disk)
{
    for (guint i = 0; i < disk->layers->len; i++)
        take_layer(self, event, disk->layers->pdata[i], i == 0 && !disk->read_only);
}

/* A snapshot that was created a moment ago is not in the scanned chain yet: then the event's image
 * is the one that is written to, instead of the top of that chain. */
static void
take_unknown(SinterSymptoms *self, const SinterEvent *event)
{
    SinterLayer layer = { .type = SINTER_SOURCE_FILE,
                          .path = event->path,
                          .description = event->path };
    SinterLayerSymptoms *first = self->layers->len > 0 ? self->layers->pdata[0] : NULL;

    if (!event->path || !g_path_is_absolute(event->path) ||
        (first && g_strcmp0(first->path, event->path) == 0))
        return;
    for (guint i = 0; i < self->layers->len; i++)
        ((SinterLayerSymptoms *)self->layers->pdata[i])->active = FALSE;
    take_layer(self, event, &layer, TRUE);
}

static gboolean
is_crash(const SinterEvent *event)
{
    if (event->kind != SINTER_EVENT_LIFECYCLE)
        return FALSE;
    return event->status == VIR_DOMAIN_EVENT_CRASHED ||
           (event->status == VIR_DOMAIN_EVENT_STOPPED &&
            event->detail == VIR_DOMAIN_EVENT_STOPPED_FAILED);
}

SinterSymptoms *
sinter_examine_nothing(const SinterExamination *self)
{
    SinterSymptoms *symptoms = sinter_symptoms_new();
    const SinterEvent *event = self->event;

    symptoms->kind = event->kind;
    symptoms->no_space =
        event->kind == SINTER_EVENT_IO_ERROR && g_strcmp0(event->text, "enospc") == 0;
    symptoms->text = event->kind == SINTER_EVENT_QMP_CORRUPTED ? g_strdup(event->text) : NULL;
    symptoms->crashed = is_crash(event);
    for (guint i = 0; i < self->domain->disks->len; i++) {
        const SinterDisk *disk = self->domain->disks->pdata[i];

        if (!self->target || strcmp(self->target, disk->target) == 0)
            take_disk(symptoms, event, disk);
    }
    take_unknown(symptoms, event);
    return symptoms;
}

/* --- the file --------------------------------------------------------------------------------- */

/* Reads past the page cache, which could hide a medium that cannot be read any more. */
static int
open_to_read(const char *path)
{
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd = open(path, flags | O_DIRECT);

    return fd < 0 && errno == EINVAL ? open(path, flags) : fd;
}

static void
probe_place(SinterLayerSymptoms *layer, int fd, void *buf, guint64 offset)
{
    if (layer->read_errno != 0 || pread(fd, buf, PROBE_BYTES, (off_t)offset) >= 0)
        return;
    layer->read_errno = errno;
    layer->read_offset_bytes = offset;
}

static void
probe_content(SinterLayerSymptoms *layer, int fd)
{
    void *buf = NULL;

    if (posix_memalign(&buf, PROBE_ALIGNMENT, PROBE_BYTES) != 0)
        return;
    probe_place(layer, fd, buf, 0);
    if (layer->bytes > PROBE_BYTES)
        probe_place(layer, fd, buf, (layer->bytes - PROBE_BYTES) & ~(guint64)(PROBE_ALIGNMENT - 1));
    free(buf);
}

static void
look_at_content(SinterLayerSymptoms *layer)
{
    g_auto(SinterFd) fd = open_to_read(layer->path);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        layer->look_errno = errno;
        return;
    }
    layer->bytes = S_ISREG(st.st_mode) ? (guint64)st.st_size : 0;
    if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &layer->bytes) < 0)
        layer->bytes = 0;
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
        probe_content(layer, fd);
}

static void
look_at_header(SinterLayerSymptoms *layer)
{
    g_autoptr(SinterImageInfo) info = NULL;

    if (!layer->format || layer->look_errno != 0 || layer->read_errno != 0)
        return;
    info = sinter_image_info_new(NULL, layer->path, layer->format, NULL);
    if (!info)
        return;
    layer->trouble = g_strdup(info->trouble);
    layer->marked_corrupt = info->corrupt;
}

/* --- the file system -------------------------------------------------------------------------- */

static guint64
blocks(guint64 n, guint64 unit_bytes)
{
    guint64 bytes;

    return __builtin_mul_overflow(n, unit_bytes, &bytes) ? G_MAXUINT64 : bytes;
}

static void
look_at_file_system(SinterLayerSymptoms *layer, const struct stat *st)
{
    g_auto(SinterFileSystem) fs = { 0 };
    struct statvfs vfs;

    if (!S_ISREG(st->st_mode) || statvfs(layer->path, &vfs) < 0)
        return;
    sinter_file_system_find(&fs, st);
    layer->fs_type = g_strdup(fs.type);
    layer->fs_path = g_strdup(fs.path ? fs.path : layer->path);
    layer->fs_bytes = blocks(vfs.f_blocks, vfs.f_frsize);
    layer->fs_free_bytes = blocks(vfs.f_bavail, vfs.f_frsize);
    layer->fs_reserved_bytes = blocks(vfs.f_bfree - MIN(vfs.f_bfree, vfs.f_bavail), vfs.f_frsize);
    layer->fs_inodes = vfs.f_files;
    layer->fs_free_inodes = vfs.f_favail;
    layer->fs_read_only = (vfs.f_flag & ST_RDONLY) != 0;
    layer->quota = sinter_file_system_find_quota(&fs, st);
}

/* --- what QEMU has ---------------------------------------------------------------------------- */

/* What all layers have in common. @pid: NULL if the process is not known */
typedef struct {
    char *pid;
    gboolean user_known;
    guint uid;
    guint gid;
    guint64 size_limit_bytes;
} Qemu;

static void
qemu_find(Qemu *self, const SinterExamination *examination)
{
    const SinterDomain *domain = examination->domain;

    *self = (Qemu){ 0 };
    if (domain->active)
        self->pid = sinter_qemu_process_find(examination->uri, domain->name);
    if (!self->pid)
        return;
    self->user_known = sinter_qemu_process_get_user(self->pid, &self->uid, &self->gid);
    self->size_limit_bytes = sinter_qemu_process_get_file_limit(self->pid);
}

static void
look_at_descriptor(SinterLayerSymptoms *layer, const char *pid, const struct stat *st)
{
    g_autofree char *link = NULL;
    gboolean deleted;
    struct stat open_st;

    if (!sinter_qemu_process_get_open(pid, layer->path, &link, &deleted) ||
        stat(link, &open_st) < 0)
        return;
    if (st)
        layer->replaced = open_st.st_dev != st->st_dev || open_st.st_ino != st->st_ino;
    else
        layer->deleted = deleted;
}

/* Only what mode and owner alone decide; root and ACLs are left out. */
static gboolean
is_denied(const Qemu *qemu, const struct stat *st)
{
    mode_t bit = S_IWOTH;

    if (!qemu->user_known || qemu->uid == 0)
        return FALSE;
    if (st->st_uid == qemu->uid)
        bit = S_IWUSR;
    else if (st->st_gid == qemu->gid)
        bit = S_IWGRP;
    return (st->st_mode & bit) == 0;
}

static void
look_at_qemu(SinterLayerSymptoms *layer, const Qemu *qemu, const struct stat *st)
{
    if (!qemu->pid)
        return;
    look_at_descriptor(layer, qemu->pid, st);
    layer->size_limit_bytes = qemu->size_limit_bytes;
    layer->denied = st && is_denied(qemu, st);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void
look_at_layer(SinterLayerSymptoms *layer, const Qemu *qemu)
{
    SinterIdentity identity;
    struct stat st;

    if (!layer->path)
        return;
    layer->look_errno = sinter_identity_read(layer->path, &identity, &st);
    look_at_qemu(layer, qemu, layer->look_errno == 0 ? &st : NULL);
    if (layer->look_errno != 0)
        return;
    look_at_file_system(layer, &st);
    look_at_content(layer);
    look_at_header(layer);
}

SinterSymptoms *
sinter_examine(const SinterExamination *self)
{
    SinterSymptoms *symptoms = sinter_examine_nothing(self);
    Qemu qemu;

    qemu_find(&qemu, self);
    for (guint i = 0; i < symptoms->layers->len; i++)
        look_at_layer(symptoms->layers->pdata[i], &qemu);
    g_free(qemu.pid);
    return symptoms;
}
