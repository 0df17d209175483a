// Numeric addresses as the kernel takes them.
#pragma once

#include <sys/socket.h>

#include <string>

namespace expressgateway {

// Fills in the address of a numeric IPv4 or IPv6 host; returns its length, or 0 when it is not one.
socklen_t ParseAddress(const std::string& host, int port, sockaddr_storage* out);

}  // namespace expressgateway
