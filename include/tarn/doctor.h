/* tarn/doctor.h: is this machine, container or directory fit for sharing memory, and what to do where it is not.
 */
#ifndef TARN_DOCTOR_H
#define TARN_DOCTOR_H

#include <tarn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* tarn_finding.level */
enum {
  TARN_FINDING_OK = 0,      /* as it should be */
  TARN_FINDING_NOTE = 1,    /* works; worth knowing */
  TARN_FINDING_WARNING = 2, /* works now, and may fail or lose something later */
  TARN_FINDING_PROBLEM = 3  /* does not work, or is not safe */
};

/* One thing that was looked at. The strings are the library's and valid during the call of each(). */
typedef struct tarn_finding {
  uint32_t struct_size; /* how much of this is known */
  int level;            /* TARN_FINDING_... */
  const char *topic;    /* a word for programs, such as "locks"; keeps its meaning for ever */
  const char *found;    /* a sentence: what is the case */
  const char *advice;   /* a sentence: what to do; "" if nothing is to be done */
} tarn_finding;

/* tarn_doctor: look at everything that decides whether processes can share memory here, and report each thing, good or not.
 *
 * name     NULL: the channel directory; the path of a directory: that one; a name or the path of a file: the directory in which it
 *          lies, and the thing itself if it is there
 * each     called for each finding, in this thread; returns 0 to go on, anything else to stop
 * Looked at: the directory (can files be made there, whose is it, who else may write), its file system (memory, disk, network, the
 * layer of a container), whether locks exclude each other and a file can be mapped, room in it and what memory groups leave, the
 * barrier that spares writers a fence, limits of this process; on Linux also what removes files behind one's back (logind,
 * units), sandboxes with a /dev/shm of their own, core dumps, huge pages, kernel settings.
 * Returns 0 or what each() returned; TARN_E_INVALID (each is NULL, or a name that cannot be one). What is wrong with the machine is a
 *   finding, not a failure.
 * Any thread. Makes a file without a name for a moment, and no change that stays; reads settings under /proc, /sys, /etc. A process that
 * dies in it leaves nothing.  Since 0.1. */
TARN_API int tarn_doctor(const char *name, int (*each)(const tarn_finding *finding, void *argument), void *argument);

#ifdef __cplusplus
}
#endif
#endif
