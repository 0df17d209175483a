#include "process/notify_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "common/arguments.h"
#include "common/errno_error.h"

namespace expressgateway {
namespace {

// The address of a path; `@` first means the abstract namespace (unix(7)). Returns its length, or 0
// when the path does not fit.
socklen_t UnixAddress(const std::string& path, sockaddr_un* out) {
  if (path.empty() || path.size() >= sizeof(out->sun_path)) return 0;
  std::memset(out, 0, sizeof(*out));
  out->sun_family = AF_UNIX;
  std::memcpy(out->sun_path, path.data(), path.size());
  if (path[0] == '@') out->sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
}

// notifySocket(path, message): sends one datagram, without waiting.
Napi::Value NotifySocket(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string path;
  std::string message;
  if (!ReadString(info[0], "path", &path) || !ReadString(info[1], "message", &message)) return {};
  sockaddr_un address;
  socklen_t length = UnixAddress(path, &address);
  if (length == 0) return ThrowErrno(env, "sendto", ENAMETOOLONG);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return ThrowErrno(env, "socket", errno);
  ssize_t sent = sendto(fd, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                        reinterpret_cast<const sockaddr*>(&address), length);
  int error = errno;
  close(fd);
  if (sent < 0) return ThrowErrno(env, "sendto", error);
  return env.Undefined();
}

}  // namespace

void ExportNotifySocket(Napi::Env env, Napi::Object exports) {
  exports.Set("notifySocket", Napi::Function::New(env, NotifySocket, "notifySocket"));
}

}  // namespace expressgateway
