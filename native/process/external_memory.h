// Tells V8 of memory that other addons hold for its objects, and that it cannot see.
#pragma once

#include <napi.h>

namespace expressgateway {

void ExportExternalMemory(Napi::Env env, Napi::Object exports);

}  // namespace expressgateway
