// TLS for TypeScript: contexts from the settings of src/fastpath/tls.ts, and what a handshake agreed on. A
// context is an opaque value; it goes when it is collected and no connection uses it any more.
#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "tls/context.h"
#include "tls/session.h"
#include "tls/trust.h"

namespace expressgateway::tls {

// The context, or undefined with an error pending, which says in words what is wrong with the settings.
Napi::Value MakeServerContext(const Napi::Value& settings, TrustStores* trust);
Napi::Value MakeClientContext(const Napi::Value& settings, TrustStores* trust);

// Replaces the ticket keys of a server's context; false with an error pending.
bool ReplaceTicketKeys(const Napi::Value& context, const Napi::Value& keys);

// The context that a value is; null with a TypeError pending when it is none of that role.
std::shared_ptr<Context> ReadContext(const Napi::Value& value, bool server);

Napi::Object InfoObject(Napi::Env env, const Info& info);

}  // namespace expressgateway::tls
