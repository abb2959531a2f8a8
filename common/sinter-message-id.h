/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Journal message ids (the MESSAGE_ID field). packaging/systemd/sinter.catalog explains each of
 * them to administrators. An id never changes its meaning.
 */

/* the daemon serves its bus name */
#define SINTER_MESSAGE_ID_SERVING "c3ce4d077e394573b94d57ff6c34f2d9"
/* the daemon exits because of a failure */
#define SINTER_MESSAGE_ID_CANNOT_GO_ON "0e0d04c4789a459ba60147348a912e91"
/* a configuration file contains a line that is not understood */
#define SINTER_MESSAGE_ID_CONFIG_PROBLEM "97a50834fa4e4eb3a534ee072fe3d21f"
/* a plugin could not be loaded and is skipped */
#define SINTER_MESSAGE_ID_PLUGIN_NOT_LOADED "e8e4943f7f9c4c099188e3db2750d9b6"
/* a job succeeded */
#define SINTER_MESSAGE_ID_JOB_DONE "be7c75aa6d9444109fe6fe762d82d922"
/* a job failed */
#define SINTER_MESSAGE_ID_JOB_FAILED "a38830df3a58466ba2f7b72a222e5b3f"
/* a job was cancelled */
#define SINTER_MESSAGE_ID_JOB_CANCELLED "17c014977aa04d3f8ae37422af3d7d93"
/* a job found an unknown state and makes no further changes */
#define SINTER_MESSAGE_ID_JOB_QUARANTINED "78e0b00ccd3240b3a17a1fe504da5457"
/* a check found damage in an image */
#define SINTER_MESSAGE_ID_FINDING "5b0c6f0d3f8e4f0a9d2c7a41b6e19c53"
/* the record of a job cannot be read */
#define SINTER_MESSAGE_ID_RECORD_SET_ASIDE "e10832c6f240465299ed5bb953fb93eb"
/* an I/O error has a new diagnosis */
#define SINTER_MESSAGE_ID_INCIDENT "c915e9cb99834a608171007f4028b343"
/* an incident was resolved */
#define SINTER_MESSAGE_ID_INCIDENT_RESOLVED "da9d6da6fbb04662b806ff2dd597c927"
/* a file system or device with images is almost full */
#define SINTER_MESSAGE_ID_SPACE_LOW "8c0a9d3be7f24d5ea1f3f6b2d4c1907e"
/* a program of the hook folder failed */
#define SINTER_MESSAGE_ID_HOOK_FAILED "4f6d1c52b0e84a4c9a7a3f0c1c8e5d27"
/* a policy started a job */
#define SINTER_MESSAGE_ID_POLICY_STARTED "5a05bb6577c343aa822b6167bc629a9d"
/* what a policy proposes is refused, or a value of it is invalid */
#define SINTER_MESSAGE_ID_POLICY_REFUSED "9732455489e84210924896d3bc654cda"
