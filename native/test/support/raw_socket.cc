#include "support/raw_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "common/address.h"
#include "support/registry.h"

namespace expressgateway::test {
namespace {

socklen_t Address(const std::string& host, int port, sockaddr_storage* out) {
  if (port != -1) return ParseAddress(host, port, out);
  auto* local = reinterpret_cast<sockaddr_un*>(out);
  std::memset(out, 0, sizeof(*out));
  local->sun_family = AF_UNIX;
  CHECK(host.size() < sizeof(local->sun_path));
  std::memcpy(local->sun_path, host.data(), host.size());
  return sizeof(*local);
}

void SetInt(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof(value));
}

}  // namespace

RawSocket& RawSocket::operator=(RawSocket&& other) noexcept {
  Close();
  fd_ = other.Release();
  return *this;
}

RawSocket RawSocket::Listen(const std::string& host, int port, int backlog) {
  sockaddr_storage address;
  socklen_t length = Address(host, port, &address);
  RawSocket made(socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  SetInt(made.fd_, SOL_SOCKET, SO_REUSEADDR, 1);
  CHECK_EQ(bind(made.fd_, reinterpret_cast<sockaddr*>(&address), length), 0);
  CHECK_EQ(listen(made.fd_, backlog), 0);
  return made;
}

RawSocket RawSocket::Dial(const std::string& host, int port) {
  sockaddr_storage address;
  socklen_t length = Address(host, port, &address);
  RawSocket made(socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (port != -1) SetInt(made.fd_, IPPROTO_TCP, TCP_NODELAY, 1);
  int result = connect(made.fd_, reinterpret_cast<sockaddr*>(&address), length);
  if (result != 0) Fail(__FILE__, __LINE__, std::string("dial: ") + std::strerror(errno));
  fcntl(made.fd_, F_SETFL, O_NONBLOCK);
  return made;
}

RawSocket RawSocket::Accept() {
  return RawSocket(accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

ssize_t RawSocket::Send(std::string_view bytes) {
  ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

ssize_t RawSocket::Read(std::string* out, size_t most) {
  size_t before = out->size();
  out->resize(before + most);
  ssize_t got = recv(fd_, out->data() + before, most, 0);
  int error = errno;
  out->resize(before + static_cast<size_t>(got < 0 ? 0 : got));
  return got < 0 ? -error : got;
}

void RawSocket::End() { shutdown(fd_, SHUT_WR); }

void RawSocket::Reset() {
  linger none = {1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
  Close();
}

void RawSocket::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

int RawSocket::Release() { return std::exchange(fd_, -1); }

int RawSocket::port() const {
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  }
  return address.ss_family == AF_INET ? ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port) : -1;
}

TemporaryFolder::TemporaryFolder() {
  char path[] = "/tmp/expressgateway-native-XXXXXX";
  CHECK(mkdtemp(path) != nullptr);
  path_ = path;
}

TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(path_); }

bool HasIpv6() {
  sockaddr_storage address;
  socklen_t length = ParseAddress("::1", 0, &address);
  RawSocket probe(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return bind(probe.fd(), reinterpret_cast<sockaddr*>(&address), length) == 0;
}

}  // namespace expressgateway::test
