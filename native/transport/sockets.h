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

// Drops what the kernel has received: unread bytes would make close(2) send RST, and the peer lose what
// it has not read yet. TLS peers send something of their own accord, session tickets for one.
void DropReceived(int fd);

// The socket's pending error, 0 when it has none.
int PendingError(int fd);

// Up to so many bytes, copying pieces into one is cheaper than handing the kernel a list of them: a
// head and a small body.
constexpr size_t kFlattenBytes = 4096;

// Copies pieces to where `whole` points, which has room for `kFlattenBytes`, and sets its length;
// false: they are larger.
bool Flatten(const iovec* pieces, int count, iovec* whole);

// Sends without blocking or SIGPIPE. Returns the bytes taken, or a negative errno.
ssize_t SendPieces(int fd, const iovec* pieces, int count);

}  // namespace expressgateway::transport
