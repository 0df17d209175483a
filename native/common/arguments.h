// Reads arguments and members of option objects. Each reader returns false with a TypeError pending
// when the value has another type: TypeScript has validated before, so that is a mistake of ours.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

namespace expressgateway {

bool ReadInt(const Napi::Value& value, const char* name, int* out);
bool ReadBytes(const Napi::Value& value, const char* name, size_t* out);
bool ReadString(const Napi::Value& value, const char* name, std::string* out);
bool ReadBool(const Napi::Value& value, const char* name, bool* out);

// The memory of a typed array that is a member of an object, as elements of T.
template <typename T>
bool ReadArray(const Napi::Object& options, const char* name, T** data, uint32_t* count) {
  Napi::Value value = options.Get(name);
  if (!value.IsTypedArray()) {
    std::string message = std::string("bad argument: ") + name;
    Napi::TypeError::New(options.Env(), message).ThrowAsJavaScriptException();
    return false;
  }
  auto array = value.As<Napi::TypedArray>();
  *data = reinterpret_cast<T*>(static_cast<uint8_t*>(array.ArrayBuffer().Data()) +
                               array.ByteOffset());
  *count = static_cast<uint32_t>(array.ByteLength() / sizeof(T));
  return true;
}

}  // namespace expressgateway
