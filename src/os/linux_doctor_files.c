/* linux_doctor_files.c: who removes files in /dev/shm behind one's back (logind at a logout, a unit when it stops), and who has a
 * /dev/shm of its own (Flatpak, Snap, containers). Said by systemd's configuration files, read as systemd reads them: the main file of
 * the highest directory, then drop-ins in the order of their names, each from the highest directory that has it.
 */
#include "linux_doctor.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <tarn/doctor.h>

enum { OK = TARN_FINDING_OK, NOTE = TARN_FINDING_NOTE, WARNING = TARN_FINDING_WARNING };
enum { DROP_INS = 64, NAME_ROOM = 256, FIRST_USER = 1000 };

/* ---- Settings --------------------------------------------------------------------------------------------------------- */

typedef struct setting {
  const char *section, *key;
  char value[128]; /* the last one wins; "" : never set */
} setting;

static char *stripped(char *text) {
  text += strspn(text, " \t");
  size_t length = strlen(text);
  while (length > 0 && strchr(" \t\r\n", text[length - 1])) text[--length] = 0;
  return text;
}

/* Reads `key=value` lines of these sections. */
static bool read_settings(const char *path, setting *settings, size_t count) {
  char line[1024], section[64] = "";
  FILE *file = tn_linux_open_under_root(path);
  if (!file) return false;
  while (fgets(line, sizeof line, file)) {
    char *text = stripped(line), *equals = strchr(text, '=');
    if (text[0] == '[') {
      snprintf(section, sizeof section, "%.*s", (int)strcspn(text + 1, "]"), text + 1);
      continue;
    }
    if (text[0] == '#' || text[0] == ';' || !equals) continue;
    *equals = 0;
    const char *key = stripped(text), *value = stripped(equals + 1);
    for (size_t i = 0; i < count; i++)
      if (strcmp(section, settings[i].section) == 0 && strcmp(key, settings[i].key) == 0)
        snprintf(settings[i].value, sizeof settings[i].value, "%s", value);
  }
  fclose(file);
  return true;
}

static bool is_yes(const char *value) {
  return strcasecmp(value, "yes") == 0 || strcasecmp(value, "true") == 0 || strcasecmp(value, "on") == 0 || strcmp(value, "1") == 0 ||
         strcasecmp(value, "y") == 0 || strcasecmp(value, "t") == 0;
}

/* ---- Drop-ins ---------------------------------------------------------------------------------------------------------- */

typedef struct drop_ins {
  size_t count;
  char names[DROP_INS][NAME_ROOM];
} drop_ins;

