// The slab as buffers that the kernel fills as bytes arrive (a provided-buffer ring), so that
// connections that wait need none of their own. The kernel takes them in the order in which they
// were given, and they are given back in the order in which it took them: what one connection
// received at a stretch lies at a stretch.
#pragma once

#include <linux/io_uring.h>

#include <cstdint>
#include <vector>

#include "transport/uring_ring.h"

namespace expressgateway::transport {

class UringBuffers {
 public:
  // Their group among the ring's.
  static constexpr uint16_t kGroup = 0;

  UringBuffers() = default;
  ~UringBuffers();
  UringBuffers(const UringBuffers&) = delete;
  UringBuffers& operator=(const UringBuffers&) = delete;

  // Divides `size` bytes into buffers of `buffer_bytes`. An errno, or 0. The memory must outlive the
  // ring.
  int Open(UringRing* ring, uint8_t* memory, uint32_t size, uint32_t buffer_bytes);

  // The kernel has filled this one.
  void Take(uint16_t buffer) { taken_.push_back(buffer); }
  // The kernel may fill all that were taken again.
  void GiveBack();
  // Where a buffer begins in the memory.
  uint32_t Offset(uint16_t buffer) const { return buffer * buffer_bytes_; }
  uint32_t buffer_bytes() const { return buffer_bytes_; }
  // Every one is in use.
  bool exhausted() const { return taken_.size() >= count_; }

 private:
  void Give(uint16_t buffer);

  uint8_t* memory_ = nullptr;
  uint32_t buffer_bytes_ = 0;
  uint32_t count_ = 0;
  io_uring_buf* entries_ = nullptr;
  size_t entry_bytes_ = 0;
  uint16_t mask_ = 0;
  uint16_t tail_ = 0;
  std::vector<uint16_t> taken_;
};

}  // namespace expressgateway::transport
