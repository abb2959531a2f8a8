/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-command.h"

G_BEGIN_DECLS

/* How a command that starts jobs waits for them. */
typedef struct {
    gboolean wait;
    gboolean async;
    gboolean verbose;
    int timeout_sec; /* 0: none */
} SinterWaitOptions;

/* Rows of an option table, for a @type with a SinterWaitOptions member named wait. */
#define SINTER_WAIT_OPTIONS(type)                                                                  \
    { "wait", 0, NULL, "wait until the jobs have ended (the default)",                             \
      SINTER_OPTION_MEMBER(type, wait.wait) },                                                     \
        { "async", 0, NULL,                                                                        \
          "start the jobs and exit; with --wait: do not wait for the end of a cancellation",       \
          SINTER_OPTION_MEMBER(type, wait.async) },                                                \
        { "timeout",                                                                               \
          0,                                                                                       \
          "SECONDS",                                                                               \
          "cancel the jobs that have not ended after this time",                                   \
          SINTER_OPTION_MEMBER(type, wait.timeout_sec),                                            \
          .kind = SINTER_OPTION_INT },                                                             \
    {                                                                                              \
        "verbose", 0, NULL, "print each phase that a job enters",                                  \
            SINTER_OPTION_MEMBER(type, wait.verbose)                                               \
    }

G_END_DECLS
