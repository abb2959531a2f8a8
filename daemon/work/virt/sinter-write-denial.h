/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where the host keeps what is looked at. */
typedef struct {
    const char *const *audit_logs; /* up to the first %NULL */
    const char *profile_dir;       /* of the AppArmor profiles that libvirt makes */
    const char *qemu_conf;         /* libvirt's configuration of QEMU */
    const char *proc;
} SinterDenialPlaces;

extern const SinterDenialPlaces sinter_denial_places;

/* A QEMU process that could not write. */
typedef struct {
    const char *image; /* path */
    const char *pid;   /* of QEMU */
    const char *uuid;  /* of the domain, for the name of the profile */
    gint64 since_usec; /* older entries of audit logs do not count; since the epoch */
} SinterDenial;

/**
 * sinter_write_denial_explain:
 *
 * Looks for what keeps a QEMU process from writing to an image, after libvirt or QEMU has reported
 * a failure: an entry of AppArmor or SELinux in an audit log, a file system that is read-only, an
 * immutable file, mode and owner, a profile without the right. Blocking, any thread.
 *
 * Returns: (transfer full) (nullable): a clause that names the cause and the command that changes
 *   it; %NULL if nothing is known that denies it, which does not mean that it is allowed
 */
char *sinter_write_denial_explain(const SinterDenialPlaces *places, const SinterDenial *denial);

/**
 * sinter_write_denial_foresee:
 *
 * As sinter_write_denial_explain(), before anything has failed: only what libvirt does not change
 * for the time of a job. Blocking, any thread.
 */
char *sinter_write_denial_foresee(const SinterDenialPlaces *places, const SinterDenial *denial);

G_END_DECLS
