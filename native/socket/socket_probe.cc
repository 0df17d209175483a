#include "socket/socket_probe.h"

#include "common/arguments.h"
#include "common/idle_probe.h"

namespace expressgateway {
namespace {

// idleProbe(fd)
Napi::Value IdleProbe(const Napi::CallbackInfo& info) {
  int fd = -1;
  if (!ReadInt(info[0], "fd", &fd)) return {};
  return Napi::Number::New(info.Env(), ProbeIdle(fd));
}

}  // namespace

void ExportSocketProbe(Napi::Env env, Napi::Object exports) {
  exports.Set("idleProbe", Napi::Function::New(env, IdleProbe, "idleProbe"));
}

}  // namespace expressgateway
