// Datagram sockets for TypeScript: class `UdpSocket` (src/fastpath/native-addon.ts) and `udpLayout`.
#pragma once

#include <napi.h>

namespace expressgateway {

void ExportUdp(Napi::Env env, Napi::Object exports);

}  // namespace expressgateway
