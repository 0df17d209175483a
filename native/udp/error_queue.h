// What the network says of datagrams that were sent: ICMP errors, which the kernel keeps for the socket
// (IP_RECVERR).
#pragma once

#include "udp/layout.h"

namespace expressgateway::udp {

enum class QueuedError {
  kNone,
  // It says that a peer cannot be reached.
  kUnreachable,
  // It says something else: a datagram was too large, here or on its way. Who probes the path finds out.
  kOther,
};

// Takes one error.
QueuedError TakeError(int fd, Unreachable* out);

// Clears the error that the socket would tell next.
void ClearError(int fd);

}  // namespace expressgateway::udp
