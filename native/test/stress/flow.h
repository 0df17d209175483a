// One connection of the stress test as both of its sides know it, and the bytes that it carries: its
// number, then the pattern of that number.
#pragma once

#include <cstdint>
#include <cstring>

#include "stress/plan.h"
#include "support/pattern.h"
#include "support/test_host.h"

namespace expressgateway::test {

constexpr uint32_t kNumberBytes = sizeof(uint32_t);

struct Side {
  // Null before it is open, and when it is closed.
  RecordPtr record;
  uint32_t sent = 0;
  uint32_t received = 0;
  // Paused for a while; the turn in which that is over.
  bool rests = false;
  uint64_t rests_until = 0;
  // Paused until what it has sent is gone.
  bool held = false;
  bool closed = false;
};

struct Flow {
  uint32_t number = 0;
  Plan plan;
  Side dial;
  Side accept;
  // The dialling side sends no more.
  bool sent_all = false;
};

class Stream {
 public:
  // The bytes of a stream from `offset` on, at most `Pattern::kMaxPiece`.
  void Copy(uint32_t number, uint32_t offset, uint8_t* to, uint32_t size) const {
    std::memcpy(to, pattern_.At(number, offset), size);
    for (uint32_t at = offset; at < kNumberBytes && at < offset + size; at++) {
      to[at - offset] = static_cast<uint8_t>(number >> (8 * at));
    }
  }

  bool Fits(uint32_t number, uint32_t offset, const uint8_t* bytes, uint32_t size) const {
    while (size > 0 && offset < kNumberBytes) {
      if (*bytes != static_cast<uint8_t>(number >> (8 * offset))) return false;
      bytes++, offset++, size--;
    }
    return pattern_.Fits(number, offset, bytes, size);
  }

 private:
  Pattern pattern_;
};

}  // namespace expressgateway::test
