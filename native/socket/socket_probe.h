// A look at an idle connection before it is used again.
#pragma once

#include <napi.h>

namespace expressgateway {

void ExportSocketProbe(Napi::Env env, Napi::Object exports);

}  // namespace expressgateway
