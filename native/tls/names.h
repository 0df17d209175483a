// Which certificate a server name is for: exact names, and wildcards for one label more (RFC 9525
// section 6.3).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace expressgateway::tls {

// A name as clients may write it, in the form that names are compared in: lower-case, without the dot
// that may end it. Any bytes are taken.
std::string NormalName(std::string_view name);

class NameTable {
 public:
  // `*.example.org`, or a whole name; in normal form. The first to be added keeps it.
  void Add(const std::string& name, size_t certificate);

  // The certificate for a name in normal form; `otherwise` when none is for it.
  size_t Find(std::string_view name, size_t otherwise) const;

 private:
  std::unordered_map<std::string, size_t> exact_;
  // By what follows the asterisk's label.
  std::unordered_map<std::string, size_t> wildcards_;
};

}  // namespace expressgateway::tls
