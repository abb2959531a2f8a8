/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What is true on the host, as immutable values: domain → disk → chain of layers, and the
 * domain's snapshots. Filled in by one worker (sinter-scan), then never changed, so every thread
 * may read them without a lock. Only domains are reference counted (atomically); the rest belongs
 * to its domain and lives as long.
 */

/* What a layer's bytes lie on, after libvirt's <disk type=…>. */
typedef enum {
    SINTER_SOURCE_FILE,
    SINTER_SOURCE_BLOCK,
    SINTER_SOURCE_NETWORK,
    SINTER_SOURCE_OTHER, /* vhostuser, nvme, dir …: shown, never worked on */
} SinterSourceType;

const char *sinter_source_type_name(SinterSourceType type); /* "file", "block", … */

/**
 * SinterLayer: one image of a chain.
 *
 * Sizes are 0 where they are not known (network sources, unreadable files).
 */
typedef struct {
    SinterSourceType type;
    char *path;                 /* absolute path of a file or device; %NULL for other sources */
    char *description;          /* what to call it, never %NULL: the path, or "rbd:pool/image" */
    char *format;               /* "qcow2", "raw"; %NULL where the XML does not say */
    guint index;                /* libvirt's index= in the live XML, 0 when shut off: vda[index].
                                 * One number in the whole domain; QEMU's node names are made of it:
                                 * libvirt-INDEX-format, libvirt-INDEX-storage */
    guint64 virtual_size_bytes; /* what the guest sees */
    guint64 allocated_bytes;    /* what it takes on its file system */
    guint64 device;             /* the image's identity (sinter-identity.h), 0/0 when unknown */
    guint64 inode;
    guint64 fs_device;     /* the file system that it lies on, 0 when unknown */
    guint64 fs_free_bytes; /* room left there; the inventory's may be off by 1/64 */
    gboolean missing;      /* named by the chain, not there */
    gboolean has_internal_snapshots;
    char *backing_name;  /* what the image's header names, as it stands; %NULL for none */
    char *looks_like;    /* of what is said to be raw: another format that its first bytes are a
                          * header of, %NULL for none */
    char *snapshot_name; /* the external snapshot whose state this layer freezes, or %NULL */
    char *problem;       /* why it could not be read, a sentence; %NULL when it could */
} SinterLayer;

/* The state of <mirror> in the live XML. */
typedef enum {
    SINTER_MIRROR_NONE,
    SINTER_MIRROR_COPYING,  /* a mirror without ready= */
    SINTER_MIRROR_READY,    /* ready='yes' */
    SINTER_MIRROR_PIVOTING, /* ready='pivot' */
    SINTER_MIRROR_ABORTING, /* ready='abort' */
} SinterMirror;

/* A block job as libvirt shows it; the numbers are libvirt's virDomainBlockJobType. */
typedef enum {
    SINTER_BLOCK_JOB_NONE = 0,
    SINTER_BLOCK_JOB_PULL = 1,
    SINTER_BLOCK_JOB_COPY = 2,
    SINTER_BLOCK_JOB_COMMIT = 3,
    SINTER_BLOCK_JOB_ACTIVE_COMMIT = 4,
    SINTER_BLOCK_JOB_BACKUP = 5,
} SinterBlockJobType;

typedef struct {
    char *target; /* "vda" */
    char *device; /* "disk", "cdrom", "floppy", "lun" */
    char *alias;  /* libvirt's name of the device ("virtio-disk0"), as some events have it; %NULL
                   * where there is none. Only events are told by it, see sinter-event-disk */
    char *serial; /* the serial number that the guest sees; %NULL for none */
    gboolean read_only;
    gboolean shareable;
    gboolean transient;
    GPtrArray *layers; /* of SinterLayer, top (active) first; empty for an empty drive, and for a
                        * disk that comes with the next boot only. From the live XML of a running
                        * domain, else from the definition and the headers */
    GPtrArray *inactive_layers; /* of SinterLayer: the definition's chain for the next boot, as far
                                 * as the XML and the headers tell; %NULL for a transient domain
                                 * or a disk that is not in it. For a shut-off domain the array
                                 * @layers itself */
    SinterMirror mirror;
    SinterBlockJobType mirror_job; /* COPY or ACTIVE_COMMIT when @mirror is not NONE */
    GPtrArray *mirror_layers;      /* of SinterLayer: what the mirror writes to and stands on, top
                                    * first; %NULL when @mirror is NONE */
    SinterBlockJobType block_job;  /* the job that libvirt had on the disk, NONE for none */
} SinterDisk;

