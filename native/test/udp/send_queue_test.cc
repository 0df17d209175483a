// The queue of runs that wait for the kernel.
#include "udp/send_queue.h"

#include <string>
#include <vector>

#include "support/registry.h"

namespace expressgateway::udp {
namespace {

Datagram PathTo(uint32_t port, uint32_t segment) {
  Datagram path = {};
  path.remote_port = port;
  path.segment = segment;
  return path;
}

Run RunOf(const Datagram& path, const std::string& bytes, uint32_t sent = 0) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  return {&path, data, static_cast<uint32_t>(bytes.size()), sent, false, false};
}

std::string Left(const Run& run) {
  return std::string(reinterpret_cast<const char*>(run.bytes) + run.sent, run.size - run.sent);
}

TEST("udp queue: keeps what is left of runs, in order") {
  SendQueue queue;
  CHECK(queue.empty());
  CHECK_EQ(queue.bytes(), 0);
  {
    Datagram path = PathTo(7, 3);
    std::string bytes = "abcdefgh";
    CHECK(queue.Append(RunOf(path, bytes, 3)));
    CHECK(queue.Append(RunOf(PathTo(8, 0), "")));
    CHECK(queue.Append(RunOf(PathTo(9, 1), "z")));
    bytes = "overwritten";
  }
  Run runs[8];
  CHECK_EQ(queue.Peek(runs, 8), 3);
  CHECK_EQ(Left(runs[0]), "defgh");
  CHECK_EQ(runs[0].path->remote_port, 7);
  CHECK_EQ(Left(runs[1]), "");
  CHECK_EQ(runs[2].path->remote_port, 9);
  CHECK_EQ(queue.Peek(runs, 1), 1);
  runs[0].sent = 3;
  runs[0].single = true;
  queue.Progress(runs[0]);
  Run again;
  CHECK_EQ(queue.Peek(&again, 1), 1);
  CHECK_EQ(Left(again), "gh");
  CHECK(again.single);
  for (int count = 0; count < 3; count++) queue.Pop();
  CHECK(queue.empty());
  CHECK_EQ(queue.bytes(), 0);
}

TEST("udp queue: is bounded, for empty datagrams too") {
  Datagram path = PathTo(1, 0);
  for (const std::string& bytes : {std::string(), std::string(60'000, 'x')}) {
    SendQueue queue;
    size_t taken = 0;
    while (queue.Append(RunOf(path, bytes))) taken++;
    CHECK(taken > 60 && taken < kMaxQueuedBytes / sizeof(Datagram));
    CHECK(queue.bytes() <= kMaxQueuedBytes);
    queue.Pop();
    CHECK(queue.Append(RunOf(path, bytes)));
    CHECK(!queue.Append(RunOf(path, bytes)));
  }
}

TEST("udp run: counts its datagrams") {
  CHECK_EQ(CountDatagrams(PathTo(1, 0), 0), 1);
  CHECK_EQ(CountDatagrams(PathTo(1, 10), 0), 1);
  CHECK_EQ(CountDatagrams(PathTo(1, 10), 10), 1);
  CHECK_EQ(CountDatagrams(PathTo(1, 10), 11), 2);
  CHECK_EQ(CountDatagrams(PathTo(1, 10), 20), 2);
}

}  // namespace
}  // namespace expressgateway::udp
