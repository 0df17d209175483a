// A datagram socket: receives what has come in batches, sends what was staged, and tells what the
// network says of peers. Knows nothing of Node.js: a host runs the event loop.
#pragma once

#include <cstdint>

#include "udp/layout.h"
#include "udp/receiver.h"
#include "udp/sender.h"

namespace expressgateway::udp {

// What a descriptor may be ready for.
constexpr int kReadable = 1;
constexpr int kWritable = 2;
constexpr int kError = 4;

// Whoever runs the event loop.
class Host {
 public:
  virtual ~Host() = default;
  // Hands over so many records of datagrams that came and of peers that cannot be reached, and whether
  // all that waited has gone out. Returns how many runs were staged.
  virtual uint32_t Deliver(uint32_t datagrams, uint32_t unreachable, bool drained) = 0;
  // What the descriptor is to be watched for, as long as it stays so. Errors always are, unless it is 0.
  virtual void Watch(int events) = 0;
  // Asks for a `Tick` in the loop's next turn.
  virtual void Poke() = 0;
  // The socket is of no use any more.
  virtual void Fail(int error) = 0;
};

// System calls that receive in one tick; the kernel keeps what is left, and announces it again, so that
// timers and others get their turn.
constexpr int kMaxRounds = 8;

class Socket final : private Sender::Listener {
 public:
  // `fd` is of `OpenSocket` and is this socket's from now on.
  Socket(int fd, const SharedMemory& memory, Host* host);
  ~Socket() override;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // Starts to receive. Before, what comes waits in the kernel.
  void Start();
  // Receives nothing more, and tells nothing more.
  void Stop();
  // Sends the first `count` staged runs.
  void Run(uint32_t count);
  // Handles what the descriptor is ready for.
  void Tick(int events);

  int fd() const { return fd_; }
  Sender& sender() { return sender_; }

 private:
  void NoRoute(const Datagram& path, int error) override;

  void Receive();
  bool ReceiveBatch();
  void DeliverBatch();
  void ReadErrors();
  void Deliver(uint32_t datagrams);
  void Watch();

  int fd_;
  SharedMemory memory_;
  Host* host_;
  Receiver receiver_;
  Sender sender_;
  uint32_t unreachable_ = 0;
  bool drained_ = false;
  bool receiving_ = false;
  int watched_ = 0;
};

}  // namespace expressgateway::udp
