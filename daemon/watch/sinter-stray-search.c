/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The search for images that no domain names. Invariant: each file is examined once, whatever names
 * it has; a file that belongs to a domain is never opened here.
 *
 * Only images with the header of a format that has backing files are read: qcow, qcow2 and QED.
 * (The parent of a VMDK image is a VMDK image, which no job changes.)
 */

#include "sinter-stray-search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sinter-file.h"
#include "sinter-identity.h"
#include "sinter-merged-mark.h"
#include "sinter-volume-place.h"

#define MAX_ENTRIES 65536u /* of one folder */
#define MIN_BYTES 512      /* the smallest image with a backing file */

/* The feature bits in the header of a QED image, and the bit of a backing file. Source: QEMU,
 * docs/interop/qed_spec.rst. */
#define QED_FEATURES_AT 16
#define QED_HAS_BACKING_FILE 1u
#define HEADER_BYTES 24

struct _SinterStraySearch {
    GHashTable *known;   /* set of SinterIdentity: files of domains, and files already seen */
    GHashTable *folders; /* set of char* */
};

/* An entry of a folder. */
typedef struct {
    const char *path;
    struct stat st;
    guint8 header[HEADER_BYTES];
    gboolean unreadable;
} Candidate;

static guint
identity_hash(gconstpointer key)
{
    const SinterIdentity *identity = key;
    guint64 mix = identity->device * 31 + identity->inode;

    return g_int64_hash(&mix);
}

static gboolean
identity_equal(gconstpointer a, gconstpointer b)
{
    return sinter_file_id_equal(*(const SinterIdentity *)a, *(const SinterIdentity *)b);
}

SinterStraySearch *
sinter_stray_search_new(void)
{
    SinterStraySearch *search = g_new0(SinterStraySearch, 1);

    search->known = g_hash_table_new_full(identity_hash, identity_equal, g_free, NULL);
    search->folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return search;
}

void
sinter_stray_search_free(SinterStraySearch *search)
{
    if (!search)
        return;
    g_hash_table_unref(search->known);
    g_hash_table_unref(search->folders);
    g_free(search);
}

/* --- what belongs to domains -------------------------------------------------------------------
 */

/* Returns FALSE if it was known. */
static gboolean
note_identity(SinterStraySearch *search, guint64 device, guint64 inode)
{
    SinterIdentity identity = { device, inode };

    return sinter_file_id_is_known(identity) &&
           g_hash_table_add(search->known, g_memdup2(&identity, sizeof identity));
}

static void
note_layers(SinterStraySearch *search, const GPtrArray *layers)
{
    for (guint i = 0; layers && i < layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(layers, i);

        note_identity(search, layer->device, layer->inode);
        note_identity(search, layer->data_device, layer->data_inode);
    }
}

static void
note_folders(SinterStraySearch *search, const GPtrArray *layers)
{
    for (guint i = 0; layers && i < layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(layers, i);

        if (layer->path)
            g_hash_table_add(search->folders, g_path_get_dirname(layer->path));
    }
}

static void
note_snapshot(SinterStraySearch *search, const SinterSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);

        note_identity(search, disk->overlay_device, disk->overlay_inode);
        note_identity(search, disk->frozen_device, disk->frozen_inode);
        note_layers(search, disk->frozen_layers);
    }
}

void
sinter_stray_search_note(SinterStraySearch *search, const SinterDomain *domain)
{
    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        note_layers(search, disk->layers);
        note_layers(search, disk->inactive_layers);
        note_layers(search, disk->mirror_layers);
        note_folders(search, disk->layers);
        note_folders(search, disk->inactive_layers);
    }
    for (guint i = 0; i < domain->snapshots->len; i++)
        note_snapshot(search, g_ptr_array_index(domain->snapshots, i));
    for (guint i = 0; i < domain->side_images->len; i++)
        note_layers(search,
                    ((const SinterSideImage *)g_ptr_array_index(domain->side_images, i))->layers);
}

/* --- candidates ------------------------------------------------------------------------------- */

/* Below /dev only the folder of a volume group is looked into: other devices may be slow to open,
 * or have no medium. */
static gboolean
is_device_folder(const char *folder)
{
    static const char *const others[] = { "/dev/mapper", "/dev/disk", "/dev/block", "/dev/shm",
                                          NULL };

    return g_str_has_prefix(folder, "/dev/") && !strchr(folder + strlen("/dev/"), '/') &&
           !g_strv_contains(others, folder);
}

static gboolean
is_readable_folder(const char *folder)
{
    return g_path_is_absolute(folder) && strcmp(folder, "/dev") != 0 &&
           (!g_str_has_prefix(folder, "/dev/") || is_device_folder(folder));
}

/* The device of the "dev:" kind only in a folder of devices. */
static gboolean
is_candidate(const struct stat *st, gboolean devices)
{
    return (S_ISREG(st->st_mode) && st->st_size >= MIN_BYTES) || (devices && S_ISBLK(st->st_mode));
}

/* Reads the header. Returns FALSE if the file need not be examined any further. */
static gboolean
open_candidate(int folder, const char *name, Candidate *candidate)
{
    g_auto(SinterFd) fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        candidate->unreadable = errno != ENOENT && geteuid() == 0;
        return candidate->unreadable;
    }
    return pread(fd, candidate->header, HEADER_BYTES, 0) == HEADER_BYTES &&
           !sinter_merged_mark_is_set(fd);
}

