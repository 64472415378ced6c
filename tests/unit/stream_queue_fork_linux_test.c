/* stream_queue_fork_linux_test.c: a child of fork has neither its parent's claim nor what its parent has taken, and takes nothing from it. */
#include <sys/wait.h>
#include <unistd.h>

#include "streams.h"

static void in_the_child(tarn_stream *writer, tarn_stream *reader, tarn_item *taken) {
  tarn_item item;
  uint32_t count;
  const tarn_piece piece = {"x", 1, 0};
  CHECK_RESULT(TARN_E_FORKED, tarn_stream_publish(writer, 1, NULL));
  CHECK_RESULT(TARN_E_FORKED, tarn_stream_abandon(writer));
  CHECK_RESULT(TARN_E_FORKED, tarn_stream_put_batch(writer, &piece, 1, &count, 0));
  CHECK_RESULT(TARN_E_FORKED, tarn_stream_read(reader, &item, 0));
  CHECK_RESULT(TARN_E_FORKED, tarn_stream_release(reader, taken));
  CHECK_RESULT(TARN_E_FORKED, tarn_stream_return(reader, taken));
  tarn_stream_close(writer);
  tarn_stream_close(reader);
}

static void test_fork(void) {
  tarn_stream *writer = stream_open("jobs", TARN_WRITER, (tarn_options){.flags = TARN_QUEUE | TARN_MANY_WRITERS});
  tarn_stream *reader = stream_open("jobs", TARN_READER, (tarn_options){0}), *other = stream_open("jobs", TARN_READER, (tarn_options){0});
  tarn_item item, more;
  void *room;
  CHECK_OK(tarn_stream_put(writer, "one", 3, NULL, 0));
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK_OK(tarn_stream_claim(writer, 3, &room, 0));
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    in_the_child(writer, reader, &item);
    _exit(0);
  }
  int status;
  CHECK_INT(child, waitpid(child, &status, 0));
  CHECK_INT(0, status);
  CHECK_RESULT(TARN_EMPTY, tarn_stream_read(other, &more, 0)); /* what was taken is still taken, the claim still waited for */
  memcpy(room, "two", 3);
  CHECK_OK(tarn_stream_publish(writer, 3, NULL));
  CHECK_OK(tarn_stream_return(reader, &item));
  CHECK_OK(tarn_stream_read(other, &more, 0));
  CHECK_UINT(1, more.number);
  CHECK_UINT(TARN_AGAIN, more.flags);
  CHECK_OK(tarn_stream_release(other, &more));
  CHECK_OK(tarn_stream_read(other, &more, 0));
  CHECK_MEM("two", more.data, 3);
  CHECK_OK(tarn_stream_release(other, &more));
  tarn_stream_close(writer);
  tarn_stream_close(reader);
  tarn_stream_close(other);
}

static const check_test tests[] = {{"fork", test_fork, 0}, {0}};
static const check_role roles[] = {{0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
