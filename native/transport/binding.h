// The transport for TypeScript: class `Transport` (src/fastpath/native-addon.ts) and
// `transportProbe`.
#pragma once

#include <napi.h>

namespace expressgateway {

void ExportTransport(Napi::Env env, Napi::Object exports);

}  // namespace expressgateway
