/* lock_turns_test.c: the lock's giving way (lock.c): one that finds somebody waiting when it drops the lock, and again later, lets it have a
 * turn before it takes the lock again. */
#include "lock.h"
#include "os/os.h"
#include "stream_inside.h"
#include "streams.h"

enum { MS = 1000000, US = 1000, TIMES = 10, ROUNDS = 200 };

static tarn_stream *open_writer(void) { return stream_open("l", TARN_WRITER, (tarn_options){.flags = TARN_MANY_WRITERS}); }

static tn_atomic32 over, turns;

static void wait_and_take(void *writer) {
  tn_channel *channel = &((tarn_stream *)writer)->channel;
  while (tn_load_acquire(&over) == 0) {
    CHECK_OK(tn_lock_take(channel));
    tn_add(&turns, 1);
    tn_lock_drop(channel);
  }
}

static int somebody_waits(const tn_channel *channel) { return (tn_load_acquire(&channel->control->lock.word) >> 31 & 1) != 0; }

/* Inside for longer than a waiter needs to fall asleep, outside for nanoseconds. 1: the next take gives way. */
static int hold_for_long(tn_channel *channel, uint32_t *ret_turns) {
  CHECK_OK(tn_lock_take(channel));
  while (!somebody_waits(channel)) check_sleep(MS / 20);
  check_sleep(6 * MS);
  *ret_turns = tn_load_acquire(&turns);
  tn_lock_drop(channel);
  return channel->way.owed_ns != 0;
}

/* Who waits may be let run too late, or just in time though nobody gave way: so not that it had its turn is what counts, but that it had
 * 0.2 ms for it. */
static void test_who_waits_has_a_turn(void) {
  tarn_stream *greedy = open_writer(), *patient = open_writer();
  tn_channel *channel = &greedy->channel;
  intptr_t thread;
  int gave_way = 0, in_time = 0;
  uint32_t before;
  CHECK_OK(tn_os_thread_start(&thread, wait_and_take, patient));
  for (int round = 0; round < ROUNDS && gave_way < TIMES; round++) {
    if (!hold_for_long(channel, &before)) continue;
    int64_t dropped = channel->way.owed_ns;
    CHECK_OK(tn_lock_take(channel));
    int had_a_turn = tn_load_acquire(&turns) != before;
    CHECK(had_a_turn || tn_os_now() - dropped >= 200 * US);
    CHECK_INT(0, channel->way.owed_ns);
    tn_lock_drop(channel);
    gave_way++;
    in_time += had_a_turn;
  }
  tn_store_release(&over, 1);
  tn_os_thread_join(thread);
  check_say("gave way %d times, %d of them in time", gave_way, in_time);
  CHECK_INT(TIMES, gave_way);
  tarn_stream_close(greedy);
  tarn_stream_close(patient);
}

static const check_test tests[] = {{"who_waits_has_a_turn", test_who_waits_has_a_turn, 0}, {0}};
static const check_role roles[] = {{0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
