// Addresses: as the kernel takes them, and as the words of src/base/ip.ts, which are IPv6, most
// significant first, with IPv4 mapped into it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace expressgateway {

// Fills in the address of a numeric IPv4 or IPv6 host; returns its length, or 0 when it is not one.
socklen_t ParseAddress(const std::string& host, int port, sockaddr_storage* out);

void WordsOf(const in_addr& address, uint32_t words[4]);
void WordsOf(const in6_addr& address, uint32_t words[4]);

// False for what is neither IPv4 nor IPv6; nothing is written then.
bool ReadAddress(const sockaddr_storage& address, uint32_t words[4], uint32_t* port, uint32_t* scope);

// Whether the words hold an IPv4 address.
bool IsMapped(const uint32_t words[4]);

in_addr Ipv4Of(const uint32_t words[4]);
in6_addr Ipv6Of(const uint32_t words[4]);

}  // namespace expressgateway
