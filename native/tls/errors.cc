#include "tls/errors.h"

#include <openssl/err.h>

#include <cstring>

namespace expressgateway::tls {
namespace {

std::string TextOf(unsigned long code) {
  const char* text = ERR_reason_error_string(code);
  if (text != nullptr) return text;
  return ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code)) : "";
}

}  // namespace

void ClearErrors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

// The first is the cause, the others say where it was met. Those of the TLS layer itself are about what
// the peer did; below it are details of keys and encodings.
std::string TakeReason(const char* otherwise) {
  std::string reason;
  bool of_tls = false;
  for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
    bool better = reason.empty() || (!of_tls && ERR_GET_LIB(code) == ERR_LIB_SSL);
    std::string text = better ? TextOf(code) : "";
    if (text.empty()) continue;
    reason = text;
    of_tls = ERR_GET_LIB(code) == ERR_LIB_SSL;
  }
  return reason.empty() ? otherwise : reason;
}

}  // namespace expressgateway::tls
