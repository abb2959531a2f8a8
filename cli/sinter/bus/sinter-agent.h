/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterAgent:
 *
 * polkit's text agent (pkttyagent) as a child process: it prompts for a password on our terminal if
 * polkit requires one for a request to the daemon.
 */
typedef struct _SinterAgent SinterAgent;

/* (nullable): %NULL without a terminal, for root, or if pkttyagent is not installed. Returns when
 * the agent is ready. */
SinterAgent *sinter_agent_start(void);

/* Ends the agent, and waits until it has released the terminal. */
void sinter_agent_stop(SinterAgent *agent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterAgent, sinter_agent_stop)

G_END_DECLS
