/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-domain-xml.h"

G_BEGIN_DECLS

/*
 * The XML of a snapshot as plain values, and the edit that is needed to redefine the snapshot after
 * the state of its disk has moved to another file. Source: https://libvirt.org/formatsnapshot.html
 */

typedef enum {
    SINTER_XML_SNAPSHOT_NO,       /* not part of the snapshot */
    SINTER_XML_SNAPSHOT_INTERNAL, /* inside the image */
    SINTER_XML_SNAPSHOT_EXTERNAL, /* a new image on top */
    SINTER_XML_SNAPSHOT_MANUAL,   /* managed outside libvirt */
} SinterXmlSnapshotKind;

typedef struct {
    char *target; /* never %NULL */
    SinterXmlSnapshotKind kind;
    char *overlay_path; /* file or device of an external snapshot, otherwise %NULL */
} SinterXmlSnapshotDisk;

typedef struct {
    char *name; /* never %NULL */
    char *parent;
    char *description; /* (nullable) */
    char *state;       /* (nullable): of the domain: "running", "shutoff", "disk-snapshot" … */
    gint64 creation_time_sec; /* since the epoch, 0 if unknown */
    SinterXmlSnapshotKind memory;
    char *memory_path;       /* of an external memory snapshot */
    GPtrArray *disks;        /* of SinterXmlSnapshotDisk */
    SinterXmlDomain *domain; /* the domain at that time; %NULL in XML of very old libvirt */
} SinterXmlSnapshot;

/**
 * sinter_xml_snapshot_new:
 * @text: the result of virDomainSnapshotGetXMLDesc()
 * @what: how error messages name it ("snapshot 's1' of domain 'web'")
 *
 * Any thread.
 *
 * Returns: (transfer full) (nullable): %NULL with CORRUPT if the text is not a snapshot
 */
SinterXmlSnapshot *sinter_xml_snapshot_new(const char *text, const char *what, GError **error);
void sinter_xml_snapshot_free(SinterXmlSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterXmlSnapshot, sinter_xml_snapshot_free)

/**
 * sinter_xml_snapshot_replace_source:
 * @text: the result of virDomainSnapshotGetXMLDesc(…, VIR_DOMAIN_SNAPSHOT_XML_SECURE): redefining
 *   the snapshot without this flag would lose the domain's secrets
 * @what: how error messages name it
 * @target: the disk
 * @image: the image that now holds the state of the snapshot
 *
 * Changes the disk in the contained domain to use @image: sets type, source and driver format, and
 * removes <backingStore> and everything else that belonged to the old file. The disk of
 * <inactiveDomain> is changed as well, if it exists and uses the same file. Everything else stays
 * byte for byte as it was read, except for quoting.
 *
 * Returns: (transfer full) (nullable): the new XML; NOT_FOUND if the contained domain has no such
 * disk, CORRUPT if the text is not a snapshot
 */
char *sinter_xml_snapshot_replace_source(const char *text, const char *what, const char *target,
                                         const SinterXmlImage *image, GError **error);

G_END_DECLS
