// Runs of datagrams that the kernel has not taken yet, with copies of their bytes: the arena they were
// encoded into is free again when a batch ends. Bounded; an empty queue holds no memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "udp/run.h"

namespace expressgateway::udp {

// An owner that stops when its socket is blocked leaves here no more than it had staged by then, an
// arena of 512 KiB, and what it stages once more before it looks. Others lose what is beyond.
constexpr size_t kMaxQueuedBytes = 4 * 1024 * 1024;

class SendQueue {
 public:
  SendQueue() = default;
  ~SendQueue();
  SendQueue(const SendQueue&) = delete;
  SendQueue& operator=(const SendQueue&) = delete;

  // Takes what is left of a run; false: there is no room or no memory for it.
  bool Append(const Run& run);
  // The first runs, up to `capacity`; returns how many.
  uint32_t Peek(Run* runs, uint32_t capacity) const;
  // The first run has gone, or so much of it.
  void Pop();
  void Progress(const Run& first);

  bool empty() const { return first_ == nullptr; }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry;

  Entry* first_ = nullptr;
  Entry* last_ = nullptr;
  // With what the entries themselves take, so that empty datagrams are bounded too.
  size_t bytes_ = 0;
};

}  // namespace expressgateway::udp
