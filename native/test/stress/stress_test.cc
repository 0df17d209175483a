// Tens of thousands of connections between two transports, which are opened, flooded, half-closed,
// paused, reset and dropped at random, each by its plan. Every byte is checked; those whose plan cuts
// nothing must come through whole; and nothing may be left.
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "stress/accepting_side.h"
#include "stress/dialling_side.h"
#include "support/raw_socket.h"
#include "support/registry.h"
#include "support/tls_contexts.h"

namespace expressgateway::test {
namespace {

// Connections at a time.
constexpr uint32_t kActive = 300;

// Without any event for so long, those that are left are stuck.
constexpr auto kPatience = std::chrono::seconds(20);

// STRESS_CONNECTIONS in the environment, else what the Makefile gives the variant.
uint32_t CountOfConnections() {
  const char* given = std::getenv("STRESS_CONNECTIONS");
  return given == nullptr ? DEFAULT_STRESS_CONNECTIONS : static_cast<uint32_t>(std::atoi(given));
}

class Stress {
 public:
  Stress(const std::string& engine, uint64_t seed)
      : seed_(seed),
        dialling_(engine, seed + 1, &stream_, contexts_.client),
        accepting_(engine, seed + 2, &stream_, &flows_, contexts_.server) {
    for (int count = 0; count < 3; count++) Listen("127.0.0.1", 0, false);
    if (HasIpv6()) Listen("::1", 0, false);
    Listen(folder_.Path("unix"), -1, false);
    Listen("127.0.0.1", 0, true);
    Listen(folder_.Path("unix with TLS"), -1, true);
  }

  void Run(uint32_t count) {
    while (flows_.size() < count || busy()) {
      while (flows_.size() < count && dialling_.active() < kActive) Start();
      Turn();
    }
    CHECK(accepting_.host.accept_errors.empty());
  }

  // What became of the connections.
  void Report() const {
    uint64_t whole = 0;
    uint64_t bytes = 0;
    for (const auto& flow : flows_) {
      CHECK(flow->dial.closed);
      if (flow->plan.whole()) CHECK(flow->accept.closed);
      whole += flow->plan.whole();
      bytes += flow->dial.received + flow->accept.received;
    }
    std::printf("  %zu connections, %zu of them whole, %zu MiB checked, seed %zu\n", flows_.size(),
                static_cast<size_t>(whole), static_cast<size_t>(bytes >> 20),
                static_cast<size_t>(seed_));
  }

 private:
  bool busy() {
    return dialling_.host.transport().connections() + accepting_.host.transport().connections() > 0;
  }

  void Listen(const std::string& host, int port, bool secure) {
    RawSocket listener = RawSocket::Listen(host, port);
    targets_.push_back({host, port == -1 ? -1 : listener.port(), secure});
    int32_t id = accepting_.host.transport().Listen(listener.Release());
    if (secure) accepting_.Secure(id);
  }

  void Start() {
    auto flow = std::make_unique<Flow>();
    flow->number = static_cast<uint32_t>(flows_.size());
    flow->plan = MakePlan(seed_, flow->number, static_cast<uint32_t>(targets_.size()));
    flow->plan.secure = targets_[flow->plan.listener].secure;
    flows_.push_back(std::move(flow));
    dialling_.Start(flows_.back().get(), targets_[flows_.back()->plan.listener]);
  }

  void Turn() {
    int64_t before = dialling_.host.batches + accepting_.host.batches;
    dialling_.Wake();
    accepting_.Wake();
    dialling_.Pump();
    dialling_.host.Turn(0);
    accepting_.host.Turn(0);
    if (dialling_.host.batches + accepting_.host.batches != before) {
      progress_ = std::chrono::steady_clock::now();
    } else {
      Wait();
    }
  }

  void Wait() {
    if (std::chrono::steady_clock::now() - progress_ > kPatience) FailStuck();
    pollfd both[] = {{dialling_.host.transport().poll_fd(), POLLIN, 0},
                     {accepting_.host.transport().poll_fd(), POLLIN, 0}};
    poll(both, 2, 1);
  }

  void FailStuck() const {
    for (const auto& flow : flows_) {
      if (flow->dial.closed && (flow->accept.closed || flow->accept.record == nullptr)) continue;
      std::printf("  stuck: %u, answer %d, ending %d, of %u bytes: dialler sent %u, received %u, "
                  "closed %d; acceptor sent %u, received %u, closed %d\n",
                  flow->number, static_cast<int>(flow->plan.answer),
                  static_cast<int>(flow->plan.ending), flow->plan.bytes, flow->dial.sent,
                  flow->dial.received, flow->dial.closed, flow->accept.sent, flow->accept.received,
                  flow->accept.closed);
    }
    Fail(__FILE__, __LINE__, "connections are stuck");
  }

  uint64_t seed_;
  Stream stream_;
  TlsContexts contexts_;
  TemporaryFolder folder_;
  std::vector<std::unique_ptr<Flow>> flows_;
  DiallingSide dialling_;
  AcceptingSide accepting_;
  std::vector<Target> targets_;
  std::chrono::steady_clock::time_point progress_ = std::chrono::steady_clock::now();
};

TRANSPORT_TEST("stress: connections that do everything at once, and nothing is left") {
  Stress stress(engine, ChooseSeed());
  stress.Run(CountOfConnections());
  stress.Report();
}

}  // namespace
}  // namespace expressgateway::test
