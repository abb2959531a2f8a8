/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * The state of the host as immutable values: domain → disk → chain of layers, and the domain's
 * snapshots. One worker (sinter-scan) fills them in, then they never change, so every thread may
 * read them without a lock. Only domains are reference counted (atomically); everything else
 * belongs to its domain and has the same lifetime.
 */

/* The type of a layer's source, after libvirt's <disk type=…>. */
typedef enum {
    SINTER_SOURCE_FILE,
    SINTER_SOURCE_BLOCK,
    SINTER_SOURCE_NETWORK,
    SINTER_SOURCE_OTHER, /* vhostuser, nvme, dir …: shown, but no operation supports them */
} SinterSourceType;

const char *sinter_source_type_name(SinterSourceType type); /* "file", "block", … */

/**
 * SinterLayer: one image of a chain.
 *
 * Sizes are 0 if unknown (network sources, unreadable files).
 */
typedef struct {
    SinterSourceType type;
    char *path;                 /* absolute path of a file or device; %NULL for other sources */
    char *description;          /* name for display, never %NULL: the path, or "rbd:pool/image" */
    char *format;               /* "qcow2", "raw"; %NULL if the XML does not name it */
    guint index;                /* libvirt's index= in the live XML, 0 if shut off: vda[index].
                                 * Unique in the whole domain; QEMU's node names contain it:
                                 * libvirt-INDEX-format, libvirt-INDEX-storage */
    guint64 virtual_size_bytes; /* the size that the guest sees */
    guint64 allocated_bytes;    /* the space allocated on the file system; a device's size */
    guint64 used_bytes;         /* of a qcow2 image on a device: what it uses of the device; else 0,
                                 * see sinter_layer_get_used() */
    guint64 device;             /* the image's identity (sinter-identity.h), 0/0 if unknown */
    guint64 inode;
    guint64 fs_device;        /* the file system of the image, 0 if unknown; of a qcow2 image on a
                               * device: the device, if @used_bytes is known */
    guint64 fs_free_bytes;    /* what the image can grow by there: free space, within the quota of
                               * the file's owner; the rest of a device. The inventory's value may
                               * be off by 1/64 */
    gboolean thin;            /* the image, or its file system, is on a thin volume, whose pool may
                               * have less space */
    gboolean missing;         /* the chain names the layer, but it does not exist */
    gboolean backing_unknown; /* the layer may have a backing file that is not in the chain; only
                               * set for the last layer of a chain, and then @problem says why */
    gboolean has_internal_snapshots;
    char *data_path;     /* the image's external data file, %NULL for none */
    guint64 data_device; /* its identity, 0/0 if unknown */
    guint64 data_inode;
    char *backing_name;  /* the backing file name in the image's header, unchanged; %NULL for
                          * none */
    char *looks_like;    /* for an image recorded as raw: the other format whose header its first
                          * bytes match, %NULL for none */
    char *beyond_locks;  /* of a domain that is shut off: why locks on the image do not reach other
                          * hosts that may use it ("a block device"); %NULL if they do, or if only
                          * this host uses it */
    char *snapshot_name; /* the external snapshot whose state this layer holds, or %NULL */
    char *problem;       /* why the layer could not be read, as a sentence; %NULL if it could */
    gint64 unresponsive_since_usec; /* the file system of the image does not respond since then
                                     * (real time), and @problem says so; 0: it responds */
} SinterLayer;

/* The state of <mirror> in the live XML. */
typedef enum {
    SINTER_MIRROR_NONE,
    SINTER_MIRROR_COPYING,  /* a mirror without ready= */
    SINTER_MIRROR_READY,    /* ready='yes' */
    SINTER_MIRROR_PIVOTING, /* ready='pivot' */
    SINTER_MIRROR_ABORTING, /* ready='abort' */
    SINTER_MIRROR_ENDING,   /* job='': the mirror is being removed, and the chain may not be
                             * changed yet */
} SinterMirror;

