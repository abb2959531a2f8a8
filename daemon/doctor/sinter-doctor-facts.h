/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

typedef enum {
    SINTER_ANSWER_UNKNOWN,
    SINTER_ANSWER_YES,
    SINTER_ANSWER_NO,
} SinterAnswer;

/* An image of a disk. The pointers without a star belong to the domain. */
typedef struct {
    const SinterDomain *domain;
    const SinterDisk *disk;
    const SinterLayer *layer;
    gboolean is_top;
    char *denial;           /* why QEMU may not write to it, with a command; %NULL if not known */
    SinterAnswer is_locked; /* whether QEMU holds a lock on it; only asked for a running domain */
    SinterAnswer has_threshold; /* whether libvirt has a write threshold for the disk */
} SinterDoctorImage;

/* A file system that holds images. */
typedef struct {
    char *path; /* where it is mounted */
    char *type; /* "ext4" */
    SinterAnswer shares_blocks;
} SinterDoctorFileSystem;

/**
 * SinterDoctorFacts:
 *
 * What is known about the host. Versions are in libvirt's notation: 1000000 * major + 1000 * minor
 * + release; 0 if unknown.
 */
typedef struct {
    GPtrArray *domains;      /* of SinterDomain */
    GPtrArray *images;       /* of SinterDoctorImage */
    GPtrArray *file_systems; /* of SinterDoctorFileSystem */
    char *uri;               /* libvirt's */
    char *no_answer;         /* (nullable): why libvirt could not be asked */
    gulong libvirt_version;
    gulong qemu_version;
    guint autoextend_percent; /* at which usage LVM extends thin pools; 100: never; 0: unknown */
    guint max_pause_msec;     /* for how long jobs may suspend a guest */
} SinterDoctorFacts;

/* @domains: (transfer none) (element-type SinterDomain). One image for each layer of each disk that
 * the guest can write to; nothing else is known yet. */
SinterDoctorFacts *sinter_doctor_facts_new(GPtrArray *domains, const char *uri);
void sinter_doctor_facts_free(SinterDoctorFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterDoctorFacts, sinter_doctor_facts_free)

/* Adds a file system, unless it is known. */
void sinter_doctor_facts_add_file_system(SinterDoctorFacts *facts, const char *path,
                                         const char *type, SinterAnswer shares_blocks);

G_END_DECLS
