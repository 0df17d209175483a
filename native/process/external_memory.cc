#include "process/external_memory.h"

#include "common/arguments.h"

namespace expressgateway {
namespace {

// adjustExternalMemory(bytes): objects of this isolate hold so much more, or less, than V8 knows
// of. It collects the sooner for it. It aborts when less than nothing would be left.
Napi::Value AdjustExternalMemory(const Napi::CallbackInfo& info) {
  int bytes = 0;
  if (!ReadInt(info[0], "bytes", &bytes)) return {};
  Napi::MemoryManagement::AdjustExternalMemory(info.Env(), bytes);
  return info.Env().Undefined();
}

}  // namespace

void ExportExternalMemory(Napi::Env env, Napi::Object exports) {
  exports.Set("adjustExternalMemory",
              Napi::Function::New(env, AdjustExternalMemory, "adjustExternalMemory"));
}

}  // namespace expressgateway
