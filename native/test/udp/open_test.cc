// What an open socket is set to, and addresses that cannot be bound.
#include "udp/open_socket.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "support/raw_socket.h"
#include "support/registry.h"
#include "support/udp_host.h"

namespace expressgateway::udp {
namespace {

using test::AnyPort;
using test::RawSocket;

int GetInt(int fd, int level, int option) {
  int value = -1;
  socklen_t length = sizeof(value);
  getsockopt(fd, level, option, &value, &length);
  return value;
}

// -1 with errno when it cannot be opened.
RawSocket Open(const OpenOptions& options, std::string* call) {
  const char* failed = nullptr;
  int fd = OpenSocket(options, &failed);
  int error = errno;
  *call = failed == nullptr ? "" : failed;
  errno = error;
  return RawSocket(fd);
}

TEST("udp open: packets are never fragmented, nor is the kernel's idea of the path believed") {
  std::string call;
  RawSocket v4 = Open(AnyPort("127.0.0.1"), &call);
  CHECK(v4.valid());
  CHECK_EQ(GetInt(v4.fd(), IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_PROBE);
  if (!test::HasIpv6()) return;
  RawSocket v6 = Open(AnyPort("::1"), &call);
  CHECK(v6.valid());
  CHECK_EQ(GetInt(v6.fd(), IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_PROBE);
  CHECK_EQ(GetInt(v6.fd(), IPPROTO_IPV6, IPV6_V6ONLY), 1);
}

TEST("udp open: buffers are as large as was asked, where that is allowed") {
  std::string call;
  RawSocket small = Open(AnyPort("127.0.0.1", false, 100'000), &call);
  CHECK(small.valid());
  // The kernel doubles it for its own records.
  CHECK_EQ(GetInt(small.fd(), SOL_SOCKET, SO_RCVBUF), 200'000);
  CHECK_EQ(GetInt(small.fd(), SOL_SOCKET, SO_SNDBUF), 200'000);
}

TEST("udp open: what cannot be bound is told by call and errno, and leaves no descriptor") {
  std::string call;
  RawSocket taken = Open(AnyPort("127.0.0.1"), &call);
  OpenOptions again = AnyPort("127.0.0.1", true);
  again.port = taken.port();
  CHECK(!Open(again, &call).valid());
  CHECK_EQ(errno, EADDRINUSE);
  CHECK_EQ(call, "bind");
  CHECK(!Open(AnyPort("192.0.2.1"), &call).valid());
  CHECK_EQ(errno, EADDRNOTAVAIL);
  CHECK(!Open(AnyPort("localhost"), &call).valid());
  CHECK_EQ(errno, EINVAL);
}

}  // namespace
}  // namespace expressgateway::udp
