#include "udp/sender.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/address.h"

namespace expressgateway::udp {
namespace {

// Room for the local address, the size of a run's datagrams and the ECN bits.
constexpr size_t kControlBytes = 128;

// Writes control messages one behind the other.
class Controls {
 public:
  explicit Controls(msghdr* message) : message_(message) { message->msg_controllen = 0; }

  template <typename T>
  void Add(int level, int type, const T& value) {
    auto* bytes = static_cast<uint8_t*>(message_->msg_control) + message_->msg_controllen;
    auto* header = reinterpret_cast<cmsghdr*>(bytes);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof(value));
    std::memcpy(CMSG_DATA(header), &value, sizeof(value));
    message_->msg_controllen += CMSG_SPACE(sizeof(value));
  }

 private:
  msghdr* message_;
};

bool TakesSegments(int fd) {
  int value = 0;
  socklen_t length = sizeof(value);
  return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, &length) == 0;
}

bool IsAny(const uint32_t words[4]) {
  return (words[3] | words[2] | words[1] | words[0]) == 0;
}

bool WantsRoom(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// Of this very message; no earlier one can have left it.
bool IsFinal(int error) {
  return error == ENOBUFS || error == ENOMEM || error == EIO || error == EINVAL;
}

bool IsNoRoute(int error) { return error == ENETUNREACH || error == EHOSTUNREACH; }

// How the kernel says that it, or the device, takes no run, or none of such large datagrams.
bool RefusesRuns(int error) { return error == EIO || error == EINVAL || error == EMSGSIZE; }

}  // namespace

struct Sender::Slots {
  mmsghdr headers[kMaxSends];
  iovec pieces[kMaxSends];
  sockaddr_in6 names[kMaxSends];
  // Of which of the runs each message is.
  uint32_t runs[kMaxSends];
  alignas(cmsghdr) uint8_t controls[kMaxSends][kControlBytes];
};

Sender::Sender(int fd, const Bound& bound, State* state, Listener* listener)
    : fd_(fd),
      bound_(bound),
      state_(state),
      listener_(listener),
      segments_(TakesSegments(fd)),
      slots_(std::make_unique<Slots>()) {
  for (uint32_t index = 0; index < kMaxSends; index++) {
    msghdr& header = slots_->headers[index].msg_hdr;
    header.msg_name = &slots_->names[index];
    header.msg_iov = &slots_->pieces[index];
    header.msg_iovlen = 1;
    header.msg_control = slots_->controls[index];
  }
}

Sender::~Sender() = default;

void Sender::Send(const Datagram* runs, uint32_t count, const uint8_t* out, uint32_t out_bytes) {
  Run here[kMaxSends];
  for (uint32_t first = 0; first < count;) {
    uint32_t used = 0;
    for (; used < kMaxSends && first < count; first++) {
      const Datagram& run = runs[first];
      if (run.start > run.end || run.end > out_bytes) continue;
      if (IsMapped(run.remote) != (bound_.family == AF_INET)) {
        Drop(CountDatagrams(run, run.end - run.start));
        continue;
      }
      here[used++] = {&run, out + run.start, run.end - run.start, 0, false, false};
    }
    uint32_t gone = waiting() ? 0 : SendRuns(here, used);
    for (; gone < used; gone++) Enqueue(here[gone]);
  }
}

void Sender::SendQueued() {
  Run here[kMaxSends];
  while (waiting()) {
    uint32_t count = queue_.Peek(here, kMaxSends);
    uint32_t gone = SendRuns(here, count);
    for (uint32_t index = 0; index < gone; index++) queue_.Pop();
    if (gone == count) continue;
    queue_.Progress(here[gone]);
    return;
  }
  state_->blocked = 0;
}

// How many of them have gone; the kernel has no room for the others.
uint32_t Sender::SendRuns(Run* runs, uint32_t count) {
  uint32_t first = 0;
  while (first < count) {
    uint32_t messages = Prepare(runs + first, count - first);
    int sent = sendmmsg(fd_, slots_->headers, messages, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      Took(runs + first, static_cast<uint32_t>(sent));
    } else if (WantsRoom(errno)) {
      state_->blocked = 1;
      break;
    } else if (errno != EINTR) {
      Failed(runs + first, static_cast<uint32_t>(slots_->pieces[0].iov_len), errno);
    }
    while (first < count && runs[first].done) first++;
  }
  return first;
}

