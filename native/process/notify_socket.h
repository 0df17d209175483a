// A datagram to the service manager (sd_notify(3)); Node.js has no Unix datagram sockets.
#pragma once

#include <napi.h>

namespace expressgateway {

void ExportNotifySocket(Napi::Env env, Napi::Object exports);

}  // namespace expressgateway
