// What connections send in tests: bytes that tell from which connection and from which place in its
// stream they are, so that any that is lost, doubled or strayed is seen.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "support/random.h"

namespace expressgateway::test {

class Pattern {
 public:
  // The longest piece that can be had, or compared, at once.
  static constexpr size_t kMaxPiece = 64 * 1024;

  Pattern() : bytes_(kPeriod + kMaxPiece) {
    Random random(1);
    for (size_t at = 0; at < kPeriod; at++) bytes_[at] = static_cast<uint8_t>(random.Word());
    std::memcpy(bytes_.data() + kPeriod, bytes_.data(), kMaxPiece);
  }

  // `kMaxPiece` bytes of the stream of `number` from `offset` on.
  const uint8_t* At(uint32_t number, size_t offset) const {
    return bytes_.data() + (size_t{number} * kStride + offset) % kPeriod;
  }

  bool Fits(uint32_t number, size_t offset, const uint8_t* bytes, size_t size) const {
    return size <= kMaxPiece && std::memcmp(At(number, offset), bytes, size) == 0;
  }

  std::string Text(uint32_t number, size_t size) const {
    std::string text;
    while (text.size() < size) {
      size_t piece = size - text.size() < kMaxPiece ? size - text.size() : kMaxPiece;
      text.append(reinterpret_cast<const char*>(At(number, text.size())), piece);
    }
    return text;
  }

 private:
  // A prime above `kMaxPiece`, and how far streams lie apart in it.
  static constexpr size_t kPeriod = 65537;
  static constexpr size_t kStride = 7919;

  std::vector<uint8_t> bytes_;
};

}  // namespace expressgateway::test
