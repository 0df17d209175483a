#include "transport/sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/address.h"

namespace expressgateway::transport {
namespace {

// TCP keep-alive probes start after so long without traffic.
constexpr int kKeepAliveIdleSeconds = 60;

bool SetInt(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

// The length of the address, 0 when it is none.
socklen_t UnixAddress(const std::string& path, sockaddr_storage* out) {
  auto* address = reinterpret_cast<sockaddr_un*>(out);
  std::memset(out, 0, sizeof(*out));
  if (path.empty() || path.size() >= sizeof(address->sun_path)) return 0;
  address->sun_family = AF_UNIX;
  std::memcpy(address->sun_path, path.data(), path.size());
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
}

}  // namespace

int DialSocket(const std::string& host, int port, int* error) {
  sockaddr_storage address;
  bool local = port == -1;
  socklen_t length = local ? UnixAddress(host, &address) : ParseAddress(host, port, &address);
  *error = local ? ENAMETOOLONG : EINVAL;
  if (length == 0) return -1;
  int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  *error = errno;
  if (fd < 0) return -1;
  if (!local) {
    SetInt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    SetInt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    SetInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  }
  *error = connect(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 ? 0 : errno;
  if (*error == 0 || *error == EINPROGRESS) return fd;
  close(fd);
  return -1;
}

void SetInherited(int fd) { SetInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds); }

void WriteAddress(const sockaddr_storage& address, SlotInfo* info) {
  std::memset(info, 0, sizeof(*info));
  uint32_t port = 0;
  uint32_t scope = 0;
  if (!ReadAddress(address, info->address, &port, &scope)) return;
  info->has_address = 1;
  info->remote_port = static_cast<int32_t>(port);
}

void PrepareReset(int fd) {
  linger none = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

void DropReceived(int fd) {
  constexpr size_t kBytes = 64 * 1024;
  recv(fd, nullptr, kBytes, MSG_TRUNC | MSG_DONTWAIT);
}

int PendingError(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

bool Flatten(const iovec* pieces, int count, iovec* whole) {
  size_t size = 0;
  for (int index = 0; index < count; index++) size += pieces[index].iov_len;
  if (size > kFlattenBytes) return false;
  auto* to = static_cast<uint8_t*>(whole->iov_base);
  for (int index = 0; index < count; index++) {
    std::memcpy(to, pieces[index].iov_base, pieces[index].iov_len);
    to += pieces[index].iov_len;
  }
  whole->iov_len = size;
  return true;
}

ssize_t SendPieces(int fd, const iovec* pieces, int count) {
  uint8_t flat[kFlattenBytes];
  iovec whole = {flat, 0};
  if (count > 1 && Flatten(pieces, count, &whole)) {
    pieces = &whole;
    count = 1;
  }
  for (;;) {
    ssize_t sent;
    if (count == 1) {
      sent = send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
      msghdr message = {};
      message.msg_iov = const_cast<iovec*>(pieces);
      message.msg_iovlen = static_cast<size_t>(count);
      sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (sent >= 0) return sent;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace expressgateway::transport
