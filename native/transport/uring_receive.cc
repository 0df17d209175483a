// The receiving half of the engine: multishot receives, and what must wait before it is delivered.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "transport/uring_mark.h"
#include "transport/uring_transport.h"

namespace expressgateway::transport {
namespace {

// Since Linux 6.10: one receive fills several buffers.
constexpr uint16_t kBundle = 1 << 4;

// A connection that received so much at a time is going to receive more.
constexpr uint32_t kBulkBytes = 8 * 1024;

// A receive that ended with this can be started again.
bool CanRestart(int result) {
  return result > 0 || result == -ENOBUFS || result == -ECANCELED || result == -EAGAIN ||
         result == -EINTR;
}

// Bytes of one read.
uint32_t ReadLimit(const Connection* connection) {
  return connection->tls == nullptr ? kReadBytes : kSecureReadBytes;
}

}  // namespace

void UringTransport::StartReceive(Connection* connection) {
  io_uring_sqe* entry = Stage(connection, Task::kReceive);
  entry->opcode = IORING_OP_RECV;
  entry->ioprio = IORING_RECV_MULTISHOT;
  if (bundles_ && connection->bulk) entry->ioprio |= kBundle;
  entry->flags = IOSQE_BUFFER_SELECT;
  entry->buf_group = UringBuffers::kGroup;
  // `optlen` since Linux 6.17: bytes in all.
  entry->file_index = limited_ ? ReadLimit(connection) : 0;
  connection->receiving = true;
}

void UringTransport::Pause(Connection* connection) {
  if (connection->state == State::kOpen && !connection->receiving) AwaitError(connection);
}

void UringTransport::Resume(Connection* connection) {
  bool held = connection->end_held || connection->keeps();
  if (held || (!connection->receiving && !connection->peer_ended)) ServeLater(connection);
}

// Shut down, a receive takes what the kernel still holds, and then ends.
void UringTransport::ReadOut(Connection* connection) {
  shutdown(connection->fd, SHUT_RD);
  Resume(connection);
}

bool UringTransport::HoldsBytes(const Connection* connection) const {
  if (!connection->held.empty()) return true;
  uint64_t mark = Mark(Task::kReceive, connection);
  for (size_t index = next_; index < completions_.size(); index++) {
    if (completions_[index].mark == mark && completions_[index].result > 0) return true;
  }
  return false;
}

// Copies what has come and was not handled yet; their completions remember it.
void UringTransport::Absorb(Connection* connection) {
  Reap();
  uint64_t mark = Mark(Task::kReceive, connection);
  for (size_t index = next_; index < completions_.size() && connection->live(); index++) {
    Completion& completion = completions_[index];
    if (completion.mark != mark || completion.result <= 0 || IsHeld(completion)) continue;
    completion.flags |= kHeldFlag;
    Hold(connection, buffers_.Offset(BufferOf(completion)), static_cast<uint32_t>(completion.result));
  }
}

void UringTransport::OnReceived(const Completion& completion) {
  Connection* connection = slots().Find(IdOf(completion));
  bool waits = connection->paused || connection->keeps() || IsHeld(completion);
  bool full = connection->tls != nullptr && copied_ > 0 && copy_room() < kReadBytes;
  if (completion.result > 0 && !waits && (full || connection->received_in == batch())) Deliver();
  Completion last = completion;
  uint32_t start = buffers_.Offset(BufferOf(completion));
  uint32_t size = Join(&last);
  bool ended = !GoesOn(last);
  if (ended) connection->receiving = false;
  if (!connection->live()) return;
  // Behind the peer's close_notify nothing counts.
  if (IsHeld(completion) || connection->peer_ended) size = 0;
  if (size > 0 && (connection->paused || connection->keeps())) {
    Hold(connection, start, size);
  } else if (size > 0 && connection->tls != nullptr) {
    connection->bulk = size >= kBulkBytes;
    copied_ += ReceivedSecure(connection, {memory().slab + start, size}, copy_start(), copy_room());
  } else if (size > 0) {
    buffers_in_batch_ = true;
    connection->bulk = size >= kBulkBytes;
    Received(connection, start, size);
  }
  if (ended && connection->live()) OnReceiveEnded(connection, last.result);
}

// Takes the buffers of a receive and of those that continue it, up to the limit. Returns the bytes
// in them.
uint32_t UringTransport::Join(Completion* last) {
  uint32_t limit = ReadLimit(slots().Find(IdOf(*last)));
  if (!HasBuffer(*last)) return 0;
  uint32_t start = buffers_.Offset(BufferOf(*last));
  uint32_t size = 0;
  for (;;) {
    auto filled = static_cast<uint32_t>(std::max(last->result, 0));
    buffers_.Take(BufferOf(*last), std::max(filled, 1u));
    size += filled;
    if (next_ == completions_.size()) return size;
    const Completion& next = completions_[next_];
    if (next.mark != last->mark || !HasBuffer(next) || next.result <= 0) return size;
    if (IsHeld(next) != IsHeld(*last)) return size;
    if (buffers_.Offset(BufferOf(next)) != start + size) return size;
    if (size + static_cast<uint32_t>(next.result) > limit) return size;
    *last = next;
    next_++;
  }
}

void UringTransport::OnReceiveEnded(Connection* connection, int result) {
  if (result == 0) {
    connection->end_held = true;
    AwaitError(connection);
    if (!connection->paused) Serve(connection);
  } else if (result == -EINVAL && limited_) {
    limited_ = false;
    ServeLater(connection, false);
  } else if (!CanRestart(result)) {
    Closed(connection, -result);
  } else if (connection->paused || connection->peer_ended) {
    AwaitError(connection);
  } else {
    // Not for want of buffers that it has filled itself.
    ServeLater(connection, result == -ENOBUFS && connection->received_in != batch());
  }
}

void UringTransport::Hold(Connection* connection, uint32_t start, uint32_t size) {
  if (!connection->held.Append(memory().slab + start, size)) return Closed(connection, ENOMEM);
  // Without a limit it would go on for as long as the peer sends.
  if (!limited_ && connection->receiving) Cancel(Mark(Task::kReceive, connection));
}

void UringTransport::ServeLater(Connection* connection, bool starved) {
  if (connection->in_ready) return;
  connection->in_ready = true;
  (starved ? starved_ : ready_).push_back(connection->id);
}

void UringTransport::ServeReady() {
  ServeAll(&starved_);
  ServeAll(&ready_);
}

void UringTransport::ServeAll(std::vector<int32_t>* list) {
  serving_.swap(*list);
  for (int32_t id : serving_) {
    EnsureRoom();
    Connection* connection = slots().Find(id);
    connection->in_ready = false;
    // A paused one comes again when it is resumed.
    if (connection->state == State::kOpen && !connection->paused) Serve(connection);
  }
  serving_.clear();
}

void UringTransport::Serve(Connection* connection) {
  if (connection->keeps()) DeliverHeld(connection);
  if (!connection->live()) return;
  if (connection->keeps()) return ServeLater(connection, false);
  if (!connection->end_held) {
    if (!connection->receiving && !connection->peer_ended) StartReceive(connection);
  } else if (connection->received_in == batch()) {
    ServeLater(connection, false);
  } else {
    connection->end_held = false;
    PeerEnded(connection);
  }
}

void UringTransport::DeliverHeld(Connection* connection) {
  if (connection->received_in == batch() || copy_room() == 0) return;
  uint32_t start = copy_start();
  if (connection->tls != nullptr) {
    copied_ += ReceivedKept(connection, start, copy_room());
    return;
  }
  // As much as one read brings: owners count on no more.
  uint32_t size = connection->held.Read(memory().slab + start, std::min(copy_room(), kReadBytes));
  copied_ += size;
  Received(connection, start, size);
}

// Together with the sends of a run; those with something held have to wait for the next round.
void UringTransport::RestartReceives() {
  if (!starved_.empty() || buffers_.scarce()) return;
  size_t kept = 0;
  for (int32_t id : ready_) {
    Connection* connection = slots().Find(id);
    if (connection->end_held || connection->keeps()) {
      ready_[kept++] = id;
      continue;
    }
    connection->in_ready = false;
    if (connection->state != State::kOpen || connection->paused) continue;
    if (!connection->receiving && !connection->peer_ended) StartReceive(connection);
  }
  ready_.resize(kept);
}

}  // namespace expressgateway::transport
