/* poll_handle_linux_test.c: what comes in the moment when a handle to poll is made quiet, between an owner's finding nothing and its second look. The
 * linker passes tn_os_event_clear through this file, so that it comes just then. */
#include <poll.h>

#include "boards.h"
#include "os/os.h"
#include "streams.h"

void __real_tn_os_event_clear(intptr_t event);
void __wrap_tn_os_event_clear(intptr_t event);

static _Thread_local void (*comes)(void *writer); /* in the owner's thread; NULL: nothing */
static void *writer_then;

void __wrap_tn_os_event_clear(intptr_t event) {
  void (*now)(void *) = comes;
  comes = NULL;
  __real_tn_os_event_clear(event);
  if (now != NULL) now(writer_then);
}

static int readable(intptr_t handle, int timeout_ms) {
  struct pollfd entry = {.fd = (int)handle, .events = POLLIN};
  return poll(&entry, 1, timeout_ms);
}

/* ---- Boards -------------------------------------------------------------------------------------------------------------- */

static int read_board(tarn_board *board) {
  tarn_item item;
  int result = tarn_board_read(board, &item, 0);
  return result == 0 ? tarn_board_release(board, &item) : result;
}

/* A reader with a handle, which it has seen readable once and emptied of the first version. */
static intptr_t begin(tarn_board **ret_writer, tarn_board **ret_reader) {
  intptr_t handle;
  *ret_writer = open_writer("b", NULL);
  *ret_reader = open_reader("b");
  CHECK_OK(tarn_board_handle(*ret_reader, &handle));
  put_text(*ret_writer, "first");
  CHECK_INT(1, readable(handle, 5000));
  CHECK_OK(read_board(*ret_reader));
  return handle;
}

static void put_version(void *writer) { put_text(writer, "between"); }

static void test_a_version(void) {
  tarn_board *writer, *reader;
  intptr_t handle = begin(&writer, &reader);
  writer_then = writer;
  comes = put_version;
  CHECK_OK(read_board(reader)); /* it found nothing, made the handle quiet, and found this */
  put_text(writer, "behind it");
  CHECK_INT(1, readable(handle, 5000));
  CHECK_OK(read_board(reader));
  CHECK_RESULT(TARN_EMPTY, read_board(reader));
  CHECK_INT(0, readable(handle, 20));
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static void leave_board(void *writer) { tarn_board_close(writer); }

/* The writer leaves just then; the next one's versions are news again. */
static void test_a_departure(void) {
  tarn_board *writer, *reader;
  intptr_t handle = begin(&writer, &reader);
  writer_then = writer;
  comes = leave_board;
  CHECK_RESULT(TARN_NO_WRITER, read_board(reader));
  writer = open_writer("b", NULL);
  put_text(writer, "of the next");
  CHECK_INT(1, readable(handle, 5000));
  CHECK_OK(read_board(reader));
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* ---- Streams and queues ------------------------------------------------------------------------------------------------------ */

static int read_stream(tarn_stream *stream) {
  tarn_item item;
  int result = tarn_stream_read(stream, &item, 0);
  return result == 0 ? tarn_stream_release(stream, &item) : result;
}

static void put_two(void *writer) {
  for (int i = 0; i < 2; i++) CHECK_OK(tarn_stream_put(writer, "between", 8, NULL, 0));
}

static void try_messages(uint32_t flags) {
  tarn_options options = {.struct_size = sizeof options, .flags = flags};
  tarn_stream *writer, *reader;
  intptr_t handle;
  CHECK_OK(tarn_stream_open(&writer, "s", TARN_WRITER, &options, 0));
  CHECK_OK(tarn_stream_open(&reader, "s", TARN_READER, NULL, 0));
  CHECK_OK(tarn_stream_handle(reader, &handle));
  CHECK_OK(tarn_stream_put(writer, "first", 6, NULL, 0));
  CHECK_INT(1, readable(handle, 5000));
  CHECK_OK(read_stream(reader));
  writer_then = writer;
  comes = put_two;
  CHECK_OK(read_stream(reader)); /* it found nothing, made the handle quiet, and found the first of two */
  CHECK_INT(1, readable(handle, 5000));
  CHECK_OK(read_stream(reader));
  CHECK_RESULT(TARN_EMPTY, read_stream(reader));
  CHECK_INT(0, readable(handle, 20));
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

static void test_messages(void) { try_messages(0); }
static void test_messages_of_a_queue(void) { try_messages(TARN_QUEUE); }

static const check_test tests[] = {
    {"a_version", test_a_version, 0},
    {"a_departure", test_a_departure, 0},
    {"messages", test_messages, 0},
    {"messages_of_a_queue", test_messages_of_a_queue, 0},
    {0},
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
