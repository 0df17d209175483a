#include "transport/epoll_transport.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

#include "transport/sockets.h"

namespace expressgateway::transport {
namespace {

// Events of one epoll_wait; more stay for the next.
constexpr int kMaxEvents = 512;

// Connections that one listener accepts in a round, so that those that are open get their turn.
constexpr int kMaxAccepts = 64;

constexpr uint32_t kConnectionEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

// The lower half of an event's data is a connection's slot with its generation above, or a listener.
constexpr uint64_t kListenerMark = uint64_t{1} << 63;

// Generations are compared by the bits that an event has room for.
constexpr uint32_t kGenerationMask = 0x7fffffff;

uint64_t Mark(const Connection* connection) {
  uint64_t generation = connection->generation & kGenerationMask;
  return generation << 32 | static_cast<uint32_t>(connection->id);
}

}  // namespace

EpollTransport::~EpollTransport() {
  CloseAll();
  if (epoll_ >= 0) close(epoll_);
}

int EpollTransport::Open() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  return epoll_ < 0 ? errno : 0;
}

bool EpollTransport::Watch(Connection* connection) {
  epoll_event event = {kConnectionEvents, {.u64 = Mark(connection)}};
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

bool EpollTransport::WatchListener(Listener* listener) {
  epoll_event event = {EPOLLIN, {.u64 = kListenerMark | static_cast<uint32_t>(listener->id)}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, listener->fd, &event) == 0) return true;
  return errno == EEXIST;
}

void EpollTransport::UnwatchListener(Listener* listener) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, listener->fd, nullptr);
}

void EpollTransport::Gather(bool first) {
  ReadReady();
  if (!first && !accepted_) return;
  accepted_ = false;
  epoll_event events[kMaxEvents];
  int count = epoll_wait(epoll_, events, kMaxEvents, 0);
  for (int index = 0; index < count; index++) {
    uint64_t mark = events[index].data.u64;
    EnsureRoom();
    auto id = static_cast<int32_t>(mark & 0xffffffff);
    if ((mark & kListenerMark) != 0) {
      Listener* listener = FindListener(id);
      if (listener != nullptr) AcceptAll(listener);
      continue;
    }
    Connection* connection = slots().Find(id);
    if (connection == nullptr || !connection->live() || Mark(connection) != mark) continue;
    OnEvent(connection, events[index].events);
  }
}

void EpollTransport::OnEvent(Connection* connection, uint32_t mask) {
  if (connection->state == State::kConnecting) {
    if ((mask & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    Connected(connection, PendingError(connection->fd));
    if (connection->state != State::kOpen) return;
  }
  // An error must not wait until a paused connection is read again, or for ever when nothing is left
  // to read: its other half has to be freed.
  bool unread = connection->paused || connection->peer_ended;
  if ((mask & EPOLLERR) != 0 && unread) {
    int error = PendingError(connection->fd);
    if (error != 0) return Closed(connection, error);
  }
  if ((mask & EPOLLOUT) != 0 && !connection->queue.empty()) SendQueued(connection);
  if (connection->state != State::kOpen) return;
  if ((mask & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection->peer_finishing = true;
  if ((mask & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
  if (connection->paused || connection->in_ready) {
    connection->readable = true;
  } else if (connection->received_in == batch()) {
    ReadLater(connection);
  } else {
    Receive(connection);
  }
}

void EpollTransport::Receive(Connection* connection) {
  if (connection->keeps()) {
    UseSlab(ReceivedKept(connection, slab_used(), memory().slab_bytes - slab_used()));
    if (connection->live()) ReadLater(connection);
    return;
  }
  connection->readable = false;
  if (connection->end_held) {
    connection->end_held = false;
    return PeerEnded(connection);
  }
  if (connection->peer_ended) return;
  if (connection->tls == nullptr) {
    return ReceiveInto(connection, {memory().slab + slab_used(), kReadBytes});
  }
  if (encrypted_ == nullptr) encrypted_ = std::make_unique<uint8_t[]>(kSecureReadBytes);
  ReceiveInto(connection, {encrypted_.get(), kSecureReadBytes});
}

// One read: a short one has emptied the socket, unless the peer has announced its end behind it.
void EpollTransport::ReceiveInto(Connection* connection, const iovec& room) {
  ssize_t got;
  do {
    got = recv(connection->fd, room.iov_base, room.iov_len, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    auto size = static_cast<uint32_t>(got);
    uint32_t start = slab_used();
    if (connection->tls == nullptr) {
      UseSlab(size);
      Received(connection, start, size);
    } else {
      UseSlab(ReceivedSecure(connection, {room.iov_base, size}, start, memory().slab_bytes - start));
    }
    bool more = size == room.iov_len || connection->peer_finishing;
    if (more && connection->live()) ReadLater(connection);
  } else if (got == 0) {
    PeerEnded(connection);
  } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
    Closed(connection, errno);
  } else if (connection->send_error != 0) {
    Closed(connection, connection->send_error);
  }
}

void EpollTransport::ReadLater(Connection* connection) {
  connection->readable = true;
  if (connection->in_ready) return;
  connection->in_ready = true;
  ready_.push_back({connection->id, connection->generation});
}

void EpollTransport::ReadReady() {
  reading_.swap(ready_);
  for (const Ready& ready : reading_) {
    EnsureRoom();
    Connection* connection = Live(ready.id, ready.generation);
    if (connection == nullptr) continue;
    connection->in_ready = false;
    if (connection->readable && !connection->paused) Receive(connection);
  }
  reading_.clear();
}

void EpollTransport::Resume(Connection* connection) {
  if (!connection->readable) return;
  ReadLater(connection);
  host()->Poke();
}

void EpollTransport::ReadOut(Connection* connection) {
  ReadLater(connection);
  host()->Poke();
}

void EpollTransport::AcceptAll(Listener* listener) {
  for (int count = 0; count < kMaxAccepts; count++) {
    EnsureRoom();
    if (!listener->open) return;
    sockaddr_storage peer;
    socklen_t length = sizeof(peer);
    int fd = accept4(listener->fd, reinterpret_cast<sockaddr*>(&peer), &length,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepted_ = true;
      if (Accepted(listener, fd, peer)) return;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || AcceptFailed(listener, errno)) {
      return;
    }
  }
}

void EpollTransport::Send(Connection* connection, const iovec* pieces, int count) {
  ssize_t sent = SendPieces(connection->fd, pieces, count);
  if (sent < 0 && sent != -EAGAIN) return SendFailed(connection, static_cast<int>(-sent));
  size_t taken = sent < 0 ? 0 : static_cast<size_t>(sent);
  size_t size = 0;
  for (int index = 0; index < count; index++) size += pieces[index].iov_len;
  if (taken < size) Enqueue(connection, pieces, count, taken);
}

void EpollTransport::SendQueued(Connection* connection) {
  iovec pieces[kMaxPieces];
  while (connection->state == State::kOpen && !connection->queue.empty()) {
    int count = connection->queue.Peek(pieces, kMaxPieces);
    ssize_t sent = SendPieces(connection->fd, pieces, count);
    if (sent == -EAGAIN) return;
    if (sent < 0) return SendFailed(connection, static_cast<int>(-sent));
    Dequeued(connection, static_cast<size_t>(sent));
  }
}

void EpollTransport::CloseDescriptor(Connection* connection) { close(connection->fd); }

}  // namespace expressgateway::transport
