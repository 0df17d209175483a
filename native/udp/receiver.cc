#include "udp/receiver.h"

#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/address.h"

namespace expressgateway::udp {
namespace {

// Room for the addresses, the ECN bits and the size of a run, each in a control message.
constexpr size_t kControlBytes = 128;

constexpr uint32_t kEcnMask = 3;

template <typename T>
T ReadControl(const cmsghdr* control) {
  T value;
  std::memcpy(&value, CMSG_DATA(control), sizeof(value));
  return value;
}

void ReadIpv4(const cmsghdr* control, Datagram* out) {
  if (control->cmsg_type == IP_PKTINFO) {
    WordsOf(ReadControl<in_pktinfo>(control).ipi_addr, out->local);
  } else if (control->cmsg_type == IP_TOS) {
    out->ecn = ReadControl<uint8_t>(control) & kEcnMask;
  }
}

void ReadIpv6(const cmsghdr* control, Datagram* out) {
  if (control->cmsg_type == IPV6_PKTINFO) {
    WordsOf(ReadControl<in6_pktinfo>(control).ipi6_addr, out->local);
  } else if (control->cmsg_type == IPV6_TCLASS) {
    out->ecn = static_cast<uint32_t>(ReadControl<int>(control)) & kEcnMask;
  }
}

// Reads what came with a message; returns the size of a run's datagrams, 0 when it is a single one.
uint32_t ReadControls(msghdr* message, Datagram* out) {
  uint32_t segment = 0;
  for (cmsghdr* control = CMSG_FIRSTHDR(message); control != nullptr;
       control = CMSG_NXTHDR(message, control)) {
    if (control->cmsg_level == IPPROTO_IP) {
      ReadIpv4(control, out);
    } else if (control->cmsg_level == IPPROTO_IPV6) {
      ReadIpv6(control, out);
    } else if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
      segment = static_cast<uint32_t>(std::max(0, ReadControl<int>(control)));
    }
  }
  return segment;
}

}  // namespace

struct Receiver::Slots {
  mmsghdr headers[kMaxReceives];
  iovec pieces[kMaxReceives];
  sockaddr_storage names[kMaxReceives];
  alignas(cmsghdr) uint8_t controls[kMaxReceives][kControlBytes];
};

Receiver::Receiver(const SharedMemory& memory)
    : memory_(memory),
      capacity_(std::min(kMaxReceives, memory.slab_bytes / kMessageBytes)),
      slots_(std::make_unique<Slots>()) {
  for (uint32_t index = 0; index < capacity_; index++) {
    slots_->pieces[index] = {memory.slab + size_t{index} * kMessageBytes, kMessageBytes};
    msghdr& header = slots_->headers[index].msg_hdr;
    header.msg_name = &slots_->names[index];
    header.msg_iov = &slots_->pieces[index];
    header.msg_iovlen = 1;
    header.msg_control = slots_->controls[index];
  }
  messages_ = capacity_;
}

Receiver::~Receiver() = default;

int Receiver::Receive(int fd) {
  // The kernel has written over those that were used.
  for (uint32_t index = 0; index < messages_; index++) {
    slots_->headers[index].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    slots_->headers[index].msg_hdr.msg_controllen = kControlBytes;
  }
  messages_ = 0;
  message_ = 0;
  pending_ = false;
  int got;
  do {
    got = recvmmsg(fd, slots_->headers, capacity_, MSG_DONTWAIT, nullptr);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  messages_ = static_cast<uint32_t>(got);
  return got;
}

uint32_t Receiver::Describe() {
  uint32_t count = 0;
  while (count < memory_.received_capacity) {
    if (!pending_) {
      if (message_ == messages_) break;
      Begin();
    }
    if (pending_) Put(&memory_.received[count++]);
  }
  return count;
}

// The next message. One that was cut is none, which the sizes here make impossible.
void Receiver::Begin() {
  uint32_t index = message_++;
  mmsghdr& header = slots_->headers[index];
  if ((header.msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return;
  model_ = {};
  ReadAddress(slots_->names[index], model_.remote, &model_.remote_port, &model_.scope);
  segment_ = ReadControls(&header.msg_hdr, &model_);
  next_ = index * kMessageBytes;
  end_ = next_ + header.msg_len;
  if (segment_ == 0) segment_ = header.msg_len;
  pending_ = true;
}

void Receiver::Put(Datagram* record) {
  *record = model_;
  record->start = next_;
  next_ += std::min(segment_, end_ - next_);
  record->end = next_;
  pending_ = next_ < end_;
}

}  // namespace expressgateway::udp