static GPtrArray *
new_chain(const Candidate *candidate, const char *problem)
{
    GPtrArray *layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    SinterLayer *layer = sinter_layer_new();
    SinterIdentity identity;

    sinter_identity_from_stat(&candidate->st, &identity);
    layer->type = S_ISBLK(candidate->st.st_mode) ? SINTER_SOURCE_BLOCK : SINTER_SOURCE_FILE;
    layer->path = g_strdup(candidate->path);
    layer->description = g_strdup(candidate->path);
    layer->device = identity.device;
    layer->inode = identity.inode;
    layer->fs_device = candidate->st.st_dev;
    layer->problem = g_strdup(problem);
    layer->backing_unknown = TRUE;
    g_ptr_array_add(layers, layer);
    return layers;
}

/* (nullable): QED images are not read by the engine: whether there is a backing file, but not
 * which. */
static GPtrArray *
read_qed(const Candidate *candidate)
{
    guint64 features;

    memcpy(&features, candidate->header + QED_FEATURES_AT, sizeof features);
    if (!(GUINT64_FROM_LE(features) & QED_HAS_BACKING_FILE))
        return NULL;
    return new_chain(candidate, "format 'qed' is not supported");
}

static GPtrArray *
read_qcow(const Candidate *candidate, SinterLayerReader *reader)
{
    char *path = (char *)candidate->path;
    const SinterXmlSource source = { .type = SINTER_XML_SOURCE_FILE,
                                     .path = path,
                                     .description = path };

    return sinter_layer_reader_read_image(reader, &source);
}

/* Returns whether another image may be below the first one, or beside it. */
static gboolean
is_reader(const GPtrArray *layers)
{
    const SinterLayer *last = g_ptr_array_index(layers, layers->len - 1);

    return layers->len > 1 || last->backing_unknown || last->data_path;
}

static void
examine(const Candidate *candidate, SinterLayerReader *reader, GPtrArray *strays)
{
    GPtrArray *layers = NULL;

    if (candidate->unreadable)
        layers = new_chain(candidate, "it could not be opened");
    else if (memcmp(candidate->header, "QED\0", 4) == 0)
        layers = read_qed(candidate);
    else if (memcmp(candidate->header, "QFI\xfb", 4) == 0)
        layers = read_qcow(candidate, reader);
    if (layers && is_reader(layers))
        g_ptr_array_add(strays, layers);
    else if (layers)
        g_ptr_array_unref(layers);
}

/* --- folders ---------------------------------------------------------------------------------- */

/* Where the strays of a pass go. */
typedef struct {
    SinterStraySearch *search;
    SinterLayerReader *reader;
    GPtrArray *strays;
} Pass;

static void
try_entry(const Pass *pass, const char *folder, int fd, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    Candidate candidate = { .path = path };
    SinterIdentity identity;

    if (fstatat(fd, name, &candidate.st, 0) < 0 ||
        !is_candidate(&candidate.st, is_device_folder(folder)))
        return;
    sinter_identity_from_stat(&candidate.st, &identity);
    if (note_identity(pass->search, identity.device, identity.inode) &&
        open_candidate(fd, name, &candidate))
        examine(&candidate, pass->reader, pass->strays);
}

static void
look_into(const Pass *pass, const char *folder)
{
    DIR *dir = is_readable_folder(folder) ? opendir(folder) : NULL;
    struct dirent *entry;
    struct stat st;

    if (!dir)
        return;
    /* two names of one folder are one folder */
    if (fstat(dirfd(dir), &st) == 0 && note_identity(pass->search, st.st_dev, st.st_ino)) {
        for (guint n = 0; n < MAX_ENTRIES && (entry = readdir(dir)); n++) {
            if (entry->d_type != DT_DIR)
                try_entry(pass, folder, dirfd(dir), entry->d_name);
        }
    }
    closedir(dir);
}

static int
compare_paths(gconstpointer pa, gconstpointer pb)
{
    const GPtrArray *a = *(const GPtrArray *const *)pa;
    const GPtrArray *b = *(const GPtrArray *const *)pb;

    return strcmp(((const SinterLayer *)a->pdata[0])->path,
                  ((const SinterLayer *)b->pdata[0])->path);
}

GPtrArray *
sinter_stray_search_run(SinterStraySearch *search, virConnectPtr connection,
                        SinterLayerReader *reader, const SinterScanSettings *settings)
{
    GPtrArray *strays = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    const Pass pass = { search, reader, strays };
    g_autoptr(GPtrArray) pools = sinter_volume_place_list_folders(connection);
    g_autoptr(GList) folders = NULL;

    for (guint i = 0; i < pools->len; i++)
        g_hash_table_add(search->folders, g_strdup(g_ptr_array_index(pools, i)));
    for (char **folder = settings->image_folders; *folder; folder++)
        g_hash_table_add(search->folders, g_strdup(*folder));
    folders = g_list_sort(g_hash_table_get_keys(search->folders), (GCompareFunc)strcmp);
    for (GList *link = folders; link; link = link->next)
        look_into(&pass, link->data);
    g_ptr_array_sort(strays, compare_paths);
    return strays;
}
