// Sends runs of datagrams: as many as can be in one system call, each run as one (UDP_SEGMENT) where the
// kernel and the device take that. What the kernel has no room for waits in a queue.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>

#include "udp/layout.h"
#include "udp/run.h"
#include "udp/send_queue.h"

namespace expressgateway::udp {

// Messages of one system call.
constexpr uint32_t kMaxSends = 64;

// UDP_MAX_SEGMENTS of the oldest kernels.
constexpr uint32_t kMaxSegments = 64;

// A run is sent as one up to here: below what the headers leave of 64 KiB, whatever they are.
constexpr uint32_t kMaxRunBytes = 65'000;

// A send may tell of an error that an earlier datagram met, which clears it. So often one is tried again
// before its own error is believed.
constexpr int kMaxRetries = 2;

// Where a socket is bound to.
struct Bound {
  int family;
  // To no address, so that each datagram may choose its local one.
  bool any;
};

class Sender {
 public:
  // Who wants to know that a datagram could not be sent for want of a route.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void NoRoute(const Datagram& path, int error) = 0;
  };

  // `fd` stays the caller's.
  Sender(int fd, const Bound& bound, State* state, Listener* listener);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // Sends, or queues, runs whose bytes lie in `out`, of `out_bytes`.
  void Send(const Datagram* runs, uint32_t count, const uint8_t* out, uint32_t out_bytes);
  // The kernel has room again.
  void SendQueued();

  // Something waits for the kernel.
  bool waiting() const { return !queue_.empty(); }
  // The kernel takes runs.
  bool segments() const { return segments_; }
  // For tests of what becomes of sockets whose kernel or device does not.
  void DisableSegments() { segments_ = false; }

 private:
  struct Slots;

  uint32_t SendRuns(Run* runs, uint32_t count);
  uint32_t Prepare(const Run* runs, uint32_t count);
  uint32_t NextBytes(const Run& run, uint32_t from) const;
  void Address(uint32_t slot, const Datagram& path, uint32_t segment);
  void Took(Run* runs, uint32_t messages);
  void Failed(Run* run, uint32_t bytes, int error);
  void GiveUp(Run* run, uint32_t bytes, int error);
  void Enqueue(const Run& run);
  void Drop(uint32_t datagrams) { state_->dropped += datagrams; }

  int fd_;
  Bound bound_;
  State* state_;
  Listener* listener_;
  bool segments_;
  int retries_ = 0;
  // The kernel refused a run, and may take its datagrams one by one: then it takes no runs.
  bool suspects_ = false;
  SendQueue queue_;
  std::unique_ptr<Slots> slots_;
};

}  // namespace expressgateway::udp
