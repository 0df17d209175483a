#include "tls/digest.h"

#include <openssl/sha.h>

#include <string>

namespace expressgateway::tls {

std::array<uint8_t, 32> DigestOf(std::initializer_list<std::string_view> texts) {
  std::string whole;
  for (std::string_view text : texts) {
    whole += std::to_string(text.size());
    whole += ':';
    whole += text;
  }
  std::array<uint8_t, 32> digest = {};
  SHA256(reinterpret_cast<const uint8_t*>(whole.data()), whole.size(), digest.data());
  return digest;
}

}  // namespace expressgateway::tls
