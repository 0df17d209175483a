// The transport on io_uring: every connection has a receive under way that fills buffers of the slab
// for as long as it lasts (multishot), and all sends of a run of commands are one system call, which
// also fetches what has been received meanwhile.
//
// What the kernel received may have to wait: behind the bytes of a batch, or while a connection is
// paused. It waits as completions where that is short, else copied (`Connection::held`), so that the
// slab never starves others.
#pragma once

#include <cstdint>
#include <vector>

#include "transport/transport.h"
#include "transport/uring_buffers.h"
#include "transport/uring_mark.h"
#include "transport/uring_ring.h"
#include "transport/uring_sends.h"

namespace expressgateway::transport {

// The slab's last part is not given to the kernel: held bytes are delivered there, and those that were
// encrypted. At least so much, else so large a share of it.
constexpr uint32_t kMinCopyBytes = kReadBytes;
constexpr uint32_t kCopyShare = 5;

class UringTransport final : public Transport {
 public:
  UringTransport(const SharedMemory& memory, Host* host) : Transport(memory, host) {}
  ~UringTransport() override;

  int Open() override;
  int poll_fd() const override { return ring_.event_fd(); }

 private:
  bool Watch(Connection* connection) override;
  bool WatchListener(Listener* listener) override;
  void UnwatchListener(Listener* listener) override;
  void Gather(bool first) override;
  bool HasMore() const override;
  void Send(Connection* connection, const iovec* pieces, int count) override;
  void SendQueued(Connection* connection) override;
  void Settle(Connection* connection) override { FlushSends(false); }
  void Pause(Connection* connection) override;
  void Resume(Connection* connection) override;
  void ReadOut(Connection* connection) override;
  void CloseDescriptor(Connection* connection) override;
  bool HoldsSlot(const Connection* connection) const override;
  bool HoldsBytes(const Connection* connection) const override;
  void Absorb(Connection* connection) override;
  void ServeLater(Connection* connection) override { ServeLater(connection, false); }
  void EndRun() override;
  void EndBatch() override;
  void EndTick(bool more) override;

  // What is asked of the kernel.
  io_uring_sqe* Stage(Connection* connection, Task task);
  void Submit(bool run_tasks);
  void StartReceive(Connection* connection);
  void AwaitRoom(Connection* connection);
  void AwaitError(Connection* connection);
  void Cancel(uint64_t mark);
  void FlushSends(bool run_tasks);

  // What it answers.
  void Collect();
  void Reap();
  void Keep(Completion completion);
  void Handle(const Completion& completion);
  void OnSent(const Completion& completion);
  void OnReceived(const Completion& completion);
  uint32_t Join(Completion* last);
  void OnReceiveEnded(Connection* connection, int result);
  void OnRoom(Connection* connection);
  void OnError(const Completion& completion);
  void OnAcceptable(const Completion& completion);
  void AcceptAll(Listener* listener);

  // What waits.
  void Hold(Connection* connection, uint32_t start, uint32_t size);
  void ServeLater(Connection* connection, bool starved);
  void ServeReady();
  void ServeAll(std::vector<int32_t>* list);
  void Serve(Connection* connection);
  void DeliverHeld(Connection* connection);
  uint32_t copy_start() const { return memory().slab_bytes - copy_bytes_ + copied_; }
  uint32_t copy_room() const { return copy_bytes_ - copied_; }
  void RestartReceives();
  // There is work that no completion will announce.
  void Stir();

  // The ring ends before the memory that it uses.
  UringBuffers buffers_;
  UringSends sends_;
  UringRing ring_;
  // Taken from the ring and not handled yet, from `next_` on.
  std::vector<Completion> completions_;
  size_t next_ = 0;
  // Connections with something held, or whose receive is to be started again.
  std::vector<int32_t> ready_;
  // The same, and no buffer was left for their receives: they come first.
  std::vector<int32_t> starved_;
  std::vector<int32_t> serving_;
  // The slab's last part, and how much of it the batch uses.
  uint32_t copy_bytes_ = kMinCopyBytes;
  uint32_t copied_ = 0;
  // A data event of the batch lies in a buffer.
  bool buffers_in_batch_ = false;
  // The kernel ends a receive after `kReadBytes`, so that a pause holds little.
  bool limited_ = true;
  // A receive may fill several buffers at once.
  bool bundles_ = false;
  // The eventfd is silent: within a tick, or another one comes soon.
  bool quiet_ = false;
  uint32_t last_watch_ = 0;
};

}  // namespace expressgateway::transport
