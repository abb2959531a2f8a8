/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-error.h"
#include "sinter-image-report.h"

G_BEGIN_DECLS

/*
 * The messages between sinterd and sinter-worker: one JSON object per line, over a socket. sinterd
 * begins with a REQUEST and may send BANDWIDTH and CANCEL after it; the worker sends PROGRESS, a
 * REPORT on each image that it has checked, and ends with DONE or ERROR. Neither side trusts the
 * other: lines have a maximum length, and a message with an absent or mistyped member is rejected.
 */

/* The worker's end of the socket. The files follow. */
#define SINTER_WORKER_SOCKET_FD 3

/* One file of the chain, passed to the worker as a file descriptor. */
typedef struct {
    char *path;   /* absolute: the name that the image above uses */
    char *format; /* "qcow2", "raw" */
    guint fd;
    guint direct_fd; /* the same file opened with O_DIRECT; 0: none */
    guint undo_fd;   /* to repair: an empty file for the bytes that are replaced; 0: none */
} SinterWorkerFile;

typedef enum {
    SINTER_WORKER_MERGE,
    SINTER_WORKER_CHECK,
    SINTER_WORKER_COMPARE,
    SINTER_WORKER_REPAIR_LEAKS,
    SINTER_WORKER_REPAIR_ALL,
} SinterWorkerAction;

typedef enum {
    SINTER_WORKER_DOWN, /* into the lowest layer of the range */
    SINTER_WORKER_UP,   /* into the highest layer of the range */
} SinterWorkerDirection;

/**
 * SinterWorkerRequest: merge a range of a chain into one of its ends, check or repair images, or
 * compare two disks.
 *
 * @files: of SinterWorkerFile: to merge, the chain, top first. If @first is above 0, the layer
 *   right above the range gets the range's lowest layer as its backing file, in place of the
 *   highest. To check or repair, the images, each on its own; to repair, each with an undo_fd. To
 *   compare, the images of both chains: the first one is the top of one chain, @last the top of the
 *   other.
 * @first, @last, @direction: of a merge: indexes in @files of the ends of the range; @first <
 *   @last. Of a comparison only @last, which is above 0.
 * @uid, @gid: the user that the worker switches to before it reads the files; 0: no switch
 */
typedef struct {
    SinterWorkerAction action;
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
    SINTER_WORKER_REPORT,   /* place, report */
    SINTER_WORKER_DONE,     /* the result is durable; all images are reported on */
    SINTER_WORKER_ERROR,    /* code, text; the chain reads as before */
} SinterWorkerMessageKind;

/* Members that the kind does not use are NULL or 0. */
typedef struct {
    SinterWorkerMessageKind kind;
    SinterWorkerRequest *request;
    guint64 bytes_per_sec;
    guint64 done_bytes;
    guint64 total_bytes;
    SinterError code;
    char *text;
    guint place; /* of the image in the request's files */
    SinterImageReport *report;
} SinterWorkerMessage;

SinterWorkerRequest *sinter_worker_request_new(void);
void sinter_worker_request_free(SinterWorkerRequest *request);
/* (transfer none): the new file */
SinterWorkerFile *sinter_worker_request_add_file(SinterWorkerRequest *request, const char *path,
                                                 const char *format, guint fd, guint direct_fd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterWorkerRequest, sinter_worker_request_free)

void sinter_worker_message_free(SinterWorkerMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterWorkerMessage, sinter_worker_message_free)

/* (transfer full): the message as one line, without the line end */
char *sinter_worker_message_to_json(const SinterWorkerMessage *message);

/* (transfer full) (nullable): CORRUPT if it is not a valid message */
SinterWorkerMessage *sinter_worker_message_from_json(const char *json, gsize len, GError **error);

G_END_DECLS
