/* os.h: everything Tarn asks of the system. One header, no #ifdef but for the test build; linux.c and windows.c implement it.
 *
 * Results: 0 or a TARN_E_... code, unless a function says otherwise. After a failure tn_os_reason() says in words what the system
 * said ("No space left on device"); the caller makes the sentence. ret_ parameters are untouched on failure.
 * Paths are UTF-8 and come out of tn_os_full_path(). All functions may be called from any thread.
 */
#ifndef TN_OS_H
#define TN_OS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define TN_OS_PATH 4352 /* room for any path, its end included */

/* ---- What differs between systems, as data ------------------------------------------------------------------------- */

typedef struct tn_os_caps {
  uint32_t granularity; /* offsets of mappings are multiples of this: 4096 (the page) or 65536 */
  uint32_t cpus;        /* processors this process may run on */
  uint8_t shared_futex; /* 1: tn_os_wake reaches other processes; 0: sleepers are woken one by one by tn_os_wake_slot */
  uint8_t case_folds;   /* 1: names that differ only in case lead to the same file */
  uint8_t sections;     /* 1: the plain name of a raw map is a named section, not a file (tn_os_section_open) */
  uint8_t nameless;     /* 1: a file that is made has no name at all; 0: a hidden one, in directories until all have closed it */
} tn_os_caps;

const tn_os_caps *tn_os_capabilities(void);

/* What the system said about this thread's last failed call: text (never NULL) and number (errno, GetLastError). */
const char *tn_os_reason(void);
int tn_os_reason_number(void);

/* ---- Names --------------------------------------------------------------------------------------------------------- */

/* 1 if name is a path (has a directory separator; on Windows also a drive), 0 if it is a plain name. */
int tn_os_is_path(const char *name);

/* The channel directory: $TARN_DIR, or the system's default (made, for this user only, if it is a folder of Tarn's own).
 * No separator at the end. */
int tn_os_channel_directory(char ret_path[TN_OS_PATH]);

/* path as it must be given to every other function here (Linux: as it stands; Windows: absolute, "\\?\" before it; device names
 * refused with TARN_E_INVALID). TARN_E_INVALID when too long. */
int tn_os_full_path(const char *path, char ret_path[TN_OS_PATH]);

/* 1 if a plain name means a device here (nul, con, com1...) or cannot be a file name on this system. */
int tn_os_is_device_name(const char *name);

/* ---- Files --------------------------------------------------------------------------------------------------------- */

typedef struct tn_os_file {
  intptr_t handle;        /* descriptor or HANDLE; -1: none */
  intptr_t locks;         /* what holds the byte locks: the same, or a second HANDLE on Windows (why: windows.c) */
  uint64_t device, inode; /* which file it was at opening */
  uint32_t life;          /* tn_os_life() at opening: a forked child's copy of this structure means nothing */
} tn_os_file;

#define TN_OS_NO_FILE ((tn_os_file){.handle = -1, .locks = -1})

typedef struct tn_os_status {
  uint64_t size_bytes, occupied_bytes;
  uint32_t owner, group; /* numeric; on Windows owner is 0 for who may be trusted, else 1, and group 0 */
  uint32_t mode;         /* permission bits and the sticky bit */
  uint32_t links;        /* names it has */
  int64_t modified_ns;   /* Unix time */
  int medium;            /* TN_OS_MEMORY ... */
} tn_os_status;

enum { TN_OS_MEMORY = 1, TN_OS_DISK = 2, TN_OS_NETWORK = 3 };
enum { TN_OS_READ = 1, TN_OS_WRITE = 2 };

/* tn_os_make: a new, empty file beside path, without a name others could open: a process that dies leaves nothing.
 * (Where the system has no nameless files: a temporary name `.NAME.<16 hex>` which goes with the last handle.)
 * mode: permission bits, whatever the umask; group: numeric plus 1, or 0. TARN_E_NOT_FOUND with a reason of the system's (a number):
 * there is no such directory; without a number: the reason says what there is instead, or why no file can be made there. */
int tn_os_make(tn_os_file *ret_file, const char *path, uint32_t mode, uint32_t group);

/* tn_os_name: give such a file the name path. TARN_E_EXISTS if it is taken. */
int tn_os_name(tn_os_file *file, const char *path);