static void add_names(drop_ins *all, const char *directory) {
  char full[TN_OS_PATH];
  tn_linux_under_root(directory, full);
  DIR *names = opendir(full);
  if (!names) return;
  for (struct dirent *entry; (entry = readdir(names)) && all->count < DROP_INS;) {
    size_t length = strlen(entry->d_name);
    if (length <= 5 || length >= NAME_ROOM || strcmp(entry->d_name + length - 5, ".conf") != 0) continue;
    bool known = false;
    for (size_t i = 0; i < all->count; i++) known |= strcmp(all->names[i], entry->d_name) == 0;
    if (!known) memcpy(all->names[all->count++], entry->d_name, length + 1);
  }
  closedir(names);
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

/* All of FOLDERS/NAME and FOLDERS/NAME.d/?*.conf; folders from the lowest to the highest, ended by NULL. */
static void read_all(const char *const *folders, const char *name, setting *settings, size_t count) {
  char path[TN_OS_PATH];
  size_t levels = 0;
  while (folders[levels]) levels++;
  for (size_t i = levels; i-- > 0;) {
    snprintf(path, sizeof path, "%s/%s", folders[i], name);
    if (read_settings(path, settings, count)) break;
  }
  drop_ins *all = calloc(1, sizeof *all);
  if (!all) return;
  for (size_t i = 0; i < levels; i++) {
    snprintf(path, sizeof path, "%s/%s.d", folders[i], name);
    add_names(all, path);
  }
  qsort(all->names, all->count, NAME_ROOM, by_name);
  for (size_t k = 0; k < all->count; k++)
    for (size_t i = levels; i-- > 0;) {
      snprintf(path, sizeof path, "%s/%s.d/%s", folders[i], name, all->names[k]);
      if (read_settings(path, settings, count)) break;
    }
  free(all);
}

static bool under_shm(const char *directory) {
  size_t length = strlen("/dev/shm");
  return strncmp(directory, "/dev/shm", length) == 0 && (directory[length] == 0 || directory[length] == '/');
}

/* ---- Who removes -------------------------------------------------------------------------------------------------------- */

void tn_linux_examine_logind(tn_listener *to, const char *directory, uint32_t user, const char *user_name) {
  static const char *const folders[] = {"/usr/lib/systemd", "/run/systemd", "/etc/systemd", NULL};
  setting remove = {"Login", "RemoveIPC", ""};
  char linger[TN_OS_PATH];
  if (!tn_linux_there("/run/systemd/users") || !under_shm(directory)) return; /* no logind, or not its business */
  read_all(folders, "logind.conf", &remove, 1);
  snprintf(linger, sizeof linger, "/var/lib/systemd/linger/%s", user_name);
  if (remove.value[0] && !is_yes(remove.value))
    tn_linux_found(to, OK, "removeipc", "", "logind leaves %s alone when a user logs out (RemoveIPC=no)", directory);
  else if (user < FIRST_USER)
    tn_linux_found(to, OK, "removeipc", "", "logind removes what users leave in %s when they log out, but this is a system user", directory);
  else if (user_name[0] && tn_linux_there(linger))
    tn_linux_found(to, OK, "removeipc", "", "logind removes what users leave in %s when they log out, but this one lingers", directory);
  else
    tn_linux_found(to, WARNING, "removeipc",
                   "RemoveIPC=no in /etc/systemd/logind.conf, `loginctl enable-linger`, a system user, or another directory (TARN_DIR)",
                   "logind removes this user's files in %s at the last logout (RemoveIPC), under those who still use them", directory);
}

/* "foo@bar.service" is made from "foo@.service". */
static void template_of(const char *unit, char ret_template[NAME_ROOM]) {
  const char *at = strchr(unit, '@'), *dot = strrchr(unit, '.');
  ret_template[0] = 0;
  if (at && dot && dot > at + 1) snprintf(ret_template, NAME_ROOM, "%.*s%s", (int)(at + 1 - unit), unit, dot);
}

/* The system's unit in which this process runs: the last part of a group such as "/system.slice/camera.service". */
static bool own_unit(char ret_unit[NAME_ROOM]) {
  char line[TN_OS_PATH];
  bool found = false;
  FILE *lines = tn_linux_open_under_root("/proc/self/cgroup");
  while (lines && !found && fgets(line, sizeof line, lines)) {
    line[strcspn(line, "\n")] = 0;
    const char *path = strchr(line, ':') ? strchr(strchr(line, ':') + 1, ':') : NULL;
    const char *name = path ? strrchr(path, '/') : NULL;
    size_t length = name ? strlen(name + 1) : 0;
    found = length > 8 && length < NAME_ROOM && strstr(path, ":/system.slice/") == path && strcmp(name + 1 + length - 8, ".service") == 0;
    if (found) memcpy(ret_unit, name + 1, length + 1);
  }
  if (lines) fclose(lines);
  return found;
}

void tn_linux_examine_unit(tn_listener *to, const char *directory) {
  static const char *const folders[] = {"/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/transient",
                                        "/run/systemd/system", "/etc/systemd/system", NULL};
  setting all[] = {{"Service", "RemoveIPC", ""}, {"Service", "User", ""}, {"Service", "DynamicUser", ""}};
  char unit[NAME_ROOM], template[NAME_ROOM];
  if (!own_unit(unit) || !under_shm(directory)) return;
  template_of(unit, template);
  if (template[0]) read_all(folders, template, all, 3);
  read_all(folders, unit, all, 3);
  bool dynamic = is_yes(all[2].value), removes = dynamic || is_yes(all[0].value);
  if (!removes || (!dynamic && !all[1].value[0]))
    tn_linux_found(to, OK, "unit", "", "the unit %s leaves %s alone when it stops", unit, directory);
  else
    tn_linux_found(to, WARNING, "unit", "RemoveIPC=no without DynamicUser=, or RuntimeDirectory= and TARN_DIR=/run/...",
                   "when the unit %s stops, systemd removes its user's files in %s (%s)", unit, directory,
                   dynamic ? "DynamicUser=yes" : "RemoveIPC=yes");
}

/* ---- Who has a /dev/shm of its own ---------------------------------------------------------------------------------------- */

void tn_linux_examine_sandbox(tn_listener *to, const char *directory, const char *snap) {
  bool shm = under_shm(directory);
  if (tn_linux_there("/.flatpak-info"))
    tn_linux_found(to, shm ? WARNING : NOTE, "sandbox",
                   "share a directory: --filesystem=xdg-run/app:create and TARN_DIR, or --device=shm for the host's /dev/shm",
                   "this is a Flatpak: its /dev/shm is not the host's, and of other directories it sees what its permissions say");
  else if (snap && *snap)
    tn_linux_found(to, shm ? WARNING : NOTE, "sandbox", "the plug `shared-memory`, or TARN_DIR=$SNAP_COMMON/...",
                   "this is the snap %s: in /dev/shm it may use only names that begin with snap.%s., and none of others", snap, snap);
  else if (tn_linux_there("/run/.containerenv") || tn_linux_there("/.dockerenv"))
    tn_linux_found(to, NOTE, "sandbox",
                   shm ? "share it: --ipc=host or --ipc=container:NAME, or mount one volume in all and set TARN_DIR" : "",
                   "this is a container: %s is the business of those who mount the same %s", directory, shm ? "/dev/shm" : "volume");
  else
    tn_linux_found(to, OK, "sandbox", "", "no Flatpak, Snap or container was recognized");
}
