#include "transport/send_queue.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace expressgateway::transport {
namespace {

// A block is at least so big, so that many small pieces share one.
constexpr size_t kBlockBytes = 16 * 1024;

}  // namespace

struct SendQueue::Block {
  Block* next;
  uint32_t begin;
  uint32_t end;
  uint32_t capacity;
  uint8_t bytes[];
};

bool SendQueue::Append(const uint8_t* bytes, size_t size) {
  if (size == 0) return true;
  size_t room = last_ == nullptr ? 0 : last_->capacity - last_->end;
  size_t here = std::min(room, size);
  size_t rest = size - here;
  if (rest > 0) {
    size_t capacity = std::max(kBlockBytes - sizeof(Block), rest);
    auto* block = static_cast<Block*>(std::malloc(sizeof(Block) + capacity));
    if (block == nullptr) return false;
    *block = {nullptr, 0, static_cast<uint32_t>(rest), static_cast<uint32_t>(capacity)};
    std::memcpy(block->bytes, bytes + here, rest);
    (last_ == nullptr ? first_ : last_->next) = block;
    if (here > 0) std::memcpy(last_->bytes + last_->end, bytes, here);
    if (here > 0) last_->end += static_cast<uint32_t>(here);
    last_ = block;
  } else {
    std::memcpy(last_->bytes + last_->end, bytes, here);
    last_->end += static_cast<uint32_t>(here);
  }
  bytes_ += size;
  return true;
}

int SendQueue::Peek(iovec* pieces, int capacity) const {
  int count = 0;
  for (Block* block = first_; block != nullptr && count < capacity; block = block->next) {
    pieces[count++] = {block->bytes + block->begin, block->end - block->begin};
  }
  return count;
}

void SendQueue::Pop(size_t size) {
  bytes_ -= size;
  while (size > 0) {
    size_t here = std::min<size_t>(size, first_->end - first_->begin);
    first_->begin += static_cast<uint32_t>(here);
    size -= here;
    if (first_->begin == first_->end) {
      Block* next = first_->next;
      std::free(first_);
      first_ = next;
    }
  }
  if (first_ == nullptr) last_ = nullptr;
}

size_t SendQueue::Read(uint8_t* bytes, size_t size) {
  size_t wanted = std::min(size, bytes_);
  for (size_t rest = wanted; rest > 0;) {
    size_t here = std::min<size_t>(rest, first_->end - first_->begin);
    std::memcpy(bytes, first_->bytes + first_->begin, here);
    Pop(here);
    bytes += here;
    rest -= here;
  }
  return wanted;
}

void SendQueue::Clear() {
  while (first_ != nullptr) {
    Block* next = first_->next;
    std::free(first_);
    first_ = next;
  }
  last_ = nullptr;
  bytes_ = 0;
}

}  // namespace expressgateway::transport
