/* stream_taken_linux_test.c: a writer asks whether a reader knows of the message that it is said to have, while the reader gives it back and takes it
 * again. What happens between the writer's looks is made to happen there by pages that fault. */
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stream_inside.h"
#include "streams.h"

static tarn_stream *writer, *reader;
static int faults, releases;

static tn_record *first_record(void) { return tn_stream_record(writer, 0); }

static void protect(const void *address, int protection) {
  uintptr_t page = (uintptr_t)address & ~(uintptr_t)4095;
  if (mprotect((void *)page, 4096, protection) != 0) abort();
}

static const tn_atomic64 *intents_seen(void) { return tn_stream_intents(&writer->channel, reader->channel.slot); }

/* The words of a reader, in its order (stream_queue.c): it releases before the writer sees the intent; or gives back then, and takes again before
 * the writer looks at the word once more. */
static void on_fault(int number) {
  (void)number;
  uint64_t word = tn_load_relaxed(&tn_stream_record(reader, 0)->word); /* relaxed, all: one thread */
  if (faults++ == 0) protect(intents_seen(), PROT_READ | PROT_WRITE);
  if (releases) {
    tn_store_relaxed(&tn_stream_record(reader, 0)->word, tn_record_word(TN_DONE, tn_record_length(word)));
    tn_store_relaxed(&reader->intents[0], 0);
  } else if (faults == 1) {
    tn_store_relaxed(&tn_stream_record(reader, 0)->word, tn_record_word(TN_MESSAGE, TN_AGAIN | tn_record_length(word)));
    tn_add(&reader->channel.control->kind.stream.queue.returned, 1);
    tn_store_relaxed(&reader->intents[0], 0);
    protect(first_record(), PROT_NONE);
  } else {
    protect(first_record(), PROT_READ | PROT_WRITE);
    tn_store_relaxed(&reader->intents[0], 1);
    tn_store_relaxed(&tn_stream_record(reader, 0)->word, tn_record_taken(word, reader->channel.slot));
  }
}

static void taken(tarn_item *item) {
  if (sysconf(_SC_PAGESIZE) != 4096) check_skip("pages are not of 4096 bytes");
  writer = stream_open("t", TARN_WRITER, (tarn_options){.size_bytes = 4096, .flags = TARN_QUEUE, .slots = 16});
  CHECK_UINT(0, writer->channel.header.entries_offset % 4096); /* the intents begin a page of their own */
  reader = stream_open("t", TARN_READER, (tarn_options){0});
  CHECK_OK(tarn_stream_put(writer, "0123456789", 10, NULL, 0));
  CHECK_OK(tarn_stream_read(reader, item, 0));
  CHECK_OK(tarn_stream_return(reader, item));
  CHECK_OK(tarn_stream_read(reader, item, 0)); /* the word says "again" from here on, whoever has it */
  CHECK_UINT(1, tn_load_relaxed(&reader->intents[0]));
  CHECK(signal(SIGSEGV, on_fault) != SIG_ERR);
  protect(intents_seen(), PROT_NONE);
}

static void test_given_back_and_taken_meanwhile(void) {
  tarn_item item;
  taken(&item);
  CHECK_INT(0, tn_queue_deny_taken(writer, 0));
  CHECK_INT(2, faults);
  CHECK_OK(tarn_stream_release(reader, &item)); /* it is still the reader's */
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

static void test_released_meanwhile(void) {
  tarn_item item;
  taken(&item);
  releases = 1;
  CHECK_INT(0, tn_queue_deny_taken(writer, 0));
  CHECK_INT(1, faults);
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

static const check_test tests[] = {{"given_back_and_taken_meanwhile", test_given_back_and_taken_meanwhile, 0},
                                   {"released_meanwhile", test_released_meanwhile, 0},
                                   {0}};
static const check_role roles[] = {{0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
