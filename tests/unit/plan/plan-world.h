/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-planner.h"

/*
 * Domains and requests as text, so that a case of the planner is a few lines.
 *
 * A line is a domain, with its disks and snapshots behind bars; the first is the one planned for:
 *
 *   web | vda: l2 > l1:64M > base:1G:v2G | @s1 vda=base>l1
 *   db off | vda: other > base
 *
 * Domain words: off, crashed, transient, saved, managed (by OpenStack), migrated (to another host),
 * problem (could not be read). Disk words, before the colon: ro, shareable, transient, cdrom,
 * floppy, lun, job=pull|copy| commit|active-commit|backup, mirror=copying|ready|pivoting|aborting
 * (of job=), nonext (not in the definition for the next boot), next=LAYER>LAYER (the definition
 * goes another way). Layers, top first: NAME or a path, and attributes behind colons: a size
 * (allocated, default 64M), vSIZE (virtual, default 1G), freeSIZE (default 100G), fsN (default 1; 0
 * unknown), dev (block device, of unknown room unless fsN follows), usedSIZE (of a device), hosts
 * (others may use it), thin (on a thin volume), net, other, raw, vmdk, noformat, internal
 * (snapshots inside), gone, bad (unreadable, and so its backing file is unknown), odd (unreadable,
 * without a backing file), noid (identity unknown), id=NAME (same file as NAME). A NAME lies in
 * /img; sizes may be "max". Snapshots: @NAME, words: internal, mem (with a memory image),
 * DISK=FROZEN>OVERLAY (external), DISK=FROZEN (internal, or left out of an external one), DISK=?
 * (likewise, place unknown), and ^LAYER^LAYER behind it: what a frozen file outside the chain
 * stands on, itself first.
 *
 * Checkpoints: #NAME DISK DISK.
 *
 * A name that begins with "$D/" lies in @folder, and has the identity that it has there.
 *
 * Returns: (transfer full) (element-type SinterDomain)
 */
GPtrArray *plan_world_parse(const char *text, const char *folder);

/**
 * plan_request_parse:
 * @text: words: delete=SNAPSHOT, ignore=DOMAIN, ignore-manager, disk=, keep=, top=, base=, pull,
 * keep-files, op=active-commit|commit|pull|copy|snapshot, name=SNAPSHOT, only=DISK, to=DESTINATION,
 * as=FORMAT, shallow, reuse, pivot
 * @ret_words: (out): owns the request's strings
 */
SinterPlanRequest plan_request_parse(const char *text, const char *folder, char ***ret_words);

/* (transfer full): the whole plan as text; @folder stands as $D, and /img/ is left out */
char *plan_dump(const SinterPlan *plan, const char *folder);
