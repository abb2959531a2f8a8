/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-error.h"

G_BEGIN_DECLS

/*
 * What sinterd and sinter-worker say to each other: one JSON object a line, over a socket. sinterd
 * begins with a REQUEST and may send BANDWIDTH and CANCEL after it; the worker sends PROGRESS and
 * ends with DONE or ERROR. Neither side believes the other: a line has a bound, and a member that
 * is absent or of the wrong type makes it no message.
 */

/* Where the worker finds its end of the socket. The files follow. */
#define SINTER_WORKER_SOCKET_FD 3

/* One file of the chain, which the worker was given as a descriptor. */
typedef struct {
    char *path;   /* absolute: what the image above calls it */
    char *format; /* "qcow2", "raw" */
    guint fd;
    guint direct_fd; /* the same file, opened with O_DIRECT; 0: none */
} SinterWorkerFile;

typedef enum {
    SINTER_WORKER_DOWN, /* into the lowest of the stretch */
    SINTER_WORKER_UP,   /* into the highest */
} SinterWorkerDirection;

/**
 * SinterWorkerRequest: merge a stretch of a chain into one of its ends.
 *
 * @files: of SinterWorkerFile: the chain, top first. With @first above 0 the one right above the
 *   stretch is to name the stretch's lowest afterwards, in place of its highest.
 * @first, @last: places in @files of the stretch's ends; @first < @last
 * @uid, @gid: who the worker is to become before it looks at them; 0: it stays who it is
 */
typedef struct {
    GPtrArray *files;
    guint first;
    guint last;
    SinterWorkerDirection direction;
    guint64 bandwidth_bytes_per_sec; /* 0: no limit */
    guint uid;
    guint gid;
} SinterWorkerRequest;

typedef enum {
    SINTER_WORKER_REQUEST,   /* request */
    SINTER_WORKER_BANDWIDTH, /* bytes_per_sec */
    SINTER_WORKER_CANCEL,
    SINTER_WORKER_PROGRESS, /* done_bytes, total_bytes */
    SINTER_WORKER_DONE,     /* all is durable */
    SINTER_WORKER_ERROR,    /* code, text; the chain reads as it did before */
} SinterWorkerMessageKind;

/* What the kind does not name is NULL or 0. */
typedef struct {
    SinterWorkerMessageKind kind;
    SinterWorkerRequest *request;
    guint64 bytes_per_sec;
    guint64 done_bytes;
    guint64 total_bytes;
    SinterError code;
    char *text;
} SinterWorkerMessage;

SinterWorkerRequest *sinter_worker_request_new(void);
void sinter_worker_request_free(SinterWorkerRequest *request);
void sinter_worker_request_add_file(SinterWorkerRequest *request, const char *path,
                                    const char *format, guint fd, guint direct_fd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterWorkerRequest, sinter_worker_request_free)

void sinter_worker_message_free(SinterWorkerMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterWorkerMessage, sinter_worker_message_free)

/* (transfer full): the message as one line, without its end */
char *sinter_worker_message_to_json(const SinterWorkerMessage *message);

/* (transfer full) (nullable): CORRUPT when it is none */
SinterWorkerMessage *sinter_worker_message_from_json(const char *json, gsize len, GError **error);

G_END_DECLS
