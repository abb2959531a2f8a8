/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-command.h"

G_BEGIN_DECLS

/* How a command that starts jobs is to wait for them. */
typedef struct {
    gboolean wait;
    gboolean async;
    gboolean verbose;
    int timeout_sec; /* 0: none */
} SinterWaitOptions;

/* Rows of an option table, for a @type with a SinterWaitOptions member named wait. */
#define SINTER_WAIT_OPTIONS(type)                                                                  \
    { "wait", 0, NULL, "wait for the end of the jobs (the default)",                               \
      SINTER_OPTION_MEMBER(type, wait.wait) },                                                     \
        { "async", 0, NULL,                                                                        \
          "only start the jobs; with --wait: only do not wait for the end of a cancellation",      \
          SINTER_OPTION_MEMBER(type, wait.async) },                                                \
        { "timeout",                                                                               \
          0,                                                                                       \
          "SECONDS",                                                                               \
          "cancel what has not ended after so many seconds",                                       \
          SINTER_OPTION_MEMBER(type, wait.timeout_sec),                                            \
          .kind = SINTER_OPTION_INT },                                                             \
    {                                                                                              \
        "verbose", 0, NULL, "say when a job enters another phase",                                 \
            SINTER_OPTION_MEMBER(type, wait.verbose)                                               \
    }

G_END_DECLS
