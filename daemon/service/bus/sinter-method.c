/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The policy: one table with every method on the bus. A method that is not in the table is denied
 * to everybody, so a method that is added to the XML but forgotten here fails instead of being
 * open.
 */

#include "sinter-method.h"

#include <string.h>

#define PREFIX "org.sinter.Sinter1."

/* Sets of options that methods share. */
#define NONE SINTER_OPTION_NO_INTERACTION
#define IGNORE                                                                                     \
    (NONE | SINTER_OPTION_IGNORE_READERS | SINTER_OPTION_IGNORE_MANAGER |                          \
     SINTER_OPTION_IGNORE_MIGRATED | SINTER_OPTION_DROP_CHECKPOINTS)
#define BANDWIDTH (NONE | SINTER_OPTION_BANDWIDTH)
#define PLAN                                                                                       \
    (IGNORE | SINTER_OPTION_DISK | SINTER_OPTION_KEEP | SINTER_OPTION_TOP | SINTER_OPTION_BASE |   \
     SINTER_OPTION_PULL | SINTER_OPTION_KEEP_FILES)
#define PULL (IGNORE | BANDWIDTH | SINTER_OPTION_BASE | SINTER_OPTION_KEEP_FILES)
#define REPAIR                                                                                     \
    (NONE | SINTER_OPTION_LEVEL | SINTER_OPTION_IGNORE_MANAGER | SINTER_OPTION_IGNORE_MIGRATED)
#define COPY                                                                                       \
    (NONE | BANDWIDTH | SINTER_OPTION_IGNORE_MANAGER | SINTER_OPTION_DROP_CHECKPOINTS |            \
     SINTER_OPTION_FORMAT | SINTER_OPTION_SHALLOW | SINTER_OPTION_REUSE_EXTERNAL |                 \
     SINTER_OPTION_FINISH)

static const SinterMethod methods[] = {
    { PREFIX "Manager", "LookupDomain", SINTER_ACTION_INSPECT, FALSE, NONE },
    { PREFIX "Manager", "LookupJob", SINTER_ACTION_INSPECT, FALSE, NONE },
    { PREFIX "Manager", "LookupPlan", SINTER_ACTION_INSPECT, FALSE, NONE },
    { PREFIX "Manager", "CheckFile", SINTER_ACTION_CHECK_FILE, FALSE, NONE },
    { PREFIX "Manager", "LookupIncident", SINTER_ACTION_INSPECT, FALSE, NONE },
    { PREFIX "Manager", "ExamineHost", SINTER_ACTION_INSPECT, FALSE, NONE },
    { PREFIX "Manager", "PreviewPolicies", SINTER_ACTION_INSPECT, FALSE, NONE },
    { PREFIX "Manager", "Rescan", SINTER_ACTION_INSPECT, FALSE, NONE },
    { PREFIX "Manager", "Reload", SINTER_ACTION_CONFIGURE, FALSE, NONE },
    { PREFIX "Domain", "Plan", SINTER_ACTION_INSPECT, FALSE, PLAN },
    { PREFIX "Domain", "Consolidate", SINTER_ACTION_CONSOLIDATE, FALSE, PLAN | BANDWIDTH },
    { PREFIX "Domain", "Check", SINTER_ACTION_CHECK, FALSE, NONE | SINTER_OPTION_DISK },
    { PREFIX "Domain", "CheckLive", SINTER_ACTION_CONSOLIDATE, FALSE,
      NONE | SINTER_OPTION_DISK | SINTER_OPTION_IGNORE_MANAGER },
    { PREFIX "Domain", "CreateSnapshot", SINTER_ACTION_SNAPSHOT, FALSE,
      NONE | SINTER_OPTION_NAME | SINTER_OPTION_DESCRIPTION | SINTER_OPTION_DISKS |
          SINTER_OPTION_IGNORE_MANAGER | SINTER_OPTION_IGNORE_MIGRATED },
    { PREFIX "Domain", "DeleteSnapshot", SINTER_ACTION_SNAPSHOT, FALSE, IGNORE | BANDWIDTH },
    { PREFIX "Domain", "Repair", SINTER_ACTION_REPAIR, FALSE, REPAIR | SINTER_OPTION_DISK },
    { PREFIX "Disk", "Repair", SINTER_ACTION_REPAIR, FALSE, REPAIR },
    { PREFIX "Disk", "Check", SINTER_ACTION_CHECK, FALSE, NONE },
    { PREFIX "Disk", "CheckLive", SINTER_ACTION_CONSOLIDATE, FALSE,
      NONE | SINTER_OPTION_IGNORE_MANAGER },
    { PREFIX "Disk", "MeasureChain", SINTER_ACTION_INSPECT, FALSE, NONE },
    { PREFIX "Disk", "Commit", SINTER_ACTION_CONSOLIDATE, FALSE, PULL | SINTER_OPTION_TOP },
    { PREFIX "Disk", "Pull", SINTER_ACTION_CONSOLIDATE, FALSE, PULL },
    { PREFIX "Disk", "Copy", SINTER_ACTION_CONSOLIDATE, FALSE, COPY },
    { PREFIX "Disk", "Adopt", SINTER_ACTION_ADOPT, FALSE, IGNORE | SINTER_OPTION_KEEP_FILES },
    { PREFIX "Plan", "Execute", SINTER_ACTION_CONSOLIDATE, FALSE, BANDWIDTH },
    { PREFIX "Plan", "Discard", SINTER_ACTION_CONSOLIDATE, TRUE, NONE },
    { PREFIX "Job", "Cancel", SINTER_ACTION_CONSOLIDATE, TRUE, NONE },
    { PREFIX "Job", "SetBandwidth", SINTER_ACTION_CONSOLIDATE, TRUE, NONE },
    { PREFIX "Job", "Compare", SINTER_ACTION_CHECK, FALSE, NONE },
    { PREFIX "Job", "Resolve", SINTER_ACTION_RESOLVE, FALSE, NONE },
    { PREFIX "Incident", "Resolve", SINTER_ACTION_CONSOLIDATE, FALSE, NONE },
    { PREFIX "Incident", "Choose", SINTER_ACTION_CONSOLIDATE, FALSE, NONE },
    { PREFIX "Incident", "Retry", SINTER_ACTION_INSPECT, FALSE, NONE },
};

const SinterMethod *
sinter_method_lookup(const char *interface, const char *method)
{
    for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
        if (strcmp(methods[i].interface, interface) == 0 && strcmp(methods[i].method, method) == 0)
            return &methods[i];
    }
    return NULL;
}

const SinterMethod *
sinter_method_table(gsize *ret_n)
{
    *ret_n = G_N_ELEMENTS(methods);
    return methods;
}
