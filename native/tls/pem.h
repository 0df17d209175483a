// Reads PEM. Functions return false with the problem in words; they never ask for a passphrase.
#pragma once

#include <string>
#include <vector>

#include "tls/openssl.h"
#include "tls/settings.h"

namespace expressgateway::tls {

// All certificates of a text, at least one.
bool ReadCertificates(const std::string& pem, std::vector<X509Pointer>* out, std::string* problem);

// All revocation lists of a text, at least one.
bool ReadCrls(const std::string& pem, std::vector<CrlPointer>* out, std::string* problem);

bool ReadKey(const std::string& pem, KeyPointer* out, std::string* problem);

// The context shows this certificate with its chain, whose key must be its own.
bool UseIdentity(SSL_CTX* context, const Identity& identity, std::string* problem);

}  // namespace expressgateway::tls