/* tn_os_open: open what is there, never create, never follow a symbolic link, never block (a FIFO).
 * Only regular files: TARN_E_KIND otherwise (the reason says what it is). TARN_E_NOT_FOUND, TARN_E_PERMISSION.
 * locks: 0 for a description that will hold no byte locks (views of raw maps, which survive fork). Files opened with locks = 1 or
 * made are closed by the system code in a child after fork. */
int tn_os_open(tn_os_file *ret_file, const char *path, int access, int locks);

/* tn_os_close: closes and sets *file to TN_OS_NO_FILE. Locks go first, explicitly (a mapping keeps the description alive). What a
 * forked child inherited is forgotten only: it was closed at the fork, and its number may be another file's by now. */
void tn_os_close(tn_os_file *file);

int tn_os_status_of(const tn_os_file *file, tn_os_status *ret_status);

/* tn_os_status_at: the same of the regular file that path names, and which one it is (device and inode as in tn_os_file), without a
 * right to read it where the system allows that. TARN_E_KIND if it is something else. */
int tn_os_status_at(const char *path, tn_os_status *ret_status, uint64_t *ret_device, uint64_t *ret_inode);

/* 0 if the descriptor still is the file it was at opening, TARN_E_EVICTED if its number now means another. */
int tn_os_still_ours(const tn_os_file *file);

/* 1 if path leads to this file, 0 if it leads elsewhere or nowhere, negative on failure. */
int tn_os_leads_here(const tn_os_file *file, const char *path);

/* tn_os_remove: remove the name path if it leads to this file; open users go on. TARN_E_NOT_FOUND if it does not lead here. */
int tn_os_remove(const tn_os_file *file, const char *path);

/* tn_os_remove_path: remove whatever regular file or symbolic link path names. */
int tn_os_remove_path(const char *path);

/* tn_os_trusted: 0 if a file of this owner at path may be believed: it is this user's or root's, or nobody but trusted people
 * can write to its directory. TARN_E_PERMISSION otherwise. */
int tn_os_trusted(const char *path, const tn_os_status *status);

/* tn_os_reserve: make the file at least offset + length long and have every byte of that range really allocated; new bytes read
 * as zeros. TARN_E_NO_SPACE: the size is as it was. Memory cgroup limits count: over them the kernel kills. */
int tn_os_reserve(const tn_os_file *file, uint64_t offset, uint64_t length);

/* tn_os_truncate: cut the file (or extend it with a hole) to exactly size bytes. */
int tn_os_truncate(const tn_os_file *file, uint64_t size_bytes);

/* tn_os_give_back: this range's content is no longer needed; its space is freed if the system can. Best effort. */
void tn_os_give_back(const tn_os_file *file, uint64_t offset, uint64_t length);

/* tn_os_room: bytes that could still be reserved where this file lies: the less of the file system's free space and, in memory,
 * what the memory cgroup has left. UINT64_MAX if not known. */
uint64_t tn_os_room(const tn_os_file *file);

/* tn_os_read_at: read up to length bytes; *ret_length says how many there were (short only at the end of the file). */
int tn_os_read_at(const tn_os_file *file, uint64_t offset, void *buffer, uint64_t length, uint64_t *ret_length);

/* tn_os_sync: wait until data and size are on the medium. */
int tn_os_sync(const tn_os_file *file);

/* tn_os_each_name: every name in directory in any order. each() returns 0 to go on. Returns 0 or what each() returned. */
int tn_os_each_name(const char *directory, int (*each)(const char *name, void *argument), void *argument);

/* ---- Byte locks, released by the kernel when their holder dies ------------------------------------------------------- */

enum { TN_OS_SHARED = 1, TN_OS_EXCLUSIVE = 2 };

/* tn_os_lock: never blocks. 1 granted, 0 somebody else has it, negative on failure. Asking for the other kind of lock on a byte
 * that this file holds already converts it (on Windows not atomically: it may be lost, then 0). Compares the descriptor with
 * tn_os_still_ours first. */
int tn_os_lock(const tn_os_file *file, uint64_t byte, int how);
int tn_os_unlock(const tn_os_file *file, uint64_t byte);

/* tn_os_lock_held: 1 if another description holds a lock on byte that would refuse `how`, 0 if not, negative on failure. How to
 * ask (see docs/protocol.md): SHARED asks only about exclusive holders and never looks like life itself to another asker.
 * Works on a read-only file on Linux. */
