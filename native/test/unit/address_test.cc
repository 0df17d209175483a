// Addresses: text to what the kernel takes, and from there to the words that TypeScript reads.
#include "common/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

#include "support/registry.h"
#include "transport/sockets.h"

namespace expressgateway {
namespace {

using transport::SlotInfo;
using transport::WriteAddress;

struct Case {
  const char* host;
  int family;
  uint32_t words[4];
};

// The words as src/base/ip.ts has them: an IPv4 address is mapped into IPv6.
constexpr Case kCases[] = {
    {"127.0.0.1", AF_INET, {0, 0, 0xffff, 0x7f000001}},
    {"0.0.0.0", AF_INET, {0, 0, 0xffff, 0}},
    {"255.255.255.255", AF_INET, {0, 0, 0xffff, 0xffffffff}},
    {"10.1.2.3", AF_INET, {0, 0, 0xffff, 0x0a010203}},
    {"::", AF_INET6, {0, 0, 0, 0}},
    {"::1", AF_INET6, {0, 0, 0, 1}},
    {"2001:db8::8a2e:370:7334", AF_INET6, {0x20010db8, 0, 0x00008a2e, 0x03707334}},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AF_INET6, {~0u, ~0u, ~0u, ~0u}},
    {"::ffff:10.1.2.3", AF_INET6, {0, 0, 0xffff, 0x0a010203}},
};

TEST("addresses: numeric hosts become the words that TypeScript reads") {
  for (const Case& wanted : kCases) {
    sockaddr_storage address;
    std::memset(&address, 0xee, sizeof(address));
    socklen_t length = ParseAddress(wanted.host, 65535, &address);
    CHECK_EQ(length, wanted.family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    CHECK_EQ(address.ss_family, wanted.family);
    SlotInfo info;
    std::memset(&info, 0xee, sizeof(info));
    WriteAddress(address, &info);
    CHECK_EQ(info.has_address, 1);
    CHECK_EQ(info.remote_port, 65535);
    for (int word = 0; word < 4; word++) CHECK_EQ(info.address[word], wanted.words[word]);
    CHECK_EQ(info.queued, 0);
    CHECK_EQ(info.blocked, 0);
  }
}

TEST("addresses: the port is in network order, and no other field is set") {
  sockaddr_storage address;
  CHECK(ParseAddress("127.0.0.1", 258, &address) > 0);
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
  CHECK_EQ(v4->sin_port, htons(258));
  CHECK(ParseAddress("fe80::1", 0, &address) > 0);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
  CHECK_EQ(v6->sin6_flowinfo, 0);
  CHECK_EQ(v6->sin6_scope_id, 0);
}

TEST("addresses: what is no numeric host is refused") {
  constexpr const char* kBad[] = {"",         "localhost", "127.0.0",   "127.0.0.256", "127.0.0.1 ",
                                  "1.2.3.4.5", ":::",      "2001:db8::1::2", "fe80::1%lo", "[::1]",
                                  "0x7f.1",   "1e1.0.0.1", "::ffff:256.0.0.1", "/run/socket"};
  for (const char* host : kBad) {
    sockaddr_storage address;
    if (ParseAddress(host, 80, &address) != 0) test::Fail(__FILE__, __LINE__, host);
  }
}

TEST("addresses: a Unix socket has none") {
  sockaddr_storage address = {};
  address.ss_family = AF_UNIX;
  SlotInfo info;
  std::memset(&info, 0xee, sizeof(info));
  WriteAddress(address, &info);
  SlotInfo zero = {};
  CHECK(std::memcmp(&info, &zero, sizeof(info)) == 0);
}

}  // namespace
}  // namespace expressgateway
