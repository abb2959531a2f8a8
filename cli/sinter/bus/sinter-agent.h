/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterAgent:
 *
 * polkit's text agent (pkttyagent), as a child: it asks for a password on our terminal when polkit
 * wants one for what we ask the daemon.
 */
typedef struct _SinterAgent SinterAgent;

/* (nullable): %NULL without a terminal, for root, or when there is no pkttyagent. Returns when the
 * agent is ready to be asked. */
SinterAgent *sinter_agent_start(void);

/* Ends it, and waits until it has given the terminal back. */
void sinter_agent_stop(SinterAgent *agent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterAgent, sinter_agent_stop)

G_END_DECLS
