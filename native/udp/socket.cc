#include "udp/socket.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/address.h"
#include "udp/error_queue.h"

namespace expressgateway::udp {
namespace {

// Notes it for TypeScript.
Bound ReadBound(int fd, State* state) {
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  uint32_t scope = 0;
  *state = {};
  ReadAddress(address, state->address, &state->port, &scope);
  const uint32_t* words = state->address;
  bool none = words[0] == 0 && words[1] == 0 && words[3] == 0;
  return {address.ss_family, none && (words[2] == 0 || IsMapped(words))};
}

// With these, receiving again would fail again. Others are what ICMP said of an earlier datagram.
bool IsFatal(int error) { return error == EBADF || error == ENOTSOCK || error == EFAULT; }

}  // namespace

Socket::Socket(int fd, const SharedMemory& memory, Host* host)
    : fd_(fd),
      memory_(memory),
      host_(host),
      receiver_(memory),
      sender_(fd, ReadBound(fd, memory.state), memory.state, this) {}

Socket::~Socket() { close(fd_); }

void Socket::Start() {
  receiving_ = true;
  Watch();
}

void Socket::Stop() { receiving_ = false; }

void Socket::Run(uint32_t count) {
  sender_.Send(memory_.staged, std::min(count, memory_.staged_capacity), memory_.out,
               memory_.out_bytes);
  Watch();
}

void Socket::Tick(int events) {
  if ((events & kError) != 0) ReadErrors();
  if ((events & (kWritable | kError)) != 0 && sender_.waiting()) {
    sender_.SendQueued();
    drained_ = !sender_.waiting();
  }
  if ((events & (kReadable | kError)) != 0) Receive();
  if (unreachable_ > 0 || drained_) Deliver(0);
  Watch();
}

void Socket::Receive() {
  for (int round = 0; round < kMaxRounds && receiving_; round++) {
    if (!ReceiveBatch()) return;
  }
}

// Whether more may have come.
bool Socket::ReceiveBatch() {
  int got = receiver_.Receive(fd_);
  if (got >= 0) {
    DeliverBatch();
    return got == receiver_.capacity();
  }
  if (got == -EAGAIN || got == -EWOULDBLOCK) return false;
  if (IsFatal(-got)) {
    receiving_ = false;
    host_->Fail(-got);
    return false;
  }
  ReadErrors();
  return true;
}

void Socket::DeliverBatch() {
  while (receiving_) {
    uint32_t count = receiver_.Describe();
    if (count == 0) return;
    Deliver(count);
  }
}

// Those that find no place wait for the next tick.
void Socket::ReadErrors() {
  uint32_t most = memory_.unreachable_capacity;
  for (uint32_t taken = 0; taken < most && unreachable_ < most; taken++) {
    QueuedError kind = TakeError(fd_, &memory_.unreachable[unreachable_]);
    if (kind == QueuedError::kNone) break;
    if (kind == QueuedError::kUnreachable) unreachable_++;
  }
  ClearError(fd_);
}

// While receiving goes on, the host is told by this.
void Socket::Deliver(uint32_t datagrams) {
  uint32_t unreachable = unreachable_;
  bool drained = drained_;
  unreachable_ = 0;
  drained_ = false;
  if (receiving_) Run(host_->Deliver(datagrams, unreachable, drained));
}

void Socket::NoRoute(const Datagram& path, int error) {
  if (unreachable_ == memory_.unreachable_capacity) return;
  Unreachable& told = memory_.unreachable[unreachable_++];
  std::copy(path.remote, path.remote + 4, told.remote);
  told.port = path.remote_port;
  told.error = static_cast<uint32_t>(error);
  host_->Poke();
}

void Socket::Watch() {
  int wanted = (receiving_ ? kReadable : 0) | (sender_.waiting() ? kWritable : 0);
  if (wanted == watched_) return;
  watched_ = wanted;
  host_->Watch(wanted);
}

}  // namespace expressgateway::udp
