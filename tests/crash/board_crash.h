/* board_crash.h: what the processes of the board's crash tests agree on. */
#ifndef BOARD_CRASH_H
#define BOARD_CRASH_H

#include "board_inside.h"
#include "crash.h"

/* The tags of versions tell who published them, and grow in the order in which these follow each other. */
enum { FOUNDERS_TAG = 1, VICTIMS_TAG = 1000, CHECKERS_TAG = 1000000000 };

enum { LIVES = 8, ROOM_LIMIT = 4 * TN_ALIGN, MANY_BYTES = 4 << 20 };

uint32_t board_slot(const tarn_board *board);
/* Publish a version that says by itself whether it is complete. */
int board_put(tarn_board *board, uint64_t size_bytes, uint64_t tag);
/* Ends the process if not every byte of the item is what was published. */
void board_verify(const tarn_item *item);

/* Roles; argv[0] is the name. */
int role_writer(int argc, char **argv);         /* victim: flags */
int role_reader(int argc, char **argv);         /* victim */
int role_remover(int argc, char **argv);        /* victim */
int role_blocked_reader(int argc, char **argv); /* survivor */
int role_steady_writer(int argc, char **argv);  /* survivor: limit */
int role_corpse(int argc, char **argv);         /* joins, holds a version, waits to be killed */
int role_checker(int argc, char **argv);        /* mode, flags, least tag, own tag */
int role_idle(int argc, char **argv);

#endif
