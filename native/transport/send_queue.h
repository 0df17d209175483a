// Bytes of one connection that the kernel has not taken yet, in blocks of their own: the arenas they
// were encoded into are free again when a batch ends. An empty queue holds no memory.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

namespace expressgateway::transport {

class SendQueue {
 public:
  SendQueue() = default;
  ~SendQueue() { Clear(); }
  SendQueue(const SendQueue&) = delete;
  SendQueue& operator=(const SendQueue&) = delete;

  // False when there is no memory; nothing was appended then.
  bool Append(const uint8_t* bytes, size_t size);

  // The first bytes, in up to `capacity` pieces; returns how many pieces.
  int Peek(iovec* pieces, int capacity) const;

  // The kernel has taken so many of the first bytes.
  void Pop(size_t size);

  // Moves up to `size` of the first bytes; returns how many.
  size_t Read(uint8_t* bytes, size_t size);

  void Clear();

  size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

 private:
  struct Block;

  Block* first_ = nullptr;
  Block* last_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace expressgateway::transport
