#include "common/address.h"

#include <arpa/inet.h>

#include <cstring>

namespace expressgateway {
namespace {

// The third word of an IPv4 address; the first two are 0 (RFC 4291 section 2.5.5.2).
constexpr uint32_t kMappedWord = 0xffff;

}  // namespace

socklen_t ParseAddress(const std::string& host, int port, sockaddr_storage* out) {
  std::memset(out, 0, sizeof(*out));
  auto* v4 = reinterpret_cast<sockaddr_in*>(out);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<uint16_t>(port));
    return sizeof(*v4);
  }
  std::memset(out, 0, sizeof(*out));
  auto* v6 = reinterpret_cast<sockaddr_in6*>(out);
  if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) != 1) return 0;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(static_cast<uint16_t>(port));
  return sizeof(*v6);
}

void WordsOf(const in_addr& address, uint32_t words[4]) {
  words[0] = 0;
  words[1] = 0;
  words[2] = kMappedWord;
  words[3] = ntohl(address.s_addr);
}

void WordsOf(const in6_addr& address, uint32_t words[4]) {
  for (int word = 0; word < 4; word++) words[word] = ntohl(address.s6_addr32[word]);
}

bool ReadAddress(const sockaddr_storage& address, uint32_t words[4], uint32_t* port, uint32_t* scope) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    WordsOf(v4.sin_addr, words);
    *port = ntohs(v4.sin_port);
    *scope = 0;
    return true;
  }
  if (address.ss_family != AF_INET6) return false;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  WordsOf(v6.sin6_addr, words);
  *port = ntohs(v6.sin6_port);
  *scope = v6.sin6_scope_id;
  return true;
}

bool IsMapped(const uint32_t words[4]) {
  return words[0] == 0 && words[1] == 0 && words[2] == kMappedWord;
}

in_addr Ipv4Of(const uint32_t words[4]) { return {htonl(words[3])}; }

in6_addr Ipv6Of(const uint32_t words[4]) {
  in6_addr address;
  for (int word = 0; word < 4; word++) address.s6_addr32[word] = htonl(words[word]);
  return address;
}

}  // namespace expressgateway
