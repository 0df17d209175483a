#include "common/batch_callback.h"

namespace expressgateway {

BatchCallback::BatchCallback(const Napi::Function& function, const char* name)
    : env_(function.Env()), function_(Napi::Persistent(function)), async_(function.Env(), name) {}

// By the plain interface: its C++ wrapper ends the process when the environment is ending, a worker
// thread that was terminated, where no JavaScript may run any more.
uint32_t BatchCallback::Call(const napi_value* arguments, size_t count) {
  napi_value result = nullptr;
  uint32_t number = 0;
  napi_status status = napi_make_callback(env_, async_, env_.Global(), function_.Value(), count,
                                          arguments, &result);
  if (status == napi_pending_exception) {
    napi_value thrown = nullptr;
    status = napi_get_and_clear_last_exception(env_, &thrown);
    if (status == napi_ok) napi_fatal_exception(env_, thrown);
  } else if (status == napi_ok) {
    napi_get_value_uint32(env_, result, &number);
  }
  return number;
}

}  // namespace expressgateway
