/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-doctor-facts.h"
#include "sinter-patience.h"

G_BEGIN_DECLS

/* Where this host keeps what is looked at. The strings must live as long as the program: a question
 * to storage that does not respond may outlive the examination. */
typedef struct {
    const char *lvm_conf;
    const char *profile_dir; /* of the AppArmor profiles that libvirt makes */
    const char *qemu_conf;   /* libvirt's configuration of QEMU */
    const char *proc;
} SinterDoctorPlaces;

extern const SinterDoctorPlaces sinter_doctor_places;

/* Adds what this host knows: locks, file systems, denials, LVM. Storage that does not respond
 * leaves its facts unknown. Blocking, any thread; nothing is changed. */
void sinter_doctor_host_examine(SinterDoctorFacts *facts, SinterPatience *storage,
                                const SinterDoctorPlaces *places);

G_END_DECLS
