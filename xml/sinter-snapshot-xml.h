/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-domain-xml.h"

G_BEGIN_DECLS

/*
 * A snapshot's XML as plain values, and the edit that lets it be redefined after its disk's state
 * has moved to another file. Source: https://libvirt.org/formatsnapshot.html
 */

typedef enum {
    SINTER_XML_SNAPSHOT_NO,       /* not part of the snapshot */
    SINTER_XML_SNAPSHOT_INTERNAL, /* inside the image */
    SINTER_XML_SNAPSHOT_EXTERNAL, /* a new image on top */
    SINTER_XML_SNAPSHOT_MANUAL,   /* somebody else's doing */
} SinterXmlSnapshotKind;

typedef struct {
    char *target; /* never %NULL */
    SinterXmlSnapshotKind kind;
    char *overlay_path; /* an external one's file or device, %NULL for others */
} SinterXmlSnapshotDisk;

typedef struct {
    char *name; /* never %NULL */
    char *parent;
    gint64 creation_time_sec; /* since the epoch, 0 when unknown */
    SinterXmlSnapshotKind memory;
    char *memory_path;       /* of an external memory snapshot */
    GPtrArray *disks;        /* of SinterXmlSnapshotDisk */
    SinterXmlDomain *domain; /* the domain as it was; %NULL in XML of very old libvirt */
} SinterXmlSnapshot;

/**
 * sinter_xml_snapshot_new:
 * @text: what virDomainSnapshotGetXMLDesc() gave
 * @what: what errors call it ("snapshot 's1' of domain 'web'")
 *
 * Any thread.
 *
 * Returns: (transfer full) (nullable): %NULL with CORRUPT for text that is no snapshot.
 */
SinterXmlSnapshot *sinter_xml_snapshot_new(const char *text, const char *what, GError **error);
void sinter_xml_snapshot_free(SinterXmlSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterXmlSnapshot, sinter_xml_snapshot_free)

/**
 * sinter_xml_snapshot_replace_source:
 * @text: what virDomainSnapshotGetXMLDesc(…, VIR_DOMAIN_SNAPSHOT_XML_SECURE) gave: redefining
 *   with less would lose the domain's secrets
 * @what: what errors call it
 * @target: the disk
 * @image: that now holds the state which the snapshot keeps
 *
 * Points the disk of the domain inside to @image: type, source and driver format are changed; its
 * <backingStore> and all else that belonged to the old file is dropped. So is the disk of
 * <inactiveDomain>, where there is one and it named the same file. Everything else stays as it
 * was read, byte for byte but for quoting.
 *
 * Returns: (transfer full) (nullable): the new XML; NOT_FOUND when the domain inside has no such
 * disk, CORRUPT for text that is no snapshot.
 */
char *sinter_xml_snapshot_replace_source(const char *text, const char *what, const char *target,
                                         const SinterXmlImage *image, GError **error);

G_END_DECLS
