/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-source-xml.h"

G_BEGIN_DECLS

/*
 * The disks of a domain's XML, as plain values. Secrets, authentication and encryption are not
 * read. Source: https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms
 */

/* <mirror ready=…> */
typedef enum {
    SINTER_XML_MIRROR_NONE, /* no <mirror> */
    SINTER_XML_MIRROR_COPYING,
    SINTER_XML_MIRROR_READY,
    SINTER_XML_MIRROR_PIVOTING,
    SINTER_XML_MIRROR_ABORTING,
    SINTER_XML_MIRROR_ENDING, /* job='': libvirt is removing the mirror */
} SinterXmlMirror;

typedef struct {
    char *target; /* "vda"; never %NULL */
    char *device; /* "disk" if the XML does not contain it */
    char *alias;  /* the device's name in libvirt's and QEMU's events; %NULL if there is none: a
                   * shut-off domain has only the aliases that its definition contains ("ua-…") */
    char *serial; /* as the guest sees it; %NULL if the XML does not contain it */
    gboolean read_only;
    gboolean shareable;
    gboolean transient;
    char *throttle_group;      /* of <iotune>; %NULL: the disk is in none */
    char *error_policy;        /* of <driver>: "stop", "report", "ignore", "enospace"; %NULL if the
                                * XML does not contain it, which is QEMU's default: "enospace" */
    GPtrArray *sources;        /* of SinterXmlSource, top first; empty for an empty drive */
    gboolean chain_is_whole;   /* an empty <backingStore/> ends the chain: there is no further image
                                * below */
    SinterXmlMirror mirror;    /* a job without a <mirror> (pull, commit) is not visible here */
    gboolean mirror_is_commit; /* job='active-commit', otherwise a copy */
    GPtrArray *mirror_sources; /* of SinterXmlSource; empty without a mirror */
    gboolean mirror_chain_is_whole;
} SinterXmlDisk;

/* The firmware of a domain, or the file that keeps the firmware's variables. */
typedef struct {
    const char *role; /* "the NVRAM", "the firmware" */
    struct _SinterXmlSource *source;
} SinterXmlFirmware;

typedef struct _SinterXmlDomain {
    char *name;
    GPtrArray *firmware;     /* of SinterXmlFirmware; the format is %NULL if the XML names none */
    GPtrArray *disks;        /* of SinterXmlDisk, in the XML's order */
    guint64 metadata_digest; /* of the text of <metadata>; 0 without one */
    gboolean has_agent_channel; /* a channel for the QEMU guest agent */
    gboolean agent_connected;   /* the agent in the guest has opened it; only in live XML */
    char **metadata_namespaces; /* of the elements in <metadata>, at most 64; empty without any */
} SinterXmlDomain;

/**
 * sinter_xml_domain_new:
 * @text: the result of virDomainGetXMLDesc()
 * @what: how error messages name it ("domain 'web'")
 *
 * Any thread.
 *
 * Returns: (transfer full) (nullable): %NULL with CORRUPT if the text is not a domain
 */
SinterXmlDomain *sinter_xml_domain_new(const char *text, const char *what, GError **error);
void sinter_xml_domain_free(SinterXmlDomain *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterXmlDomain, sinter_xml_domain_free)

/* (transfer none) (nullable): by target name */
const SinterXmlDisk *sinter_xml_domain_find_disk(const SinterXmlDomain *domain, const char *target);

/**
 * sinter_xml_domain_replace_source:
 * @text: the XML of a domain, for its next boot
 * @what: how error messages name it
 * @target: the disk
 * @image: (nullable): the image that the disk shall use; %NULL keeps the current image
 * @ret_text: (out) (nullable): the new XML; %NULL if the disk is already as requested
 *
 * Returns: %FALSE with CORRUPT if the text is not a domain, NOT_FOUND if it has no such disk
 */
gboolean sinter_xml_domain_replace_source(const char *text, const char *what, const char *target,
                                          const SinterXmlImage *image, char **ret_text,
                                          GError **error);

/**
 * sinter_xml_domain_guard_disk:
 * @text: a domain's XML, for the next boot
 * @what: what errors call it
 * @target: of the disk
 * @reason: one line; part of libvirt's error when the domain is started
 * @ret_text: (out) (nullable): the new XML; %NULL where the disk has no source, is encrypted, or
 * has a guard already
 *
 * Adds a guard: encryption with a secret that does not exist, so that libvirt refuses to start the
 * domain. libvirt removes it together with the image when it lets the disk name another one.
 *
 * Returns: %FALSE with CORRUPT for text that is no domain, NOT_FOUND for one without that disk.
 */
gboolean sinter_xml_domain_guard_disk(const char *text, const char *what, const char *target,
                                      const char *reason, char **ret_text, GError **error);

/**
 * sinter_xml_domain_unguard_disk:
 * @image: (nullable): that a guarded disk is to name from now on; %NULL: the one that it names
 * @ret_text: (out) (nullable): the new XML; %NULL where the disk has no guard
 *
 * Removes what sinter_xml_domain_guard_disk() added. Parameters and errors are as there.
 */
gboolean sinter_xml_domain_unguard_disk(const char *text, const char *what, const char *target,
                                        const SinterXmlImage *image, char **ret_text,
                                        GError **error);

G_END_DECLS
