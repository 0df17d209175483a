// What contexts are made of: the settings of src/fastpath/tls.ts.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace expressgateway::tls {

// A certificate with its chain and its key, both PEM.
struct Identity {
  std::string cert_pem;
  std::string key_pem;
};

struct Certificate {
  Identity identity;
  // In normal form (names.h).
  std::vector<std::string> names;
  // DER; empty: none.
  std::vector<uint8_t> ocsp;
};

// 16 octets name the key, 32 encrypt, 32 sign.
constexpr size_t kTicketKeyBytes = 80;
using TicketKey = std::array<uint8_t, kTicketKeyBytes>;

enum class ClientCertificate { kOff, kRequest, kRequire };

struct CommonSettings {
  bool only_tls13 = false;
  // In order of preference; each of 1 to 255 octets.
  std::vector<std::string> alpn;
  // Empty: no secrets are logged.
  std::string key_log_path;
};

struct ServerSettings {
  CommonSettings common;
  std::vector<Certificate> certificates;
  std::vector<TicketKey> ticket_keys;
  ClientCertificate client_certificate = ClientCertificate::kOff;
  std::string ca_pem;
  // Empty: revocation is not checked.
  std::string crl_pem;
};

struct ClientSettings {
  CommonSettings common;
  std::string ca_pem;
  bool verify_peer = true;
  std::string server_name;
  std::string verify_name;
  bool has_identity = false;
  Identity identity;
};

}  // namespace expressgateway::tls
