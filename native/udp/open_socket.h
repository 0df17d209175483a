// Bound datagram sockets with every option that this folder relies on.
#pragma once

#include <string>

namespace expressgateway::udp {

struct OpenOptions {
  // Numeric, IPv4 or IPv6. An IPv6 socket takes no IPv4.
  std::string host;
  // 0: any free port.
  int port = 0;
  bool reuse_port = false;
  // Asked for in both directions; the kernel may give less.
  int buffer_bytes = 0;
};

// The descriptor, non-blocking and close-on-exec; or -1 with errno set and in `*call` what failed.
int OpenSocket(const OpenOptions& options, const char** call);

}  // namespace expressgateway::udp
