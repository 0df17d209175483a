#include "tls/tickets.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <cstring>

namespace expressgateway::tls {
namespace {

// Where the parts of a key lie.
constexpr size_t kNameBytes = 16;
constexpr size_t kCipherKeyAt = kNameBytes;
constexpr size_t kMacKeyAt = kCipherKeyAt + 32;
constexpr size_t kMacKeyBytes = 32;
constexpr int kIvBytes = 16;

constexpr int kFailed = -1;
constexpr int kUnknown = 0;
constexpr int kKnown = 1;
// Known, and the peer is to get a new one.
constexpr int kOld = 2;

bool InitMac(EVP_MAC_CTX* mac, const TicketKey& key) {
  char digest[] = "SHA256";
  auto* bytes = const_cast<uint8_t*>(key.data() + kMacKeyAt);
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, bytes, kMacKeyBytes),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

}  // namespace

bool TicketKeys::Open() {
  cipher_.reset(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
  return cipher_ != nullptr;
}

int TicketKeys::Encrypt(uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac) const {
  if (keys_.empty()) return kUnknown;
  const TicketKey& key = keys_.front();
  std::memcpy(name, key.data(), kNameBytes);
  bool done = RAND_bytes(iv, kIvBytes) == 1 &&
              EVP_EncryptInit_ex2(cipher, cipher_.get(), key.data() + kCipherKeyAt, iv, nullptr) == 1 &&
              InitMac(mac, key);
  return done ? kKnown : kFailed;
}

int TicketKeys::Decrypt(const uint8_t* name, const uint8_t* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac, bool renew) const {
  for (const TicketKey& key : keys_) {
    if (std::memcmp(name, key.data(), kNameBytes) != 0) continue;
    bool done = EVP_DecryptInit_ex2(cipher, cipher_.get(), key.data() + kCipherKeyAt, iv, nullptr) == 1 &&
                InitMac(mac, key);
    if (!done) return kFailed;
    return renew || &key != &keys_.front() ? kOld : kKnown;
  }
  return kUnknown;
}

}  // namespace expressgateway::tls
