// TCP sockets that listen, with the options that node:net does not set, and the way to close one
// that shares its port without losing a connection.
#pragma once

#include <napi.h>

namespace expressgateway {

void ExportListenSocket(Napi::Env env, Napi::Object exports);

}  // namespace expressgateway
