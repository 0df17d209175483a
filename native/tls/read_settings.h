// Settings of TLS from the objects that TypeScript passes.
#pragma once

#include <napi.h>

#include <vector>

#include "tls/settings.h"

namespace expressgateway::tls {

// False with a TypeError pending when a member has another type.
bool ReadServerSettings(const Napi::Value& value, ServerSettings* out);
bool ReadClientSettings(const Napi::Value& value, ClientSettings* out);
bool ReadTicketKeys(const Napi::Value& value, std::vector<TicketKey>* out);

}  // namespace expressgateway::tls
