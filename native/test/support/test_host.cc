#include "support/test_host.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iterator>
#include <utility>

#include "support/registry.h"
#include "transport/engines.h"

namespace expressgateway::test {
namespace {

using namespace transport;  // NOLINT: the transport is what this is about.

// A condition that takes longer will not come true.
constexpr auto kPatience = std::chrono::seconds(20);

// How long a turn waits while a condition is waited for that no event may announce.
constexpr int kTurnMs = 1;

}  // namespace

TestHost::TestHost(const std::string& engine, const Sizes& sizes)
    : sizes_(sizes),
      slab_(new uint8_t[sizes.slab_bytes]()),
      out_(new uint8_t[sizes.out_bytes]()),
      events_(new Event[sizes.events]()),
      commands_(new Command[sizes.commands]()),
      slots_(new SlotInfo[sizes.slots]()),
      records_(sizes.slots) {
  SharedMemory memory = {slab_.get(),   sizes.slab_bytes, out_.get(),      sizes.out_bytes,
                         events_.get(), sizes.events,     commands_.get(), sizes.commands,
                         slots_.get(),  sizes.slots};
  transport_ = MakeTransport(engine, memory, this);
  CHECK(transport_ != nullptr);
  CHECK_EQ(transport_->Open(), 0);
}

RecordPtr TestHost::Connect(const std::string& host, int port, std::shared_ptr<tls::Context> tls) {
  bool secure = tls != nullptr;
  int32_t id = transport_->Connect(host, port, std::move(tls));
  if (id == -1) return nullptr;
  CHECK(records_[static_cast<size_t>(id)] == nullptr);
  auto record = std::make_shared<Record>();
  record->id = id;
  record->dialled = true;
  record->secure = secure;
  records_[static_cast<size_t>(id)] = record;
  return record;
}

void TestHost::Secure(Record* record, std::shared_ptr<tls::Context> tls) {
  record->secure = true;
  record->open = false;
  transport_->Secure(record->id, std::move(tls));
}

void TestHost::Stage(int32_t kind, int32_t id, uint32_t a, uint32_t b) {
  if (staged_ == sizes_.commands) {
    transport_->Run(staged_);
    staged_ = 0;
  }
  commands_[staged_++] = {kind, id, static_cast<int32_t>(a), static_cast<int32_t>(b)};
  if (!in_batch_) Flush();
}

void TestHost::Flush() {
  uint32_t count = staged_;
  staged_ = 0;
  if (count > 0) transport_->Run(count);
  out_used_ = 0;
}

void TestHost::Send(const Record& record, std::string_view bytes) {
  Send(record, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

void TestHost::Send(const Record& record, const uint8_t* bytes, size_t size) {
  while (size > 0) {
    if (out_used_ == sizes_.out_bytes) Flush();
    auto here = static_cast<uint32_t>(std::min<size_t>(size, sizes_.out_bytes - out_used_));
    uint32_t begin = out_used_;
    std::memcpy(out_.get() + begin, bytes, here);
    out_used_ += here;
    bytes += here;
    size -= here;
    Stage(kCommandSendOut, record.id, begin, begin + here);
  }
}

void TestHost::SendBack(const Record& record, uint32_t begin, uint32_t end) {
  CHECK(in_batch_);
  Stage(kCommandSendSlab, record.id, begin, end);
}

void TestHost::Pause(Record* record) {
  record->paused_in = batches;
  Stage(kCommandPause, record->id, 0, 0);
}

void TestHost::Resume(Record* record) {
  if (!record->finished) record->paused_in = -1;
  Stage(kCommandResume, record->id, 0, 0);
}

void TestHost::Finish(Record* record) {
  record->finished = true;
  record->paused_in = batches;
  Stage(kCommandFinish, record->id, 0, 0);
}

void TestHost::Drop(Record* record, int32_t kind) {
  record->dropped_in = batches;
  Stage(kind, record->id, 0, 0);
}

// As `EventLoop`: a tick only when it is asked for.
void TestHost::Turn(int timeout_ms) {
  pollfd readable = {transport_->poll_fd(), POLLIN, 0};
  poll(&readable, 1, poked_ ? 0 : timeout_ms);
  if ((readable.revents & POLLIN) == 0 && !poked_) return;
  poked_ = false;
  transport_->Tick();
}

void TestHost::Until(const char* what, const std::function<bool()>& holds) {
  auto end = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) {
      Fail(__FILE__, __LINE__, std::string("waited in vain until ") + what);
    }
    Turn(kTurnMs);
  }
}

RecordPtr TestHost::Accept() {
  Until("a connection was accepted", [this] { return !accepted.empty(); });
  RecordPtr record = accepted.front();
  accepted.pop_front();
  return record;
}

void TestHost::AwaitClose(const RecordPtr& record) {
  Until("the connection was closed", [&record] { return record->closed; });
}

uint32_t TestHost::Deliver(uint32_t count) {
  CHECK(!in_batch_);
  CHECK(count > 0 && count <= sizes_.events);
  batches++;
  slab_seen_.clear();
  in_batch_ = true;
  for (uint32_t index = 0; index < count; index++) OnEvent(events_[index]);
  in_batch_ = false;
  out_used_ = 0;
  uint32_t staged = staged_;
  staged_ = 0;
  return staged;
}

void TestHost::OnEvent(const Event& event) {
  CHECK(event.kind >= kEventAccept && event.kind <= kEventAcceptError);
  if (event.kind == kEventAcceptError) {
    accept_errors.push_back(event);
    return;
  }
  CHECK(event.id >= 0 && static_cast<uint32_t>(event.id) < sizes_.slots);
  if (event.kind == kEventAccept) OnAccept(event);
  // Held here, as a close lets go of it.
  RecordPtr record = Find(event.id);
  Judge(event, record.get());
  switch (event.kind) {
    case kEventConnect:
      record->open = true;
      break;
    case kEventData:
      OnData(event, record.get());
      break;
    case kEventEnd:
      record->ended = true;
      break;
    case kEventDrain:
      record->drains++;
      break;
    case kEventClose:
      record->closed = true;
      record->error = event.a;
      if (event.b != 0) record->reason = transport_->FindSession(event.id)->reason();
      records_[static_cast<size_t>(event.id)] = nullptr;
      break;
    default:
      break;
  }
  if (on_event) on_event(event, *record);
}

void TestHost::OnAccept(const Event& event) {
  CHECK(Find(event.id) == nullptr);
  auto record = std::make_shared<Record>();
  record->id = event.id;
  record->listener = event.a;
  record->fd = event.b;
  record->open = true;
  records_[static_cast<size_t>(event.id)] = record;
  accepted.push_back(record);
}

void TestHost::OnData(const Event& event, Record* record) {
  record->data_in = batches;
  slab_seen_[event.a] = event.b;
  if (!keep_bytes) return;
  record->received.append(reinterpret_cast<const char*>(slab_.get()) + event.a,
                          static_cast<size_t>(event.b - event.a));
}

// The rules of layout.h and transport.h.
void TestHost::Judge(const Event& event, const Record* record) const {
  CHECK(record != nullptr);
  CHECK(!record->closed);
  bool dropped = record->dropped_in != -1 && record->dropped_in != batches;
  CHECK(!dropped || event.kind == kEventClose);
  if (event.kind == kEventConnect) CHECK((record->dialled || record->secure) && !record->open);
  if (event.kind == kEventClose) CHECK(event.b == 0 || record->secure);
  if (event.kind != kEventConnect && event.kind != kEventClose) CHECK(record->open);
  if (event.kind == kEventEnd) CHECK(!record->ended);
  if (event.kind != kEventData) return;
  CHECK(!record->ended);
  CHECK(record->data_in != batches);
  CHECK(record->paused_in == -1 || record->paused_in == batches);
  CHECK(event.a >= 0 && event.a < event.b);
  CHECK(static_cast<uint32_t>(event.b) <= sizes_.slab_bytes);
  // It shares no byte with another.
  auto next = slab_seen_.lower_bound(event.a);
  if (next != slab_seen_.end()) CHECK(event.b <= next->first);
  if (next != slab_seen_.begin()) CHECK(std::prev(next)->second <= event.a);
}

}  // namespace expressgateway::test
