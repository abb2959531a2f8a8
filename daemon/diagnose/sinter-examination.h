/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-symptoms.h"

G_BEGIN_DECLS

/**
 * SinterExamination:
 * @event: what was reported
 * @domain: the domain's state after it
 * @target: (nullable): the disk; %NULL if it is not known, then all disks are examined
 * @uri: libvirt's URI of the connection
 *
 * What to examine.
 */
typedef struct {
    SinterEvent *event;
    SinterDomain *domain;
    char *target;
    char *uri;
} SinterExamination;

/* @copy: (out caller-allocates): cleared by the caller */
void sinter_examination_copy(SinterExamination *copy, const SinterExamination *self);
void sinter_examination_clear(SinterExamination *self);

/**
 * sinter_examine:
 *
 * Looks at the images of a disk and at what QEMU has open. Reads only, takes no locks, and sends
 * nothing to QEMU. Blocking, for as long as the storage does not answer: for a worker thread.
 *
 * Returns: (transfer full)
 */
SinterSymptoms *sinter_examine(const SinterExamination *self);

/**
 * sinter_examine_nothing:
 *
 * Returns: (transfer full): what is known without touching the storage. Does not block.
 */
SinterSymptoms *sinter_examine_nothing(const SinterExamination *self);

G_END_DECLS
