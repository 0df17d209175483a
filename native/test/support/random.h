// Seeded random choices. TEST_SEED in the environment repeats a run; a failed test prints its seed.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

#include "support/registry.h"

namespace expressgateway::test {

// A fresh seed, or the one of the environment; noted for the failure's report.
inline uint64_t ChooseSeed() {
  const char* given = std::getenv("TEST_SEED");
  uint64_t seed = given == nullptr ? std::random_device()() : std::strtoull(given, nullptr, 10);
  Note("TEST_SEED=" + std::to_string(seed));
  return seed;
}

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // From 0 up to `limit`, which is not among them.
  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(engine_() % limit); }
  // Both ends are among them.
  uint32_t Between(uint32_t least, uint32_t most) { return least + Below(most - least + 1); }
  // True once in `times`.
  bool OneIn(uint32_t times) { return Below(times) == 0; }
  uint64_t Word() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace expressgateway::test