int tn_os_lock_held(const tn_os_file *file, uint64_t byte, int how);

/* tn_os_locks_conflict: 0 if two descriptions of this file really exclude each other, TARN_E_UNSUPPORTED if not (a network or
 * FUSE file system). byte must be unused. */
int tn_os_locks_conflict(const tn_os_file *file, const char *path, uint64_t byte);

/* tn_os_alone: has anybody else this file open or mapped, in whatever process, of whatever user and PID namespace? 1 nobody, and as long as
 * the kernel is told so whoever opens it waits: end it at once. 0 somebody has. Negative: it cannot be told (TARN_E_PERMISSION: only
 * the file's owner may ask; TARN_E_UNSUPPORTED). For files about to be removed: it does hold up who comes at that moment. */
int tn_os_alone(const tn_os_file *file);
void tn_os_alone_end(const tn_os_file *file);

/* ---- Mappings ------------------------------------------------------------------------------------------------------ */

enum {
  TN_OS_MAP_COPY = 1u << 0,     /* private, copy on write */
  TN_OS_MAP_INHERIT = 1u << 1,  /* a child keeps it after fork; otherwise the child does not have it */
  TN_OS_MAP_HUGE = 1u << 2,     /* requests: *granted says which were met */
  TN_OS_MAP_PREFAULT = 1u << 3,
  TN_OS_MAP_LOCK = 1u << 4
};

/* offset is a multiple of the granularity. granted may be NULL. Left out of core dumps unless INHERIT. */
int tn_os_map(const tn_os_file *file, uint64_t offset, uint64_t length, int access, uint32_t flags, void **ret_address,
              uint32_t *granted);
void tn_os_unmap(void *address, uint64_t length);

/* tn_os_flush: write the changed pages in [address, address + length) to the medium, wait, return its error. */
int tn_os_flush(const void *address, uint64_t length);

/* ---- Faults in mappings: a page that cannot be had, since the file was cut short or its medium failed ------------------- */

/* Called in the thread that touched the page, amid whatever it did: it may do only what a signal handler may. 1: the page is there
 * now, go on; 0: none of ours. */
typedef int tn_fault_catcher(const void *address);

/* tn_os_faults_catch: catch is asked first about every such fault from now on. What it does not take, and signals that were sent, go
 * where they would have gone without us. Counted; always with the same catch. TARN_E_SYSTEM. */
int tn_os_faults_catch(tn_fault_catcher *catch);
void tn_os_faults_release(void);

/* tn_os_replace: within the mapping of length bytes at base: make the bytes from `from` to `end` zeros of this process's own, in place.
 * Returns from where on they are (whole pages; on some systems 0: the whole mapping), UINT64_MAX if it cannot be done. Only what
 * a signal handler may do. tn_os_unmap unmaps these too. */
uint64_t tn_os_replace(void *base, uint64_t length, uint64_t from, uint64_t end);

/* ---- Named sections: raw maps that are not files. Linux: TARN_E_UNSUPPORTED (a raw map is a file there). -------------- */

/* create: 1 makes it (size bytes; *ret_created 0 if it was there already), 0 only opens. */
int tn_os_section_open(tn_os_file *ret_file, const char *name, int access, int create, uint64_t size_bytes, int *ret_created,
                       uint64_t *ret_size);

/* ---- Sleeping and waking --------------------------------------------------------------------------------------------- */

/* A participant's own bed: on Linux nothing, on Windows the event that others set. identity names the channel. */
typedef struct tn_os_bed {
  intptr_t event;
} tn_os_bed;

int tn_os_bed_make(tn_os_bed *ret_bed, const uint8_t identity[16], uint32_t slot);
void tn_os_bed_unmake(tn_os_bed *bed);

/* tn_os_sleep: sleep while *word is expected (Linux), or until the bed's event is set (Windows), for at most timeout_ns.
 * 0: woken or the word differed; TARN_TIMED_OUT; TARN_WOKEN: a signal was delivered. */
int tn_os_sleep(tn_os_bed *bed, const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns);

/* tn_os_wake: wake up to count sleepers of word, in any process; how many there were. 0 where shared_futex is 0. */
int tn_os_wake(const _Atomic uint32_t *word, int count);

