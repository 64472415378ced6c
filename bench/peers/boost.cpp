/* bench/peers/boost.cpp: Boost.Interprocess, message_queue: one for each reader. The writer removes what a former run may have left and
 * makes it anew, as its documentation does; the reader tries until it is there. */
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/version.hpp>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "../peer.h"

namespace {

namespace ipc = boost::interprocess;

struct End {
  std::vector<std::unique_ptr<ipc::message_queue>> queues;
  std::vector<uint64_t> buffer;
  uint64_t bytes;
  bool polls;
};

void version(char *ret_text, size_t size) {
  std::snprintf(ret_text, size, "%d.%d.%d", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100);
}

std::string name_of(const peer_job *job, uint32_t link, uint32_t reader) {
  return std::string(job->name) + "-" + std::to_string(link) + "-" + std::to_string(reader);
}

uint32_t readers_of(const peer_job *job, uint32_t link) { return link == 0 ? job->readers : 1; }

void finish(const peer_job *job) {
  for (uint32_t link = 0; link < 2; link++)
    for (uint32_t i = 0; i < readers_of(job, link); i++) ipc::message_queue::remove(name_of(job, link, i).c_str());
}

std::unique_ptr<ipc::message_queue> open_when_there(const std::string &name) {
  for (int tries = 0; tries < 100000; tries++) {
    try {
      return std::make_unique<ipc::message_queue>(ipc::open_only, name.c_str());
    } catch (const ipc::interprocess_exception &) {
      timespec while_ns = {0, 100000};
      nanosleep(&while_ns, nullptr);
    }
  }
  return nullptr;
}

void *open_end(const peer_job *job, uint32_t link, bool writes, uint32_t reader) try {
  auto made = std::make_unique<End>();
  made->bytes = job->bytes;
  made->polls = job->polls;
  made->buffer.resize(job->bytes / 8);
  for (uint32_t i = 0; i < (writes ? readers_of(job, link) : 1); i++) {
    std::string name = name_of(job, link, writes ? i : reader);
    if (writes) {
      ipc::message_queue::remove(name.c_str());
      made->queues.push_back(
          std::make_unique<ipc::message_queue>(ipc::create_only, name.c_str(), job->most_waiting, job->bytes));
    } else {
      made->queues.push_back(open_when_there(name));
      if (!made->queues.back()) return nullptr;
    }
  }
  return made.release();
} catch (const std::exception &failure) {
  std::fprintf(stderr, "Boost.Interprocess: %s\n", failure.what());
  return nullptr;
}

bool send_one(void *of, const void *payload) {
  auto *to = static_cast<End *>(of);
  for (auto &queue : to->queues) {
    if (!to->polls) {
      queue->send(payload, to->bytes, 0);
      continue;
    }
    while (!queue->try_send(payload, to->bytes, 0)) bench_relax();
  }
  return true;
}

const void *receive(void *of) {
  auto *from = static_cast<End *>(of);
  ipc::message_queue::size_type got = 0;
  unsigned priority;
  if (!from->polls)
    from->queues[0]->receive(from->buffer.data(), from->bytes, got, priority);
  else
    while (!from->queues[0]->try_receive(from->buffer.data(), from->bytes, got, priority)) bench_relax();
  return got == from->bytes ? from->buffer.data() : nullptr;
}

void release(void *) {}

void close_end(void *of) { delete static_cast<End *>(of); }

}  // namespace

extern "C" const peer bench_peer = {"Boost message_queue",
                                    PEER_POLLS | PEER_BLOCKS | PEER_ANSWERS | PEER_EVERY | PEER_READERS,
                                    0,
                                    version,
                                    nullptr,
                                    finish,
                                    open_end,
                                    send_one,
                                    receive,
                                    release,
                                    close_end};
