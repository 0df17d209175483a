#include "udp/error_queue.h"

#include <time.h>

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "common/address.h"

namespace expressgateway::udp {
namespace {

// Room for the error with the address of who sent it, and for the addresses of the datagram.
constexpr size_t kControlBytes = 512;

bool IsError(const cmsghdr* control) {
  bool v4 = control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVERR;
  bool v6 = control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_RECVERR;
  return v4 || v6;
}

bool IsFromNetwork(const sock_extended_err& error) {
  return error.ee_origin == SO_EE_ORIGIN_ICMP || error.ee_origin == SO_EE_ORIGIN_ICMP6;
}

// The errno of an ICMP error, 0 for others.
uint32_t FindError(msghdr* message) {
  for (cmsghdr* control = CMSG_FIRSTHDR(message); control != nullptr;
       control = CMSG_NXTHDR(message, control)) {
    if (!IsError(control)) continue;
    sock_extended_err error;
    std::memcpy(&error, CMSG_DATA(control), sizeof(error));
    return IsFromNetwork(error) ? error.ee_errno : 0;
  }
  return 0;
}

}  // namespace

QueuedError TakeError(int fd, Unreachable* out) {
  sockaddr_storage name = {};
  alignas(cmsghdr) uint8_t controls[kControlBytes];
  msghdr message = {};
  message.msg_name = &name;
  message.msg_namelen = sizeof(name);
  message.msg_control = controls;
  message.msg_controllen = sizeof(controls);
  ssize_t got;
  do {
    got = recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return QueuedError::kNone;
  uint32_t scope = 0;
  out->error = FindError(&message);
  if (out->error == 0 || out->error == EMSGSIZE) return QueuedError::kOther;
  bool known = ReadAddress(name, out->remote, &out->port, &scope);
  return known ? QueuedError::kUnreachable : QueuedError::kOther;
}

void ClearError(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
}

}  // namespace expressgateway::udp
