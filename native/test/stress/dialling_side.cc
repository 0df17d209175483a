#include "stress/dialling_side.h"

#include <algorithm>

#include "support/registry.h"

namespace expressgateway::test {
namespace {

using transport::Event;

// What one connection sends in a turn, so that all get theirs.
constexpr uint32_t kTurnBytes = 64 * 1024;

}  // namespace

DiallingSide::DiallingSide(const std::string& engine, uint64_t seed, const Stream* stream,
                           std::shared_ptr<tls::Context> tls)
    : StressSide(engine, seed, stream, std::move(tls)), flows_(4096, nullptr) {
  host.on_event = [this](const Event& event, Record& record) { OnEvent(event, record); };
}

void DiallingSide::Start(Flow* flow, const Target& target) {
  flow->dial.record = host.Connect(target.host, target.port, target.secure ? tls : nullptr);
  CHECK(flow->dial.record != nullptr);
  flows_[static_cast<size_t>(flow->dial.record->id)] = flow;
  active_++;
  if (flow->plan.hurries) Queue(flow);
}

void DiallingSide::Queue(Flow* flow) { pumping_.push_back(flow); }

void DiallingSide::Pump() {
  pumped_.swap(pumping_);
  for (Flow* flow : pumped_) {
    bool goes_on = !flow->dial.closed && !flow->sent_all && PumpOne(flow);
    if (goes_on) Queue(flow);
  }
  pumped_.clear();
}

// A connection that is blocked is queued again by its drain.
bool DiallingSide::PumpOne(Flow* flow) {
  Side& side = flow->dial;
  uint32_t budget = flow->plan.floods ? 16 * kTurnBytes : kTurnBytes;
  uint8_t piece[20'000];
  for (;;) {
    if (Ends(flow)) return false;
    bool blocked = host.slot(side.record).blocked != 0 && !flow->plan.floods;
    if (blocked || budget == 0) return !blocked;
    uint32_t size = std::min({random.Between(1, sizeof(piece)), flow->plan.bytes - side.sent, budget});
    stream->Copy(flow->number, side.sent, piece, size);
    host.Send(*side.record, piece, size);
    side.sent += size;
    budget -= size;
  }
}

// Ends the connection when its plan says so, or its own half.
bool DiallingSide::Ends(Flow* flow) {
  Side& side = flow->dial;
  bool cuts = flow->plan.ending == Ending::kReset || flow->plan.ending == Ending::kDestroy;
  if (side.sent < (cuts ? flow->plan.end_bytes : flow->plan.bytes)) return false;
  flow->sent_all = true;
  if (cuts) {
    Drop(&side, flow->plan.ending == Ending::kReset);
  } else if (flow->plan.ending == Ending::kFinish) {
    host.Finish(side.record.get());
  } else {
    host.End(*side.record);
  }
  return true;
}

void DiallingSide::OnEvent(const Event& event, const Record& record) {
  Flow* flow = flows_[static_cast<size_t>(event.id)];
  CHECK(flow != nullptr && flow->dial.record.get() == &record);
  switch (event.kind) {
    case transport::kEventConnect:
      if (!flow->plan.hurries) Queue(flow);
      break;
    case transport::kEventData:
      OnData(flow, event);
      break;
    case transport::kEventEnd:
      // Answered before all was sent: nobody would read the rest.
      if (!flow->sent_all) Drop(&flow->dial, false);
      flow->sent_all = true;
      break;
    case transport::kEventDrain:
      if (!flow->plan.floods) Queue(flow);
      break;
    case transport::kEventClose:
      OnClose(flow, record);
      break;
    default:
      Fail(__FILE__, __LINE__, "an event that is none of ours");
  }
}

void DiallingSide::OnData(Flow* flow, const Event& event) {
  Side& side = flow->dial;
  auto size = static_cast<uint32_t>(event.b - event.a);
  CHECK(size <= transport::kReadBytes);
  CHECK(flow->plan.answer != Answer::kSwallow);
  CHECK(side.received + size <= flow->plan.bytes);
  CHECK(stream->Fits(flow->number, side.received, Bytes(event), size));
  side.received += size;
  if (flow->plan.dialler_rests && random.OneIn(4)) Rest(&side);
}

void DiallingSide::OnClose(Flow* flow, const Record& record) {
  Side& side = flow->dial;
  if (flow->plan.whole()) {
    CHECK_EQ(record.error, 0);
    CHECK_EQ(side.sent, flow->plan.bytes);
    bool echo = flow->plan.answer == Answer::kEcho;
    CHECK_EQ(side.received, echo ? flow->plan.bytes : 0);
    CHECK(record.ended || flow->plan.ending == Ending::kFinish);
  }
  flows_[static_cast<size_t>(record.id)] = nullptr;
  side.closed = true;
  side.record = nullptr;
  active_--;
}

}  // namespace expressgateway::test
