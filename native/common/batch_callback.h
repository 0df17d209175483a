// A function of TypeScript that is called from the event loop with a batch.
#pragma once

#include <napi.h>

#include <cstdint>

namespace expressgateway {

class BatchCallback {
 public:
  // `name` is what tools show of its calls.
  BatchCallback(const Napi::Function& function, const char* name);
  BatchCallback(const BatchCallback&) = delete;
  BatchCallback& operator=(const BatchCallback&) = delete;

  // Calls it with a handle scope open. Returns the number that it returned; 0 when it threw, which is as if
  // it had been thrown from any other callback of the loop.
  uint32_t Call(const napi_value* arguments, size_t count);

 private:
  Napi::Env env_;
  Napi::FunctionReference function_;
  Napi::AsyncContext async_;
};

}  // namespace expressgateway
