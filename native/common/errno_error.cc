#include "common/errno_error.h"

#include <uv.h>

#include <string>

namespace expressgateway {

Napi::Value ThrowErrno(Napi::Env env, const char* syscall, int error) {
  std::string code = uv_err_name(-error);
  Napi::Error thrown = Napi::Error::New(env, std::string(syscall) + " " + code);
  thrown.Set("code", Napi::String::New(env, code));
  thrown.Set("syscall", Napi::String::New(env, syscall));
  thrown.Set("errno", Napi::Number::New(env, -error));
  thrown.ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace expressgateway
