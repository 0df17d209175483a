#include "socket/socket_probe.h"

#include <sys/socket.h>

#include <cerrno>

#include "common/arguments.h"

namespace expressgateway {
namespace {

constexpr int kQuiet = 0;
constexpr int kClosed = 1;
constexpr int kUnexpectedBytes = 2;

// idleProbe(fd): what a read would meet now, without taking it: nothing (0), the peer's end or an
// error (1), or bytes that nobody asked for (2).
Napi::Value IdleProbe(const Napi::CallbackInfo& info) {
  int fd = -1;
  if (!ReadInt(info[0], "fd", &fd)) return {};
  char byte;
  ssize_t got;
  do {
    got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  int verdict = kClosed;
  if (got > 0) verdict = kUnexpectedBytes;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) verdict = kQuiet;
  return Napi::Number::New(info.Env(), verdict);
}

}  // namespace

void ExportSocketProbe(Napi::Env env, Napi::Object exports) {
  exports.Set("idleProbe", Napi::Function::New(env, IdleProbe, "idleProbe"));
}

}  // namespace expressgateway
