#include "common/arguments.h"

namespace expressgateway {
namespace {

// The largest integer that every double between it and 0 can hold: 2^53 - 1.
constexpr double kMaxSafeInteger = 9007199254740991.0;

bool Refuse(const Napi::Value& value, const char* name) {
  Napi::TypeError::New(value.Env(), std::string("bad argument: ") + name)
      .ThrowAsJavaScriptException();
  return false;
}

}  // namespace

bool ReadInt(const Napi::Value& value, const char* name, int* out) {
  if (!value.IsNumber()) return Refuse(value, name);
  double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= INT32_MIN && number <= INT32_MAX)) return Refuse(value, name);
  *out = static_cast<int>(number);
  return true;
}

bool ReadBytes(const Napi::Value& value, const char* name, size_t* out) {
  if (!value.IsNumber()) return Refuse(value, name);
  double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 1 && number <= kMaxSafeInteger)) return Refuse(value, name);
  *out = static_cast<size_t>(number);
  return true;
}

bool ReadString(const Napi::Value& value, const char* name, std::string* out) {
  if (!value.IsString()) return Refuse(value, name);
  *out = value.As<Napi::String>().Utf8Value();
  return true;
}

bool ReadBool(const Napi::Value& value, const char* name, bool* out) {
  if (!value.IsBoolean()) return Refuse(value, name);
  *out = value.As<Napi::Boolean>().Value();
  return true;
}

}  // namespace expressgateway
