/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* A folder with real images in it, for tests. */

/* (transfer full): a new folder; remove it with fixture_remove_folder() */
char *fixture_make_folder(void);
void fixture_remove_folder(char *folder);

/* (transfer full): FOLDER/NAME */
char *fixture_path(const char *folder, const char *name);

/* A small valid qcow2 image. @backing, @backing_format: as the header is to store them, or NULL */
void fixture_qcow2(const char *folder, const char *name, const char *backing,
                   const char *backing_format);

/* A file with @text in it: a raw image, or a broken one. */
void fixture_file(const char *folder, const char *name, const char *text);
