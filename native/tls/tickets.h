// Keys of session tickets (RFC 5077 section 4, RFC 8446 section 4.6.1): the first encrypts, all decrypt.
// Whoever has the same keys takes over sessions: other workers, and this one after a restart.
#pragma once

#include <vector>

#include "tls/openssl.h"
#include "tls/settings.h"

namespace expressgateway::tls {

class TicketKeys {
 public:
  // False when the library lacks the algorithms.
  bool Open();
  void Replace(std::vector<TicketKey> keys) { keys_ = std::move(keys); }
  bool empty() const { return keys_.empty(); }

  // The two directions of SSL_CTX_set_tlsext_ticket_key_evp_cb(3), with its results.
  int Encrypt(uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) const;
  // `renew`: the peer is to get a new ticket, whichever key this one is of.
  int Decrypt(const uint8_t* name, const uint8_t* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              bool renew) const;

 private:
  std::vector<TicketKey> keys_;
  CipherPointer cipher_;
};

}  // namespace expressgateway::tls