/* tn_os_wake_slot: where shared_futex is 0: set the event of one slot. *cache starts NULL and is freed by tn_os_wake_forget. */
void tn_os_wake_slot(void **cache, const uint8_t identity[16], uint32_t slot);
void tn_os_wake_forget(void **cache);

/* The wake domain: two processes with the same number can wake each other; 0 is Linux. */
uint32_t tn_os_wake_domain(void);

/* tn_os_barrier_join: prepare this process so that tn_os_barrier in any process orders its plain stores before its later loads;
 * 1 if so, 0 if this process must fence by itself. Takes milliseconds the first time: call it early. */
int tn_os_barrier_join(void);

/* tn_os_barrier: a full fence in every process that has joined. 1 if done, 0 if the system cannot. */
int tn_os_barrier(void);

/* ---- Events within one process, which others may poll ---------------------------------------------------------------- */

int tn_os_event_make(intptr_t *ret_event); /* eventfd or manual-reset event, clear */
void tn_os_event_set(intptr_t event);
void tn_os_event_clear(intptr_t event);
int tn_os_event_wait(intptr_t event, int64_t timeout_ns); /* 0 set, TARN_TIMED_OUT */
void tn_os_event_close(intptr_t event);

/* ---- Threads, time, process ------------------------------------------------------------------------------------------ */

int tn_os_thread_start(intptr_t *ret_thread, void (*body)(void *), void *argument); /* signals blocked in it, but for SIGBUS */
void tn_os_thread_join(intptr_t thread);

int64_t tn_os_now(void);       /* monotonic nanoseconds */
int64_t tn_os_unix_time(void); /* nanoseconds since 1970 */
void tn_os_pause(int64_t ns);  /* sleep that long */

int tn_os_random(void *buffer, size_t length);

uint32_t tn_os_process_number(void);
uint32_t tn_os_process_space(void); /* which PID namespace the number belongs to */

/* What is known of another process in this process's space. name may come out "". */
typedef struct tn_os_process {
  int exists, stopped;
  char name[64];
} tn_os_process;
void tn_os_process_of(uint32_t number, tn_os_process *ret_process);

/* A file whose users are looked for. */
typedef struct tn_os_wanted {
  uint64_t device, inode;
  const char *name; /* the last part of its path */
} tn_os_wanted;

/* tn_os_users: look through all processes once, and call each() for every one that has one of these files open or mapped, with the
 * file's index. files are sorted by inode. 0 every process was looked into; 1 some are hidden from this user or PID namespace;
 * TARN_E_UNSUPPORTED: the system does not show it. */
int tn_os_users(const tn_os_wanted *files, size_t count, void (*each)(size_t index, uint32_t process, void *argument), void *argument);

/* tn_os_life: differs between a process and the children it forks; cheap enough for every call. */
uint32_t tn_os_life(void);

/* tn_os_life_word: the word that tn_os_life() reads, for callers who cannot afford the call: it keeps that value in this process
 * and has another in children. NULL where there is no such word: then call tn_os_life(). Valid for ever. */
const _Atomic uint32_t *tn_os_life_word(void);

/* 1 and the id of this boot of the machine, or 0 if not known. */
int tn_os_boot_id(uint8_t ret_id[16]);

/* ---- Fitness ----------------------------------------------------------------------------------------------------------- */

struct tarn_finding;
typedef int tn_finding_report(const struct tarn_finding *finding, void *argument);

/* tn_os_examine: what this system's settings say about sharing memory in directory, each thing reported, good or not (tarn/doctor.h).
 * Reads only. 0, or what report() answered if not 0: then it stops. */
int tn_os_examine(const char *directory, tn_finding_report *report, void *argument);

/* ---- The test build ------------------------------------------------------------------------------------------------- */

#ifdef TN_TESTING
/* tn_fault: 1 when the test wants this call of the seam to fail; the call then fails with the fault's code. Every function above
 * that can fail asks first, by its own name without "tn_os_". See fault.h for how tests set it. */
int tn_fault(const char *call);
/* tn_point: a named step. The test may want the process killed, stopped or held here. */
void tn_point(const char *name);
#define TN_POINT(name) tn_point(name)
#else
#define TN_POINT(name) ((void)0)
#endif

#endif
