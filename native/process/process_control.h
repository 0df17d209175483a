// What a process asks the kernel about itself: its parent's death, its limits, its processors.
#pragma once

#include <napi.h>

namespace expressgateway {

void ExportProcessControl(Napi::Env env, Napi::Object exports);

}  // namespace expressgateway