/* A block job as reported by libvirt; the values are those of virDomainBlockJobType. */
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
    char *alias;  /* libvirt's alias of the device ("virtio-disk0"), which some events carry; %NULL
                   * if there is none. Used only to map events to disks, see sinter-event-disk */
    char *serial; /* the serial number that the guest sees; %NULL for none */
    gboolean read_only;
    gboolean shareable;
    gboolean transient;
    char *throttle_group; /* (nullable): the group of disks that its I/O limits hold for */
    char *error_policy;   /* what QEMU does on an I/O error: "stop", "report", "ignore",
                           * "enospace"; %NULL: the default, "enospace" */
    GPtrArray *layers;    /* of SinterLayer, top (active) first; empty for an empty drive and for a
                           * disk that is attached only at the next boot. From the live XML of a
                           * running domain, else from the definition and the image headers */
    GPtrArray *inactive_layers; /* of SinterLayer: the chain of the definition for the next boot, as
                                 * far as the XML and the headers describe it; %NULL for a transient
                                 * domain or a disk that is not in the definition. For a shut-off
                                 * domain this is the same array as @layers */
    SinterMirror mirror;
    SinterBlockJobType mirror_job;  /* COPY or ACTIVE_COMMIT when @mirror is not NONE */
    GPtrArray *mirror_layers;       /* of SinterLayer: the mirror's destination and its backing
                                     * chain, top first; %NULL when @mirror is NONE */
    SinterBlockJobType block_job;   /* the block job that libvirt reported on the disk */
    gint64 unresponsive_since_usec; /* the storage of an image does not respond since then (real
                                     * time): the chains are the last known ones; 0: it responds */
    char *unresponsive_reason;      /* which image, as a sentence; %NULL if it responds */
} SinterDisk;

/* One disk of a snapshot, from <disks> and from the <domain> element inside. */
typedef struct {
    char *target;
    gboolean external;
    char *overlay_path;     /* the overlay that this snapshot created, %NULL if not external */
    char *frozen_path;      /* the disk's source when the snapshot was taken: it holds the
                             * snapshot's state */
    guint64 overlay_device; /* identity as in SinterLayer, 0/0 if unknown */
    guint64 overlay_inode;
    guint64 frozen_device;
    guint64 frozen_inode;
    guint64 frozen_bytes;     /* the space that the file takes, 0 if unknown */
    gboolean frozen_missing;  /* the file does not exist */
    GPtrArray *frozen_layers; /* of SinterLayer: @frozen_path and its backing chain by the image
                               * headers; only if no chain of the domain contains the file, else
                               * %NULL */
} SinterSnapshotDisk;

/* An image that a domain uses besides its disks. */
typedef struct {
    char *role;        /* "the NVRAM", "the managed save image", as words */
    char *disk;        /* of a managed save image: the target of the disk, else %NULL */
    GPtrArray *layers; /* of SinterLayer, top first */
} SinterSideImage;

typedef struct {
    char *name;
    char *parent;             /* or %NULL */
    char *description;        /* or %NULL */
    char *state;              /* of the domain at that time, in libvirt's words: "running",
                               * "shutoff", "disk-snapshot" … */
    gboolean current;         /* the domain's present state derives from it, as libvirt knows */
    gint64 creation_time_sec; /* since the epoch */
    gboolean internal;        /* memory or any disk is internal */
    char *memory_path;        /* file of an external memory snapshot, or %NULL */
    guint64 memory_device;    /* its identity, 0/0 if unknown */
    guint64 memory_inode;
    guint64 memory_bytes; /* the space that it takes, 0 if unknown */
    GPtrArray *disks;     /* of SinterSnapshotDisk */
} SinterSnapshot;

/* A moment since which dirty bitmaps record the changes of disks, for incremental backups. */
typedef struct {
    char *name;
    char **disks; /* targets */
} SinterCheckpoint;

/* The state of a domain; the values are those of virDomainState. */
typedef enum {
    SINTER_DOMAIN_NO_STATE = 0,
    SINTER_DOMAIN_RUNNING = 1,
    SINTER_DOMAIN_BLOCKED = 2, /* waiting for a resource */
    SINTER_DOMAIN_PAUSED = 3,
    SINTER_DOMAIN_IN_SHUTDOWN = 4,
    SINTER_DOMAIN_SHUT_OFF = 5,
    SINTER_DOMAIN_CRASHED = 6,
    SINTER_DOMAIN_PM_SUSPENDED = 7,
} SinterDomainState;

typedef enum {
    SINTER_GUEST_AGENT_NO_CHANNEL, /* the domain has no channel for it */
    SINTER_GUEST_AGENT_SILENT,     /* it has not opened its channel */
    SINTER_GUEST_AGENT_CONNECTED,
} SinterGuestAgent;

