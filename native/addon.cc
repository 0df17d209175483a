// The native addon: what Node.js has no call for and the gateway needs from the kernel. Every
// function is small, and state is kept by objects only, so the addon is safe in worker threads. The typed side is
// src/fastpath/native-addon.ts; it validates, and this side only refuses what it cannot read.
#include <napi.h>
#include <node_version.h>

#include "process/external_memory.h"
#include "process/notify_socket.h"
#include "process/process_control.h"
#include "shm/shared_memory.h"
#include "socket/listen_socket.h"
#include "socket/socket_probe.h"
#include "transport/binding.h"
#include "udp/binding.h"

namespace {

// Which runtime's headers the addon was built with: a machine's own Node.js can get in the way.
void ExportBuild(Napi::Env env, Napi::Object exports) {
  exports.Set("builtForNode", Napi::String::New(env, NODE_VERSION_STRING));
  exports.Set("builtForModules", Napi::Number::New(env, NODE_MODULE_VERSION));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  ExportBuild(env, exports);
  expressgateway::ExportSharedMemory(env, exports);
  expressgateway::ExportListenSocket(env, exports);
  expressgateway::ExportSocketProbe(env, exports);
  expressgateway::ExportExternalMemory(env, exports);
  expressgateway::ExportProcessControl(env, exports);
  expressgateway::ExportNotifySocket(env, exports);
  expressgateway::ExportTransport(env, exports);
  expressgateway::ExportUdp(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(expressgateway, Init)
