#include "stress/accepting_side.h"

#include <algorithm>

#include "support/registry.h"

namespace expressgateway::test {
namespace {

using transport::Event;

}  // namespace

AcceptingSide::AcceptingSide(const std::string& engine, uint64_t seed, const Stream* stream,
                             std::vector<std::unique_ptr<Flow>>* flows,
                             std::shared_ptr<tls::Context> tls)
    : StressSide(engine, seed, stream, std::move(tls)), all_(flows), flows_(4096, nullptr), unknown_(4096) {
  host.on_event = [this](const Event& event, Record& record) { OnEvent(event, record); };
}

void AcceptingSide::OnEvent(const Event& event, Record& record) {
  auto slot = static_cast<size_t>(event.id);
  switch (event.kind) {
    case transport::kEventAccept:
      OnAccept(&record);
      break;
    case transport::kEventConnect:
      break;
    case transport::kEventData:
      OnData(event, host.Find(event.id));
      break;
    case transport::kEventEnd:
      OnEnd(host.Find(event.id));
      break;
    case transport::kEventDrain:
      if (flows_[slot] != nullptr) Drained(&flows_[slot]->accept);
      break;
    case transport::kEventClose:
      OnClose(record);
      break;
    default:
      Fail(__FILE__, __LINE__, "an event that is none of ours");
  }
}

void AcceptingSide::OnAccept(Record* record) {
  auto slot = static_cast<size_t>(record->id);
  flows_[slot] = nullptr;
  unknown_[slot] = {};
  host.accepted.clear();
  bool secure = std::find(secure_.begin(), secure_.end(), record->listener) != secure_.end();
  if (secure) host.Secure(record, tls);
}

void AcceptingSide::OnData(const Event& event, const RecordPtr& record) {
  // We have dropped it earlier in this batch.
  if (record->dropped_in != -1) return;
  auto slot = static_cast<size_t>(event.id);
  auto size = static_cast<uint32_t>(event.b - event.a);
  CHECK(size <= transport::kReadBytes);
  Flow* flow = flows_[slot];
  if (flow == nullptr) {
    Unknown& unknown = unknown_[slot];
    uint32_t here = std::min(size, kNumberBytes - unknown.size);
    std::copy_n(Bytes(event), here, unknown.bytes + unknown.size);
    unknown.size += here;
    if (unknown.size == kNumberBytes) Identify(record, &unknown);
    flow = flows_[slot];
    if (flow == nullptr) return;
    // What came in earlier batches.
    flow->accept.received = kNumberBytes - here;
  }
  CHECK(flow->accept.received + size <= flow->plan.bytes);
  CHECK(stream->Fits(flow->number, flow->accept.received, Bytes(event), size));
  flow->accept.received += size;
  Reply(flow, event, size);
}

void AcceptingSide::Identify(const RecordPtr& record, Unknown* unknown) {
  uint32_t number = 0;
  for (uint32_t at = 0; at < kNumberBytes; at++) number |= uint32_t{unknown->bytes[at]} << (8 * at);
  CHECK(number < all_->size());
  Flow* flow = (*all_)[number].get();
  CHECK(flow->accept.record == nullptr && !flow->accept.closed);
  flow->accept.record = record;
  flows_[static_cast<size_t>(record->id)] = flow;
}

void AcceptingSide::Reply(Flow* flow, const Event& event, uint32_t size) {
  if (flow->plan.answer != Answer::kSwallow) Echo(flow, event, size);
  if (Cuts(flow)) return;
  if (host.slot(flow->accept.record).blocked != 0) Hold(&flow->accept);
  if (flow->plan.acceptor_rests && random.OneIn(4)) Rest(&flow->accept);
}

void AcceptingSide::Echo(Flow* flow, const Event& event, uint32_t size) {
  Side& side = flow->accept;
  // The number may have come in pieces, of which the slab has only the last.
  uint8_t number[kNumberBytes];
  uint32_t earlier = side.received - size - side.sent;
  stream->Copy(flow->number, side.sent, number, earlier);
  host.Send(*side.record, number, earlier);
  if (random.OneIn(2)) {
    host.SendBack(*side.record, static_cast<uint32_t>(event.a), static_cast<uint32_t>(event.b));
  } else {
    host.Send(*side.record, Bytes(event), size);
  }
  side.sent = side.received;
}

bool AcceptingSide::Cuts(Flow* flow) {
  Side& side = flow->accept;
  bool cuts = flow->plan.answer != Answer::kEcho && flow->plan.answer != Answer::kSwallow;
  if (!cuts || side.received < flow->plan.answer_bytes) return false;
  if (flow->plan.answer == Answer::kFinish) {
    host.Finish(side.record.get());
  } else {
    Drop(&side, flow->plan.answer == Answer::kReset);
  }
  return true;
}

void AcceptingSide::OnEnd(const RecordPtr& record) {
  if (record->dropped_in == -1) host.End(*record);
}

void AcceptingSide::OnClose(const Record& record) {
  Flow* flow = flows_[static_cast<size_t>(record.id)];
  if (flow == nullptr) return;
  if (flow->plan.whole()) {
    CHECK_EQ(record.error, 0);
    CHECK_EQ(flow->accept.received, flow->plan.bytes);
    CHECK(record.ended);
  }
  flows_[static_cast<size_t>(record.id)] = nullptr;
  flow->accept.closed = true;
  flow->accept.record = nullptr;
}

}  // namespace expressgateway::test
