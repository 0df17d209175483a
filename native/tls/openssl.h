// OpenSSL's objects with owners. In the addon it is the OpenSSL that the runtime itself exports, and no
// other one is linked; in the tests without Node.js it is the system's.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace expressgateway::tls {

template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using BioPointer = std::unique_ptr<BIO, Freed<BIO_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using X509Pointer = std::unique_ptr<X509, Freed<X509_free>>;
using CrlPointer = std::unique_ptr<X509_CRL, Freed<X509_CRL_free>>;
using CipherPointer = std::unique_ptr<EVP_CIPHER, Freed<EVP_CIPHER_free>>;
using SslPointer = std::unique_ptr<SSL, Freed<SSL_free>>;
using SslContextPointer = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using SslSessionPointer = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;
using StorePointer = std::shared_ptr<X509_STORE>;

}  // namespace expressgateway::tls
