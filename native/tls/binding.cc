#include "tls/binding.h"

#include <utility>

#include "tls/client_context.h"
#include "tls/read_settings.h"
#include "tls/server_context.h"

namespace expressgateway::tls {
namespace {

using ContextValue = Napi::External<std::shared_ptr<Context>>;

// What a context weighs at least, for the collector of garbage, which sees a word of it.
constexpr int64_t kContextBytes = 32 * 1024;

void Forget(Napi::Env env, std::shared_ptr<Context>* held) {
  delete held;
  Napi::MemoryManagement::AdjustExternalMemory(env, -kContextBytes);
}

Napi::Value Wrap(Napi::Env env, std::shared_ptr<Context> context, const std::string& problem) {
  if (context == nullptr) {
    Napi::Error::New(env, problem).ThrowAsJavaScriptException();
    return env.Undefined();
  }
  Napi::MemoryManagement::AdjustExternalMemory(env, kContextBytes);
  return ContextValue::New(env, new std::shared_ptr<Context>(std::move(context)), Forget);
}

}  // namespace

Napi::Value MakeServerContext(const Napi::Value& settings, TrustStores* trust) {
  ServerSettings read;
  std::string problem;
  if (!ReadServerSettings(settings, &read)) return settings.Env().Undefined();
  std::shared_ptr<Context> made = ServerContext::Open(read, trust, &problem);
  return Wrap(settings.Env(), std::move(made), problem);
}

Napi::Value MakeClientContext(const Napi::Value& settings, TrustStores* trust) {
  ClientSettings read;
  std::string problem;
  if (!ReadClientSettings(settings, &read)) return settings.Env().Undefined();
  std::shared_ptr<Context> made = ClientContext::Open(read, trust, &problem);
  return Wrap(settings.Env(), std::move(made), problem);
}

bool ReplaceTicketKeys(const Napi::Value& context, const Napi::Value& keys) {
  std::shared_ptr<Context> found = ReadContext(context, true);
  std::vector<TicketKey> read;
  if (found == nullptr || !ReadTicketKeys(keys, &read)) return false;
  static_cast<ServerContext&>(*found).SetTicketKeys(std::move(read));
  return true;
}

std::shared_ptr<Context> ReadContext(const Napi::Value& value, bool server) {
  std::shared_ptr<Context> context;
  if (value.IsExternal()) context = *value.As<ContextValue>().Data();
  if (context != nullptr && context->server() == server) return context;
  Napi::TypeError::New(value.Env(), "bad argument: context").ThrowAsJavaScriptException();
  return nullptr;
}

// Names and protocols are the peer's bytes: each becomes one character.
Napi::Value Latin1(Napi::Env env, const std::string& bytes) {
  napi_value text = nullptr;
  napi_create_string_latin1(env, bytes.data(), bytes.size(), &text);
  return Napi::Value(env, text);
}

Napi::Object InfoObject(Napi::Env env, const Info& info) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("version", info.version);
  object.Set("cipher", info.cipher);
  object.Set("alpn", Latin1(env, info.alpn));
  object.Set("serverName", Latin1(env, info.server_name));
  object.Set("resumed", info.resumed);
  const std::string& der = info.peer_certificate;
  Napi::Value certificate = env.Null();
  if (!der.empty()) certificate = Napi::Buffer<char>::Copy(env, der.data(), der.size());
  object.Set("peerCertificate", certificate);
  return object;
}

}  // namespace expressgateway::tls
