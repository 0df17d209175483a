// The connections of a transport by number. Slots are made in blocks that never move, and used again
// last in, first out, so that a busy gateway touches few of them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "transport/connection.h"

namespace expressgateway::transport {

class SlotTable {
 public:
  explicit SlotTable(uint32_t capacity) : capacity_(capacity) {}

  // Null when every slot is taken, or no memory is left.
  Connection* Take();
  // Forgets everything about it.
  void Release(Connection* connection);

  // Null for numbers that were never given out.
  Connection* Find(int32_t id) {
    auto index = static_cast<uint32_t>(id);
    return index < made_ ? &blocks_[index / kBlockSlots][index % kBlockSlots] : nullptr;
  }

  uint32_t taken() const { return made_ - static_cast<uint32_t>(free_.size()); }
  // Numbers given out so far are below this.
  uint32_t made() const { return made_; }

 private:
  static constexpr uint32_t kBlockSlots = 1024;

  uint32_t capacity_;
  uint32_t made_ = 0;
  std::vector<std::unique_ptr<Connection[]>> blocks_;
  std::vector<int32_t> free_;
};

}  // namespace expressgateway::transport
