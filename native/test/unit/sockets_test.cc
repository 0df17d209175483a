// Socket helpers on sockets of the kernel.
#include "transport/sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "common/idle_probe.h"
#include "support/raw_socket.h"
#include "support/registry.h"

namespace expressgateway::transport {
namespace {

using test::RawSocket;
using test::TemporaryFolder;

struct Pair {
  RawSocket near;
  RawSocket far;
};

Pair ConnectedPair() {
  RawSocket listener = RawSocket::Listen();
  RawSocket near = RawSocket::Dial("127.0.0.1", listener.port());
  return {std::move(near), listener.Accept()};
}

int GetInt(const RawSocket& socket, int level, int option) {
  int value = -1;
  socklen_t length = sizeof(value);
  getsockopt(socket.fd(), level, option, &value, &length);
  return value;
}

void AwaitEvents(const RawSocket& socket, short events) {
  pollfd wait = {socket.fd(), events, 0};
  CHECK_EQ(poll(&wait, 1, 5000), 1);
}

TEST("probe: tells a quiet connection from one with bytes and from one that has ended") {
  Pair pair = ConnectedPair();
  CHECK_EQ(ProbeIdle(pair.near.fd()), kProbeQuiet);
  pair.far.Send("x");
  AwaitEvents(pair.near, POLLIN);
  CHECK_EQ(ProbeIdle(pair.near.fd()), kProbeUnexpectedBytes);
  std::string read;
  CHECK_EQ(pair.near.Read(&read), 1);
  CHECK_EQ(ProbeIdle(pair.near.fd()), kProbeQuiet);
  pair.far.End();
  AwaitEvents(pair.near, POLLRDHUP);
  CHECK_EQ(ProbeIdle(pair.near.fd()), kProbeClosed);
}

TEST("probe: a connection that was reset, and a descriptor that is none, are closed") {
  Pair pair = ConnectedPair();
  pair.far.Reset();
  AwaitEvents(pair.near, POLLIN);
  CHECK_EQ(ProbeIdle(pair.near.fd()), kProbeClosed);
  CHECK_EQ(ProbeIdle(-1), kProbeClosed);
}

TEST("dial: TCP sockets do not delay small segments, and keep alive") {
  RawSocket listener = RawSocket::Listen();
  int error = -1;
  RawSocket dialled(DialSocket("127.0.0.1", listener.port(), &error));
  CHECK(dialled.valid());
  CHECK(error == 0 || error == EINPROGRESS);
  AwaitEvents(dialled, POLLOUT);
  CHECK_EQ(PendingError(dialled.fd()), 0);
  CHECK_EQ(GetInt(dialled, IPPROTO_TCP, TCP_NODELAY), 1);
  CHECK_EQ(GetInt(dialled, SOL_SOCKET, SO_KEEPALIVE), 1);
  CHECK_EQ(GetInt(dialled, IPPROTO_TCP, TCP_KEEPIDLE), 60);
}

TEST("dial: a failure at once is told by its errno, and leaves no descriptor") {
  TemporaryFolder folder;
  int error = 0;
  CHECK_EQ(DialSocket("localhost", 80, &error), -1);
  CHECK_EQ(error, EINVAL);
  CHECK_EQ(DialSocket(folder.Path("none"), -1, &error), -1);
  CHECK_EQ(error, ENOENT);
  CHECK_EQ(DialSocket("", -1, &error), -1);
  CHECK_EQ(error, ENAMETOOLONG);
  CHECK_EQ(DialSocket(std::string(108, 'x'), -1, &error), -1);
  CHECK_EQ(error, ENAMETOOLONG);
  RawSocket::Listen(folder.Path("refuses"), -1).Close();
  CHECK_EQ(DialSocket(folder.Path("refuses"), -1, &error), -1);
  CHECK_EQ(error, ECONNREFUSED);
}

TEST("dial: the longest path of a Unix socket that fits is taken") {
  TemporaryFolder folder;
  std::string path = folder.Path("");
  path.append(107 - path.size(), 'x');
  RawSocket listener = RawSocket::Listen(path, -1);
  int error = -1;
  RawSocket dialled(DialSocket(path, -1, &error));
  CHECK(dialled.valid());
  CHECK_EQ(error, 0);
  CHECK(listener.Accept().valid());
}

TEST("send: takes pieces in order, up to what the kernel has room for") {
  Pair pair = ConnectedPair();
  std::string one = "one ";
  std::string two = "two";
  iovec pieces[] = {{one.data(), one.size()}, {two.data(), two.size()}};
  CHECK_EQ(SendPieces(pair.near.fd(), pieces, 2), 7);
  std::string read;
  AwaitEvents(pair.far, POLLIN);
  pair.far.Read(&read);
  CHECK_EQ(read, "one two");
  std::string large(1 << 20, 'x');
  iovec piece = {large.data(), large.size()};
  ssize_t sent = 0;
  for (int count = 0; count < 1000 && sent >= 0; count++) {
    sent = SendPieces(pair.near.fd(), &piece, 1);
  }
  CHECK_EQ(sent, -EAGAIN);
}

TEST("send: a connection that is gone is an errno, not a signal") {
  std::signal(SIGPIPE, SIG_DFL);
  Pair pair = ConnectedPair();
  pair.far.Reset();
  AwaitEvents(pair.near, POLLIN);
  std::string bytes = "x";
  iovec pieces[] = {{bytes.data(), 1}, {bytes.data(), 1}};
  CHECK_EQ(PendingError(pair.near.fd()), ECONNRESET);
  CHECK_EQ(SendPieces(pair.near.fd(), pieces, 1), -EPIPE);
  CHECK_EQ(SendPieces(pair.near.fd(), pieces, 2), -EPIPE);
  CHECK_EQ(PendingError(-1), EBADF);
}

TEST("reset: a socket that was prepared for it closes with RST") {
  Pair pair = ConnectedPair();
  PrepareReset(pair.near.fd());
  pair.near.Close();
  std::string read;
  AwaitEvents(pair.far, POLLIN);
  CHECK_EQ(pair.far.Read(&read), -ECONNRESET);
}

}  // namespace
}  // namespace expressgateway::transport
