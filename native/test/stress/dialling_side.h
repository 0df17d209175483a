// The side that dials: sends its stream as its plan says, and checks what comes back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "stress/stress_side.h"

namespace expressgateway::test {

struct Target {
  std::string host;
  int port;
  bool secure;
};

class DiallingSide final : public StressSide {
 public:
  DiallingSide(const std::string& engine, uint64_t seed, const Stream* stream,
               std::shared_ptr<tls::Context> tls);

  void Start(Flow* flow, const Target& target);
  // Goes on with those that have something to send.
  void Pump();

  uint32_t active() const { return active_; }

 private:
  void Queue(Flow* flow);
  // False when it cannot send now.
  bool PumpOne(Flow* flow);
  bool Ends(Flow* flow);
  void OnEvent(const transport::Event& event, const Record& record);
  void OnData(Flow* flow, const transport::Event& event);
  void OnClose(Flow* flow, const Record& record);

  // By slot.
  std::vector<Flow*> flows_;
  std::vector<Flow*> pumping_;
  std::vector<Flow*> pumped_;
  uint32_t active_ = 0;
};

}  // namespace expressgateway::test
