// Plays TypeScript and its event loop for a transport: turns only when the transport's descriptor is
// readable or it has poked, keeps what happened to each connection, and stages commands in the ring.
// Every batch of every test is judged by the rules that `NativeTransport` relies on.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transport/transport.h"

namespace expressgateway::test {

// What a transport has to work in. Each arena is an allocation of its own, of exactly this size, so
// that AddressSanitizer sees a step beyond it.
struct Sizes {
  uint32_t slab_bytes = 512 * 1024;
  uint32_t out_bytes = 512 * 1024;
  uint32_t events = 256;
  uint32_t commands = 256;
  uint32_t slots = 2048;
};

// The smallest that a transport can work in.
constexpr Sizes kTiny = {128 * 1024, 64 * 1024, 16, 8, 128};

// What is known of one connection.
struct Record {
  int32_t id = -1;
  bool dialled = false;
  // Speaks TLS: it is open when its handshake is done.
  bool secure = false;
  // Those that were accepted.
  int32_t listener = -1;
  int fd = -1;
  bool open = false;
  bool ended = false;
  // By us: nothing is received any more.
  bool finished = false;
  bool closed = false;
  int error = -1;
  // Why TLS ended it.
  std::string reason;
  int drains = 0;
  std::string received;
  // In which batch it was paused, or dropped, last; -1: it is not.
  int64_t paused_in = -1;
  int64_t dropped_in = -1;
  int64_t data_in = -1;
};

using RecordPtr = std::shared_ptr<Record>;

class TestHost final : public transport::Host {
 public:
  explicit TestHost(const std::string& engine, const Sizes& sizes = {});

  transport::Transport& transport() { return *transport_; }
  transport::SlotInfo& slot(const RecordPtr& record) { return slots_[record->id]; }
  transport::Command* commands() { return commands_.get(); }
  uint8_t* out() { return out_.get(); }
  const uint8_t* slab() const { return slab_.get(); }
  // The connection of a number, null when there is none.
  RecordPtr Find(int32_t id) const { return records_[static_cast<size_t>(id)]; }

  // Null when the table is full.
  RecordPtr Connect(const std::string& host, int port, std::shared_ptr<tls::Context> tls = nullptr);
  // A connection that was accepted speaks TLS.
  void Secure(Record* record, std::shared_ptr<tls::Context> tls);

  // Stage a command; outside of a batch it is carried out at once, as TypeScript has it.
  void Send(const Record& record, std::string_view bytes);
  void Send(const Record& record, const uint8_t* bytes, size_t size);
  // From the slab; only in a batch.
  void SendBack(const Record& record, uint32_t begin, uint32_t end);
  void Pause(Record* record);
  void Resume(Record* record);
  void End(const Record& record) { Stage(transport::kCommandEnd, record.id, 0, 0); }
  void Finish(Record* record);
  void Destroy(Record* record) { Drop(record, transport::kCommandDestroy); }
  void Reset(Record* record) { Drop(record, transport::kCommandReset); }
  // Carries out what is staged.
  void Flush();

  // One turn of the event loop that waits for at most `timeout_ms`.
  void Turn(int timeout_ms);
  // Turns until the condition holds; fails the test when it does not in time.
  void Until(const char* what, const std::function<bool()>& holds);
  // Waits for the next connection that is accepted.
  RecordPtr Accept();
  void AwaitClose(const RecordPtr& record);
  // Destroys the transport.
  void Close() { transport_.reset(); }

  // Called for each event after it was recorded; commands may be staged.
  std::function<void(const transport::Event& event, Record& record)> on_event;
  std::deque<RecordPtr> accepted;
  std::vector<transport::Event> accept_errors;
  int64_t batches = 0;
  // Off: received bytes are only shown to `on_event`.
  bool keep_bytes = true;

 private:
  uint32_t Deliver(uint32_t count) override;
  void Poke() override { poked_ = true; }

  void Stage(int32_t kind, int32_t id, uint32_t a, uint32_t b);
  void Drop(Record* record, int32_t kind);
  void OnEvent(const transport::Event& event);
  void OnAccept(const transport::Event& event);
  void OnData(const transport::Event& event, Record* record);
  void Judge(const transport::Event& event, const Record* record) const;

  Sizes sizes_;
  std::unique_ptr<uint8_t[]> slab_;
  std::unique_ptr<uint8_t[]> out_;
  std::unique_ptr<transport::Event[]> events_;
  std::unique_ptr<transport::Command[]> commands_;
  std::unique_ptr<transport::SlotInfo[]> slots_;
  std::vector<RecordPtr> records_;
  uint32_t staged_ = 0;
  uint32_t out_used_ = 0;
  // Where this batch's data events so far begin in the slab, and end.
  std::map<int32_t, int32_t> slab_seen_;
  bool in_batch_ = false;
  bool poked_ = false;
  // The last, so that it goes before its memory.
  std::unique_ptr<transport::Transport> transport_;
};

}  // namespace expressgateway::test