// The messages of the next system call. Returns how many.
uint32_t Sender::Prepare(const Run* runs, uint32_t count) {
  uint32_t slot = 0;
  for (uint32_t index = 0; index < count && slot < kMaxSends; index++) {
    const Run& run = runs[index];
    uint32_t from = run.sent;
    do {
      uint32_t bytes = NextBytes(run, from);
      uint32_t segment = run.path->segment;
      slots_->pieces[slot] = {const_cast<uint8_t*>(run.bytes + from), bytes};
      slots_->runs[slot] = index;
      Address(slot, *run.path, segment > 0 && bytes > segment ? segment : 0);
      slot++;
      from += bytes;
    } while (from < run.size && slot < kMaxSends);
  }
  return slot;
}

// How much of a run goes into one message.
uint32_t Sender::NextBytes(const Run& run, uint32_t from) const {
  uint32_t left = run.size - from;
  uint32_t segment = run.path->segment;
  if (segment == 0 || left <= segment) return left;
  if (!segments_ || run.single) return segment;
  uint32_t segments = std::min(kMaxSegments, std::max(1u, kMaxRunBytes / segment));
  return std::min(left, segments * segment);
}

// `segment` 0: it is a single datagram.
void Sender::Address(uint32_t slot, const Datagram& path, uint32_t segment) {
  msghdr& message = slots_->headers[slot].msg_hdr;
  Controls controls(&message);
  bool local = bound_.any && !IsAny(path.local);
  if (bound_.family == AF_INET) {
    auto* name = reinterpret_cast<sockaddr_in*>(&slots_->names[slot]);
    *name = {AF_INET, htons(static_cast<uint16_t>(path.remote_port)), Ipv4Of(path.remote), {}};
    message.msg_namelen = sizeof(*name);
    if (local) controls.Add(IPPROTO_IP, IP_PKTINFO, in_pktinfo{0, Ipv4Of(path.local), {}});
    if (path.ecn != 0) controls.Add(IPPROTO_IP, IP_TOS, static_cast<int>(path.ecn));
  } else {
    sockaddr_in6* name = &slots_->names[slot];
    *name = {AF_INET6, htons(static_cast<uint16_t>(path.remote_port)), 0, Ipv6Of(path.remote),
             path.scope};
    message.msg_namelen = sizeof(*name);
    if (local) controls.Add(IPPROTO_IPV6, IPV6_PKTINFO, in6_pktinfo{Ipv6Of(path.local), 0});
    if (path.ecn != 0) controls.Add(IPPROTO_IPV6, IPV6_TCLASS, static_cast<int>(path.ecn));
  }
  if (segment != 0) controls.Add(IPPROTO_UDP, UDP_SEGMENT, static_cast<uint16_t>(segment));
}

void Sender::Took(Run* runs, uint32_t messages) {
  for (uint32_t slot = 0; slot < messages; slot++) {
    Run& run = runs[slots_->runs[slot]];
    run.sent += static_cast<uint32_t>(slots_->pieces[slot].iov_len);
    run.done = run.sent == run.size;
    if (suspects_ && run.single) segments_ = false;
  }
  suspects_ = false;
  retries_ = 0;
}

// The first message was not taken: the `bytes` of the first run that are next.
void Sender::Failed(Run* run, uint32_t bytes, int error) {
  if (!IsFinal(error) && retries_++ < kMaxRetries) return;
  retries_ = 0;
  if (RefusesRuns(error) && CountDatagrams(*run->path, bytes) > 1) {
    run->single = true;
    suspects_ = error != EMSGSIZE;
    return;
  }
  suspects_ = false;
  GiveUp(run, bytes, error);
}

void Sender::GiveUp(Run* run, uint32_t bytes, int error) {
  Drop(CountDatagrams(*run->path, bytes));
  run->sent += bytes;
  run->done = run->sent == run->size;
  if (IsNoRoute(error)) listener_->NoRoute(*run->path, error);
}

void Sender::Enqueue(const Run& run) {
  if (!queue_.Append(run)) Drop(CountDatagrams(*run.path, run.size - run.sent));
}

}  // namespace expressgateway::udp
