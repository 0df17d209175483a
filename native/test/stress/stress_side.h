// What both sides of the stress test share: a transport, and the pauses of its connections.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "stress/flow.h"
#include "support/random.h"
#include "support/test_host.h"

namespace expressgateway::test {

class StressSide {
 public:
  // `tls`: of the connections that speak it.
  StressSide(const std::string& engine, uint64_t seed, const Stream* stream,
             std::shared_ptr<tls::Context> tls)
      : host(engine, kSizes), random(seed), stream(stream), tls(std::move(tls)) {
    host.keep_bytes = false;
  }

  // Ends the rests that are over.
  void Wake() {
    turn_++;
    auto over = [this](Side* side) {
      if (side->rests_until > turn_) return false;
      side->rests = false;
      Continue(side);
      return true;
    };
    resting_.erase(std::remove_if(resting_.begin(), resting_.end(), over), resting_.end());
  }

  TestHost host;

 protected:
  void Rest(Side* side) {
    if (side->rests) return;
    side->rests = true;
    side->rests_until = turn_ + random.Between(1, 40);
    resting_.push_back(side);
    host.Pause(side->record.get());
  }

  void Hold(Side* side) {
    side->held = true;
    host.Pause(side->record.get());
  }

  void Drained(Side* side) {
    side->held = false;
    Continue(side);
  }

  void Drop(Side* side, bool resets) {
    if (resets) {
      host.Reset(side->record.get());
    } else {
      host.Destroy(side->record.get());
    }
  }

  const uint8_t* Bytes(const transport::Event& event) const { return host.slab() + event.a; }

  Random random;
  const Stream* stream;
  std::shared_ptr<tls::Context> tls;

 private:
  static constexpr Sizes kSizes = {512 * 1024, 512 * 1024, 512, 512, 4096};

  void Continue(Side* side) {
    if (side->closed || side->rests || side->held) return;
    host.Resume(side->record.get());
  }

  uint64_t turn_ = 0;
  std::vector<Side*> resting_;
};

}  // namespace expressgateway::test
