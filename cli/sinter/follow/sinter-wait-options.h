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

/* Rows of a GOptionEntry table, for a @type with a SinterWaitOptions member named wait. */
#define SINTER_WAIT_ENTRIES(type)                                                                  \
    { "wait",                                                                                      \
      0,                                                                                           \
      0,                                                                                           \
      G_OPTION_ARG_NONE,                                                                           \
      SINTER_COMMAND_MEMBER(type, wait.wait),                                                      \
      "wait for the end of the jobs (the default)",                                                \
      NULL },                                                                                      \
        { "async",                                                                                 \
          0,                                                                                       \
          0,                                                                                       \
          G_OPTION_ARG_NONE,                                                                       \
          SINTER_COMMAND_MEMBER(type, wait.async),                                                 \
          "only start the jobs; with --wait: only do not wait for the end of a cancellation",      \
          NULL },                                                                                  \
        { "timeout",                                                                               \
          0,                                                                                       \
          0,                                                                                       \
          G_OPTION_ARG_INT,                                                                        \
          SINTER_COMMAND_MEMBER(type, wait.timeout_sec),                                           \
          "cancel what has not ended after so many seconds",                                       \
          "SECONDS" },                                                                             \
    {                                                                                              \
        "verbose", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(type, wait.verbose),             \
            "say when a job enters another phase", NULL                                            \
    }

G_END_DECLS
