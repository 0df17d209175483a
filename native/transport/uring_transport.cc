#include "transport/uring_transport.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "transport/sockets.h"
#include "transport/uring_mark.h"

namespace expressgateway::transport {
namespace {

// Submissions before the kernel has to take them, and completions before it has to keep them for us.
constexpr uint32_t kSubmissions = 1024;
constexpr uint32_t kCompletions = 8192;

// One buffer of the slab: small messages get one each, large ones several at a stretch.
constexpr uint32_t kBufferBytes = 8 * 1024;

// IORING_FEAT_RECVSEND_BUNDLE
constexpr uint32_t kBundleFeature = 1 << 14;

// Calls that fetch what has become ready, in one round: new kernels do about twenty things in each.
constexpr int kMaxFetches = 16;

// Calls for what is still under way when everything ends.
constexpr int kMaxLastFetches = 1000;

// Connections that one listener accepts in a round, so that those that are open get their turn.
constexpr int kMaxAccepts = 64;

}  // namespace

UringTransport::~UringTransport() {
  CloseAll();
  if (!ring_.is_open()) return;
  // The kernel lets go of the sockets.
  for (int count = 0; count < kMaxLastFetches && ring_.has_work(); count++) {
    Submit(true);
    Reap();
  }
}

int UringTransport::Open() {
  copy_bytes_ = std::max(kMinCopyBytes, memory().slab_bytes / kCopyShare / kBufferBytes * kBufferBytes);
  if (memory().slab_bytes <= copy_bytes_) return EINVAL;
  int error = ring_.Open(kSubmissions, kCompletions);
  if (error != 0) return error;
  bundles_ = ring_.has_feature(kBundleFeature);
  return buffers_.Open(&ring_, memory().slab, memory().slab_bytes - copy_bytes_, kBufferBytes);
}

// What is asked of the kernel.

// The ring was made and tried by this thread: an error is a mistake of ours, after which nothing can
// be known of what the kernel still reads and writes.
void UringTransport::Submit(bool run_tasks) {
  if (ring_.Submit(run_tasks) != 0) std::abort();
}

io_uring_sqe* UringTransport::Stage(Connection* connection, Task task) {
  io_uring_sqe* entry = ring_.Stage();
  entry->fd = connection->fd;
  entry->user_data = Mark(task, connection);
  connection->staged_at = ring_.submits();
  return entry;
}

bool UringTransport::Watch(Connection* connection) {
  if (connection->state == State::kOpen) {
    StartReceive(connection);
  } else {
    AwaitRoom(connection);
  }
  Stir();
  return true;
}

void UringTransport::AwaitRoom(Connection* connection) {
  if (connection->awaits_room) return;
  io_uring_sqe* entry = Stage(connection, Task::kRoom);
  entry->opcode = IORING_OP_POLL_ADD;
  entry->poll32_events = POLLOUT;
  connection->awaits_room = true;
}

// An error must not wait until a paused connection is read again, or for ever when nothing is left
// to read: its other half has to be freed. One wait would end with the peer's FIN, which the kernel
// always tells; this one goes on until the connection is closed.
void UringTransport::AwaitError(Connection* connection) {
  if (connection->awaits_error || connection->finishing) return;
  io_uring_sqe* entry = Stage(connection, Task::kError);
  entry->opcode = IORING_OP_POLL_ADD;
  entry->len = IORING_POLL_ADD_MULTI;
  entry->poll32_events = POLLERR;
  connection->awaits_error = true;
}

bool UringTransport::WatchListener(Listener* listener) {
  if (listener->watch != 0) return true;
  last_watch_ = last_watch_ == kMaxWatch ? 1 : last_watch_ + 1;
  listener->watch = last_watch_;
  io_uring_sqe* entry = ring_.Stage();
  entry->opcode = IORING_OP_POLL_ADD;
  entry->fd = listener->fd;
  entry->poll32_events = POLLIN;
  entry->user_data = Mark(listener);
  Stir();
  return true;
}

// The wait holds the socket: it has to have ended when the descriptor is closed.
void UringTransport::UnwatchListener(Listener* listener) {
  if (listener->watch == 0) return;
  Cancel(Mark(listener));
  listener->watch = 0;
  for (int count = 0; count < kMaxFetches && ring_.has_work(); count++) {
    Submit(true);
    Reap();
  }
  Stir();
}

void UringTransport::Cancel(uint64_t mark) {
  io_uring_sqe* entry = ring_.Stage();
  entry->opcode = IORING_OP_ASYNC_CANCEL;
  entry->flags = IOSQE_CQE_SKIP_SUCCESS;
  entry->fd = -1;
  entry->addr = mark;
  entry->user_data = Mark(Task::kCancel, 0u);
}

// What is under way holds the socket, which ends only after it. A receive ends at a shutdown of this
// side's reading, of which the peer learns nothing; looking it up to cancel it takes the longer the
// more connections there are.
void UringTransport::CloseDescriptor(Connection* connection) {
  // What is staged names the descriptor, which may be somebody else's soon.
  if (connection->staged_at == ring_.submits()) Submit(false);
  if (connection->receiving) shutdown(connection->fd, SHUT_RD);
  if (connection->awaits_room) Cancel(Mark(Task::kRoom, connection));
  if (connection->awaits_error) Cancel(Mark(Task::kError, connection));
  close(connection->fd);
}

bool UringTransport::HoldsSlot(const Connection* connection) const {
  return connection->receiving || connection->awaits_room || connection->awaits_error;
}

// Sends.

void UringTransport::Send(Connection* connection, const iovec* pieces, int count) {
  // Two sends of one connection in one submission could overtake each other when the first is short.
  if (connection->sending || !sends_.HasRoom(count)) FlushSends(false);
  if (!connection->live() || connection->send_error != 0) return;
  if (!connection->queue.empty()) {
    Enqueue(connection, pieces, count, 0);
    return;
  }
  io_uring_sqe* entry = Stage(connection, Task::kSend);
  entry->user_data = Mark(Task::kSend, sends_.Add(connection, pieces, count, entry));
  connection->sending = true;
}

// Returns when every send has completed: what they read from is used again after.
void UringTransport::FlushSends(bool run_tasks) {
  do {
    Submit(run_tasks);
    Reap();
    run_tasks = true;
  } while (!sends_.complete());
  sends_.Clear();
}

void UringTransport::OnSent(const Completion& completion) {
  UringSends::Item& item = sends_.item(static_cast<uint32_t>(completion.mark));
  Connection* connection = item.connection;
  sends_.Done();
  connection->sending = false;
  int result = completion.result;
  if (result < 0 && result != -EAGAIN) return SendFailed(connection, -result);
  size_t taken = result < 0 ? 0 : static_cast<size_t>(result);
  if (taken == item.bytes) return Sent(connection);
  if (Enqueue(connection, item.pieces, item.count, taken)) AwaitRoom(connection);
}

void UringTransport::SendQueued(Connection* connection) {
  iovec pieces[kMaxPieces];
  while (connection->state == State::kOpen && !connection->queue.empty()) {
    int count = connection->queue.Peek(pieces, kMaxPieces);
    ssize_t sent = SendPieces(connection->fd, pieces, count);
    if (sent == -EAGAIN) return AwaitRoom(connection);
    if (sent < 0) return SendFailed(connection, static_cast<int>(-sent));
    Dequeued(connection, static_cast<size_t>(sent));
  }
}

// A tick.

void UringTransport::Gather(bool first) {
  if (first && !quiet_) {
    quiet_ = true;
    ring_.Announce(false);
    ring_.Acknowledge();
  }
  ServeReady();
  Collect();
  size_t end = completions_.size();
  while (next_ < end) {
    EnsureRoom();
    Handle(completions_[next_++]);
  }
  if (next_ == completions_.size()) {
    completions_.clear();
    next_ = 0;
  }
  if (!buffers_in_batch_) buffers_.GiveBack();
}

void UringTransport::Collect() {
  for (int count = 0; count < kMaxFetches; count++) {
    bool run_tasks = !buffers_.scarce();
    if (ring_.staged() == 0 && !(run_tasks && ring_.has_tasks())) break;
    Submit(run_tasks);
    Reap();
  }
  Reap();
}

// Takes everything from the ring. Sends are handled at once, before what they read from is used
// again; the rest in its order.
void UringTransport::Reap() {
  Completion completion;
  while (ring_.Take(&completion)) {
    if (TaskOf(completion) == Task::kSend) {
      OnSent(completion);
    } else {
      Keep(completion);
    }
  }
}

// Buffers that are not at a stretch are completions of their own.
void UringTransport::Keep(Completion completion) {
  while (HasBuffer(completion)) {
    auto size = static_cast<uint32_t>(std::max(completion.result, 1));
    uint16_t buffer = BufferOf(completion);
    uint32_t stretch = buffers_.Fill(buffer, size);
    if (stretch == size) break;
    uint32_t flags = completion.flags | IORING_CQE_F_MORE;
    completions_.push_back({completion.mark, static_cast<int32_t>(stretch), flags});
    completion.result -= static_cast<int32_t>(stretch);
    completion.flags = WithBuffer(completion.flags, buffers_.Behind(buffer, stretch));
  }
  completions_.push_back(completion);
}

void UringTransport::Handle(const Completion& taken) {
  // A copy: others are added meanwhile.
  Completion completion = taken;
  switch (TaskOf(completion)) {
    case Task::kReceive:
      OnReceived(completion);
      break;
    case Task::kRoom:
      OnRoom(slots().Find(IdOf(completion)));
      break;
    case Task::kError:
      OnError(completion);
      break;
    case Task::kAccept:
      OnAcceptable(completion);
      break;
    default:
      break;
  }
}

bool UringTransport::HasMore() const {
  return next_ < completions_.size() || !ready_.empty() || !starved_.empty() || ring_.has_work();
}

void UringTransport::EndRun() {
  RestartReceives();
  bool waiting = ring_.staged() > 0 || !sends_.empty();
  if (quiet_) {
    if (waiting) FlushSends(!buffers_.scarce());
    return;
  }
  // Outside of a tick; our own completions are no reason for one.
  ring_.Announce(false);
  if (waiting) FlushSends(false);
  ring_.Announce(true);
  if (HasMore()) host()->Poke();
}

void UringTransport::EndBatch() {
  buffers_.GiveBack();
  copied_ = 0;
  buffers_in_batch_ = false;
}

void UringTransport::EndTick(bool more) {
  if (more) return;
  quiet_ = false;
  ring_.Announce(true);
  if (HasMore()) host()->Poke();
}

void UringTransport::Stir() {
  if (!quiet_) host()->Poke();
}

// Other events of connections, and listeners.

void UringTransport::OnRoom(Connection* connection) {
  connection->awaits_room = false;
  if (connection->state == State::kConnecting) {
    Connected(connection, PendingError(connection->fd));
    if (connection->state != State::kOpen) return;
    if (connection->paused) return AwaitError(connection);
    return StartReceive(connection);
  }
  if (connection->live()) SendQueued(connection);
}

void UringTransport::OnError(const Completion& completion) {
  Connection* connection = slots().Find(IdOf(completion));
  if (!GoesOn(completion)) connection->awaits_error = false;
  if (!connection->live()) return;
  bool unread = connection->paused || connection->peer_ended;
  if (!unread) return;
  int error = PendingError(connection->fd);
  if (error != 0) Closed(connection, error);
}

void UringTransport::OnAcceptable(const Completion& completion) {
  Listener* listener = FindListener(IdOf(completion));
  if (listener == nullptr || Mark(listener) != completion.mark) return;
  listener->watch = 0;
  AcceptAll(listener);
}

void UringTransport::AcceptAll(Listener* listener) {
  for (int count = 0; count < kMaxAccepts; count++) {
    EnsureRoom();
    if (!listener->open) return;
    sockaddr_storage peer;
    socklen_t length = sizeof(peer);
    int fd = accept4(listener->fd, reinterpret_cast<sockaddr*>(&peer), &length,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      if (Accepted(listener, fd, peer)) return;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (AcceptFailed(listener, errno)) {
      return;
    }
  }
  WatchListener(listener);
}

}  // namespace expressgateway::transport
