// The side that accepts: learns from the first bytes which connection it has, and answers as the plan
// of that says.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "stress/stress_side.h"

namespace expressgateway::test {

class AcceptingSide final : public StressSide {
 public:
  AcceptingSide(const std::string& engine, uint64_t seed, const Stream* stream,
                std::vector<std::unique_ptr<Flow>>* flows, std::shared_ptr<tls::Context> tls);

  // What this listener accepts speaks TLS.
  void Secure(int32_t listener) { secure_.push_back(listener); }

 private:
  // A connection whose number is not known yet.
  struct Unknown {
    uint8_t bytes[kNumberBytes];
    uint32_t size = 0;
  };

  void OnEvent(const transport::Event& event, Record& record);
  void OnAccept(Record* record);
  void OnData(const transport::Event& event, const RecordPtr& record);
  void OnEnd(const RecordPtr& record);
  void Identify(const RecordPtr& record, Unknown* unknown);
  void Reply(Flow* flow, const transport::Event& event, uint32_t size);
  void Echo(Flow* flow, const transport::Event& event, uint32_t size);
  bool Cuts(Flow* flow);
  void OnClose(const Record& record);

  std::vector<std::unique_ptr<Flow>>* all_;
  std::vector<int32_t> secure_;
  // By slot.
  std::vector<Flow*> flows_;
  std::vector<Unknown> unknown_;
};

}  // namespace expressgateway::test
