#include "transport/transport.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/idle_probe.h"
#include "transport/sockets.h"

namespace expressgateway::transport {
namespace {

// Errors of accept(2) that concern one connection; with any other, accepting again at once would
// fail again.
bool ConcernsOneConnection(int error) {
  return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM;
}

bool IsSend(const Command& command) {
  return command.kind == kCommandSendOut || command.kind == kCommandSendSlab;
}

size_t QueuedBytes(const Connection* connection) {
  size_t waiting = connection->tls == nullptr ? 0 : connection->tls->waiting.bytes();
  return connection->queue.bytes() + waiting;
}

}  // namespace

Transport::Transport(const SharedMemory& memory, Host* host)
    : memory_(memory), host_(host), slots_(memory.slot_capacity) {}

Transport::~Transport() = default;

// Commands of TypeScript.

int32_t Transport::Connect(const std::string& host, int port, std::shared_ptr<tls::Context> tls) {
  Connection* connection = slots_.Take();
  if (connection == nullptr) return -1;
  info(connection) = {};
  connection->state = State::kConnecting;
  connection->tcp = port != -1;
  bool secure = tls != nullptr;
  if (secure) {
    connection->tls = tls::Session::Make(std::move(tls), &wire_, host + ' ' + std::to_string(port));
  }
  int error = ENOMEM;
  if (!secure || connection->tls != nullptr) connection->fd = DialSocket(host, port, &error);
  if (connection->fd < 0) {
    Closed(connection, error);
  } else if (!Watch(connection)) {
    Closed(connection, errno);
  }
  return connection->id;
}

int32_t Transport::Listen(int fd) {
  size_t index = 0;
  while (index < listeners_.size() && listeners_[index].open) index++;
  if (index == listeners_.size()) listeners_.emplace_back();
  Listener& listener = listeners_[index];
  listener = {fd, static_cast<int32_t>(index), true};
  SetInherited(fd);
  listener.open = WatchListener(&listener);
  return listener.open ? listener.id : -1;
}

Listener* Transport::FindListener(int32_t id) {
  auto index = static_cast<size_t>(id);
  return index < listeners_.size() && listeners_[index].open ? &listeners_[index] : nullptr;
}

void Transport::ResumeListener(int32_t id) {
  Listener* listener = FindListener(id);
  if (listener != nullptr) WatchListener(listener);
}

void Transport::CloseListener(int32_t id) {
  Listener* listener = FindListener(id);
  if (listener == nullptr) return;
  UnwatchListener(listener);
  close(listener->fd);
  listener->open = false;
}

int Transport::Probe(int32_t id) {
  Connection* connection = slots_.Find(id);
  if (connection == nullptr || connection->state != State::kOpen) return kProbeClosed;
  if (connection->tls != nullptr) return ProbeSecure(connection);
  if (HoldsBytes(connection)) return kProbeUnexpectedBytes;
  return ProbeIdle(connection->fd);
}

void Transport::Run(uint32_t count) {
  count = std::min(count, memory_.command_capacity);
  for (uint32_t index = 0; index < count;) {
    if (IsSend(memory_.commands[index])) {
      index = RunSends(index, count);
    } else {
      RunOne(memory_.commands[index++]);
    }
  }
  SendUnsent();
  EndRun();
  wire_.Rewind(0);
}

// False for an empty range, and for one that is not inside its arena.
bool Transport::SendRange(const Command& command, iovec* piece) const {
  bool out = command.kind == kCommandSendOut;
  auto begin = static_cast<uint32_t>(command.a);
  auto end = static_cast<uint32_t>(command.b);
  if (begin >= end || end > (out ? memory_.out_bytes : memory_.slab_bytes)) return false;
  *piece = {(out ? memory_.out : memory_.slab) + begin, end - begin};
  return true;
}

// Consecutive sends to one connection are one system call. Returns the index behind them.
uint32_t Transport::RunSends(uint32_t index, uint32_t count) {
  iovec pieces[kMaxPieces];
  int used = 0;
  int32_t id = memory_.commands[index].id;
  for (; index < count && used < kMaxPieces; index++) {
    const Command& command = memory_.commands[index];
    if (command.id != id || !IsSend(command)) break;
    if (SendRange(command, &pieces[used])) used++;
  }
  Connection* connection = slots_.Find(id);
  if (connection != nullptr && connection->live() && used > 0) {
    SendOrQueue(connection, pieces, used, EndsAt(index, count, id));
  }
  return index;
}

// The command there says that nothing more is sent.
bool Transport::EndsAt(uint32_t index, uint32_t count, int32_t id) const {
  if (index == count) return false;
  const Command& command = memory_.commands[index];
  return command.id == id && (command.kind == kCommandEnd || command.kind == kCommandFinish);
}

void Transport::RunOne(const Command& command) {
  Connection* connection = slots_.Find(command.id);
  if (connection == nullptr || !connection->live()) return;
  switch (command.kind) {
    case kCommandPause:
      connection->pause_later = connection->shakes_hands();
      if (connection->pause_later) break;
      connection->paused = true;
      Pause(connection);
      break;
    case kCommandResume:
      connection->pause_later = false;
      if (connection->finishing || connection->shakes_hands()) break;
      connection->paused = false;
      Resume(connection);
      break;
    case kCommandEnd:
      End(connection);
      break;
    case kCommandFinish:
      Finish(connection);
      break;
    case kCommandDestroy:
      if (connection->sending) Settle(connection);
      Closed(connection, 0);
      break;
    case kCommandReset:
      Reset(connection);
      break;
    default:
      break;
  }
}

// `last`: its end follows.
void Transport::SendOrQueue(Connection* connection, const iovec* pieces, int count, bool last) {
  if (connection->end_wanted || connection->finishing || connection->send_error != 0) return;
  if (connection->tls != nullptr) return SendSecure(connection, pieces, count, last);
  if (connection->state == State::kConnecting || !connection->queue.empty()) {
    Enqueue(connection, pieces, count, 0);
  } else {
    Send(connection, pieces, count);
  }
}

void Transport::End(Connection* connection) {
  connection->end_wanted = true;
  if (connection->state == State::kOpen) Sent(connection);
}

void Transport::Finish(Connection* connection) {
  connection->finishing = true;
  if (!connection->shakes_hands()) {
    connection->paused = true;
    Pause(connection);
  }
  Sent(connection);
}

// RST instead of FIN. There is none before the handshake, nor on a Unix socket.
void Transport::Reset(Connection* connection) {
  if (connection->sending) Settle(connection);
  if (connection->tcp && connection->state == State::kOpen) PrepareReset(connection->fd);
  Closed(connection, 0);
}

// A tick.

void Transport::Tick() {
  bool more = true;
  for (int round = 0; more && round < kMaxRounds; round++) {
    gathering_ = true;
    TakeDeferred();
    Gather(round == 0);
    Deliver();
    gathering_ = false;
    more = HasMore() || !deferred_.empty();
  }
  if (more) host_->Poke();
  EndTick(more);
}

void Transport::Deliver() {
  handshakes_ = 0;
  if (events_ == 0 && unsent_.empty()) return ReleaseClosed();
  gathering_ = false;
  Run(events_ == 0 ? 0 : host_->Deliver(events_));
  EndBatch();
  gathering_ = true;
  batch_++;
  events_ = 0;
  slab_used_ = 0;
  ReleaseClosed();
}

void Transport::EnsureRoom() {
  bool events = memory_.event_capacity - events_ >= kMinEventRoom;
  bool room = events && memory_.slab_bytes - slab_used_ >= kReadBytes;
  if (!room || handshakes_ >= kMaxHandshakes) Deliver();
}

void Transport::Post(int32_t kind, int32_t id, int32_t a, int32_t b) {
  if (gathering_) return Put({kind, id, a, b});
  deferred_.push_back({kind, id, a, b});
  host_->Poke();
}

void Transport::Put(const Event& event) {
  memory_.events[events_++] = event;
  if (event.kind == kEventClose) closed_.push_back(slots_.Find(event.id));
}

void Transport::TakeDeferred() {
  size_t room = memory_.event_capacity - kMinEventRoom - events_;
  size_t count = std::min(room, deferred_.size());
  for (size_t index = 0; index < count; index++) Put(deferred_[index]);
  deferred_.erase(deferred_.begin(), deferred_.begin() + static_cast<ptrdiff_t>(count));
}

// TypeScript has seen their close, and what it had still sent them was dropped: their slots are free.
void Transport::ReleaseClosed() {
  size_t kept = 0;
  for (Connection* connection : closed_) {
    if (HoldsSlot(connection)) {
      closed_[kept++] = connection;
    } else {
      slots_.Release(connection);
    }
  }
  closed_.resize(kept);
}

Connection* Transport::Live(int32_t id, uint32_t generation) {
  Connection* connection = slots_.Find(id);
  if (connection == nullptr || connection->generation != generation) return nullptr;
  return connection->live() ? connection : nullptr;
}

// What engines tell.

bool Transport::Accepted(Listener* listener, int fd, const sockaddr_storage& peer) {
  Connection* connection = slots_.Take();
  if (connection == nullptr) {
    close(fd);
    return AcceptFailed(listener, ENOBUFS);
  }
  connection->fd = fd;
  connection->state = State::kOpen;
  WriteAddress(peer, &info(connection));
  connection->tcp = info(connection).has_address != 0;
  if (!Watch(connection)) {
    int error = errno;
    close(fd);
    slots_.Release(connection);
    return AcceptFailed(listener, error);
  }
  Post(kEventAccept, connection->id, listener->id, fd);
  return false;
}

bool Transport::AcceptFailed(Listener* listener, int error) {
  bool held = !ConcernsOneConnection(error);
  if (held) UnwatchListener(listener);
  Post(kEventAcceptError, listener->id, error, held ? 1 : 0);
  return held;
}

void Transport::Connected(Connection* connection, int error) {
  if (error != 0) return Closed(connection, error);
  connection->state = State::kOpen;
  if (connection->tls != nullptr) {
    ShakeHands(connection);
    return;
  }
  Post(kEventConnect, connection->id, 0, 0);
  if (!connection->queue.empty()) {
    SendQueued(connection);
  } else {
    AfterQueue(connection);
  }
}

void Transport::Received(Connection* connection, uint32_t start, uint32_t size) {
  connection->received_in = batch_;
  Post(kEventData, connection->id, static_cast<int32_t>(start), static_cast<int32_t>(start + size));
}

void Transport::SendFailed(Connection* connection, int error) {
  // Nobody would read the rest, or there is none.
  if (connection->paused || connection->peer_ended) return Closed(connection, error);
  connection->send_error = error;
  connection->queue.Clear();
  info(connection).queued = 0;
  info(connection).blocked = 0;
  ReadOut(connection);
}

void Transport::PeerEnded(Connection* connection) {
  // The kernel tells an error once, and then that there is nothing to read.
  if (connection->send_error != 0) return Closed(connection, connection->send_error);
  if (connection->peer_ended) return;
  if (connection->tls != nullptr && !connection->tls->peer_ended()) {
    connection->tls->Fail("unexpected eof while reading");
    return Closed(connection, EPROTO);
  }
  connection->peer_ended = true;
  Post(kEventEnd, connection->id, 0, 0);
  if (connection->ended) Closed(connection, 0);
}

void Transport::Closed(Connection* connection, int error) {
  if (!connection->live()) return;
  if (connection->fd >= 0) CloseDescriptor(connection);
  connection->fd = -1;
  connection->state = State::kClosed;
  connection->queue.Clear();
  connection->held.Clear();
  info(connection).queued = 0;
  info(connection).blocked = 0;
  bool of_tls = connection->tls != nullptr && !connection->tls->reason().empty();
  Post(kEventClose, connection->id, error, of_tls ? 1 : 0);
}

bool Transport::Enqueue(Connection* connection, const iovec* pieces, int count, size_t skip) {
  bool taken = true;
  for (int index = 0; index < count && taken; index++) {
    size_t size = pieces[index].iov_len;
    size_t skipped = std::min(skip, size);
    skip -= skipped;
    const auto* bytes = static_cast<const uint8_t*>(pieces[index].iov_base);
    taken = connection->queue.Append(bytes + skipped, size - skipped);
  }
  return CountQueued(connection, taken);
}

// False: the connection was failed, for want of memory or because there is too much.
bool Transport::CountQueued(Connection* connection, bool taken) {
  size_t queued = QueuedBytes(connection);
  if (!taken || queued > kMaxQueuedBytes) {
    Closed(connection, taken ? ENOBUFS : ENOMEM);
    return false;
  }
  info(connection).queued = static_cast<int32_t>(queued);
  if (queued >= kHighWaterBytes) info(connection).blocked = 1;
  return true;
}

void Transport::Sent(Connection* connection) {
  if (connection->queue.empty() && !connection->sending) AfterQueue(connection);
}

void Transport::Dequeued(Connection* connection, size_t size) {
  connection->queue.Pop(size);
  size_t queued = QueuedBytes(connection);
  info(connection).queued = static_cast<int32_t>(queued);
  if (queued > 0) return;
  if (info(connection).blocked != 0) {
    info(connection).blocked = 0;
    Post(kEventDrain, connection->id, 0, 0);
  }
  AfterQueue(connection);
}

// The queue is empty: what was to follow it follows. A peer that has ended needs no FIN of its own.
void Transport::AfterQueue(Connection* connection) {
  if (connection->tls != nullptr && SaysLast(connection)) return;
  if (connection->finishing && connection->tls != nullptr) DropReceived(connection->fd);
  if (connection->finishing) return Closed(connection, 0);
  if (!connection->end_wanted || connection->ended || connection->send_error != 0) return;
  connection->ended = true;
  if (connection->peer_ended) return Closed(connection, 0);
  shutdown(connection->fd, SHUT_WR);
}

void Transport::CloseAll() {
  for (Listener& listener : listeners_) CloseListener(listener.id);
  for (uint32_t id = 0; id < slots_.made(); id++) {
    Connection* connection = slots_.Find(static_cast<int32_t>(id));
    if (connection->live()) Closed(connection, 0);
  }
}

}  // namespace expressgateway::transport
