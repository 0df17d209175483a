// The transport's TLS: between what engines receive and the slab, and between what TypeScript sends and
// the queue. What is to be sent while events are gathered (handshakes, alerts, answers to the peer's TLS)
// is queued, and goes out when the run of commands ends, together with what TypeScript sends then.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/idle_probe.h"
#include "transport/transport.h"

namespace expressgateway::transport {
namespace {

using tls::Step;

// What is sent in pieces becomes one record up to so much, a record's limit (RFC 8446 section 5.1).
constexpr size_t kRecordBytes = 16 * 1024;

// The arena always has room for what follows the last bytes of a connection.
constexpr size_t kArenaReserve = 4096;

// A look at an idle connection reads so much; what TLS says of itself is far less.
constexpr int kMaxProbeReads = 16;

size_t Sum(const iovec* pieces, int count) {
  size_t size = 0;
  for (int index = 0; index < count; index++) size += pieces[index].iov_len;
  return size;
}

void Join(const iovec* pieces, int count, uint8_t* to) {
  for (int index = 0; index < count; index++) {
    std::memcpy(to, pieces[index].iov_base, pieces[index].iov_len);
    to += pieces[index].iov_len;
  }
}

}  // namespace

void Transport::Secure(int32_t id, std::shared_ptr<tls::Context> tls) {
  Connection* connection = slots_.Find(id);
  if (connection == nullptr || connection->state != State::kOpen || connection->tls != nullptr) return;
  connection->tls = tls::Session::Make(std::move(tls), &wire_);
  if (connection->tls == nullptr) Closed(connection, ENOMEM);
}

const tls::Session* Transport::FindSession(int32_t id) {
  Connection* connection = slots_.Find(id);
  return connection == nullptr ? nullptr : connection->tls.get();
}

// Receiving.

uint32_t Transport::ReceivedSecure(Connection* connection, const iovec& bytes, uint32_t start,
                                   uint32_t room) {
  wire_.Feed(static_cast<const uint8_t*>(bytes.iov_base), bytes.iov_len);
  iovec free = {memory_.slab + start, std::min(room, kReadBytes)};
  size_t got = 0;
  Decrypt(connection, &free, &got);
  bool kept = connection->held.Append(wire_.input(), connection->live() ? wire_.unread() : 0);
  wire_.Drop();
  if (!kept) Closed(connection, ENOMEM);
  return Decrypted(connection, start, got);
}

uint32_t Transport::ReceivedKept(Connection* connection, uint32_t start, uint32_t room) {
  iovec free = {memory_.slab + start, std::min(room, kReadBytes)};
  size_t got = 0;
  bool more = true;
  while (more && connection->keeps()) {
    iovec piece = {nullptr, 0};
    connection->held.Peek(&piece, 1);
    wire_.Feed(static_cast<const uint8_t*>(piece.iov_base), piece.iov_len);
    more = Decrypt(connection, &free, &got);
    connection->unread = false;
    if (connection->live()) connection->held.Pop(piece.iov_len - wire_.unread());
    wire_.Drop();
  }
  return Decrypted(connection, start, got);
}

// Decrypts what the wire was fed. True when that was all, and more could be taken.
bool Transport::Decrypt(Connection* connection, iovec* room, size_t* got) {
  tls::Session& session = *connection->tls;
  if (!session.ready() && !ShakeHands(connection)) return connection->live() && session.reason().empty();
  if (connection->paused) return false;
  Step step;
  do {
    size_t here = 0;
    step = session.Read(static_cast<uint8_t*>(room->iov_base), room->iov_len, &here);
    room->iov_base = static_cast<uint8_t*>(room->iov_base) + here;
    room->iov_len -= here;
    *got += here;
    QueueOutput(connection);
  } while (step == Step::kFull && connection->live());
  return step == Step::kMore && connection->live();
}

// Tells what came of it. An end behind bytes waits for the next batch: the owner may pause before.
uint32_t Transport::Decrypted(Connection* connection, uint32_t start, size_t got) {
  auto size = static_cast<uint32_t>(got);
  if (!connection->live()) return size;
  const tls::Session& session = *connection->tls;
  if (size > 0) Received(connection, start, size);
  if (!session.reason().empty()) return FailSecure(connection), size;
  connection->unread = session.unread();
  if (session.peer_ended() && !connection->peer_ended) connection->end_held = true;
  if (!connection->end_held && !connection->keeps()) return size;
  ServeLater(connection);
  if (!gathering_) host_->Poke();
  return size;
}

// True when the handshake is done.
bool Transport::ShakeHands(Connection* connection) {
  handshakes_++;
  Step step;
  do {
    step = connection->tls->Handshake();
    QueueOutput(connection);
  } while (step == Step::kFull && connection->live());
  if (!connection->live() || step == Step::kMore) return false;
  if (step == Step::kFailed) return FailSecure(connection), false;
  Post(kEventConnect, connection->id, 0, 0);
  if (connection->pause_later || connection->finishing) {
    connection->pause_later = false;
    connection->paused = true;
    Pause(connection);
  }
  SendWaiting(connection);
  return connection->live();
}

// The connection ends. The alert that tells the peer why is in its queue.
void Transport::FailSecure(Connection* connection) {
  if (connection->sending) Settle(connection);
  if (connection->state == State::kOpen && !connection->queue.empty()) SendQueued(connection);
  Closed(connection, EPROTO);
}

// Sending.

// What an owner sends before the handshake is done.
void Transport::Wait(Connection* connection, const iovec* pieces, int count) {
  bool taken = true;
  for (int index = 0; index < count && taken; index++) {
    const auto* bytes = static_cast<const uint8_t*>(pieces[index].iov_base);
    taken = connection->tls->waiting.Append(bytes, pieces[index].iov_len);
  }
  CountQueued(connection, taken);
}

void Transport::SendWaiting(Connection* connection) {
  SendQueue& waiting = connection->tls->waiting;
  iovec piece;
  while (connection->live() && waiting.Peek(&piece, 1) == 1) {
    Step step = connection->tls->Write(piece.iov_base, piece.iov_len);
    if (step == Step::kFailed) return FailSecure(connection);
    if (step == Step::kDone) waiting.Pop(piece.iov_len);
    QueueOutput(connection);
  }
  if (connection->live() && connection->queue.empty()) AfterQueue(connection);
}

// Consecutive sends are encrypted one behind the other, and are one system call.
void Transport::SendSecure(Connection* connection, const iovec* pieces, int count, bool last) {
  if (connection->shakes_hands()) return Wait(connection, pieces, count);
  uint8_t joined[kRecordBytes];
  iovec whole = {joined, Sum(pieces, count)};
  if (count > 1 && whole.iov_len <= kRecordBytes) {
    Join(pieces, count, joined);
    pieces = &whole;
    count = 1;
  }
  size_t begin = wire_.used();
  for (int index = 0; index < count; index++) {
    if (!Encrypt(connection, pieces[index], &begin)) return;
  }
  if (last) connection->tls->End();
  SendOutput(connection, begin);
}

// False: the connection takes nothing more.
bool Transport::Encrypt(Connection* connection, const iovec& piece, size_t* begin) {
  for (;;) {
    Step step = connection->tls->Write(piece.iov_base, piece.iov_len);
    bool full = step == Step::kFull || tls::kWireBytes - wire_.used() < kArenaReserve;
    if (step == Step::kDone && !full) return true;
    SendOutput(connection, *begin);
    if (!full) connection->tls->Fail("writing failed");
    if (!full) return FailSecure(connection), false;
    // What lies in the arena has to go out before it is used again.
    Settle(connection);
    wire_.Rewind(0);
    *begin = 0;
    if (!connection->live() || connection->send_error != 0) return false;
    if (step == Step::kDone) return true;
  }
}

// What was encrypted behind `begin` is sent, from where it lies, or behind what is queued.
void Transport::SendOutput(Connection* connection, size_t begin) {
  iovec piece = {wire_.output() + begin, wire_.used() - begin};
  if (piece.iov_len == 0 || !connection->live() || connection->send_error != 0) return;
  if (connection->queue.empty()) return Send(connection, &piece, 1);
  Enqueue(connection, &piece, 1, 0);
}

// What was encrypted while no run of commands is going on.
void Transport::QueueOutput(Connection* connection) {
  iovec piece = {wire_.output(), wire_.used()};
  wire_.Rewind(0);
  if (piece.iov_len == 0 || !connection->live() || connection->send_error != 0) return;
  if (!Enqueue(connection, &piece, 1, 0) || connection->unsent) return;
  connection->unsent = true;
  unsent_.push_back(connection);
  if (!gathering_) host_->Poke();
}

void Transport::SendUnsent() {
  for (Connection* connection : unsent_) {
    connection->unsent = false;
    if (connection->state != State::kOpen || connection->queue.empty()) continue;
    if (connection->sending) Settle(connection);
    SendQueued(connection);
  }
  unsent_.clear();
}

// TLS says that nothing more is going to be sent before FIN says it. True: there is something to wait
// for, after which `AfterQueue` comes again.
bool Transport::SaysLast(Connection* connection) {
  tls::Session& session = *connection->tls;
  bool last = connection->finishing || connection->end_wanted;
  if (!last || connection->ended || connection->send_error != 0 || session.ended()) return false;
  if (!session.ready()) return !connection->finishing || !session.waiting.empty();
  size_t begin = wire_.used();
  session.End();
  iovec piece = {wire_.output() + begin, wire_.used() - begin};
  if (piece.iov_len == 0) return false;
  if (Enqueue(connection, &piece, 1, 0)) SendQueued(connection);
  wire_.Rewind(begin);
  return true;
}

// Idle connections.

// TLS may have something to say to an idle connection, such as session tickets that come late: only what
// is left after that is unexpected.
int Transport::ProbeSecure(Connection* connection) {
  tls::Session& session = *connection->tls;
  if (!session.ready() || session.peer_ended()) return kProbeClosed;
  if (connection->unread) return kProbeUnexpectedBytes;
  Absorb(connection);
  int seen = ProbeIdle(connection->fd);
  if (seen == kProbeUnexpectedBytes) HoldUnexpected(connection);
  Step step = Step::kMore;
  iovec piece;
  while (step == Step::kMore && connection->live() && connection->held.Peek(&piece, 1) == 1) {
    wire_.Feed(static_cast<const uint8_t*>(piece.iov_base), piece.iov_len);
    step = session.Peek();
    QueueOutput(connection);
    if (connection->live()) connection->held.Pop(piece.iov_len - wire_.unread());
    wire_.Drop();
  }
  Decrypted(connection, 0, 0);
  if (!connection->live() || seen == kProbeClosed || session.peer_ended()) return kProbeClosed;
  return connection->keeps() ? kProbeUnexpectedBytes : kProbeQuiet;
}

void Transport::HoldUnexpected(Connection* connection) {
  uint8_t bytes[4096];
  for (int count = 0; count < kMaxProbeReads; count++) {
    ssize_t got = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got <= 0) return;
    if (!connection->held.Append(bytes, static_cast<size_t>(got))) return Closed(connection, ENOMEM);
  }
}

}  // namespace expressgateway::transport
