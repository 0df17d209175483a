#include "transport/uring_buffers.h"

#include <sys/mman.h>

#include <bit>
#include <cerrno>
#include <cstddef>

namespace expressgateway::transport {
namespace {

// The kernel's limit.
constexpr uint32_t kMaxEntries = 32768;

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
  taken_.reserve(count_);
  for (uint32_t buffer = 0; buffer < count_; buffer++) taken_.push_back(static_cast<uint16_t>(buffer));
  GiveBack();
  return 0;
}

void UringBuffers::GiveBack() {
  if (taken_.empty()) return;
  for (uint16_t buffer : taken_) Give(buffer);
  taken_.clear();
  // The ring's tail lies in the first entry's last field (struct io_uring_buf_ring, whose `bufs`
  // begins elsewhere in C++ than in C).
  __atomic_store_n(&entries_[0].resv, tail_, __ATOMIC_RELEASE);
}

void UringBuffers::Give(uint16_t buffer) {
  io_uring_buf& entry = entries_[tail_++ & mask_];
  entry.addr = reinterpret_cast<uint64_t>(memory_ + Offset(buffer));
  entry.len = buffer_bytes_;
  entry.bid = buffer;
}

}  // namespace expressgateway::transport
