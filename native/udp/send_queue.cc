#include "udp/send_queue.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace expressgateway::udp {

struct SendQueue::Entry {
  Entry* next;
  Datagram path;
  uint32_t size;
  uint32_t sent;
  bool single;

  // They lie behind it.
  uint8_t* bytes() { return reinterpret_cast<uint8_t*>(this + 1); }
  size_t room() const { return sizeof(Entry) + size; }
};

SendQueue::~SendQueue() {
  while (!empty()) Pop();
}

bool SendQueue::Append(const Run& run) {
  uint32_t left = run.size - run.sent;
  if (bytes_ + sizeof(Entry) + left > kMaxQueuedBytes) return false;
  void* memory = std::malloc(sizeof(Entry) + left);
  if (memory == nullptr) return false;
  auto* entry = new (memory) Entry{nullptr, *run.path, left, 0, run.single};
  if (left > 0) std::memcpy(entry->bytes(), run.bytes + run.sent, left);
  (first_ == nullptr ? first_ : last_->next) = entry;
  last_ = entry;
  bytes_ += entry->room();
  return true;
}

uint32_t SendQueue::Peek(Run* runs, uint32_t capacity) const {
  uint32_t count = 0;
  for (Entry* entry = first_; entry != nullptr && count < capacity; entry = entry->next) {
    runs[count++] = {&entry->path, entry->bytes(), entry->size, entry->sent, false, entry->single};
  }
  return count;
}

void SendQueue::Pop() {
  Entry* entry = first_;
  first_ = entry->next;
  bytes_ -= entry->room();
  std::free(entry);
}

void SendQueue::Progress(const Run& first) {
  first_->sent = first.sent;
  first_->single = first.single;
}

}  // namespace expressgateway::udp
