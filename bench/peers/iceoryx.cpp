/* bench/peers/iceoryx.cpp: iceoryx with RouDi, its daemon, which is started before the sides and stopped after them. Untyped publishers and
 * subscribers: a chunk is loaned, filled, published, and read where it lies. Who polls takes until there is something; who sleeps waits
 * at a wait set. Every message: publisher and subscribers ask for blocking (WAIT_FOR_CONSUMER, BLOCK_PRODUCER).
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>

#include "../peer.h"
#include "iceoryx_hoofs/log/logmanager.hpp"
#include "iceoryx_posh/popo/untyped_publisher.hpp"
#include "iceoryx_posh/popo/untyped_subscriber.hpp"
#include "iceoryx_posh/popo/wait_set.hpp"
#include "iceoryx_posh/runtime/posh_runtime.hpp"
#include "iceoryx_versions.hpp"

namespace {

struct End {
  std::unique_ptr<iox::popo::UntypedPublisher> publisher;
  std::unique_ptr<iox::popo::UntypedSubscriber> subscriber;
  std::unique_ptr<iox::popo::WaitSet<1>> waits; /* only where it sleeps */
  const void *taken = nullptr;
  uint64_t bytes = 0;
};

pid_t roudi = 0;

void version(char *ret_text, size_t size) { std::snprintf(ret_text, size, "%s", ICEORYX_LATEST_RELEASE_VERSION); }

void rest() {
  timespec while_ns = {0, 100000}; /* as the other peers that have to look again */
  nanosleep(&while_ns, nullptr);
}

/* Chunks of this job's size, enough for what may be under way on both links, besides small ones. */
bool write_configuration(const peer_job *job, const std::string &path) {
  std::FILE *file = std::fopen(path.c_str(), "w");
  if (!file) return false;
  uint64_t chunks = 2 * (uint64_t(job->most_waiting < 256 ? job->most_waiting : 256) + 16);
  std::fprintf(file, "[general]\nversion = 1\n\n[[segment]]\n\n");
  if (job->bytes > 64) std::fprintf(file, "[[segment.mempool]]\nsize = 64\ncount = 64\n\n");
  std::fprintf(file, "[[segment.mempool]]\nsize = %llu\ncount = %llu\n", (unsigned long long)((job->bytes + 63) / 64 * 64),
               (unsigned long long)chunks);
  return std::fclose(file) == 0;
}

/* It says on stdout when it is ready. */
bool prepare(const peer_job *job) {
  std::string configuration = std::string(job->directory) + "/roudi.toml";
  int said[2];
  if (!write_configuration(job, configuration) || pipe2(said, O_CLOEXEC) != 0) return false;
  roudi = fork();
  if (roudi == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(said[1], STDOUT_FILENO);
    int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDERR_FILENO);
    execlp("iox-roudi", "iox-roudi", "-c", configuration.c_str(), (char *)nullptr);
    _exit(127);
  }
  close(said[1]);
  std::string heard;
  char part[256];
  for (ssize_t got;
       heard.find("RouDi is ready for clients") == std::string::npos && (got = read(said[0], part, sizeof part)) > 0;)
    heard.append(part, size_t(got));
  unlink(configuration.c_str());
  if (heard.find("RouDi is ready for clients") != std::string::npos)
    return true; /* the pipe stays open, so that it can go on talking */
  std::fprintf(stderr, "iceoryx: iox-roudi did not start: %s\n", heard.c_str());
  return false;
}

void finish(const peer_job *) {
  if (roudi <= 0) return;
  kill(roudi, SIGTERM);
  waitpid(roudi, nullptr, 0);
}

bool open_publisher(End *of, const peer_job *job, const iox::capro::ServiceDescription &service, uint32_t readers) {
  iox::popo::PublisherOptions options;
  options.subscriberTooSlowPolicy =
      job->newest ? iox::popo::ConsumerTooSlowPolicy::DISCARD_OLDEST_DATA : iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
  of->publisher = std::make_unique<iox::popo::UntypedPublisher>(service, options);
  (void)readers;
  while (!of->publisher->hasSubscribers()) rest();
  return true;
}

bool open_subscriber(End *of, const peer_job *job, const iox::capro::ServiceDescription &service) {
  iox::popo::SubscriberOptions options;
  options.queueCapacity = job->newest ? 1 : job->most_waiting < 256 ? job->most_waiting : 256;
  options.queueFullPolicy =
      job->newest ? iox::popo::QueueFullPolicy::DISCARD_OLDEST_DATA : iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
  of->subscriber = std::make_unique<iox::popo::UntypedSubscriber>(service, options);
  while (of->subscriber->getSubscriptionState() != iox::SubscribeState::SUBSCRIBED) rest();
  if (job->polls) return true;
  of->waits = std::make_unique<iox::popo::WaitSet<1>>();
  return !of->waits->attachState(*of->subscriber, iox::popo::SubscriberState::HAS_DATA).has_error();
}

void *open_end(const peer_job *job, uint32_t link, bool writes, uint32_t reader) {
  static bool known = false;
  if (!known) {
    iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kError,
                                                             iox::log::LogLevelOutput::kHideLogLevel);
    iox::runtime::PoshRuntime::initRuntime(
        iox::RuntimeName_t(iox::cxx::TruncateToCapacity, "bench-" + std::to_string(getpid())));
  }
  known = true;
  (void)reader;
  auto made = std::make_unique<End>();
  made->bytes = job->bytes;
  iox::capro::ServiceDescription service(
      iox::capro::IdString_t("bench"), iox::capro::IdString_t(iox::cxx::TruncateToCapacity, std::string(job->name)),
      iox::capro::IdString_t(iox::cxx::TruncateToCapacity, std::string(link == 0 ? "there" : "back")));
  bool good = writes ? open_publisher(made.get(), job, service, link == 0 ? job->readers : 1)
                     : open_subscriber(made.get(), job, service);
  return good ? made.release() : nullptr;
}

bool send_one(void *of, const void *payload) {
  auto *to = static_cast<End *>(of);
  for (;;) { /* all chunks may be under way for a moment */
    auto loan = to->publisher->loan(uint32_t(to->bytes));
    if (loan.has_error()) {
      bench_relax();
      continue;
    }
    std::memcpy(loan.value(), payload, to->bytes);
    to->publisher->publish(loan.value());
    return true;
  }
}

const void *receive(void *of) {
  auto *from = static_cast<End *>(of);
  for (;;) {
    auto taken = from->subscriber->take();
    if (!taken.has_error()) return from->taken = taken.value();
    if (taken.get_error() != iox::popo::ChunkReceiveResult::NO_CHUNK_AVAILABLE) return nullptr;
    if (from->waits)
      (void)from->waits->wait();
    else
      bench_relax();
  }
}

void release(void *of) {
  auto *from = static_cast<End *>(of);
  from->subscriber->release(from->taken);
}

void close_end(void *of) { delete static_cast<End *>(of); }

}  // namespace

extern "C" const peer bench_peer = {
    "iceoryx", PEER_POLLS | PEER_BLOCKS | PEER_ANSWERS | PEER_EVERY | PEER_READERS | PEER_NEWEST,
    0,         version,
    prepare,   finish,
    open_end,  send_one,
    receive,   release,
    close_end};
