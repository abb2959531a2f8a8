/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-source-xml.h"

G_BEGIN_DECLS

/*
 * A domain's XML as far as its disks go, as plain values. Secrets, authentication and encryption
 * are not read. Source: https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms
 */

/* <mirror ready=…> */
typedef enum {
    SINTER_XML_MIRROR_NONE, /* no <mirror> */
    SINTER_XML_MIRROR_COPYING,
    SINTER_XML_MIRROR_READY,
    SINTER_XML_MIRROR_PIVOTING,
    SINTER_XML_MIRROR_ABORTING,
} SinterXmlMirror;

typedef struct {
    char *target; /* "vda"; never %NULL */
    char *device; /* "disk" where the XML does not say */
    char *alias;  /* the device's name in libvirt's and QEMU's events; %NULL where there is none: a
                   * domain that is shut off has those alone that its definition gives ("ua-…") */
    char *serial; /* what the guest sees; %NULL where the XML does not say */
    gboolean read_only;
    gboolean shareable;
    gboolean transient;
    GPtrArray *sources;        /* of SinterXmlSource, top first; empty for an empty drive */
    gboolean chain_is_whole;   /* an empty <backingStore/> ends the chain: nothing below it */
    SinterXmlMirror mirror;    /* a job that has no <mirror> (pull, commit) is not seen here */
    gboolean mirror_is_commit; /* job='active-commit', else a copy */
    GPtrArray *mirror_sources; /* of SinterXmlSource; empty without a mirror */
    gboolean mirror_chain_is_whole;
} SinterXmlDisk;

typedef struct _SinterXmlDomain {
    char *name;
    GPtrArray *disks;        /* of SinterXmlDisk, in the XML's order */
    guint64 metadata_digest; /* of the text of <metadata>; 0 without one */
} SinterXmlDomain;

/**
 * sinter_xml_domain_new:
 * @text: what virDomainGetXMLDesc() gave
 * @what: what errors call it ("domain 'web'")
 *
 * Any thread.
 *
 * Returns: (transfer full) (nullable): %NULL with CORRUPT for text that is no domain.
 */
SinterXmlDomain *sinter_xml_domain_new(const char *text, const char *what, GError **error);
void sinter_xml_domain_free(SinterXmlDomain *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterXmlDomain, sinter_xml_domain_free)

/* (transfer none) (nullable): by target name */
const SinterXmlDisk *sinter_xml_domain_find_disk(const SinterXmlDomain *domain, const char *target);

/**
 * sinter_xml_domain_replace_source:
 * @text: a domain's XML, for the next boot
 * @what: what errors call it
 * @target: of the disk
 * @image: (nullable): that it is to name; %NULL: the one that it names already
 * @ret_text: (out) (nullable): the new XML; %NULL where the disk is as wanted
 *
 * Returns: %FALSE with CORRUPT for text that is no domain, NOT_FOUND for one without that disk.
 */
gboolean sinter_xml_domain_replace_source(const char *text, const char *what, const char *target,
                                          const SinterXmlImage *image, char **ret_text,
                                          GError **error);

G_END_DECLS
