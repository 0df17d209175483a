// Sockets of the transport: making, naming and ending them.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <string>

#include "transport/connection.h"
#include "transport/layout.h"

namespace expressgateway::transport {

// A non-blocking socket that has begun to connect. Returns its descriptor with `*error` 0 or
// EINPROGRESS, or -1 with the errno. `port` -1: `host` is the path of a Unix socket.
int DialSocket(const std::string& host, int port, int* error);

// What accepted sockets inherit from the one that listens.
void SetInherited(int fd);

// Writes the peer's address where TypeScript reads it.
void WriteAddress(const sockaddr_storage& address, SlotInfo* info);

// close(2) sends RST.
void PrepareReset(int fd);

// The socket's pending error, 0 when it has none.
int PendingError(int fd);

// Sends without blocking or SIGPIPE. Returns the bytes taken, or a negative errno.
ssize_t SendPieces(int fd, const iovec* pieces, int count);

}  // namespace expressgateway::transport
