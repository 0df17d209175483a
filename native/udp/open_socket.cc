#include "udp/open_socket.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "common/address.h"

namespace expressgateway::udp {
namespace {

bool SetInt(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

// Beyond the system's limit for everybody, which has room for some hundred datagrams, where the
// process may; else up to it.
bool SetBuffer(int fd, int forced, int option, int bytes) {
  return SetInt(fd, SOL_SOCKET, forced, bytes) || SetInt(fd, SOL_SOCKET, option, bytes);
}

// Addresses, ECN and errors of what comes and goes; and DF set on all that is sent, whatever the kernel
// believes of the path: anybody can forge the message that it believes (RFC 9000 section 14.2.1), and
// QUIC finds out for itself what the path takes.
bool SetIpv4(int fd) {
  return SetInt(fd, IPPROTO_IP, IP_PKTINFO, 1) && SetInt(fd, IPPROTO_IP, IP_RECVTOS, 1) &&
         SetInt(fd, IPPROTO_IP, IP_RECVERR, 1) &&
         SetInt(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
}

bool SetIpv6(int fd) {
  return SetInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
         SetInt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
         SetInt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) &&
         SetInt(fd, IPPROTO_IPV6, IPV6_RECVERR, 1) &&
         SetInt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
}

bool SetOptions(int fd, int family, const OpenOptions& options) {
  if (!(family == AF_INET ? SetIpv4(fd) : SetIpv6(fd))) return false;
  if (options.reuse_port && !SetInt(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return false;
  // Without it, datagrams come one by one.
  SetInt(fd, IPPROTO_UDP, UDP_GRO, 1);
  return SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.buffer_bytes) &&
         SetBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options.buffer_bytes);
}

// What failed, with errno set, or null when the socket is bound.
const char* Bind(int fd, const OpenOptions& options, const sockaddr_storage& address,
                 socklen_t length) {
  if (!SetOptions(fd, address.ss_family, options)) return "setsockopt";
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) return "bind";
  return nullptr;
}

}  // namespace

int OpenSocket(const OpenOptions& options, const char** call) {
  sockaddr_storage address;
  socklen_t length = ParseAddress(options.host, options.port, &address);
  *call = "bind";
  errno = EINVAL;
  if (length == 0) return -1;
  *call = "socket";
  int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (fd < 0) return -1;
  *call = Bind(fd, options, address, length);
  if (*call == nullptr) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

}  // namespace expressgateway::udp
