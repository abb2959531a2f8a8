/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The facts of one examination. Invariant: every image refers to a domain that the facts hold. */

#include "sinter-doctor-facts.h"

#include <string.h>

static void
image_free(gpointer data)
{
    SinterDoctorImage *image = data;

    g_free(image->denial);
    g_free(image);
}

static void
file_system_free(gpointer data)
{
    SinterDoctorFileSystem *fs = data;

    g_free(fs->path);
    g_free(fs->type);
    g_free(fs);
}

static void
add_disk(SinterDoctorFacts *facts, const SinterDomain *domain, const SinterDisk *disk)
{
    if (disk->read_only || strcmp(disk->device, "disk") != 0)
        return;
    for (guint i = 0; i < disk->layers->len; i++) {
        SinterDoctorImage *image = g_new0(SinterDoctorImage, 1);

        image->domain = domain;
        image->disk = disk;
        image->layer = g_ptr_array_index(disk->layers, i);
        image->is_top = i == 0;
        g_ptr_array_add(facts->images, image);
    }
}

SinterDoctorFacts *
sinter_doctor_facts_new(GPtrArray *domains, const char *uri)
{
    SinterDoctorFacts *facts = g_new0(SinterDoctorFacts, 1);

    facts->uri = g_strdup(uri);
    facts->domains = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_domain_unref);
    facts->images = g_ptr_array_new_with_free_func(image_free);
    facts->file_systems = g_ptr_array_new_with_free_func(file_system_free);
    for (guint i = 0; i < domains->len; i++) {
        SinterDomain *domain = g_ptr_array_index(domains, i);

        g_ptr_array_add(facts->domains, sinter_domain_ref(domain));
        for (guint j = 0; j < domain->disks->len; j++)
            add_disk(facts, domain, g_ptr_array_index(domain->disks, j));
    }
    return facts;
}

void
sinter_doctor_facts_free(SinterDoctorFacts *facts)
{
    if (!facts)
        return;
    g_ptr_array_unref(facts->images);
    g_ptr_array_unref(facts->file_systems);
    g_ptr_array_unref(facts->domains);
    g_free(facts->no_answer);
    g_free(facts->uri);
    g_free(facts);
}

void
sinter_doctor_facts_add_file_system(SinterDoctorFacts *facts, const char *path, const char *type,
                                    SinterAnswer shares_blocks)
{
    SinterDoctorFileSystem *fs;

    for (guint i = 0; i < facts->file_systems->len; i++) {
        fs = g_ptr_array_index(facts->file_systems, i);
        if (strcmp(fs->path, path) == 0)
            return;
    }
    fs = g_new0(SinterDoctorFileSystem, 1);
    fs->path = g_strdup(path);
    fs->type = g_strdup(type);
    fs->shares_blocks = shares_blocks;
    g_ptr_array_add(facts->file_systems, fs);
}
