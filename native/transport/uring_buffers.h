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

  // The kernel has filled `size` bytes from the beginning of this one on, and others in its order.
  // Returns how many of them lie at a stretch.
  uint32_t Fill(uint16_t buffer, uint32_t size);
  // The one that the kernel was given behind the first `size` bytes, whole buffers, from this one on.
  uint16_t Behind(uint16_t buffer, uint32_t size) const;
  // What was filled from this one on is used in the batch.
  void Take(uint16_t buffer, uint32_t size);
  // The kernel may fill all that were taken again.
  void GiveBack();
  // Where a buffer begins in the memory.
  uint32_t Offset(uint16_t buffer) const { return buffer * buffer_bytes_; }
  uint32_t Count(uint32_t size) const { return (size + buffer_bytes_ - 1) / buffer_bytes_; }
  uint32_t buffer_bytes() const { return buffer_bytes_; }
  // The kernel may soon find none.
  bool scarce() const { return free_ < scarce_from_; }

 private:
  void Give(uint16_t buffer);

  uint8_t* memory_ = nullptr;
  uint32_t buffer_bytes_ = 0;
  uint32_t count_ = 0;
  io_uring_buf* entries_ = nullptr;
  size_t entry_bytes_ = 0;
  uint16_t mask_ = 0;
  uint16_t tail_ = 0;
  uint32_t free_ = 0;
  uint32_t scarce_from_ = 0;
  // Where each was given last, counted by the ring's tail.
  std::vector<uint16_t> positions_;
  std::vector<uint16_t> taken_;
};

}  // namespace expressgateway::transport
