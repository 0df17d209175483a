#include "transport/slot_table.h"

#include <new>

namespace expressgateway::transport {

Connection* SlotTable::Take() {
  if (!free_.empty()) {
    int32_t id = free_.back();
    free_.pop_back();
    return Find(id);
  }
  if (made_ == capacity_) return nullptr;
  if (made_ % kBlockSlots == 0) {
    auto* block = new (std::nothrow) Connection[kBlockSlots];
    if (block == nullptr) return nullptr;
    blocks_.emplace_back(block);
    // Room for every slot, so that a release needs no memory.
    free_.reserve(blocks_.size() * kBlockSlots);
  }
  auto id = static_cast<int32_t>(made_++);
  Connection* connection = Find(id);
  connection->id = id;
  return connection;
}

void SlotTable::Release(Connection* connection) {
  int32_t id = connection->id;
  uint32_t generation = connection->generation + 1;
  connection->~Connection();
  new (connection) Connection();
  connection->id = id;
  connection->generation = generation;
  free_.push_back(id);
}

}  // namespace expressgateway::transport
