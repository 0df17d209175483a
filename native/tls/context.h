// What connections of one kind share: versions, algorithms, certificates. It is used by any number of
// connections, each of which keeps it; server_context.h and client_context.h make one.
#pragma once

#include <memory>
#include <string>

#include "tls/key_log.h"
#include "tls/openssl.h"
#include "tls/settings.h"

namespace expressgateway::tls {

class Context {
 public:
  virtual ~Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  virtual bool server() const = 0;
  // The library's half of a new connection, which knows its role; null when there is no memory. `place`:
  // where a client's connection goes.
  virtual SslPointer Begin(const std::string& place) = 0;
  // A session that a later connection to this place may resume; the context owns it from now on.
  virtual void Remember(const std::string& place, SslSessionPointer session) {}

  const KeyLog& key_log() const { return key_log_; }

 protected:
  Context() = default;
  bool OpenKeyLog(const std::string& path, std::string* problem) {
    return path.empty() || key_log_.Open(path, problem);
  }
  // What both roles have in common. Null with the problem in words.
  SslContextPointer Make(const CommonSettings& settings, std::string* problem) const;

 private:
  KeyLog key_log_;
};

// Protocol names as they go over the wire (RFC 7301 section 3.1).
std::string AlpnWire(const std::vector<std::string>& names);

}  // namespace expressgateway::tls
