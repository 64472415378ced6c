/* stream_crash.h: what the processes of the streams' crash tests agree on. */
#ifndef STREAM_CRASH_H
#define STREAM_CRASH_H

#include "crash.h"
#include "stream_inside.h"
#include "streams.h"

enum { STREAM_LIVES = 8, STREAM_RING = 4096 };

/* What a scene's stream is made with: w W k c WAIT, f F FAIL, o O OVERWRITE; k is kept. */
tarn_options stream_scene(const char *scene);
/* Put message number stream->number, whatever it takes; 0 or TARN_WOKEN. */
int stream_put_next(tarn_stream *writer, uint64_t size);

/* Roles; argv[0] is the name, argv[1] the scene. */
int stream_role_writer(int argc, char **argv);        /* victim */
int stream_role_reader(int argc, char **argv);        /* victim */
int stream_role_follower(int argc, char **argv);      /* survivor: reads as argv[1] says: place, copy */
int stream_role_steady_writer(int argc, char **argv); /* survivor */
int stream_role_corpse(int argc, char **argv);        /* joins, holds a message, waits to be killed */
int stream_role_checker(int argc, char **argv);       /* scene, mode, least number */

#endif
