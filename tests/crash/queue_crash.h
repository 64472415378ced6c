/* queue_crash.h: what the processes of the crash tests of many writers and queues agree on. A message says by itself whether it is
 * complete (crash_fill), and its tag is its own: tests tell by the tags what became of it. All say
 *
 *   put NUMBER TAG     published        giving NUMBER TAG   about to be released or returned
 *   item NUMBER TAG    given            done NUMBER TAG     released, or copied
 *   again NUMBER TAG   the same, marked TARN_AGAIN    getting              about to get one by copy
 */
#ifndef QUEUE_CRASH_H
#define QUEUE_CRASH_H

#include "crash.h"
#include "stream_inside.h"

enum { QUEUE_LIVES = 6, QUEUE_RING = 4096, QUEUE_TAGS = 1 << 16, QUEUE_TAGS_EACH = 1 << 13 };

/* What a scene's stream is made with: capitals and small letters as in queue_crash_test.c. */
tarn_options queue_scene(const char *scene);
int queue_is_fan_out(char scene);

/* Roles; argv[0] is the name, argv[1] the scene. */
int queue_role_writer(int argc, char **argv);        /* victim */
int queue_role_reader(int argc, char **argv);        /* victim: takes, or reads every message */
int queue_role_steady_writer(int argc, char **argv); /* survivor */
int queue_role_second_writer(int argc, char **argv); /* survivor: one life of the victim's */
int queue_role_follower(int argc, char **argv);      /* survivor: takes, or reads every message, in place or (argv[2]) by copy */
int queue_role_claimant(int argc, char **argv);      /* claims, and waits to be killed */
int queue_role_holder(int argc, char **argv);        /* takes two, and waits to be killed */
int queue_role_drainer(int argc, char **argv);       /* reads all there is, and ends */

#endif
