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

}  // namespace expressgateway
