/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-command.h"

G_BEGIN_DECLS

/* The commands, each in its own file, for the table in main.c. */
extern const SinterCommand sinter_command_list;
extern const SinterCommand sinter_command_chain;
extern const SinterCommand sinter_command_plan;
extern const SinterCommand sinter_command_consolidate;
extern const SinterCommand sinter_command_commit;
extern const SinterCommand sinter_command_pull;
extern const SinterCommand sinter_command_copy;
extern const SinterCommand sinter_command_adopt;
extern const SinterCommand sinter_command_check;
extern const SinterCommand sinter_command_jobs;
extern const SinterCommand sinter_command_job;
extern const SinterCommand sinter_command_cancel;
extern const SinterCommand sinter_command_bandwidth;
extern const SinterCommand sinter_command_snapshot;
extern const SinterCommand sinter_command_incidents;
extern const SinterCommand sinter_command_doctor;
extern const SinterCommand sinter_command_policy;
extern const SinterCommand sinter_command_monitor;

G_END_DECLS
