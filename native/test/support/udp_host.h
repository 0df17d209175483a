// Plays TypeScript and its event loop for a datagram socket: turns only when the descriptor is ready for what
// the socket asked for or it has poked, keeps what came, and stages what is to go out. Every batch of every
// test is judged by the rules that src/fastpath/native-udp.ts relies on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "udp/open_socket.h"
#include "udp/socket.h"

namespace expressgateway::test {

// What a socket has to work in. Each arena is an allocation of its own, of exactly this size, so that
// AddressSanitizer sees a step beyond it.
struct UdpSizes {
  uint32_t messages = 32;
  uint32_t received = 2048;
  uint32_t unreachable = 64;
  uint32_t out_bytes = 512 * 1024;
  uint32_t staged = 512;
};

// The smallest that a socket can work in.
constexpr UdpSizes kTinyUdp = {1, 1, 1, 64 * 1024, 1};

// An address as text would have it: numeric host and port.
struct UdpPlace {
  std::string host;
  int port = 0;
  bool operator==(const UdpPlace&) const = default;
};

// One datagram that came.
struct UdpArrival {
  std::string bytes;
  UdpPlace remote;
  std::string local;
  uint32_t ecn = 0;
};

struct UdpTold {
  UdpPlace remote;
  uint32_t error = 0;
};

class UdpHost final : public udp::Host {
 public:
  explicit UdpHost(const udp::OpenOptions& options, const UdpSizes& sizes = {});
  // Bound to any free port of IPv4 loopback.
  explicit UdpHost(const UdpSizes& sizes = {});

  udp::Socket& socket() { return *socket_; }
  const udp::State& state() const { return *state_; }
  int port() const { return static_cast<int>(state_->port); }
  bool open() const { return socket_ != nullptr; }

  // Stages a run; outside of a call it goes out at once. `segment` 0: all in one.
  void Send(const UdpPlace& to, std::string_view bytes, uint32_t segment = 0,
            const std::string& local = "", uint32_t ecn = 0);
  // Sends what is staged.
  void Flush();
  // As TypeScript does: what is staged goes out, then the descriptor goes.
  void Close();

  // One turn of the event loop that waits for at most `timeout_ms`.
  void Turn(int timeout_ms);
  // Turns until the condition holds; fails the test when it does not in time.
  void Until(const char* what, const std::function<bool()>& holds);
  void AwaitArrivals(size_t count);

  std::vector<UdpArrival> arrivals;
  std::vector<UdpTold> told;
  // Datagrams of each call.
  std::vector<uint32_t> batches;
  int drains = 0;
  int failed = 0;
  // Called for each datagram after it was kept.
  std::function<void(const UdpArrival& arrival)> on_arrival;
  // Off: datagrams are only counted and shown to `on_arrival`.
  bool keep = true;
  uint64_t count = 0;

 private:
  uint32_t Deliver(uint32_t datagrams, uint32_t unreachable, bool drained) override;
  void Watch(int events) override { watched_ = events; }
  void Poke() override { poked_ = true; }
  void Fail(int error) override { failed = error; }

  void OnDatagram(const udp::Datagram& record);

  UdpSizes sizes_;
  std::unique_ptr<uint8_t[]> slab_;
  std::unique_ptr<udp::Datagram[]> received_;
  std::unique_ptr<udp::Unreachable[]> unreachable_;
  std::unique_ptr<uint8_t[]> out_;
  std::unique_ptr<udp::Datagram[]> staged_;
  std::unique_ptr<udp::State> state_;
  uint32_t staged_count_ = 0;
  uint32_t out_used_ = 0;
  int watched_ = 0;
  bool in_batch_ = false;
  bool poked_ = false;
  // The last, so that it goes before its memory.
  std::unique_ptr<udp::Socket> socket_;
};

// Options of a socket on any free port.
udp::OpenOptions AnyPort(const std::string& host, bool reuse_port = false, int buffer_bytes = 4 << 20);

// A plain datagram socket of the kernel: the far end in tests. It never blocks.
class UdpPeer {
 public:
  explicit UdpPeer(const std::string& host = "127.0.0.1");
  ~UdpPeer();
  UdpPeer(const UdpPeer&) = delete;
  UdpPeer& operator=(const UdpPeer&) = delete;

  void Send(const UdpPlace& to, std::string_view bytes);
  // Appends all that has come; in `from` who sent the last.
  void Read(std::vector<std::string>* out, UdpPlace* from = nullptr);
  // Sets an option of the socket to a number.
  void Set(int level, int option, int value);

  UdpPlace place() const { return {host_, port_}; }
  int fd() const { return fd_; }

 private:
  std::string host_;
  int fd_ = -1;
  int port_ = 0;
};

// Reads from a peer, turning a host meanwhile, until it has `count` datagrams.
std::vector<std::string> ReadAll(UdpHost* host, UdpPeer* peer, size_t count);

// Puts this test's process into a network of its own, with loopback up and as a command of the shell makes
// it. False when the machine lets it not, which was said; the test ends.
bool EnterOwnNetwork(const std::string& command = "true");

}  // namespace expressgateway::test
