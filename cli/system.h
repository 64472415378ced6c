/* cli/system.h: what the command needs from the system beyond the library. system.c alone knows which system it is.
 *
 * Functions that fail return -1 (or NULL) and set errno. Paths and arguments are UTF-8 everywhere.
 */
#ifndef CLI_SYSTEM_H
#define CLI_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* First of all: arguments in UTF-8, bytes untouched on stdin and stdout, signals noted instead of deadly. */
void cli_system_start(int *argc, char ***argv);
/* Last of all: ends the process with code; or, for CLI_INTERRUPTED and CLI_PIPE_CLOSED, as if by the signal that it was. */
_Noreturn void cli_system_end(int code);

/* True once Ctrl-C, SIGTERM or SIGHUP came: whoever waits gives up, cleans up, and returns CLI_INTERRUPTED. */
bool cli_interrupted(void);

int cli_open_read(const char *path);
/* What path is at the moment. */
enum { CLI_PATH_NOTHING, CLI_PATH_REGULAR, CLI_PATH_OTHER };
int cli_path_kind(const char *path);
/* Of an open file: true if it is a regular one, with the bytes left in it from where it stands. */
bool cli_regular(int descriptor, uint64_t *ret_left);
/* A file beside path, under a name nobody has, with the rights path has or a new file gets. What is to be renamed to in the end
 * (path, or what it links to) goes to *ret_destination. If the process dies by a fault the file is removed. */
int cli_make_beside(const char *path, char **ret_temporary, char **ret_destination);
int cli_open_write(const char *path); /* something that is no regular file */
/* One of what this process has open already, as /dev/stdout or /dev/fd/3 name it, to be written to where it stands: to replace the file it
 * leads to would take from under the shell what it redirected to. -2: path names no such thing. */
int cli_open_again(const char *path);
int cli_create(const char *path,
               bool replace); /* a new file, to be written in place; EEXIST if it is there and not to be replaced */
int cli_replace(const char *temporary, const char *destination);
void cli_remove(const char *temporary);
int cli_close(int descriptor);

/* As read and write, at most 1 MiB at once; a signal that asks to end is -1 with EINTR, others are passed over. */
ptrdiff_t cli_read(int descriptor, void *room, size_t size);
ptrdiff_t cli_write(int descriptor, const void *bytes, size_t size);

/* From now on cli_write goes on after a signal that asks to end: to finish what would be half done. The second one ends us at once. */
void cli_write_on(void);

/* Bytes that could be had now: of memory, and in the directory in which NAME lies or would lie; UINT64_MAX: not known, or no end. False:
 * there is no such directory. */
uint64_t cli_memory_room(void);
bool cli_place_room(const char *name, uint64_t *ret_room);

bool cli_is_terminal(int descriptor);
/* Nobody will ever read what is written to stdout: it is a pipe whose other end was closed. Windows tells only who writes: false. */
bool cli_stdout_closed(void);
/* Its size in characters; 80 x 24 where it is not known. Also makes it understand colours. */
void cli_terminal_size(int *ret_columns, int *ret_rows);
bool cli_set_environment(const char *name, const char *value);
const char *cli_environment(const char *name); /* NULL and "" are the same: NULL */
bool cli_find_group(const char *name, uint32_t *ret_group);
void cli_user_name(uint32_t user, char *room, size_t size); /* or its number */
int64_t cli_now(void);                                      /* monotonic nanoseconds */
uint32_t cli_process(void);                                /* the number of this process */
int64_t cli_unix_now(void);                                 /* Unix time in nanoseconds */
/* Date and time here and now for people. */
void cli_time_words(int64_t unix_ns, char *room, size_t size);
/* Text as one word of a command line of this system's shell. False: it does not fit. */
bool cli_quote(char *room, size_t size, const char *text);
void cli_sleep(int64_t ns); /* a signal that asks to end cuts it short */

#endif