typedef struct {
    gatomicrefcount ref_count;
    char *uuid; /* lower case, with dashes */
    char *name;
    SinterDomainState state;
    int reason; /* libvirt's reason for that state (virDomainPausedReason, …) */
    gboolean active;
    gboolean persistent;
    gboolean has_managed_save;
    SinterGuestAgent agent;  /* the QEMU guest agent; only of a running domain */
    guint64 metadata_digest; /* digest of <metadata> in the next-boot and the live XML; 0 without
                              * it; policies are stored there */
    GPtrArray *disks;        /* of SinterDisk, in the order of the XML */
    GPtrArray *snapshots;    /* of SinterSnapshot, oldest first */
    GPtrArray *checkpoints;  /* of SinterCheckpoint, a parent before its children */
    GPtrArray *side_images;  /* of SinterSideImage */
    char *manager; /* the program that manages the domain, besides libvirt ("OpenStack"), as words;
                    * %NULL for none. See sinter-manager.h */
    char *problem; /* why the domain could not be read completely (malformed XML …), or %NULL */
    gboolean block_jobs_recalled; /* QEMU was not asked: block jobs are those that were last seen */
    gboolean partial; /* because of @problem the state, disks or block jobs are incomplete:
                       * something absent here may exist */
    char *busy_with;  /* (nullable): the operation of libvirt that holds the domain ("a save"), as
                       * words, at the time of the scan. Not a change that is reported */
    gboolean busy_with_backup;
    gint64 unresponsive_since_usec; /* libvirt or QEMU does not answer questions about the domain
                                     * since then (real time): the values are the last known ones;
                                     * 0: it responds */
    char *unresponsive_reason;      /* as a sentence; %NULL if it responds */
} SinterDomain;

SinterLayer *sinter_layer_new(void);
void sinter_layer_free(SinterLayer *layer);
SinterDisk *sinter_disk_new(void);
void sinter_disk_free(SinterDisk *disk);
SinterSnapshotDisk *sinter_snapshot_disk_new(void);
void sinter_snapshot_disk_free(SinterSnapshotDisk *disk);

/* @layers: (transfer full) */
SinterSideImage *sinter_side_image_new(const char *role, GPtrArray *layers);
void sinter_side_image_free(SinterSideImage *image);
SinterCheckpoint *sinter_checkpoint_new(const char *name); /* without disks */
void sinter_checkpoint_free(SinterCheckpoint *checkpoint);
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

/* (transfer full): a copy with all that was known of a domain that no longer responds. */
SinterDomain *sinter_domain_copy_known(const SinterDomain *domain);

/* (transfer full): a deep copy of a chain (element-type SinterLayer) */
GPtrArray *sinter_layers_copy(const GPtrArray *layers);

/* Appends to @domain's problem. Only while @domain is filled in. */
void sinter_domain_add_problem(SinterDomain *domain, const char *problem);

/* (transfer none) (nullable): by target name */
const SinterDisk *sinter_domain_find_disk(const SinterDomain *domain, const char *target);
const SinterSnapshot *sinter_domain_find_snapshot(const SinterDomain *domain, const char *name);

/* What the image's data and metadata take: the most that a merge of it moves. */
static inline guint64
sinter_layer_get_used(const SinterLayer *layer)
{
    return layer->used_bytes > 0 ? layer->used_bytes : layer->allocated_bytes;
}

/* Returns whether two layers are the same file: by identity if both are known, else by path. */
gboolean sinter_layer_same_file(const SinterLayer *a, const SinterLayer *b);

/* (transfer full): the chain's paths (descriptions for layers without one), top first,
 * NULL-terminated */
char **sinter_disk_dup_chain(const SinterDisk *disk);

/* (transfer none): "running", "paused", "shut off", … in virsh's wording; "no state" for an unknown
 * number */
const char *sinter_domain_state_name(SinterDomainState state);

/* Returns whether two scans of a domain are equal, so that no change needs to be reported. Free
 * space is ignored: any write on the host changes it. */
gboolean sinter_domain_equal(const SinterDomain *a, const SinterDomain *b);

/* Likewise for two lists of chains (element-type GPtrArray of SinterLayer). */
gboolean sinter_chains_equal(const GPtrArray *a, const GPtrArray *b);

/* Returns whether one of two equal domains can replace the other: free space too differs by less
 * than 1/64. */
gboolean sinter_domain_is_like(const SinterDomain *a, const SinterDomain *b);

G_END_DECLS
