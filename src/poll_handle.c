/* poll_handle.c: a handle that is readable while there is something to read.
 *
 * Shared memory has no descriptor to poll, so one thread a handle sleeps in its owner's place and sets an event. It works only when
 * armed: armed -> it waits for news -> sets the event -> waits to be armed again. So a busy reader pays one wake for each time it
 * ran empty, not one for each item.
 *
 * The event is level-triggered. The owner, about to answer TARN_EMPTY, first clears it, then looks once more, then arms: news
 * that came before the clearing is found by the look, news after the look is found by the thread, which looks before it sleeps. If the look
 * finds something, TARN_EMPTY is not what is answered, and the event is set again: there may be more behind it. So at any time either the
 * event is set or the thread is at work.
 * The thread changes nothing that the owner relies on: it looks, asks and announces a sleeper.
 */
#include "poll_handle.h"

#include <stdlib.h>
#include <tarn/base.h>

#include "channel.h"
#include "error.h"

struct tn_poll {
  struct tn_channel *channel;
  int (*look)(void *);
  int (*ask)(void *);
  void *argument;
  intptr_t ready, armed, thread;
  tn_atomic32 stop;
};

static int look_or_stop(void *argument) {
  tn_poll *poll = argument;
  return tn_load_acquire(&poll->stop) ? 1 : poll->look(poll->argument); /* [T1] acquire */
}

static int ask(void *argument) {
  tn_poll *poll = argument;
  return poll->ask != NULL ? poll->ask(poll->argument) : 0;
}

static void body(void *argument) {
  tn_poll *poll = argument;
  const tn_wish wish = {TN_NEWS, TARN_FOREVER, 0, 1, look_or_stop, ask, poll, 0};
  while (!tn_load_acquire(&poll->stop)) { /* [T1] acquire */
    if (tn_os_event_wait(poll->armed, TARN_FOREVER) != 0)
      continue;
    tn_os_event_clear(poll->armed);
    tn_wait(poll->channel, &wish); /* whatever it says, the owner finds out by reading */
    tn_os_event_set(poll->ready);
  }
}

int tn_poll_start(tn_poll **ret_poll, struct tn_channel *channel, int (*look)(void *), int (*ask_kernel)(void *), void *argument) {
  tn_poll *poll = calloc(1, sizeof *poll);
  if (poll == NULL)
    return tn_fail(TARN_E_SYSTEM, "%s \"%s\": no memory for a handle to poll", TN_WHO(channel));
  *poll = (tn_poll){.channel = channel, .look = look, .ask = ask_kernel, .argument = argument, .ready = -1, .armed = -1};
  int result = tn_os_event_make(&poll->ready);
  if (result == 0)
    result = tn_os_event_make(&poll->armed);
  if (result == 0) {
    tn_os_event_set(poll->armed);
    result = tn_os_thread_start(&poll->thread, body, poll);
  }
  if (result == 0) {
    *ret_poll = poll;
    return 0;
  }
  result = tn_channel_fail(channel, result, "no handle to poll can be had");
  if (poll->ready != -1)
    tn_os_event_close(poll->ready);
  if (poll->armed != -1)
    tn_os_event_close(poll->armed);
  free(poll);
  return result;
}

intptr_t tn_poll_handle(const tn_poll *poll) {
  return poll->ready;
}

int tn_poll_quiet(tn_poll *poll, int (*look)(void *), void *argument) {
  tn_os_event_clear(poll->ready);
  int result = look(argument);
  if (result == 0 && tn_wait_woken(poll->channel)) result = TARN_WOKEN;
  tn_os_event_set(result == 0 ? poll->armed : poll->ready);
  return result == 0 ? TARN_EMPTY : result;
}

void tn_poll_stop(tn_poll *poll, int forked) {
  if (!forked) {
    tn_store_release(&poll->stop, 1); /* [T1] release: before the thread is woken. Pairs with its acquires */
    tn_wake_self(poll->channel);
    tn_os_event_set(poll->armed);
    tn_os_thread_join(poll->thread);
    tn_os_event_close(poll->ready);
    tn_os_event_close(poll->armed);
  }
  free(poll);
}
