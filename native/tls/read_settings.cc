#include "tls/read_settings.h"

#include <algorithm>

#include "common/arguments.h"
#include "tls/names.h"

namespace expressgateway::tls {
namespace {

// The longest protocol name (RFC 7301 section 3.1).
constexpr size_t kMaxAlpnBytes = 255;

bool Refuse(const Napi::Value& value, const char* name) {
  Napi::TypeError::New(value.Env(), std::string("bad argument: ") + name).ThrowAsJavaScriptException();
  return false;
}

bool ReadObject(const Napi::Value& value, const char* name, Napi::Object* out) {
  if (!value.IsObject()) return Refuse(value, name);
  *out = value.As<Napi::Object>();
  return true;
}

bool ReadText(const Napi::Object& object, const char* name, std::string* out) {
  return ReadString(object.Get(name), name, out);
}

bool ReadOctets(const Napi::Value& value, const char* name, std::vector<uint8_t>* out) {
  if (!value.IsTypedArray()) return Refuse(value, name);
  auto array = value.As<Napi::TypedArray>();
  auto* bytes = static_cast<uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset();
  out->assign(bytes, bytes + array.ByteLength());
  return true;
}

// Hands each element of an array to `read`, until it returns false.
template <typename Read>
bool ReadEach(const Napi::Value& value, const char* name, Read read) {
  if (!value.IsArray()) return Refuse(value, name);
  auto array = value.As<Napi::Array>();
  for (uint32_t index = 0; index < array.Length(); index++) {
    if (!read(array.Get(index))) return false;
  }
  return true;
}

bool ReadTexts(const Napi::Object& object, const char* name, std::vector<std::string>* out) {
  return ReadEach(object.Get(name), name, [&](const Napi::Value& value) {
    out->emplace_back();
    return ReadString(value, name, &out->back());
  });
}

bool ReadIdentity(const Napi::Object& object, Identity* out) {
  return ReadText(object, "certPem", &out->cert_pem) && ReadText(object, "keyPem", &out->key_pem);
}

bool ReadCertificate(const Napi::Value& value, Certificate* out) {
  Napi::Object object;
  if (!ReadObject(value, "certificates", &object) || !ReadIdentity(object, &out->identity)) return false;
  if (!ReadTexts(object, "names", &out->names)) return false;
  for (std::string& name : out->names) name = NormalName(name);
  Napi::Value ocsp = object.Get("ocsp");
  return ocsp.IsNull() || ReadOctets(ocsp, "ocsp", &out->ocsp);
}

bool ReadCommon(const Napi::Object& object, CommonSettings* out) {
  std::string version;
  if (!ReadText(object, "minVersion", &version) || !ReadTexts(object, "alpn", &out->alpn)) return false;
  if (version != "TLSv1.2" && version != "TLSv1.3") return Refuse(object, "minVersion");
  out->only_tls13 = version == "TLSv1.3";
  bool good = std::all_of(out->alpn.begin(), out->alpn.end(), [](const std::string& name) {
    return !name.empty() && name.size() <= kMaxAlpnBytes;
  });
  return good ? ReadText(object, "keyLogPath", &out->key_log_path) : Refuse(object, "alpn");
}

bool ReadClients(const Napi::Value& value, ServerSettings* out) {
  Napi::Object object;
  std::string mode;
  if (!ReadObject(value, "clientCertificate", &object) || !ReadText(object, "mode", &mode)) return false;
  if (mode == "off") {
    out->client_certificate = ClientCertificate::kOff;
  } else if (mode == "request") {
    out->client_certificate = ClientCertificate::kRequest;
  } else if (mode == "require") {
    out->client_certificate = ClientCertificate::kRequire;
  } else {
    return Refuse(value, "mode");
  }
  return ReadText(object, "caPem", &out->ca_pem) && ReadText(object, "crlPem", &out->crl_pem);
}

}  // namespace

bool ReadTicketKeys(const Napi::Value& value, std::vector<TicketKey>* out) {
  constexpr const char* kName = "ticketKeys";
  return ReadEach(value, kName, [&](const Napi::Value& element) {
    std::vector<uint8_t> octets;
    if (!ReadOctets(element, kName, &octets)) return false;
    if (octets.size() != kTicketKeyBytes) return Refuse(element, kName);
    std::copy(octets.begin(), octets.end(), out->emplace_back().begin());
    return true;
  });
}

bool ReadServerSettings(const Napi::Value& value, ServerSettings* out) {
  Napi::Object object;
  if (!ReadObject(value, "settings", &object) || !ReadCommon(object, &out->common)) return false;
  bool certificates = ReadEach(object.Get("certificates"), "certificates", [&](const Napi::Value& one) {
    return ReadCertificate(one, &out->certificates.emplace_back());
  });
  return certificates && ReadTicketKeys(object.Get("ticketKeys"), &out->ticket_keys) &&
         ReadClients(object.Get("clientCertificate"), out);
}

bool ReadClientSettings(const Napi::Value& value, ClientSettings* out) {
  Napi::Object object;
  if (!ReadObject(value, "settings", &object) || !ReadCommon(object, &out->common)) return false;
  Napi::Value identity = object.Get("identity");
  out->has_identity = !identity.IsNull();
  Napi::Object shown;
  if (out->has_identity && !ReadObject(identity, "identity", &shown)) return false;
  if (out->has_identity && !ReadIdentity(shown, &out->identity)) return false;
  return ReadText(object, "caPem", &out->ca_pem) &&
         ReadBool(object.Get("verifyPeer"), "verifyPeer", &out->verify_peer) &&
         ReadText(object, "serverName", &out->server_name) &&
         ReadText(object, "verifyName", &out->verify_name);
}

}  // namespace expressgateway::tls
