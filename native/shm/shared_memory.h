// Memory that processes share: a sealed memfd, mapped into an ArrayBuffer.
#pragma once

#include <napi.h>

namespace expressgateway {

void ExportSharedMemory(Napi::Env env, Napi::Object exports);

}  // namespace expressgateway