/* One disk of a snapshot: from <disks> and from the <domain> inside. */
typedef struct {
    char *target;
    gboolean external;
    char *overlay_path;     /* the file that this snapshot put on top, %NULL when not external */
    char *frozen_path;      /* the disk's source when it was taken: the state that it keeps */
    guint64 overlay_device; /* identity as in SinterLayer, 0/0 when unknown */
    guint64 overlay_inode;
    guint64 frozen_device;
    guint64 frozen_inode;
    GPtrArray *frozen_layers; /* of SinterLayer: what @frozen_path stands on by its header, itself
                               * first; only where no chain of the domain holds the file, else
                               * %NULL */
} SinterSnapshotDisk;

typedef struct {
    char *name;
    char *parent;             /* or %NULL */
    gint64 creation_time_sec; /* since the epoch */
    gboolean internal;        /* memory or any disk is internal */
    char *memory_path;        /* file of an external memory snapshot, or %NULL */
    GPtrArray *disks;         /* of SinterSnapshotDisk */
} SinterSnapshot;

/* Whether a domain runs; the numbers are libvirt's virDomainState. */
typedef enum {
    SINTER_DOMAIN_NO_STATE = 0,
    SINTER_DOMAIN_RUNNING = 1,
    SINTER_DOMAIN_BLOCKED = 2, /* waits for a resource */
    SINTER_DOMAIN_PAUSED = 3,
    SINTER_DOMAIN_IN_SHUTDOWN = 4,
    SINTER_DOMAIN_SHUT_OFF = 5,
    SINTER_DOMAIN_CRASHED = 6,
    SINTER_DOMAIN_PM_SUSPENDED = 7,
} SinterDomainState;

typedef struct {
    gatomicrefcount ref_count;
    char *uuid; /* lower case, with dashes */
    char *name;
    SinterDomainState state;
    int reason; /* libvirt's reason of that state (virDomainPausedReason, …) */
    gboolean active;
    gboolean persistent;
    gboolean has_managed_save;
    guint64 metadata_digest; /* of <metadata> for the next boot and now; 0 without; policies are
                              * kept there */
    GPtrArray *disks;        /* of SinterDisk, in the XML's order */
    GPtrArray *snapshots;    /* of SinterSnapshot, oldest first */
    char *problem;    /* why the domain could not be read whole (malformed XML …), or %NULL */
    gboolean partial; /* because of @problem state, disks or block jobs were not read to the end:
                       * what is absent here may be there */
} SinterDomain;

SinterLayer *sinter_layer_new(void);
void sinter_layer_free(SinterLayer *layer);
SinterDisk *sinter_disk_new(void);
void sinter_disk_free(SinterDisk *disk);
SinterSnapshotDisk *sinter_snapshot_disk_new(void);
void sinter_snapshot_disk_free(SinterSnapshotDisk *disk);
SinterSnapshot *sinter_snapshot_new(void);
void sinter_snapshot_free(SinterSnapshot *snapshot);
SinterDomain *sinter_domain_new(void);
SinterDomain *sinter_domain_ref(SinterDomain *domain);
void sinter_domain_unref(SinterDomain *domain);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterLayer, sinter_layer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterDisk, sinter_disk_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterSnapshotDisk, sinter_snapshot_disk_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterSnapshot, sinter_snapshot_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterDomain, sinter_domain_unref)

/* While @domain is filled in: adds to what its problem says already. */
void sinter_domain_add_problem(SinterDomain *domain, const char *problem);

/* (transfer none) (nullable): by target name */
const SinterDisk *sinter_domain_find_disk(const SinterDomain *domain, const char *target);
const SinterSnapshot *sinter_domain_find_snapshot(const SinterDomain *domain, const char *name);

/* Whether two layers are one file: by identity where both are known, else by path. */
gboolean sinter_layer_same_file(const SinterLayer *a, const SinterLayer *b);

/* (transfer full): the chain's paths (descriptions where there is none), top first, ended by NULL
 */
char **sinter_disk_dup_chain(const SinterDisk *disk);

/* (transfer none): "running", "paused", "shut off", … as virsh says it; "no state" for a number
 * that is none of the states */
const char *sinter_domain_state_name(SinterDomainState state);

/* Whether two scans of a domain show the same (so that nobody needs to be told). The room left on
 * a file system is not looked at: it changes by everybody's doing. */
gboolean sinter_domain_equal(const SinterDomain *a, const SinterDomain *b);

/* Whether one of two equal domains can stand for the other: the room left differs by less than
 * 1/64 as well. */
gboolean sinter_domain_is_like(const SinterDomain *a, const SinterDomain *b);

G_END_DECLS
