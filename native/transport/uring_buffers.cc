#include "transport/uring_buffers.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>

namespace expressgateway::transport {
namespace {

// The kernel's limit.
constexpr uint32_t kMaxEntries = 32768;

// New kernels do about twenty things in one call; each takes one buffer if it is a small message.
constexpr uint32_t kScarceFrom = 32;

}  // namespace

UringBuffers::~UringBuffers() {
  if (entries_ != nullptr) munmap(entries_, entry_bytes_);
}

int UringBuffers::Open(UringRing* ring, uint8_t* memory, uint32_t size, uint32_t buffer_bytes) {
  memory_ = memory;
  buffer_bytes_ = buffer_bytes;
  count_ = size / buffer_bytes;
  uint32_t entries = std::bit_ceil(count_);
  if (count_ == 0 || entries > kMaxEntries) return EINVAL;
  entry_bytes_ = entries * sizeof(io_uring_buf);
  mask_ = static_cast<uint16_t>(entries - 1);
  void* memory_of_ring = mmap(nullptr, entry_bytes_, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory_of_ring == MAP_FAILED) return errno;
  entries_ = static_cast<io_uring_buf*>(memory_of_ring);
  io_uring_buf_reg registration = {};
  registration.ring_addr = reinterpret_cast<uint64_t>(entries_);
  registration.ring_entries = entries;
  registration.bgid = kGroup;
  int error = ring->Register(IORING_REGISTER_PBUF_RING, &registration, 1);
  if (error != 0) return error;
  scarce_from_ = std::min(kScarceFrom, count_ / 4);
  positions_.resize(count_);
  taken_.reserve(count_);
  Take(0, count_ * buffer_bytes_);
  GiveBack();
  return 0;
}

// The kernel may have shortened entries: it puts no more into one than it expected to receive.
uint32_t UringBuffers::Fill(uint16_t buffer, uint32_t size) {
  uint32_t filled = 0;
  for (uint16_t position = positions_[buffer];; position++) {
    const io_uring_buf& entry = entries_[position & mask_];
    free_--;
    filled += entry.len;
    if (filled >= size) return size;
    uint16_t next = entries_[(position + 1) & mask_].bid;
    if (entry.len < buffer_bytes_ || next != entry.bid + 1) return filled;
  }
}

uint16_t UringBuffers::Behind(uint16_t buffer, uint32_t size) const {
  return entries_[(positions_[buffer] + Count(size)) & mask_].bid;
}

void UringBuffers::Take(uint16_t buffer, uint32_t size) {
  for (uint32_t index = 0; index < Count(size); index++) {
    taken_.push_back(static_cast<uint16_t>(buffer + index));
  }
}

void UringBuffers::GiveBack() {
  if (taken_.empty()) return;
  // Completions may be in another order than the kernel took them.
  auto earlier = [this](uint16_t one, uint16_t other) {
    return static_cast<int16_t>(positions_[one] - positions_[other]) < 0;
  };
  if (!std::is_sorted(taken_.begin(), taken_.end(), earlier)) {
    std::sort(taken_.begin(), taken_.end(), earlier);
  }
  for (uint16_t buffer : taken_) Give(buffer);
  free_ += static_cast<uint32_t>(taken_.size());
  taken_.clear();
  // The ring's tail lies in the first entry's last field (struct io_uring_buf_ring, whose `bufs`
  // begins elsewhere in C++ than in C).
  __atomic_store_n(&entries_[0].resv, tail_, __ATOMIC_RELEASE);
}

void UringBuffers::Give(uint16_t buffer) {
  positions_[buffer] = tail_;
  io_uring_buf& entry = entries_[tail_++ & mask_];
  entry.addr = reinterpret_cast<uint64_t>(memory_ + Offset(buffer));
  entry.len = buffer_bytes_;
  entry.bid = buffer;
}

}  // namespace expressgateway::transport
