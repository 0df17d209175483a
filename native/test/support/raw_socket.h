// A plain socket of the kernel: the far end of a connection in tests. It never blocks.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace expressgateway::test {

class RawSocket {
 public:
  RawSocket() = default;
  explicit RawSocket(int fd) : fd_(fd) {}
  RawSocket(RawSocket&& other) noexcept : fd_(other.Release()) {}
  RawSocket& operator=(RawSocket&& other) noexcept;
  ~RawSocket() { Close(); }

  // Listens; `port` -1: `host` is the path of a Unix socket. Fails the test when it cannot.
  static RawSocket Listen(const std::string& host = "127.0.0.1", int port = 0, int backlog = 1024);
  // Dials, and waits until it is connected.
  static RawSocket Dial(const std::string& host, int port);

  // A connection that waits; invalid when there is none.
  RawSocket Accept();
  // What was taken, or a negative errno.
  ssize_t Send(std::string_view bytes);
  // Appends up to `most` bytes. 0: the peer's FIN. Else a negative errno.
  ssize_t Read(std::string* out, size_t most = 64 * 1024);
  // FIN.
  void End();
  // RST.
  void Reset();
  void Close();
  // Gives the descriptor away.
  int Release();

  int port() const;
  int fd() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// A folder that goes when it is done with, for Unix sockets.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::string Path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Whether the machine has the IPv6 loopback address.
bool HasIpv6();

}  // namespace expressgateway::test
